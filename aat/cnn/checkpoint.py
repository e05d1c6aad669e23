"""What torch saves: files that are whole, or not there; one that is damaged is said to be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from pickle import PickleError
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from aat.errors import InputError
from aat.files import write_whole

# What reading something else than was written may raise.
UNREADABLE = (
    OSError,
    zipfile.BadZipFile,
    RuntimeError,
    PickleError,
    LookupError,
    TypeError,
    ValueError,
    EOFError,
    AttributeError,
)


def reason(error: Exception) -> str:
    """Why something cannot be read: what torch adds after it is advice for other cases."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def save(file: Path, told: dict[str, Any]) -> None:
    """Write ``told``, whole or not at all.

    Raises:
        OSError: with ``file`` as its file name.
    """
    content = io.BytesIO()
    torch.save(told, content)
    write_whole(file, content.getbuffer())


def load(file: Path) -> dict[str, Any]:
    """What was saved; of the kinds in ``UNREADABLE``, the error says why it cannot be had.

    torch writes a checksum of every tensor into the file, but does not look at it when it reads.
    """
    with zipfile.ZipFile(file) as parts:
        if (damaged := parts.testzip()) is not None:
            raise ValueError(f"the checksum of {damaged} is not that of its content")
    return dict(torch.load(file, map_location="cpu", weights_only=True))


class Checkpoints(TorchCheckpointIO):
    """Lightning's checkpoints; its own way goes through the system's folder of temporary files, often another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Whole or not at all."""
        save(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """What was saved.

        Raises:
            InputError: it is no checkpoint of a training, or damaged.
        """
        try:
            told = load(Path(path))
            told["recipe"], told["state_dict"], told["optimizer_states"], told["loops"]
        except UNREADABLE as error:
            raise InputError(
                f"{path}: {reason(error)}; expected a checkpoint of aat train; try to delete it and train again"
            ) from None
        return told
