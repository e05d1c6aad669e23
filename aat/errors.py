"""The error a user sees."""


class InputError(ValueError):
    """A call or an input is wrong: one line with what was given, what was expected and what to try."""

    def __init__(self, message: str) -> None:
        # what was given may have lines of its own
        super().__init__(" ".join(message.split()))
