"""An annotated data set written as a folder, which :class:`aat.concepts.folder.Folder` reads."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from aat.concepts.annotated import Annotated
from aat.concepts.folder import CONCEPTS
from aat.errors import InputError
from aat.files import write_whole

_TOGETHER = 64
# A byte a pixel, and 0 is none.
_MOST = 255


def save(annotated: Annotated, folder: Path, advance: Callable[[int], object] = lambda images: None) -> None:
    """Write images and masks as PNG, and what the masks number; names are indices, in order.

    Args:
        annotated: images in colour or grey, with at most 255 concepts in each category.
        folder: for the files; those of the same names are replaced.
        advance: called with the number of images that were written.

    Raises:
        InputError: there are more concepts.
    """
    for category in annotated.categories:
        if len(category.concepts) > _MOST:
            raise InputError(f"{len(category.concepts)} concepts of {category.name}; expected {_MOST} at most")
    told = {category.name: category.concepts for category in annotated.categories}
    write_whole(folder / CONCEPTS, json.dumps(told, indent=1, ensure_ascii=False))
    palette = _palette()
    digits = len(str(len(annotated) - 1))
    for indices in torch.arange(len(annotated)).split(_TOGETHER):
        for index, image, masks in zip(indices.tolist(), *annotated.batch(indices.tolist()), strict=True):
            name = f"{index:0{digits}}.png"
            _write(folder / "images" / name, image)
            for category, mask in zip(annotated.categories, masks, strict=True):
                _write(folder / "masks" / category.name / name, mask.to(torch.uint8)[None], palette)
        advance(len(indices))


def _write(file: Path, pixels: UInt8[Tensor, "C H W"], palette: bytes | None = None) -> None:
    image = Image.fromarray(pixels.squeeze(0).numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy())
    if palette:
        image.putpalette(palette)
    content = io.BytesIO()
    image.save(content, "PNG")
    write_whole(file, content.getbuffer())


def _palette() -> bytes:
    """For the eye: black for none, then twenty colours in turn."""
    colours = mpl.colormaps["tab20"](np.arange(_MOST) % 20, bytes=True)[:, :3]
    return bytes(3) + colours.tobytes()
