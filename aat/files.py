"""Files that are whole, or not there; and their places: looked at before there is something to write, or had alone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from aat.locks import held

# Bytes of the longest name that file systems have, and of names below a folder of results.
_LONGEST = 255
_BLOCK = 4096
LOCK = ".lock"


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """Write ``content`` to ``path`` so that a reader, or an interruption, never meets half a file.

    A link stays one: what it leads to is written. What is there and no file, as a pipe or /dev/null, is written into.
    Half a character, of a file name that is no UTF-8, is written as Python and JSON escape it.

    Raises:
        OSError: with ``path`` as its file name.
    """
    given = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with _about(path):
        place = Path(os.path.realpath(path))
        if _mode(place) not in (None, stat.S_IFREG):
            place.write_bytes(given)
            return
        part = _part(place)
        with held(part):
            part.write_bytes(given)
            part.replace(place)


def check_place(path: Path, *, folder: bool = False) -> None:
    """Find out whether a file, or a folder of files, can be written at ``path``; leaves nothing behind.

    Raises:
        OSError: with ``path`` as its file name: it cannot, for now at least.
    """
    with _about(path):
        place = Path(os.path.realpath(path))
        mode = _mode(place)
        if folder and mode not in (None, stat.S_IFDIR):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not folder and mode == stat.S_IFDIR:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not folder and mode not in (None, stat.S_IFREG):
            return
        # a system looks at names only as far down as there are folders
        if max(map(_length, place.parts)) > _LONGEST:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        within = place if folder else place.parent
        _mode(within / ("x" * _LONGEST))
        while _mode(within) is None:
            within = within.parent
        # without a name, so that nothing is left even of a process that is killed here
        with tempfile.TemporaryFile(dir=within) as probe:
            probe.write(bytes(_BLOCK))


@contextmanager
def alone(folder: Path, busy: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Have ``folder`` alone among those that ask so; folders that were made for that and stayed empty are gone then.

    Args:
        folder: where one run, of whatever commands, is to write at a time.
        busy: called once before waiting, if another one has it.

    Raises:
        OSError: with ``folder`` as its file name: it cannot be made, or not be written.
    """
    missing: list[Path] = []
    try:
        with contextlib.ExitStack() as lock:
            with _about(folder):
                place = Path(os.path.realpath(folder))
                missing += [each for each in (place, *place.parents) if _mode(each) is None]
                lock.enter_context(held(place / LOCK, busy))
            yield
    finally:
        with contextlib.suppress(OSError):
            for each in missing:
                each.rmdir()


def _part(place: Path) -> Path:
    """Where the file is before it is whole; for names near the limit, by a digest that has room."""
    name = f".{place.name}.part"
    if _length(name) > _LONGEST:
        name = f".{blake2b(os.fsencode(place.name), digest_size=8).hexdigest()}.part"
    return place.with_name(name)


def _length(name: str) -> int:
    return len(os.fsencode(name))


def _mode(place: Path) -> int | None:
    """What kind of file is there; None: nothing. Raises OSError where there could be nothing, as in a loop of links."""
    try:
        return stat.S_IFMT(place.stat().st_mode)
    except FileNotFoundError:
        return None


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """An OSError names ``path``, and no file on the way to it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    except ValueError:  # a zero, or half a character
        raise OSError(errno.EINVAL, "no file can be called so", str(path)) from None
