"""The routing study: how many units an image needs, a class and the network use; AAT heads beside the dense one.

The paper: each class is driven by few units, chosen per image. Three rows of every AAT head judge that, over seeds
under which all heads start from the same weights and see the same images in the same order:

* *fewer units per image than dense*: null: the mean over seeds of the difference in the units that an image needs is 0
  or more.
* *more of the network per unit of an image than dense*: null: the mean difference of (units that the network uses /
  units that an image needs) is 0 or less. A head whose classes have K units each, the same ones for every image, and
  share none, has this ratio at as many as there are classes: alone it does not tell that images choose. So
* *units are chosen by the image, not by its class*: null: the mean of (units that carry 90 % of a class's evidence /
  units that an image of the class needs) is at most ``times``; it is 1 where every image of a class has the same ones.

*Holds*: the null is refused; *violated*: its opposite is; *undecided*: neither. The bounds are Student's, each at
level/(3m) for m heads, so that all verdicts together are right with probability at least 1 − level; they take values
over seeds to be normal, which a handful of seeds cannot show: the rows say so. Rows without a claim have 95 %
intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aat.estimate import Estimate
from aat.recipe import Recipe
from aat.routing_statistics import NAMES
from reports import published
from reports.cnn import paired
from reports.cnn.paired import DENSE, EVIDENCE, above, student

FILE = "routing.json"
# Those that the page shows.
PUBLISHED = "cnn_routing*.json"
CLAIMS = {
    "units": "fewer units per image than dense",
    "dynamic": "more of the network per unit of an image than dense",
    "pooled_class": "units are chosen by the image, not by its class",
}
Bounds = tuple[float | None, float | None]


class Map(NamedTuple):
    """In how many of the ``images`` that are put in each class each unit carries: (O,) and (O, n)."""

    images: list[int]
    carries: list[list[int]]


@dataclass(frozen=True)
class Network:
    """One network on the test images.

    Attributes:
        head: in words; ``dense`` is the one that the others are compared with.
        seed: of its training.
        statistics: each of :data:`aat.routing_statistics.NAMES`, intervals over images.
        units: how many images need 0, 1, …, n units.
    """

    head: str
    seed: int
    statistics: dict[str, Estimate]
    units: list[int]


@dataclass(frozen=True)
class RoutingRow:
    """A statistic of a head; also the schema of ``--json``.

    Attributes:
        data, arch, head: what was trained.
        statistic, meaning: by its name in :data:`aat.routing_statistics.NAMES`, and in words.
        seeds: how many.
        value, lower, upper: mean over seeds and its bounds; None where it is not defined, or for one seed.
        difference, difference_lower, difference_upper: less that of the dense head, seed by seed.
        level: probability that a bound allows of being wrong.
        evidence: what the bounds rest on.
        claim: what the row judges, or empty.
        status: ``holds``, ``violated`` or ``undecided``; ``–`` where nothing is claimed.
        reason: why, when undecided.
    """

    data: str
    arch: str
    head: str
    statistic: str
    meaning: str
    seeds: int
    value: float | None
    lower: float | None
    upper: float | None
    difference: float | None
    difference_lower: float | None
    difference_upper: float | None
    level: float
    evidence: str
    claim: str
    status: str
    reason: str


@dataclass(frozen=True)
class RoutingStudy:
    """A finished study.

    Attributes:
        command: that makes it again.
        recipe: of all trainings, but for the head and the seed.
        level: of all verdicts together.
        times: by how much the units of a class must exceed those of an image for images to choose.
        test_images: how many.
        device, versions: what trained the networks.
        classes: their names.
        maps: of the first seed, by head.
        networks: one a training.
    """

    command: str
    recipe: Recipe
    level: float
    times: float
    test_images: int
    device: str
    versions: dict[str, str]
    classes: list[str]
    maps: dict[str, Map]
    networks: tuple[Network, ...]

    def save(self, file: Path) -> None:
        """Write it, whole or not at all, a network a line."""
        head = {name: value for name, value in asdict(self).items() if name != "networks"}
        published.write(file, head, "networks", self.networks)

    @classmethod
    def load(cls, file: Path) -> RoutingStudy:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> RoutingStudy:
            networks = tuple(_network(**network) for network in told.pop("networks"))
            maps = {head: Map(*found) for head, found in told.pop("maps").items()}
            paired.check(networks)
            if set(maps) != set(paired.heads(networks)):
                raise ValueError("heads without a map")
            return cls(recipe=Recipe.of(told.pop("recipe")), maps=maps, networks=networks, **told)

        return published.read(file, make, "aat study routing")

    @property
    def name(self) -> str:
        """Data and network, in words."""
        return f"{self.recipe.data}, {self.recipe.arch}"

    @property
    def heads(self) -> list[str]:
        """In the order of their trainings, the dense one last."""
        return paired.heads(self.networks)

    @property
    def seeds(self) -> int:
        """How many trainings there are of every head."""
        return len(self.of(DENSE))

    def of(self, head: str) -> list[Network]:
        """The networks with this head, by seed."""
        return paired.of(head, self.networks)

    def row(self, head: str, statistic: str) -> RoutingRow:
        """One of :meth:`rows`."""
        return next(row for row in self.rows() if (row.head, row.statistic) == (head, statistic))

    def rows(self) -> list[RoutingRow]:
        """Every statistic of every head."""
        return [self._row(head, statistic) for head in self.heads for statistic in NAMES]

    def _row(self, head: str, statistic: str) -> RoutingRow:
        claim = CLAIMS.get(statistic, "") if head != DENSE else ""
        level = self.level / len(CLAIMS) / (len(self.heads) - 1) if claim else 0.025
        mine, dense = (self._values(name, statistic) for name in (head, DENSE))
        step = self._step(statistic)
        value, bounds = _bounded(mine, level, step)
        less = None if mine is None or dense is None or head == DENSE else mine - dense
        difference, difference_bounds = _bounded(less, level, step)
        status, reason = self._judged(statistic, bounds, difference_bounds) if claim else ("–", "")
        if claim and (value is None or difference is None):
            reason = "it is not defined under every seed"
        return RoutingRow(
            self.recipe.data, self.recipe.arch, head, statistic, NAMES[statistic], self.seeds, value, *bounds,
            difference, *difference_bounds, level, EVIDENCE, claim, status, reason,
        )  # fmt: skip

    def _judged(self, statistic: str, bounds: Bounds, difference: Bounds) -> tuple[str, str]:
        if statistic == "pooled_class":
            lower, upper = bounds
            return above(lower, upper, self.times, f"{self.times:g}")
        lower, upper = difference
        if statistic == "dynamic":
            return above(lower, upper, 0.0, "0")
        fewer = (None, None) if lower is None or upper is None else (-upper, -lower)
        return above(fewer[0], fewer[1], 0.0, "0")

    def _values(self, head: str, statistic: str) -> np.ndarray | None:
        """By seed; None unless it is defined under all of them."""
        found = [network.statistics[statistic].value for network in self.of(head)]
        return None if None in found else np.array(found, float)

    def _step(self, statistic: str) -> float:
        """What values are multiples of, where they count."""
        units = len(self.networks[0].units) - 1
        steps = {"heard": self.test_images, "units": self.test_images, "used": 1, "unused": units}
        return 1 / steps[statistic] if statistic in steps else 0.0


def _network(statistics: dict[str, Sequence[float | None]], **told: Any) -> Network:
    if statistics.keys() != NAMES.keys():
        raise ValueError("other statistics")
    return Network(statistics={name: Estimate(*found) for name, found in statistics.items()}, **told)


def _bounded(values: np.ndarray | None, level: float, step: float) -> tuple[float | None, Bounds]:
    """Mean and bounds."""
    return (None, (None, None)) if values is None else (float(values.mean()), student(values, level, step))
