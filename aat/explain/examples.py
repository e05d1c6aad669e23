"""The images that activate each unit most, found in one pass over as many images as one likes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Examples:
    """The ``most`` largest values of each unit and where they were seen, of all batches so far.

    Memory does not grow with the number of images. Of equal values the one seen first is kept.

    Attributes:
        values: by falling value; −inf where fewer were seen.
        images: their indices; −1 where fewer were seen.
    """

    def __init__(self, units: int, most: int) -> None:
        self.values: Float[Tensor, "most n"] = torch.full((most, units), -torch.inf)
        self.images: Int[Tensor, "most n"] = torch.full((most, units), -1)

    def see(self, features: Float[Tensor, "B n"], images: Int[Tensor, " B"]) -> None:
        """A batch and its images' indices."""
        values = torch.cat([self.values, features.float().cpu()])
        indices = torch.cat([self.images, images.unsqueeze(1).expand(-1, features.shape[1])])
        kept = values.sort(stable=True, dim=0, descending=True).indices[: len(self.values)]
        self.values, self.images = values.gather(0, kept), indices.gather(0, kept)

    def of(self, unit: int) -> list[int]:
        """Images that activate this unit, most first; none whose activation is not above 0."""
        seen = (self.images[:, unit] >= 0) & (self.values[:, unit] > 0)
        return [int(image) for image in self.images[seen, unit]]
