"""Contexts in which Lightning trains: without its talk, its own way to exit, and tracebacks of its workers."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lightning.fabric.utilities.warnings import PossibleUserWarning

from aat.errors import InputError


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning without what it tells about itself, and without advice that does not apply here."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PossibleUserWarning)  # more workers: images lie in memory
            warnings.filterwarnings("ignore", "Checkpoint directory .* exists")  # of a training that goes on
            warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def interruptible() -> Iterator[None]:
    """An interruption is one, where Lightning would exit with code 1 and be deaf to all that follow."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


@contextmanager
def from_workers() -> Iterator[None]:
    """What a worker complains of, without the traceback that torch puts before it."""
    try:
        yield
    except InputError as error:
        said = str(error)
        if not said.startswith("Caught InputError in DataLoader worker"):
            raise
        raise InputError(said.rpartition(f"{InputError.__module__}.InputError: ")[2]) from None
