"""Images of one data set, as many as asked for at a time: from memory, or decoded from files as they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from jaxtyping import Int, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn
from torch.utils.data import Dataset
from torchvision.transforms import v2

from aat.errors import InputError
from aat.seeds import generator


@dataclass(frozen=True)
class Augmentation:
    """What training may do to an image that leaves its class alone.

    Attributes:
        shift: pixels by which it is moved at most, up or down and left or right; what comes in is black.
        flip: whether it is mirrored left to right, half of the time.
    """

    shift: int = 0
    flip: bool = False


class Split(Protocol):
    """The images of training, or those of the test."""

    @property
    def labels(self) -> Int[Tensor, " N"]:
        """The class of each image."""
        ...

    def batch(
        self,
        indices: Sequence[int],
        augmentation: Augmentation | None = None,
        randomness: torch.Generator | None = None,
    ) -> Tensor:
        """The images of these indices, (B, C, H, W) in uint8; augmented at random if so asked for."""
        ...


@dataclass(frozen=True)
class InMemory:
    """A whole split as one tensor."""

    pixels: UInt8[Tensor, "N C H W"]
    labels: Int[Tensor, " N"]

    def batch(
        self,
        indices: Sequence[int],
        augmentation: Augmentation | None = None,
        randomness: torch.Generator | None = None,
    ) -> Tensor:
        """See :class:`Split`."""
        found = self.pixels[torch.as_tensor(indices)]
        return found if augmentation is None else augment(found, augmentation, randomness)


def augment(
    x: UInt8[Tensor, "B C H W"], how: Augmentation, randomness: torch.Generator | None
) -> UInt8[Tensor, "B C H W"]:
    """Each image moved and mirrored on its own: one gather for the whole batch."""
    B, C, H, W = x.shape
    top, left = torch.randint(0, 2 * how.shift + 1, (2, B, 1), generator=randomness)
    rows, columns = top + torch.arange(H), left + torch.arange(W)
    if how.flip:
        mirrored = torch.rand(B, 1, generator=randomness) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    wide = nn.functional.pad(x, (how.shift,) * 4)
    image, channel = torch.arange(B).view(B, 1, 1, 1), torch.arange(C).view(1, C, 1, 1)
    return wide[image, channel, rows.view(B, 1, H, 1), columns.view(B, 1, 1, W)]


@dataclass(frozen=True)
class OnDisk:
    """Files that are decoded when they are needed, RGB, cut to ``size`` pixels a side.

    For training a part of the image is taken at random and resized (Szegedy et al., CVPR 2015); otherwise its middle.
    """

    files: tuple[Path, ...]
    labels: Int[Tensor, " N"]
    size: int

    def batch(
        self,
        indices: Sequence[int],
        augmentation: Augmentation | None = None,
        randomness: torch.Generator | None = None,
    ) -> Tensor:
        """See :class:`Split`."""
        if augmentation is None:
            return torch.stack([middle(decode(self.files[index]), self.size) for index in indices])
        change = v2.Compose([v2.RandomResizedCrop(self.size), v2.RandomHorizontalFlip(0.5 * augmentation.flip)])
        # these transforms know no generator, only the global one
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=randomness)))
            return torch.stack([change(decode(self.files[index])) for index in indices])


def decode(file: Path) -> UInt8[Tensor, "3 H W"]:
    """An image file as a tensor.

    Raises:
        InputError: it is no image, or damaged.
    """
    try:
        with Image.open(file) as image:
            return v2.functional.pil_to_tensor(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{file}: {error}; expected an image; try without this file") from None


def middle(image: UInt8[Tensor, "C H W"], size: int) -> UInt8[Tensor, "C size size"]:
    """The image shrunk until its shorter side is 8/7 of ``size``, and the middle of that; as it is if it has that size.

    256 and 224 pixels are what ImageNet is commonly tested with.
    """
    if image.shape[-2:] == (size, size):
        return image
    shorter = round(size * 8 / 7)
    return v2.functional.center_crop(v2.functional.resize(image, [shorter], antialias=True), [size, size])


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """A split as a DataLoader wants it: asked for the indices of a batch, it gives images and labels.

    The randomness of a batch comes from ``names`` and its first index alone: whichever process computes it, and after
    an interruption, it is the same.
    """

    def __init__(self, split: Split, augmentation: Augmentation | None = None, *names: object) -> None:
        self.split, self.augmentation, self.names = split, augmentation, names

    def __len__(self) -> int:
        return len(self.split.labels)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) in uint8 and labels."""
        randomness = generator("augmentation", *self.names, indices[0])
        return self.split.batch(indices, self.augmentation, randomness), self.split.labels[torch.as_tensor(indices)]
