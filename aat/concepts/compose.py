"""Scenes painted: the wall first, then one object after the other, and who is seen in every pixel."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from aat.cnn.splits import InMemory
from aat.concepts.colours import paint, to_bytes
from aat.concepts.plan import MOST, SIDE, Plan
from aat.concepts.textures import Shades, crop

# What is darker than this is not of the item; resizing leaves no more than that around it.
SILHOUETTE = 0.1


class Items(NamedTuple):
    """Images of single things, dark around them, by their classes.

    Attributes:
        pixels: brightness.
        order: the images of class 0, then those of class 1, ...
        first, amount: where in ``order`` each class begins, and how many it has.
    """

    pixels: UInt8[Tensor, "N H W"]
    order: Int[Tensor, " N"]
    first: Int[Tensor, " classes"]
    amount: Int[Tensor, " classes"]

    @classmethod
    def of(cls, split: InMemory, classes: int) -> Items:
        """The items of a split of grey images."""
        count = torch.bincount(split.labels, minlength=classes)
        return cls(split.pixels[:, 0], split.labels.argsort(stable=True), count.cumsum(0) - count, count)


def compose(plan: Plan, items: Items, textures: Shades) -> tuple[UInt8[Tensor, "B 3 H W"], Int[Tensor, "B 4 H W"]]:
    """Images, and for every pixel object, texture, colour and kind of scene: 0 is none, c + 1 the c-th."""
    shade = crop(textures, plan.texture, plan.place, plan.mirrored, SIDE)
    image = paint(plan.wall, plan.tone, shade)
    thing = torch.zeros(shade.shape, dtype=torch.long)
    texture, colour, kind = (
        (each + 1)[:, None, None].expand_as(thing) for each in (plan.texture, plan.wall, plan.kind)
    )
    for j in range(MOST):
        shade = _placed(plan, j, items)
        seen = (shade > SILHOUETTE) & plan.there[:, j, None, None]
        image = torch.where(seen[:, None], paint(plan.colour[:, j], plan.tones[:, j], shade), image)
        thing = torch.where(seen, plan.concept[:, j, None, None] + 1, thing)
        colour = torch.where(seen, plan.colour[:, j, None, None] + 1, colour)
    return to_bytes(image), torch.stack([thing, torch.where(thing > 0, 0, texture), colour, kind], 1)


def _placed(plan: Plan, j: int, items: Items) -> Float[Tensor, "B SIDE SIDE"]:
    """The j-th items where they lie, in [0, 1], resized linearly; 0 elsewhere."""
    concept = plan.concept[:, j]
    at = items.first[concept] + (plan.item[:, j] * items.amount[concept]).long()
    pixels = items.pixels[items.order[at]].float() / 255
    top, left, side = plan.box[:, j].unbind(-1)
    middle = torch.arange(SIDE) + 0.5
    # centres of pixels, from −1 to 1 across the item
    y, x = (2 * (middle - start[:, None]) / side[:, None] - 1 for start in (top, left))
    x = torch.where(plan.turned[:, j, None], -x, x)
    grid = torch.stack([x[:, None, :].expand(-1, SIDE, -1), y[:, :, None].expand(-1, -1, SIDE)], -1)
    return nn.functional.grid_sample(pixels[:, None], grid, align_corners=False).squeeze(1).clamp(0, 1)
