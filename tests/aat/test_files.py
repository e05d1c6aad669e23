"""Files are whole or not there, whatever they are called, whoever writes beside, and whoever was killed before."""

import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat.files import alone, check_place, write_whole
from aat.locks import held

# children only wait, write and end
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1).filter(
    lambda name: name not in (".", "..") and len(name.encode()) <= 255
)


def below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def child(work: Callable[[], object]) -> int:
    """A process that does the work and ends, with 1 if that fails; never with the tests that come after."""
    if (process := os.fork()) == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return process


@contextmanager
def another(holding: Callable[[], object]) -> Iterator[int]:
    """A process that has got hold of something, and stays so until it is killed."""
    ready, told = os.pipe()
    process = child(lambda: (holding(), os.write(told, b"!"), signal.pause()))
    try:
        os.close(told)
        assert os.read(ready, 1) == b"!"
        yield process
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ready)


# --- Names ---


@given(name=names, content=st.binary())
def test_a_file_of_any_name_is_whole_and_alone(
    name: str, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("names")
    check_place(folder / name)
    write_whole(folder / name, b"before")
    write_whole(folder / name, content)
    assert (folder / name).read_bytes() == content
    assert below(folder) == [name]


def test_what_no_name_has_room_for_is_told_before(tmp_path: Path) -> None:
    for length, fits in ((255, True), (256, False)):
        file = tmp_path / f"no {length} yet" / ("x" * length)
        for look in (lambda: check_place(file), lambda: write_whole(file, "")):  # noqa: B023
            if fits:
                look()
            else:
                refused(errno.ENAMETOOLONG, file, look)


# --- What is there ---


def refused(number: int, file: Path, call: Callable[[], object]) -> None:
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        call()
    assert (caught.value.errno, caught.value.filename) == (number, str(file))


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "to").symlink_to("new/real")
    for content in ("first", "second"):
        check_place(tmp_path / "to")
        write_whole(tmp_path / "to", content)
        assert (tmp_path / "to").readlink() == Path("new/real")
        assert (tmp_path / "new/real").read_text() == content
    assert below(tmp_path / "new") == ["real"]


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for file in (tmp_path / "loop", tmp_path / "loop/below"):
        refused(errno.ELOOP, file, lambda: check_place(file))  # noqa: B023
        refused(errno.ELOOP, file, lambda: write_whole(file, ""))  # noqa: B023
    assert below(tmp_path) == ["loop"]


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_place(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "told")
    assert os.read(reader, 9) == b"told"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
def test_a_device_stays_one() -> None:
    check_place(Path("/dev/full"))
    refused(errno.ENOSPC, Path("/dev/full"), lambda: write_whole(Path("/dev/full"), "told"))
    assert Path("/dev/full").is_char_device()


def test_files_and_folders_are_no_places_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    refused(errno.ENOTDIR, file, lambda: check_place(file, folder=True))
    refused(errno.ENOTDIR, file / "x", lambda: check_place(file / "x"))
    refused(errno.ENOTDIR, file / "x", lambda: write_whole(file / "x", ""))
    refused(errno.EISDIR, tmp_path, lambda: check_place(tmp_path))
    refused(errno.EISDIR, tmp_path, lambda: write_whole(tmp_path, ""))
    check_place(tmp_path, folder=True)
    check_place(tmp_path / "a/b/c", folder=True)
    check_place(file)
    assert file.read_text() == "before"
    assert below(tmp_path) == ["file"]


@pytest.mark.parametrize("method", ["write_bytes", "replace"])
def test_a_write_that_fails_leaves_what_was_there(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_text("before")

    def full(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, method, full)
    refused(errno.ENOSPC, tmp_path / "x", lambda: write_whole(tmp_path / "x", "after"))
    assert (tmp_path / "x").read_text() == "before"
    assert below(tmp_path) == ["x"]


# --- Others ---


def test_what_a_killed_process_left_is_gone(tmp_path: Path) -> None:
    def write() -> None:
        held(tmp_path / ".x.part").__enter__()
        (tmp_path / ".x.part").write_text("much more than what comes after")

    with another(write) as process:
        os.kill(process, signal.SIGKILL)
    assert below(tmp_path) == [".x.part"]
    write_whole(tmp_path / "x", "after")
    assert (tmp_path / "x").read_text() == "after"
    assert below(tmp_path) == ["x"]


def test_writers_at_once_leave_one_of_their_files_whole(tmp_path: Path) -> None:
    file, contents = tmp_path / "x", [bytes([writer]) * 200_000 for writer in range(4)]

    def write(content: bytes) -> None:
        for _ in range(40):
            write_whole(file, content)
            assert file.read_bytes() in contents

    children = [child(partial(write, content)) for content in contents]
    assert [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in children] == [0] * len(contents)
    assert below(tmp_path) == ["x"]


def test_a_folder_is_had_alone_until_its_holder_ends(tmp_path: Path) -> None:
    folder, waited = tmp_path / "a/b", []
    with (
        another(alone(folder).__enter__) as process,
        alone(folder, lambda: (waited.append(process), os.kill(process, signal.SIGKILL))),
    ):
        assert waited == [process]
        write_whole(folder / "x", "")
    assert below(folder) == ["x"]
    with alone(folder, lambda: pytest.fail("nobody has it")):
        pass


def test_a_folder_that_stays_empty_is_gone(tmp_path: Path) -> None:
    with alone(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    assert below(tmp_path) == []
    refused(errno.ENOTDIR, Path("/dev/null/x"), lambda: alone(Path("/dev/null/x")).__enter__())
