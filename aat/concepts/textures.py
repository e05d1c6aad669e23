"""Real textures, from photographs that ship inside scikit-image.

By ``skimage.data``: brick, grass, gravel, fur (chelsea) and wood (coffee) are CC0; stars (hubble_deep_field) is NASA's,
in the public domain; tissue (immunohistochemistry, CMMI) has no known copyright restrictions.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.errors import InputError

try:
    import skimage.data
    from skimage.color import rgb2gray
    from skimage.transform import rescale
except ImportError as missing:
    raise InputError(
        f"{missing.name} is not installed; expected what has the textures; try pip install 'aat-sgd[concepts]'"
    ) from None

# Shades per standard deviation of a texture's brightness, about the middle one: all are as light and as strong.
_CONTRAST = 0.2


class Box(NamedTuple):
    """Rows and columns of a photograph, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


class Texture(NamedTuple):
    """A photograph by its name in ``skimage.data``, the parts that show the texture, and how far it is shrunk."""

    photograph: str
    train: Box
    test: Box
    shrunk: int = 1


TEXTURES = {
    "brick": Texture("brick", Box(0, 320, 0, 512), Box(320, 512, 0, 512), 2),
    "grass": Texture("grass", Box(0, 320, 0, 512), Box(320, 512, 0, 512), 2),
    "gravel": Texture("gravel", Box(0, 320, 0, 512), Box(320, 512, 0, 512), 2),
    "fur": Texture("chelsea", Box(0, 84, 85, 330), Box(152, 222, 130, 250)),
    "wood": Texture("coffee", Box(170, 398, 490, 600), Box(140, 390, 0, 72)),
    "tissue": Texture("immunohistochemistry", Box(0, 190, 0, 160), Box(40, 230, 308, 440)),
    "stars": Texture("hubble_deep_field", Box(0, 512, 0, 1000), Box(512, 872, 0, 1000), 2),
}


class Shades(NamedTuple):
    """All textures of one part of the data.

    Attributes:
        pixels: in [0, 1], dark to light; zero beyond a texture's size.
        size: its height and width.
    """

    pixels: Float[Tensor, "textures H W"]
    size: Int[Tensor, "textures 2"]


@cache
def shades(part: str) -> Shades:
    """The textures of ``train`` or ``test``, parts of the photographs that do not overlap."""
    found = [_shades(texture, getattr(texture, part)) for texture in TEXTURES.values()]
    size = torch.tensor([each.shape for each in found])
    pixels = torch.zeros(len(found), *size.amax(0).tolist())
    for place, each in zip(pixels, found, strict=True):
        place[: each.shape[0], : each.shape[1]] = each
    return Shades(pixels, size)


def _shades(texture: Texture, box: Box) -> Float[Tensor, "H W"]:
    photograph = getattr(skimage.data, texture.photograph)()
    seen = photograph[box.top : box.bottom, box.left : box.right] / 255
    grey = rgb2gray(seen) if seen.ndim == 3 else seen
    small = torch.from_numpy(rescale(grey, 1 / texture.shrunk, anti_aliasing=texture.shrunk > 1)).float()
    return (0.5 + _CONTRAST * (small - small.mean()) / small.std()).clamp(0, 1)


def crop(
    found: Shades,
    texture: Int[Tensor, " B"],
    place: Float[Tensor, "B 2"],
    mirrored: Int[Tensor, "B 2"],
    size: int,
) -> Float[Tensor, "B size size"]:
    """A square of each texture.

    Args:
        found: the textures.
        texture: which.
        place: in [0, 1), where the square lies between the texture's ends.
        mirrored: 1 where rows, or columns, are in reverse.
        size: pixels a side, at most that of the smallest texture.
    """
    start = (place * (found.size[texture] - size + 1)).long()
    steps = torch.arange(size)
    at = start[..., None] + torch.where(mirrored[..., None] == 1, steps.flip(0), steps)
    return found.pixels[texture[:, None, None], at[:, 0, :, None], at[:, 1, None, :]]
