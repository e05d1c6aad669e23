"""Every option of every command, fed with hostile values: a right end or one line, never a traceback, nor a hang."""

import re
import signal
from collections.abc import Iterator
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports import ledger, published
from reports.cli import app, main
from reports.ledger import LedgerRow
from tests.hostile.values import OF_COMMANDS, words

SECONDS = 60

# A small call of each command, to which one hostile option is added; the last of two equal options counts. Those
# that train go as far as their data. Of those without one, everything but their parsing is left out: what they compute
# takes minutes, or as long as they are told to, or a download.
SMALL: dict[str, str | None] = {
    "claims": "",
    "show": "",
    "prove": "--workers 1",
    "worst-case": None,
    "book": "--workers 1",
    "verify": "R1 --problem monotone --data tiny --k 2 --exact --horizon 1 --workers 1",
    "falsify": None,
    "new": "",
    "plot": "",
    "report": "",
    "train": "--data nowhere",
    "explain": "",
    "concepts dissect": "--checkpoint nowhere",
    "concepts summary": "",
    "concepts scenes": None,
    "study parity": "--data nowhere",
    "study rate": "--plan --data nowhere",
    "study routing": "--data nowhere",
    "study nec": "--data nowhere",
    "study detectors": None,
    "bench sim": None,
    "bench head": None,
    "doctor": None,
}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from leaves(below, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(leaves(app))
OPTIONS = [(path, option) for path, command in COMMANDS.items() for option in command.params]


def test_no_command_is_forgotten() -> None:
    assert COMMANDS.keys() == SMALL.keys()


@pytest.fixture(scope="module", autouse=True)
def _small(rows: tuple[LedgerRow, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Proofs are checked elsewhere; commands that take long only parse; a call that hangs is broken off."""
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(published, "FOLDER", folder)
        patch.setattr(ledger, "prove", lambda ids=(), *_, **__: iter([row for row in rows if not ids or row.id in ids]))
        for path, command in COMMANDS.items():
            if SMALL[path] is None:
                patch.setattr(command, "callback", lambda **_: None)
        (folder / "a-folder").mkdir()
        for name, content in {"a-file": b"", "empty.npz": b"", "damaged.json": b"{", "broken.py": b"1/0"}.items():
            (folder / name).write_bytes(content)
        yield


def called(arguments: list[str]) -> int:
    def hang(*_: object) -> None:
        raise TimeoutError(f"aat {arguments!r} takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    try:
        return main(arguments)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@settings(max_examples=OF_COMMANDS, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(chosen=st.sampled_from(OPTIONS), words=st.lists(words, min_size=1, max_size=2))
def test_a_hostile_option_ends_well(
    chosen: tuple[str, click.Parameter], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path, option = chosen
    given: list[Any] = words if isinstance(option, click.Argument) else [option.opts[0], *words]
    code = called([*path.split(), *(SMALL[path] or "").split(), *given])
    told = capsys.readouterr().err
    assert code in (0, 1, 2)
    if code == 2:
        assert re.fullmatch(r"aat: \S.*\n", told), told
    else:
        assert not told


@pytest.mark.parametrize("workers", ["233286773", "1307028597"])
def test_more_workers_than_there_is_work(workers: str) -> None:
    assert called([*f"verify {SMALL['verify']}".split(), "--workers", workers]) == 0
