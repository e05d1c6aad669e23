"""The detectors study asks whether the units of a network with an AAT head detect more concepts.

Units are named by network dissection (Bau, Zhou et al., CVPR 2017) on images with masks of concepts. The measure is the
number of unique detectors: concepts that at least one unit detects. For every seed all heads start from the same
weights and see the same images, so what is judged is the mean over seeds of the difference to the dense head. *Holds*:
its lower confidence bound is above 0; *violated*: its upper one is below; *undecided*: neither. The bounds are
Student's, each at level/m for m AAT heads. Other rows are told, not judged: their bounds are at 0.025 each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from aat.recipe import Recipe
from reports import published
from reports.cnn import paired
from reports.cnn.paired import DENSE, EVIDENCE, above, student

FILE = "detectors.json"
# Those that the page shows.
PUBLISHED = "cnn_detectors*.json"
UNIQUE, DETECTORS, ACCURACY = "unique detectors", "detectors", "test accuracy"
ALL = "all"
# Of a bound that is told, not judged: two of them are a 95 % interval.
_TOLD = 0.025


@dataclass(frozen=True)
class Dissected:
    """One network.

    Attributes:
        head: in words; ``dense`` is the one that the others are compared with.
        seed: of weights, order and augmentation.
        accuracy: on the test images.
        units: that the head hears.
        detectors: units that detect a concept of each category, more than any other concept.
        unique: concepts of each category that have such a unit.
    """

    head: str
    seed: int
    accuracy: float
    units: int
    detectors: dict[str, int]
    unique: dict[str, int]


@dataclass(frozen=True)
class DetectorsRow:
    """A measure of a head, beside that of the dense one; also the schema of ``--json``.

    Attributes:
        data, arch, head: what was trained.
        measure: ``unique detectors``, ``detectors`` or ``test accuracy``.
        category: of concepts, or ``all``.
        seeds: how many.
        value, value_lower, value_upper: mean over seeds, and its 95 % interval (Student); None for one seed.
        difference: mean of the value less the dense head's, seed by seed; None for the dense head.
        lower, upper: one-sided confidence bounds of its expectation, each at ``level``.
        level: probability of being wrong on one side.
        evidence: what the bounds rest on.
        status: ``holds``, ``violated`` or ``undecided``; ``–`` where nothing is claimed.
        reason: why, when undecided.
    """

    data: str
    arch: str
    head: str
    measure: str
    category: str
    seeds: int
    value: float
    value_lower: float | None
    value_upper: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    level: float
    evidence: str
    status: str
    reason: str


@dataclass(frozen=True)
class Detectors:
    """A finished study.

    Attributes:
        command: that makes it again.
        recipe: of all trainings, but for the head and the seed.
        concepts: how many there are of each category.
        quantile: share of positions at which a unit is active.
        limit, inclusive: of the IoU beyond which, or from which on, a unit is a detector.
        level: of the verdicts together.
        images, test_images, dissected: how many.
        device, versions: what computed it.
        networks: one a training.
    """

    command: str
    recipe: Recipe
    concepts: dict[str, int]
    quantile: float
    limit: float
    inclusive: bool
    level: float
    images: int
    test_images: int
    dissected: int
    device: str
    versions: dict[str, str]
    networks: tuple[Dissected, ...]

    def save(self, file: Path) -> None:
        """Write it, whole or not at all, a training a line."""
        head = {name: value for name, value in asdict(self).items() if name != "networks"}
        published.write(file, head, "networks", self.networks)

    @classmethod
    def load(cls, file: Path) -> Detectors:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> Detectors:
            networks = tuple(Dissected(**network) for network in told.pop("networks"))
            found = cls(recipe=Recipe.of(told.pop("recipe")), networks=networks, **told)
            paired.check(networks)
            if any(each.keys() != found.concepts.keys() for n in networks for each in (n.detectors, n.unique)):
                raise ValueError("networks with different categories")
            return found

        return published.read(file, make, "aat study detectors")

    @property
    def name(self) -> str:
        """Data, network, and at how many positions a unit is active, in words."""
        width = "" if self.recipe.width == 1 else f", width × {self.recipe.width:g}"
        return (
            f"{self.recipe.data}, {self.recipe.arch}{width}, units active at {100 * self.quantile:.3g} % of positions"
        )

    @property
    def heads(self) -> list[str]:
        """In the order of the trainings, the dense one last."""
        return paired.heads(self.networks)

    @property
    def seeds(self) -> list[int]:
        """Of the trainings."""
        return [network.seed for network in self.of(DENSE)]

    def of(self, head: str) -> list[Dissected]:
        """The networks with this head, by seed."""
        return paired.of(head, self.networks)

    def rows(self) -> list[DetectorsRow]:
        """What is judged first: unique detectors of all categories; then the same by category, and other measures."""
        return [
            self._row(head, measure, category, of) for measure, category, of in self._measures() for head in self.heads
        ]

    def _measures(self) -> Iterator[tuple[str, str, Callable[[Dissected], float]]]:
        for measure, counts in ((UNIQUE, "unique"), (DETECTORS, "detectors")):
            for category in (ALL, *self.concepts):
                yield measure, category, partial(_count, counts, self.concepts if category == ALL else (category,))
        yield ACCURACY, ALL, attrgetter("accuracy")

    def _row(self, head: str, measure: str, category: str, of: Callable[[Dissected], float]) -> DetectorsRow:
        values, dense = (np.array([of(network) for network in self.of(name)], float) for name in (head, DENSE))
        claimed = (measure, category) == (UNIQUE, ALL) and head != DENSE
        level = self.level / max(1, len(self.heads) - 1) if claimed else _TOLD
        # counts, and shares of images, come in steps
        step = 1 / self.test_images if measure == ACCURACY else 1.0
        value_lower, value_upper = student(values, _TOLD, step)
        differences = values - dense
        lower, upper = student(differences, level, step) if head != DENSE else (None, None)
        status, reason = above(lower, upper, 0, "0") if claimed else ("–", "")
        return DetectorsRow(
            data=self.recipe.data,
            arch=self.recipe.arch,
            head=head,
            measure=measure,
            category=category,
            seeds=len(values),
            value=float(values.mean()),
            value_lower=value_lower,
            value_upper=value_upper,
            difference=None if head == DENSE else float(differences.mean()),
            lower=lower,
            upper=upper,
            level=level,
            evidence=EVIDENCE,
            status=status,
            reason=reason,
        )


def _count(counts: str, categories: Iterable[str], network: Dissected) -> int:
    return sum(getattr(network, counts)[category] for category in categories)
