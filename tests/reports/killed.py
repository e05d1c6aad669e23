"""Commands in processes that are killed at chosen moments. Imports take long, so that all are forks of a warm one.

The moments are those between which a command leaves something behind: a step of a training, a run of a cell, and each
file twice: with half of it written, and whole but without its name yet.
"""

from __future__ import annotations

import contextlib
import io
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a command ended: its exit code, -9 for one that was killed, and the moments that it passed."""

    code: int
    moments: int


Run = Callable[..., Ended]

VERIFY = ("verify", "R1", "--problem", "monotone", "--data", "tiny", "--k", "2", "--horizon", "2", "--horizon", "4",
          "--trials", "4", "--workers", "1")  # fmt: skip


@contextmanager
def warm() -> Iterator[Run]:
    """A function that runs a command, ``run(folder, *arguments)``.

    ``at=n`` kills it at its n-th moment, from 1 on; ``beside`` is another call at the same time, and the worse end of
    both is told.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    parent = subprocess.Popen(
        [sys.executable, "-m", __name__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        tell, hear = parent.stdin, parent.stdout

        def run(folder: Path, *arguments: str, at: int = 0, beside: Sequence[str] = ()) -> Ended:
            print(json.dumps([str(folder), [arguments, *([beside] if beside else [])], at]), file=tell, flush=True)
            return Ended(*json.loads(hear.readline()))

        yield run


def _serve() -> None:
    """Fork a process for each line of the input, and tell how it ended."""
    import torch
    import torch.utils.tensorboard

    from aat.cnn.module import Classifier
    from reports import ledger, published
    from reports.cell import Cell
    from reports.cli import main

    torch.set_num_threads(1)
    proved = list(ledger.prove(["R1"], with_mutants=False))
    # proofs and what is published leave nothing behind, and have tests of their own
    ledger.prove = lambda ids, workers: iter(proved)  # type: ignore[assignment, misc]
    published.FOLDER = Path("nowhere")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        # fonts, formulas and templates are found once
        main([*VERIFY, "--out", folder])
    passed = mmap.mmap(-1, 8)
    for line in sys.stdin:
        folder, calls, at = json.loads(line)
        passed[:] = bytes(8)
        children = []
        for arguments in calls:
            if (child := os.fork()) == 0:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                os.chdir(folder)
                _die(at, passed, {Classifier: "training_step", Cell: "run", Path: "replace"})
                os._exit(main(arguments))
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps([max(codes, key=abs), int.from_bytes(passed[:], "little")]), flush=True)


def _die(at: int, passed: mmap.mmap, before: dict[type, str]) -> None:
    """Make this process kill itself at the n-th moment, if it comes that far."""

    def moment(first: Callable[[], object] = lambda: None) -> None:
        now = int.from_bytes(passed[:], "little") + 1
        passed[:] = now.to_bytes(8, "little")
        if now == at:
            first()
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            moment()
            return really(*given, **named)

        return call

    for kind, method in before.items():
        setattr(kind, method, dying(getattr(kind, method)))
    write = Path.write_bytes

    def halved(path: Path, content: bytes) -> int:
        moment(lambda: write(path, memoryview(content)[: len(content) // 2]))
        return write(path, content)

    Path.write_bytes = halved  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    _serve()
