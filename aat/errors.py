"""The error a user sees."""


class InputError(ValueError):
    """A call or an input is wrong: one line with what was given, what was expected and what to try."""
