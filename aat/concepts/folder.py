"""An annotated data set of one's own: a folder.

::

    concepts.json              {"object": ["cup", "table"], "texture": ["striped"]}
    images/NAME.png            or .jpg, all of one size
    masks/object/NAME.png      one byte a pixel: 0 is no concept, 1 is "cup", 2 is "table"; all of one size
    masks/texture/NAME.png

Pixels are taken as they are stored: a palette is for the eye. An image without a mask is not labelled in that category.
Files are read when they are needed, again in every pass.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from PIL import Image
from torch import Tensor

from aat.concepts.annotated import Category
from aat.errors import InputError

CONCEPTS = "concepts.json"
_ENDINGS = (".png", ".jpg", ".jpeg")
_LAYOUT = f"expected {CONCEPTS}, images/NAME.png and masks/CATEGORY/NAME.png"


class Folder:
    """An :class:`aat.concepts.Annotated` of files.

    Args:
        folder: see above.
        channels: of the images: 3, or 1 for grey ones.

    Raises:
        InputError: the folder is laid out otherwise.
    """

    def __init__(self, folder: Path, channels: int = 3) -> None:
        told = folder / CONCEPTS
        try:
            kinds = json.loads(told.read_text(encoding="utf-8"))
            self.categories = tuple(Category(name, _names(concepts)) for name, concepts in kinds.items())
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f'{told}: {error}; {_LAYOUT}; try {{"object": ["cup", "table"]}}') from None
        if channels not in (1, 3):
            raise InputError(f"{channels} channels; expected 3, or 1 for grey images; try another network")
        self.folder, self._mode = folder, "L" if channels == 1 else "RGB"
        every = (folder / "images").glob("*")
        self.files = tuple(sorted(file for file in every if file.suffix.lower() in _ENDINGS))
        if not self.files:
            raise InputError(f"{folder / 'images'}: no image; {_LAYOUT}; try to put some there")
        masks = sorted((folder / "masks").glob("*/*.png"))
        if not masks:
            raise InputError(f"{folder / 'masks'}: no mask; {_LAYOUT}; try to put some there")
        self._size = _read(masks[0]).shape[1:]

    def __len__(self) -> int:
        return len(self.files)

    def batch(self, indices: Sequence[int]) -> tuple[UInt8[Tensor, "B C H W"], Int[Tensor, "B K H W"]]:
        """See :class:`aat.concepts.Annotated`.

        Raises:
            InputError: a file is damaged, of another size, or has a label without a concept.
        """
        files = [self.files[index] for index in indices]
        images = [_read(file, self._mode) for file in files]
        for file, image in zip(files, images, strict=True):
            _check(file, image.shape[1:], images[0].shape[1:])
        masks = [torch.stack([self._mask(file.stem, category) for category in self.categories]) for file in files]
        return torch.stack(images), torch.stack(masks)

    def _mask(self, name: str, category: Category) -> Int[Tensor, "H W"]:
        file = self.folder / "masks" / category.name / f"{name}.png"
        if not file.exists():
            return torch.zeros(self._size, dtype=torch.int64)
        mask = _read(file)[0].long()
        _check(file, mask.shape, self._size)
        if int(mask.max()) > len(category.concepts):
            known = len(category.concepts)
            raise InputError(f"{file}: label {int(mask.max())}; expected 0 to {known}; try to name it in {CONCEPTS}")
        return mask


def _check(file: Path, size: torch.Size, first: torch.Size) -> None:
    if size != first:
        given, expected = ("×".join(map(str, each)) for each in (size, first))
        raise InputError(f"{file}: {given} pixels; expected {expected} as of the first; try to resize it")


def _names(concepts: object) -> tuple[str, ...]:
    if not isinstance(concepts, list) or not all(isinstance(name, str) for name in concepts):
        raise ValueError(f"{concepts!r} is no list of names")
    return tuple(concepts)


def _read(file: Path, mode: str | None = None) -> UInt8[Tensor, "C H W"]:
    """An image in this mode; without one, a mask as it is stored.

    Raises:
        InputError: it is damaged, or a mask of more than a byte a pixel.
    """
    try:
        with Image.open(file) as image:
            if mode is None and image.mode not in ("P", "L", "1"):
                raise ValueError(f"a mask of mode {image.mode}, not of one byte a pixel")
            pixels = np.array(image if mode is None else image.convert(mode), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{file}: {error}; expected an image, or a mask with indexed pixels; try png") from None
    return torch.from_numpy(pixels).view(*pixels.shape[:2], -1).permute(2, 0, 1)
