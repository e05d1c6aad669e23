"""A file that one process or thread has alone, by a lock that ends with its holder, however that ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # no POSIX system: two runs at once are the user's to avoid
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(file: Path, busy: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Have ``file`` alone; it is made if need be, and gone at the end, unless it was renamed.

    What a process that was killed leaves is not in the way, and gone when the next one is through: no clock and no
    number of a process is asked who is alive, which on a shared folder or in a container would mean nothing. (The
    locks of filelock leave their files behind, which would then stand beside every result.)

    Args:
        file: its folder is made, too. Nothing that is kept may have this name.
        busy: called once before waiting, if another one has it.

    Raises:
        OSError: the file cannot be made.
    """
    descriptor = _locked(file, busy)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _is(descriptor, file):
                file.unlink()
        os.close(descriptor)


def _locked(file: Path, busy: Callable[[], object]) -> int:
    """A descriptor of the file, which has its lock."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor, busy)
            if _is(descriptor, file):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # the one before renamed it, or took it away
        os.close(descriptor)


def _lock(descriptor: int, busy: Callable[[], object]) -> None:
    if fcntl is None:
        return
    # some file systems of clusters have no locks; a result says by its checksum whether it is whole
    with contextlib.suppress(OSError):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
