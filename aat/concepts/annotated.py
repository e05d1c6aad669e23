"""Images whose every pixel is labelled with concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Int, UInt8
from torch import Tensor

from aat.errors import InputError
from aat.typed import typed

# What NetDissect writes where there is no label: no concept can have these names.
NAMELESS = ("", "-")


@typed
@dataclass(frozen=True)
class Category:
    """A kind of concepts, at most one of which a pixel has.

    Attributes:
        name: ``object``, ``texture``, ``colour``, ...
        concepts: their names.

    Raises:
        InputError: a name is empty or ``-``, or two concepts have one name.
    """

    name: str
    concepts: tuple[str, ...]

    def __post_init__(self) -> None:
        names = (self.name, *self.concepts)
        if any(name in NAMELESS for name in names) or len(set(self.concepts)) < len(self.concepts):
            told = ", ".join(map(repr, names))
            raise InputError(f"category and concepts {told}; expected names, every concept once; try to rename them")


class Annotated(Protocol):
    """A data set with a mask of every category for every image."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """In the order of the masks."""
        ...

    def __len__(self) -> int:
        """How many images."""
        ...

    def batch(self, indices: Sequence[int]) -> tuple[UInt8[Tensor, "B C H W"], Int[Tensor, "B K H W"]]:
        """Images and masks of these indices.

        In a mask 0 is no concept and c + 1 is ``categories[i].concepts[c]``. An image whose mask is 0 throughout is
        not labelled in that category.
        """
        ...
