"""What a dissection finds: for every unit and category the concept that it fits best, and which are detectors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from warnings import warn

from aat.checks import shown
from aat.errors import InputError
from aat.typed import typed

# A unit that fits a concept by more is a detector of it (Bau, Zhou et al., CVPR 2017, section 3).
LIMIT = 0.04


class Concept(NamedTuple):
    """A label within its category; order is that of the names."""

    category: str
    label: str


@typed
@dataclass(frozen=True)
class Match:
    """How a unit fits a concept: pixels of all images that are labelled in the concept's category.

    Attributes:
        label: of the concept.
        truth: pixels of the concept.
        activation: pixels at which the unit is active.
        intersect: pixels that are both.
    """

    label: str
    truth: int
    activation: int
    intersect: int

    @property
    def iou(self) -> float:
        """Intersection over union; 0 where the union is empty."""
        union = self.truth + self.activation - self.intersect
        return self.intersect / union if union > 0 else 0.0


@typed
@dataclass(frozen=True)
class Unit:
    """A unit's best concept of each category.

    Attributes:
        number: from 1, as NetDissect counts.
        matches: by category, in the order of the tally; None where the unit meets no concept.
    """

    number: int
    matches: tuple[Match | None, ...]


@typed
@dataclass(frozen=True)
class Tally:
    """All units.

    Attributes:
        categories: their names.
        units: by number, each once.
    """

    categories: tuple[str, ...]
    units: tuple[Unit, ...]

    @typed
    def best(self, unit: Unit) -> tuple[Concept, Match] | None:
        """The concept that the unit fits best, of the first category where they tie; None if it meets none."""
        found = [(name, match) for name, match in zip(self.categories, unit.matches, strict=True) if match]
        if not found:
            return None
        category, match = max(found, key=lambda entry: entry[1].iou)
        return Concept(category, match.label), match

    @typed
    def only(self, categories: Collection[str]) -> Tally:
        """These categories alone: what is best is the best of them.

        Raises:
            InputError: there is no such category.
        """
        if not _are_names(categories):
            raise InputError(f"categories = {shown(categories)}; expected names; try {list(self.categories[:1])}")
        unknown = [name for name in categories if name not in self.categories]
        if unknown:
            known = ", ".join(self.categories)
            raise InputError(f"category {', '.join(unknown)}; expected some of {known}; try {self.categories[0]}")
        places = [place for place, name in enumerate(self.categories) if name in categories]
        units = (Unit(unit.number, tuple(unit.matches[place] for place in places)) for unit in self.units)
        return Tally(tuple(self.categories[place] for place in places), tuple(units))

    @typed
    def detectors(self, limit: float = LIMIT, inclusive: bool = False) -> dict[Concept, tuple[int, ...]]:
        """Concepts that have detectors, and the numbers of these units: those that fit it best, beyond the limit.

        Args:
            limit: of the IoU, 0 to 1.
            inclusive: whether a unit at the limit is a detector: ≥, not >.

        Raises:
            InputError: another limit.
        """
        if not 0 <= limit <= 1:
            raise InputError(f"limit = {limit}; expected 0 to 1; try {LIMIT}")
        found: dict[Concept, tuple[int, ...]] = {}
        for unit in self.units:
            best = self.best(unit)
            if best and (best[1].iou > limit or (inclusive and best[1].iou == limit)):
                found[best[0]] = (*found.get(best[0], ()), unit.number)
        return dict(sorted(found.items()))

    @typed
    def unique(self, limit: float = LIMIT, inclusive: bool = False) -> dict[str, int]:
        """Unique detectors: how many concepts of each category have one. Their sum is the paper's number."""
        found = self.detectors(limit, inclusive)
        return {name: sum(concept.category == name for concept in found) for name in self.categories}

    @typed
    def save(self, file: Path) -> None:
        """Write it as the ``tally.csv`` of NetDissect-Lite, whole or not at all."""
        from aat.concepts.tally_file import write

        write(self, file)

    @classmethod
    @typed
    def load(cls, file: Path, complain: Callable[[str], object] = warn) -> Tally:
        """Read a ``tally.csv``, whoever wrote it; see :func:`aat.concepts.tally_file.read`."""
        from aat.concepts.tally_file import read

        return read(file, complain)


def _are_names(given: Collection[object]) -> bool:
    listed = isinstance(given, list | tuple | set | frozenset | dict)
    return listed and len(given) > 0 and all(isinstance(name, str) for name in given)
