"""What is where in a scene: a function of uniform numbers, as many for every scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from aat.concepts.kinds import CHANCES, KINDS
from aat.seeds import generator

# Pixels a side of a scene, and of an object in it (its class's image, margins included).
SIDE, SMALLEST, LARGEST = 48, 18, 30
MOST = 4
# Numbers that are drawn for a scene, and for each object.
_SCENE, _OBJECT = 10, 9


@dataclass(frozen=True)
class Plan:
    """Scenes before they are painted. Objects of higher index lie before those of lower.

    Attributes:
        kind: of scene.
        texture, wall: of what is behind the objects, and its colour.
        place, mirrored: of the texture's crop, see :func:`aat.concepts.textures.crop`.
        tone: of the wall's colour, see :func:`aat.concepts.colours.paint`.
        there: whether there is such an object.
        concept, item: its class, and where in [0, 1) among the items of this class it is.
        colour, tones: of each object.
        box: its top, left and side in pixels.
        turned: whether it is mirrored left to right.
    """

    kind: Int[Tensor, " B"]
    texture: Int[Tensor, " B"]
    wall: Int[Tensor, " B"]
    place: Float[Tensor, "B 2"]
    mirrored: Int[Tensor, "B 2"]
    tone: Float[Tensor, "B 2"]
    there: Bool[Tensor, "B objects"]
    concept: Int[Tensor, "B objects"]
    item: Float[Tensor, "B objects"]
    colour: Int[Tensor, "B objects"]
    tones: Float[Tensor, "B objects 2"]
    box: Int[Tensor, "B objects 3"]
    turned: Bool[Tensor, "B objects"]


def plan(part: str, seed: int, indices: Sequence[int]) -> Plan:
    """The scenes of these indices: each is determined by part, seed and its index, whatever else is asked for."""
    count = _SCENE + MOST * _OBJECT
    drawn = [torch.rand(count, generator=generator("scenes", seed, part, index)) for index in indices]
    u = torch.stack(drawn) if drawn else torch.empty(0, count)
    scene, each = u[:, :_SCENE], u[:, _SCENE:].view(-1, MOST, _OBJECT)
    kind = _among(len(KINDS), scene[:, 0])
    side = SMALLEST + _among(LARGEST - SMALLEST + 1, each[..., 3])
    corner = (each[..., 4:6] * (SIDE - side[..., None] + 1)).long()
    return Plan(
        kind=kind,
        texture=_one(CHANCES.textures[kind], scene[:, 1]),
        wall=_one(CHANCES.walls[kind], scene[:, 2]),
        place=scene[:, 3:5],
        mirrored=(scene[:, 5:7] < 0.5).long(),
        tone=scene[:, 7:9],
        there=torch.arange(MOST) <= _among(MOST, scene[:, 9])[:, None],
        concept=_one(CHANCES.objects[kind, None], each[..., 0]),
        item=each[..., 1],
        colour=_one(CHANCES.colours[kind, None], each[..., 2]),
        tones=each[..., 6:8],
        box=torch.cat([corner, side[..., None]], -1),
        turned=each[..., 8] < 0.5,
    )


def _among(count: int, u: Float[Tensor, "*batch"]) -> Int[Tensor, "*batch"]:
    """One of 0 to count − 1, each as likely."""
    return (u * count).long()


def _one(chances: Float[Tensor, "*batch names"], u: Float[Tensor, "*batch"]) -> Int[Tensor, "*batch"]:
    """One of the names, by their probabilities: the first at which these add up to more than u."""
    return (chances.cumsum(-1) <= u[..., None]).sum(-1).clamp_max(chances.shape[-1] - 1)
