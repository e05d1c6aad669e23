"""Named colours, told apart in every pixel: each has its own range of hue, or of brightness where it has none.

The names are among those of Broden (Bau, Zhou et al., CVPR 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

# By how much hue (degrees) and saturation vary from one painted thing to the next.
HUE_JITTER, SATURATION_JITTER = 8.0, 0.1


class Colour(NamedTuple):
    """Hue in degrees, saturation, and the brightness that shade 0 and shade 1 get, as in HSV."""

    hue: float
    saturation: float
    dark: float
    light: float


COLOURS = {
    "red": Colour(0, 0.85, 0.35, 1),
    "orange": Colour(30, 0.85, 0.4, 1),
    "yellow": Colour(56, 0.8, 0.4, 1),
    "green": Colour(125, 0.7, 0.3, 0.9),
    "blue": Colour(220, 0.75, 0.35, 1),
    "purple": Colour(285, 0.6, 0.3, 0.95),
    "black": Colour(0, 0, 0, 0.3),
    "grey": Colour(0, 0, 0.34, 0.66),
    "white": Colour(0, 0, 0.7, 1),
}
_TABLE = torch.tensor(list(COLOURS.values()))


def paint(
    colour: Int[Tensor, "*batch"], tone: Float[Tensor, "*batch 2"], shade: Float[Tensor, "*batch H W"]
) -> Float[Tensor, "*batch 3 H W"]:
    """RGB in [0, 1] of things in their colours.

    Args:
        colour: index into :data:`COLOURS`.
        tone: in [0, 1], where hue and saturation lie in their ranges.
        shade: in [0, 1], dark to light.
    """
    hue, saturation, dark, light = _TABLE[colour].unbind(-1)
    hue = hue + HUE_JITTER * (2 * tone[..., 0] - 1)
    saturation = torch.where(saturation > 0, saturation + SATURATION_JITTER * (2 * tone[..., 1] - 1), 0.0)
    value = dark[..., None, None] + (light - dark)[..., None, None] * shade
    # HSV to RGB without cases (A. R. Smith, SIGGRAPH 1978, as V − V S max(0, min(k, 4 − k, 1)))
    k = (torch.tensor([5.0, 3.0, 1.0]) + hue[..., None] / 60) % 6
    taken = saturation[..., None] * torch.minimum(k, 4 - k).clamp(0, 1)
    return value[..., None, :, :] * (1 - taken)[..., None, None]


def to_bytes(image: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """From [0, 1]."""
    return (image * 255).round().to(torch.uint8)
