"""The images that activate each unit most, found in one pass over as many images as one likes."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.checks import shown, within_memory
from aat.errors import InputError
from aat.typed import typed


@typed
class Examples:
    """The ``most`` largest values of each unit and where they were seen, of all batches so far.

    Memory does not grow with the number of images. Of equal values the one seen first is kept.

    Attributes:
        values: by falling value; −inf where fewer were seen.
        images: their indices; −1 where fewer were seen.

    Raises:
        InputError: a number is below 0 or beyond memory, or a batch does not fit.
    """

    def __init__(self, units: int, most: int) -> None:
        if units < 0 or most < 0:
            raise InputError(f"units = {shown(units)}, most = {shown(most)}; expected at least 0; try most=9")
        with within_memory(f"{shown(most)} examples of {shown(units)} units"):
            self._start(units, most)

    def _start(self, units: int, most: int) -> None:
        self.values: Float[Tensor, "most n"] = torch.full((most, units), -torch.inf)
        self.images: Int[Tensor, "most n"] = torch.full((most, units), -1)

    @typed
    def see(self, features: Float[Tensor, "B n"], images: Int[Tensor, " B"]) -> None:
        """A batch and its images' indices."""
        units = self.values.shape[1]
        if features.is_meta or features.ndim != 2 or features.shape[1] != units or images.shape != features.shape[:1]:
            given = f"features of shape {tuple(features.shape)} and images of {tuple(images.shape)}"
            raise InputError(f"{given}; expected (B, {units}) and (B,); try features.flatten(1)")
        values = torch.cat([self.values, features.float().cpu()])
        indices = torch.cat([self.images, images.unsqueeze(1).expand(-1, features.shape[1])])
        kept = values.sort(stable=True, dim=0, descending=True).indices[: len(self.values)]
        self.values, self.images = values.gather(0, kept), indices.gather(0, kept)

    @typed
    def of(self, unit: int) -> list[int]:
        """Images that activate this unit, most first; none whose activation is not above 0."""
        if not 0 <= unit < self.images.shape[1]:
            raise InputError(f"unit = {shown(unit)}; expected 0 to {self.images.shape[1] - 1}; try 0")
        seen = (self.images[:, unit] >= 0) & (self.values[:, unit] > 0)
        return [int(image) for image in self.images[seen, unit]]
