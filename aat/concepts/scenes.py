"""Scenes composed from real images, with exact masks: a synthetic data set on which units can be named.

Objects are the items of Fashion-MNIST, walls are real textures, both painted in named colours; the label is the kind of
scene. Training scenes use the training items and one part of each photograph, test scenes the test items and another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from aat.cnn import data
from aat.cnn.splits import Augmentation, InMemory
from aat.concepts.annotated import Category
from aat.concepts.colours import COLOURS
from aat.concepts.compose import Items, compose
from aat.concepts.kinds import KINDS, OBJECTS
from aat.concepts.plan import SIDE, plan
from aat.concepts.textures import TEXTURES, shades
from aat.errors import InputError

# Synthetic, wherever it is shown.
NAME = "scenes (synthetic)"
IMAGES = {"train": 12_000, "test": 3_000}
_TOGETHER = 256


class Scenes:
    """Scenes of one part, painted when they are asked for; see :class:`aat.concepts.annotated.Annotated`.

    Attributes:
        categories: object, texture, color and scene.
        name: in words.
    """

    name = NAME

    def __init__(self, part: str, seed: int, images: int, items: data.Images) -> None:
        if part not in IMAGES:
            raise InputError(f"part = {part!r}; expected one of {', '.join(IMAGES)}")
        if images < 1:
            raise InputError(f"images = {images}; expected at least 1; try {IMAGES[part]}")
        split = getattr(items, part)
        if items.shape[0] != 1 or len(items.classes) != OBJECTS or not isinstance(split, InMemory):
            given = f"objects from {items.name}, of shape {items.shape}, {len(items.classes)} classes"
            raise InputError(f"{given}; expected grey images of {OBJECTS} classes; try fashion-mnist")
        self._part, self._seed, self._images = part, seed, images
        self._items, self._textures = Items.of(split, OBJECTS), shades(part)
        self.categories = (
            Category("object", items.classes),
            Category("texture", tuple(TEXTURES)),
            Category("color", tuple(COLOURS)),
            Category("scene", tuple(KINDS)),
        )

    def __len__(self) -> int:
        return self._images

    def batch(self, indices: Sequence[int]) -> tuple[UInt8[Tensor, "B 3 48 48"], Int[Tensor, "B 4 48 48"]]:
        """Images and masks, the same for an index whichever others are asked for."""
        if not all(0 <= index < self._images for index in indices):
            raise InputError(f"indices {list(indices)[:8]}; expected 0 to {self._images - 1}")
        return compose(plan(self._part, self._seed, indices), self._items, self._textures)

    def split(self) -> InMemory:
        """All images with the kinds of scenes as labels, in memory: 7 kB each."""
        pixels = torch.empty(len(self), 3, SIDE, SIDE, dtype=torch.uint8)
        labels = torch.empty(len(self), dtype=torch.long)
        for indices in torch.arange(len(self)).split(_TOGETHER):
            images, masks = self.batch(indices.tolist())
            pixels[indices], labels[indices] = images, masks[:, -1, 0, 0] - 1
        return InMemory(pixels, labels)


def annotated(part: str = "test", seed: int = 0, images: int | None = None, items: data.Images | None = None) -> Scenes:
    """Scenes with their masks.

    Args:
        part: ``train`` or ``test``.
        seed: of all that is drawn.
        images: how many; by default 12,000 to train and 3,000 to test.
        items: what the objects are, grey images of ten classes; Fashion-MNIST by default.

    Raises:
        InputError: there is no such part, or the items do not fit or cannot be had.
    """
    if part not in IMAGES:
        raise InputError(f"part = {part!r}; expected one of {', '.join(IMAGES)}")
    return Scenes(part, seed, IMAGES[part] if images is None else images, items or data.load("fashion-mnist"))


def load(root: Path = data.CACHE, seed: int = 0) -> data.Images:
    """The scenes as data of a training, without masks, under a name that says that they are synthetic."""
    items = data.load("fashion-mnist", root)
    train, test = (annotated(part, seed, items=items).split() for part in IMAGES)
    parts = (train.pixels, train.labels), (test.pixels, test.labels)
    return data.in_memory(NAME, tuple(KINDS), *parts, Augmentation(flip=True))
