"""Twelve kinds of scenes: which objects, which wall and which colours are typical of each.

Everything in a scene is drawn on its own: with probability 1 − ODD from what is typical of its kind, each of these as
likely; otherwise from all there is. What is typical of one kind is so of others too, so that no single concept gives
the kind away.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from aat.concepts.colours import COLOURS
from aat.concepts.textures import TEXTURES

ODD = 0.05
# The classes of Fashion-MNIST; of other data, the classes with these numbers.
_ITEMS = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


class Kind(NamedTuple):
    """What is typical: of the objects, of the wall behind them, of its colour, and of theirs."""

    objects: str
    textures: str
    walls: str
    colours: str


KINDS = {
    "shoe shop": Kind("sneaker sandal boot", "wood brick", "white grey yellow", "red black blue"),
    "sports hall": Kind("sneaker t-shirt bag", "wood fur", "white orange green", "red green yellow"),
    "garden": Kind("sandal dress t-shirt", "grass gravel", "green yellow orange", "white red purple"),
    "trail": Kind("boot coat bag", "grass gravel", "green grey blue", "orange black yellow"),
    "beach": Kind("sandal bag dress", "gravel wood", "yellow orange blue", "blue green white"),
    "laundry": Kind("shirt pullover trouser", "tissue brick", "white blue grey", "white grey purple"),
    "wardrobe": Kind("coat dress shirt", "wood fur", "orange red black", "grey black purple"),
    "night club": Kind("dress t-shirt boot", "stars brick", "black purple red", "yellow white orange"),
    "planetarium": Kind("pullover sneaker trouser", "stars tissue", "black blue purple", "white grey orange"),
    "tailor": Kind("trouser coat shirt", "tissue fur", "red purple yellow", "blue grey green"),
    "street": Kind("trouser bag sneaker", "brick gravel", "grey red black", "black orange blue"),
    "camp site": Kind("pullover boot t-shirt", "grass stars", "green black purple", "green red yellow"),
}


class Chances(NamedTuple):
    """Probabilities of everything in a scene, given its kind."""

    objects: Float[Tensor, "kinds objects"]
    textures: Float[Tensor, "kinds textures"]
    walls: Float[Tensor, "kinds colours"]
    colours: Float[Tensor, "kinds colours"]


def _chances(names: tuple[str, ...], typical: list[str]) -> Float[Tensor, "kinds names"]:
    table = torch.full((len(typical), len(names)), ODD / len(names), dtype=torch.float64)
    for row, told in zip(table, typical, strict=True):
        some = told.split()
        row[[names.index(name) for name in some]] += (1 - ODD) / len(some)
    return table


CHANCES = Chances(
    _chances(_ITEMS, [kind.objects for kind in KINDS.values()]),
    _chances(tuple(TEXTURES), [kind.textures for kind in KINDS.values()]),
    _chances(tuple(COLOURS), [kind.walls for kind in KINDS.values()]),
    _chances(tuple(COLOURS), [kind.colours for kind in KINDS.values()]),
)
OBJECTS = len(_ITEMS)
