"""The study of few units: accuracy against the number of units that a class hears, by head, on the same features.

NEC, the number of effective concepts, is the number of units that a class hears of an image; ANEC-5 is the accuracy at
NEC = 5, ANEC-avg its mean over NEC = 5, 10, 15, 20, 25, 30 (Srivastava, Yan & Weng, "VLG-CBM", NeurIPS 2024). A path
of penalties meets these numbers by chance only: between two of its points accuracy is interpolated linearly. Where a
method has no point at or below such an NEC, it has no ANEC; beyond its last point that one counts. The paper takes the
next point above and sets its smallest weights to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aat.recipe import Recipe
from reports import published
from reports.cnn.paired import above, student

FILE = "nec.json"
# Those that the page shows.
PUBLISHED = "cnn_nec*.json"
LEVELS = (5, 10, 15, 20, 25, 30)
AAT, CUT, SPARSE, EM = "AAT", "own head, cut", "sparse (L1)", "EM routing"
# The network's own head, and a dense one on its features.
OWN, DENSE = "own head", "dense"
# As they are shown.
METHODS = (AAT, CUT, SPARSE, EM, DENSE, OWN)
_LEVEL = 0.025


@dataclass(frozen=True)
class Point:
    """One head on the features of one network.

    Attributes:
        method: one of METHODS.
        seed: of the network and the head.
        nec, used, effective: units, see :class:`aat.heads.Units`.
        accuracy: on the test images.
        train_seconds: of this head alone, on features that are there; along a path since its beginning. None: it was
            not trained on its own.
        ms_per_1000: inference on 1,000 samples, features that are there; median.
        ratio: of that to a dense head's, which took turns with it.
    """

    method: str
    seed: int
    nec: float
    used: float
    effective: float
    accuracy: float
    train_seconds: float | None
    ms_per_1000: float
    ratio: float


@dataclass(frozen=True)
class Mean:
    """A mean over seeds, and its 95 % interval (Student); None for one seed."""

    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Summary:
    """A method in the table.

    Attributes:
        method: which.
        anec_5, anec_avg: see above; None where a seed has no point so low.
        accuracy: at its largest NEC.
        ahead: AAT's ANEC-avg less this method's, seed by seed; None where one of them has none.
        nec, used: of the head of the largest NEC up to 5, else of the only one; means over seeds.
        train_seconds: of all its heads together, median over seeds; None: not trained on its own.
        ratio: of the time of inference to the dense head's, median over its heads.
    """

    method: str
    anec_5: Mean | None
    anec_avg: Mean | None
    accuracy: Mean
    ahead: Mean | None
    nec: float
    used: float
    train_seconds: float | None
    ratio: float


@dataclass(frozen=True)
class Nec:
    """A finished study.

    Attributes:
        command: that makes it again.
        recipe: of the networks, but for the seed.
        units: how many the heads hear.
        images, test_images: how many.
        device, head_device: what trained the networks, and what the heads.
        versions: of what computed it.
        points: one a head.
    """

    command: str
    recipe: Recipe
    units: int
    images: int
    test_images: int
    device: str
    head_device: str
    versions: dict[str, str]
    points: tuple[Point, ...]

    def save(self, file: Path) -> None:
        """Write it, whole or not at all, a head a line."""
        head = {name: value for name, value in asdict(self).items() if name != "points"}
        published.write(file, head, "points", self.points)

    @classmethod
    def load(cls, file: Path) -> Nec:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> Nec:
            points = tuple(Point(**point) for point in told.pop("points"))
            found = cls(recipe=Recipe.of(told.pop("recipe")), points=points, **told)
            seeds = {method: {p.seed for p in points if p.method == method} for method in {p.method for p in points}}
            if seeds.keys() != set(METHODS) or any(each != seeds[OWN] for each in seeds.values()):
                raise ValueError("heads with different seeds, or not all of them")
            return found

        return published.read(file, make, "aat study nec")

    @property
    def name(self) -> str:
        """Data and network, in words."""
        before = f"frozen {self.recipe.backbone} + " if self.recipe.backbone else ""
        return f"{self.recipe.data}, features of {before}{self.recipe.arch} trained with {self.head}"

    @property
    def head(self) -> str:
        """That the networks were trained with, in words."""
        return "a dense head" if self.recipe.k is None else f"an AAT head, {self.recipe.head}"

    @property
    def seeds(self) -> list[int]:
        """Of the networks."""
        return sorted({point.seed for point in self.points})

    def rows(self) -> list[dict[str, object]]:
        """One a head, for ``--json``."""
        return [{"data": self.recipe.data, "arch": self.recipe.arch} | asdict(point) for point in self.points]

    def of(self, method: str, seed: int) -> list[Point]:
        """The heads of a method under a seed, by NEC."""
        return sorted((p for p in self.points if (p.method, p.seed) == (method, seed)), key=lambda point: point.nec)

    def mean(self, values: Sequence[float]) -> Mean:
        """Of something that is counted in test images."""
        found = np.array(values)
        return Mean(float(found.mean()), *student(found, _LEVEL, 1 / self.test_images))

    def summaries(self) -> list[Summary]:
        """All methods, in the order of METHODS."""
        return [self._summary(method) for method in METHODS]

    def rival(self) -> Summary | None:
        """Of the other methods the one of highest ANEC-avg; None where AAT, or every other one, has none."""
        # the own head of an AAT network is AAT too, cut or not
        kin = () if self.recipe.k is None else (OWN, CUT)
        rivals = [(row.anec_avg.value, row) for row in self.summaries() if row.anec_avg and row.ahead]
        return max((each for each in rivals if each[1].method not in kin), key=lambda each: each[0], default=(0, None))[
            1
        ]

    @property
    def status(self) -> str:
        """Whether AAT's ANEC-avg is above its best rival's: ``holds``, ``violated`` or ``undecided``."""
        rival = self.rival()
        ahead = rival.ahead if rival else None
        return above(ahead.lower, ahead.upper, 0)[0] if ahead else "undecided"

    def verdict(self) -> str:
        """Who is ahead at few units, in a sentence."""
        best = self.rival()
        if best is None:
            return f"AAT, or every other head, hears more than {LEVELS[0]} units: there is no ANEC to compare."
        wins = best.ahead is not None and best.ahead.value > 0
        lead = "AAT has the highest ANEC-avg" if wins else f"AAT does not win: {best.method} is not behind it"
        return f"{lead}. AAT's ANEC-avg less that of {best.method}: {_judged(best.ahead)}."

    def _summary(self, method: str) -> Summary:
        every = [self.of(method, seed) for seed in self.seeds]
        low = [at_most(points, LEVELS[0]) or points[-1] for points in every]
        seconds = [total_seconds(points) for points in every]
        return Summary(
            method=method,
            anec_5=self._mean(method, anec_5),
            anec_avg=self._mean(method, anec_avg),
            accuracy=self.mean([points[-1].accuracy for points in every]),
            ahead=self._ahead(method),
            nec=float(np.mean([point.nec for point in low])),
            used=float(np.mean([point.used for point in low])),
            train_seconds=None if None in seconds else float(np.median([s for s in seconds if s is not None])),
            ratio=float(np.median([point.ratio for points in every for point in points])),
        )

    def _mean(self, method: str, what: Callable[[list[Point]], float | None]) -> Mean | None:
        values = [what(self.of(method, seed)) for seed in self.seeds]
        present = [value for value in values if value is not None]
        return self.mean(present) if len(present) == len(values) else None

    def _ahead(self, method: str) -> Mean | None:
        pairs = [(anec_avg(self.of(AAT, seed)), anec_avg(self.of(method, seed))) for seed in self.seeds]
        differences = [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]
        return self.mean(differences) if method != AAT and len(differences) == len(pairs) else None


def at_most(points: Sequence[Point], level: float) -> Point | None:
    """The point of the largest NEC that is not above ``level``; None: all are above."""
    below = [point for point in points if point.nec <= level]
    return max(below, key=lambda point: point.nec) if below else None


def accuracy_at(points: Sequence[Point], level: float) -> float | None:
    """Accuracy at this NEC, interpolated; None: all points are above."""
    if at_most(points, level) is None:
        return None
    by_nec = sorted(points, key=lambda point: point.nec)
    return float(np.interp(level, [point.nec for point in by_nec], [point.accuracy for point in by_nec]))


def anec_5(points: Sequence[Point]) -> float | None:
    """Accuracy at NEC = 5; None: all points are above."""
    return accuracy_at(points, LEVELS[0])


def anec_avg(points: Sequence[Point]) -> float | None:
    """Mean accuracy over the levels; None: all points are above the first of them."""
    found = [accuracy_at(points, level) for level in LEVELS]
    accuracies = [accuracy for accuracy in found if accuracy is not None]
    return sum(accuracies) / len(LEVELS) if len(accuracies) == len(LEVELS) else None


def total_seconds(points: Sequence[Point]) -> float | None:
    """Of the training of all these heads; those of a path tell the seconds since it began."""
    told = [point.train_seconds for point in points if point.train_seconds is not None]
    if len(told) < len(points):
        return None
    return max(told) if points[0].method == SPARSE else sum(told)


def _judged(ahead: Mean | None) -> str:
    """A difference in points, and what it shows."""
    if ahead is None or ahead.lower is None or ahead.upper is None:
        points = "unknown" if ahead is None else f"{100 * ahead.value:+.2f} points"
        return f"{points}; one seed tells nothing of the spread over seeds"
    told = "leaves out 0" if ahead.lower > 0 or ahead.upper < 0 else "holds 0: no difference is shown"
    return f"{100 * ahead.value:+.2f} points [{100 * ahead.lower:+.2f}, {100 * ahead.upper:+.2f}]; the interval {told}"
