"""Disks that are full, closed, torn or shared: one line before the work, or whole results; never half of one."""

import errno
import os
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import click
import pytest

from reports import ledger, published
from reports.cell import Cell
from reports.cli import main
from reports.cli.common import Place
from reports.ledger import LedgerRow
from tests.hostile.test_commands import COMMANDS

PLACES = [(path, option) for path, command in COMMANDS.items() for option in command.params
          if isinstance(option.type, Place)]  # fmt: skip
WRITTEN = {"out", "json_file", "junitxml", "features", "folder"}
VERIFY = ("verify", "R1", "--problem", "monotone", "--data", "tiny", "--k", "2", "--exact", "--horizon", "1",
          "--workers", "1")  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(rows: tuple[LedgerRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs are checked, and what is published is shown, elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    monkeypatch.setattr(ledger, "prove", lambda ids=(), *_, **__: iter([row for row in rows if row.id in ids]))


def everything(folder: Path = Path()) -> dict[str, bytes]:
    """Hidden files, too."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def contents(folder: Path) -> list[bytes]:
    """Of everything, whatever it is called."""
    return sorted(everything(folder).values())


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that fails; the one line that it says."""
    capsys.readouterr()
    assert main(arguments) == 2
    return line(capsys)


def line(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", told), told
    return told


# --- Places that are none ---

BAD: dict[str, Callable[[bool], str]] = {
    "below a file": lambda folder: "a-file/below",
    "of another kind": lambda folder: "a-file" if folder else "a-folder",
    "of another kind, by a link": lambda folder: "to-file" if folder else "to-folder",
    "a link to itself": lambda folder: "loop",
    "below a link to itself": lambda folder: "loop/below",
    "a name that is too long": lambda folder: "é" * 128,
    "a name that is too long, below what is not there": lambda folder: f"not/yet/{'x' * 256}",
    "a path that is too long": lambda folder: "/".join(["x" * 200] * 21),
    "below a device": lambda folder: "/dev/null/below",
    "of the system": lambda folder: "/proc/aat/below",
}


@pytest.fixture
def _places() -> None:
    Path("a-file").write_text("before")
    Path("a-folder").mkdir()
    for name, to in {"loop": "loop", "to-file": "a-file", "to-folder": "a-folder"}.items():
        Path(name).symlink_to(to)


def test_every_option_for_what_is_written_looks_at_its_place() -> None:
    named = {(path, option.name) for path, command in COMMANDS.items() for option in command.params}
    assert {(path, option.name) for path, option in PLACES} == {each for each in named if each[1] in WRITTEN}


@pytest.mark.parametrize("place", BAD)
@pytest.mark.usefixtures("_places")
def test_a_place_that_is_none_is_told_before_the_work(
    place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()
    for path, option in PLACES:
        monkeypatch.setattr(COMMANDS[path], "callback", lambda **_: pytest.fail("it went on to the work"))
        given = BAD[place](option.type.folder)
        words = [given] if isinstance(option, click.Argument) else [option.opts[0], given]
        told = refused(capsys, *path.split(), *words)
        assert told.startswith(f"aat: {given}: ")
        assert told.endswith("; expected a place that can be written\n")
    assert everything() == before


def test_a_disk_without_room_is_told_before_the_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of the system, which is one for every user; as on a full disk a file can be made, but not be filled."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for path, option in PLACES:
        monkeypatch.setattr(COMMANDS[path], "callback", lambda **_: pytest.fail("it went on to the work"))
        words = ["new"] if isinstance(option, click.Argument) else [option.opts[0], "new"]
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            told = refused(capsys, *path.split(), *words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert told == f"aat: new: {os.strerror(errno.EFBIG)}; expected a place that can be written\n"
    assert everything() == {}


# --- Strange names ---

NAMES = {
    "combining, from the right, in two lines": " e\u0301\u202e\u05d0\u05d1\u05d2\ntwo",
    "markup": "-x [red]{0}%s$HOME&<b>",
    "emoji": "🦄" * 63,
    "as long as can be": "x" * 255,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for called in ("plain", NAMES[name]):
        Path(called).mkdir()
        files = ("--json", f"{called}/{called}", "--junitxml", f"{called}/.{called[1:]}")
        assert main([*VERIFY, "--out", f"{called}/out", *files]) == 0
    assert contents(Path(NAMES[name])) == contents(Path("plain"))
    assert main(["report", "--", f"{NAMES[name]}/out"]) == 0
    assert capsys.readouterr().err == ""


def test_a_link_that_leads_nowhere_leads_to_a_new_folder() -> None:
    Path("to").symlink_to("new/out")
    assert main([*VERIFY, "--out", "to", "--json", "to/rows.json"]) == 0
    assert Path("to").is_symlink()
    assert Path("new/out/rows.json").is_file()
    assert main([*VERIFY, "--out", "plain", "--json", "plain/rows.json"]) == 0
    assert contents(Path("new/out")) == contents(Path("plain"))


@pytest.mark.parametrize("data", ["é" * 125, "🦄" * 62], ids=["two bytes each", "in no font"])
def test_a_long_name_of_data_has_room_in_the_names_of_files(data: str, tiny: Path) -> None:
    shutil.copy(tiny, f"{data}.npz")
    assert main([*VERIFY, "--data", f"{data}.npz", "--out", "out"]) == 0


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    import numpy as np

    np.savez(tmp_path / "given.npz", x=np.array([[1.0, 0.5, 2.0], [0.0, 1.0, 0.5]]), y=np.array([0, 1]))
    return tmp_path / "given.npz"


# --- Disks that fail during the work ---

# A call of each kind of writer that takes no minutes, and what it needs.
CALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "verify": ((*VERIFY, "--out", "out", "--json", "rows.json", "--junitxml", "out/rows.xml"),),
    "report": ((*VERIFY, "--out", "out"), ("report", "out")),
    "plot": ((*VERIFY, "--out", "out"), ("plot", "out")),
    "prove": (("prove", "R1", "--workers", "1", "--json", "rows.json"),),
    "book": (("book", "--workers", "1", "--out", "out"),),
    "new": (("new", "claim", "mine", "--out", "out"),),
}
FAILURES = (
    ("write_bytes", errno.ENOSPC),
    ("replace", errno.EROFS),
    ("write_bytes", errno.EDQUOT),
    ("replace", errno.EIO),
)


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], list[Path]]]:
    """Let the n-th file that is written from now on fail, half of it there, in turn in all ways of ``FAILURES``."""
    really = {name: getattr(Path, name) for name, _ in FAILURES}

    def fail(number: int) -> list[Path]:
        written: list[Path] = []
        name, reason = FAILURES[number % len(FAILURES)]

        def attempt(path: Path, given: Any) -> object:
            written.append(path)
            if len(written) == number:
                if name == "write_bytes":
                    really[name](path, bytes(given)[: len(given) // 2])
                raise OSError(reason, os.strerror(reason), str(path))
            return really[name](path, given)

        for each in really:
            monkeypatch.setattr(Path, each, attempt if each == name else really[each])
        return written

    yield fail
    fail(0)


@pytest.mark.parametrize("command", CALLS)
def test_a_disk_that_fails_at_any_file_leaves_whole_ones_and_a_line(
    command: str,
    fail_at: Callable[[int], list[Path]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    *before, call = CALLS[command]
    for name in ("whole", "torn"):
        Path(name).mkdir()
        monkeypatch.chdir(name)
        for each in before:
            assert main(each) == 0
        monkeypatch.chdir("..")
    begun = everything(Path("torn"))
    monkeypatch.chdir("whole")
    assert main(call) == 0
    monkeypatch.chdir("../torn")
    whole = everything(Path("../whole"))
    for number in count(1):
        failed = fail_at(number)
        capsys.readouterr()
        code = main(call)
        if len(failed) < number:
            # it came through, with what was finished before each failure
            assert number > 1
            assert code == 0
            break
        assert code == 2
        told = line(capsys)
        assert failed[-1].name.removeprefix(".").removesuffix(".part") in told
        assert ".part" not in told
        for name, content in everything().items():
            assert content in (whole[f"../whole/{name}"], begun.get(f"torn/{name}"))
    assert {f"../whole/{name}": content for name, content in everything().items()} == whole


def test_a_folder_that_vanishes_during_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = (*VERIFY, "--out", "out")
    assert main(call) == 0
    whole, really_run = everything(Path("out")), Cell.run
    shutil.rmtree("out")
    with monkeypatch.context() as patch:
        patch.setattr(Cell, "run", lambda cell: (shutil.rmtree("out"), really_run(cell))[1])
        assert "out holds no study" in refused(capsys, *call)
    assert main(call) == 0
    assert everything(Path("out")) == whole


# --- Standard output ---


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [("new", "claim", "mine"), ("show", "R1")])
def test_what_cannot_be_told_is_not_lost_without_a_word(
    arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(arguments) == 2
    assert (
        capfd.readouterr().err
        == "aat: standard output: No space left on device; expected a place that can be written\n"
    )


def test_a_terminal_without_greek_is_told_in_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("told").open("w", encoding="ascii") as told:
        monkeypatch.setattr("sys.stdout", told)
        assert main(["show", "R1"]) == 0
    assert "\\u03b7" in Path("told").read_text()
