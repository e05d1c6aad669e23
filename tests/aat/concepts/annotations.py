"""Annotated images at toy size, and networks to dissect on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aat.concepts import Category
from aat.seeds import generator

CATEGORIES = (Category("object", ("cup", "table", "lamp")), Category("texture", ("striped", "dotted")))


@dataclass(frozen=True)
class Toy:
    """Images and masks in memory."""

    images: Tensor
    masks: Tensor
    categories: tuple[Category, ...] = CATEGORIES

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        chosen = torch.tensor(indices)
        return self.images[chosen], self.masks[chosen]


def toy(count: int = 9, size: int = 12, masks: int = 10) -> Toy:
    """Noise, and labels of 3×3 blocks; a third of the images is not labelled in the second category."""
    randomness = generator("annotations", count)
    images = torch.randint(0, 256, (count, 3, size, size), generator=randomness, dtype=torch.uint8)
    labels = [torch.randint(0, len(of.concepts) + 1, (count, 4, 4), generator=randomness) for of in CATEGORIES]
    labels[1][::3] = 0
    blocks = torch.stack(labels, 1).repeat_interleave(3, 2).repeat_interleave(3, 3)
    return Toy(images, blocks[:, :, :masks, :masks].contiguous())


class Net(nn.Module):
    """A convolution, rectified or not, its mean, and a head; in float64, so that batches do not change its maps."""

    def __init__(self, units: int = 5, rectified: bool = True, kind: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, units, 3, stride=2), nn.ReLU() if rectified else nn.Identity())
        self.head = nn.Linear(units, 4)
        randomness = generator("a network to dissect")
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=randomness) / 9)
        self.to(kind)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.head.weight
        return self.head(self.maps(x.to(weight.dtype) / 255).mean((-2, -1)))
