"""The parity study asks whether the accuracy of an AAT head is within a margin of that of the dense one.

For every seed all heads start from the same weights and see the same images in the same order, augmented alike, so what
is judged is the mean over seeds of the difference of two test accuracies. *Holds*: the lower confidence bound of the
mean is above −margin (non-inferiority); *violated*: the upper one is below; *undecided*: neither. The bounds are
Student's, each at level/m for m heads, so that all verdicts together are right with probability at least 1 − level.
They take the differences to be normal, which a handful of seeds cannot show: the rows say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from aat.recipe import Recipe
from reports import plots, published
from reports.cnn import paired
from reports.cnn.paired import DENSE, EVIDENCE, above, student

FILE = "parity.json"
# Those that the page shows.
PUBLISHED = "cnn_parity*.json"


@dataclass(frozen=True)
class Score:
    """One training.

    Attributes:
        head: in words; ``dense`` is the one that the others are compared with.
        seed: of weights, order and augmentation.
        accuracy: on the test images.
        seconds_per_epoch: of training.
    """

    head: str
    seed: int
    accuracy: float
    seconds_per_epoch: float


@dataclass(frozen=True)
class ParityRow:
    """A head against the dense one, or the dense one itself; also the schema of ``--json``.

    Attributes:
        data, arch, head: what was trained.
        seeds: how many.
        accuracy, accuracy_lower, accuracy_upper: mean over seeds, and its 95 % interval (Student); None for one seed.
        difference: mean of accuracy less that of the dense head, seed by seed; None for the dense head.
        lower, upper: one-sided confidence bounds of its expectation, each at ``level``.
        level: probability that this row allows of being wrong on one side.
        margin: by how much accuracy may be lower.
        evidence: what the bounds rest on.
        status: ``holds``, ``violated`` or ``undecided``; ``–`` for the dense head.
        reason: why, when undecided.
        seconds_per_epoch: median over seeds.
        cost: that, over the dense head's.
    """

    data: str
    arch: str
    head: str
    seeds: int
    accuracy: float
    accuracy_lower: float | None
    accuracy_upper: float | None
    difference: float | None
    lower: float | None
    upper: float | None
    level: float
    margin: float
    evidence: str
    status: str
    reason: str
    seconds_per_epoch: float
    cost: float


@dataclass(frozen=True)
class Parity:
    """A finished study.

    Attributes:
        command: that makes it again.
        recipe: of all trainings, but for the head and the seed.
        margin, level: of the verdicts.
        images, test_images: how many.
        device, versions: what computed it.
        scores: one a training.
    """

    command: str
    recipe: Recipe
    margin: float
    level: float
    images: int
    test_images: int
    device: str
    versions: dict[str, str]
    scores: tuple[Score, ...]

    def save(self, file: Path) -> None:
        """Write it, whole or not at all, a training a line."""
        head = {name: value for name, value in asdict(self).items() if name != "scores"}
        published.write(file, head, "scores", self.scores)

    @classmethod
    def load(cls, file: Path) -> Parity:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> Parity:
            scores = tuple(Score(**score) for score in told.pop("scores"))
            paired.check(scores)
            return cls(recipe=Recipe.of(told.pop("recipe")), scores=scores, **told)

        return published.read(file, make, "aat study parity")

    @property
    def name(self) -> str:
        """Data and network, in words."""
        width = "" if self.recipe.width == 1 else f", width × {self.recipe.width:g}"
        before = f"frozen {self.recipe.backbone} + " if self.recipe.backbone else ""
        return f"{self.recipe.data}, {before}{self.recipe.arch}{width}"

    @property
    def gpu(self) -> bool:
        """Whether it was trained on one."""
        return not self.device.endswith("cores")

    @property
    def seeds(self) -> list[int]:
        """Of the trainings."""
        return sorted({score.seed for score in self.scores})

    def rows(self) -> list[ParityRow]:
        """The verdicts, in the order of the heads; the dense one last."""
        heads = paired.heads(self.scores)
        return [self._row(head, self.level / max(1, len(heads) - 1)) for head in heads]

    def _of(self, head: str, what: Callable[[Score], float]) -> np.ndarray:
        """Something of every training with this head, by seed."""
        return np.array([what(score) for score in paired.of(head, self.scores)])

    def _row(self, head: str, level: float) -> ParityRow:
        accuracy, dense = (self._of(name, lambda score: score.accuracy) for name in (head, DENSE))
        seconds, dense_seconds = (
            float(np.median(self._of(name, lambda score: score.seconds_per_epoch))) for name in (head, DENSE)
        )
        accuracy_lower, accuracy_upper = student(accuracy, 0.025, 1 / self.test_images)
        judged: dict[str, Any] = {"difference": None, "lower": None, "upper": None, "status": "–", "reason": ""}
        if head != DENSE:
            lower, upper = student(accuracy - dense, level, 1 / self.test_images)
            status, reason = verdict(lower, upper, self.margin)
            mean = float((accuracy - dense).mean())
            judged = {"difference": mean, "lower": lower, "upper": upper, "status": status, "reason": reason}
        return ParityRow(
            data=self.recipe.data,
            arch=self.recipe.arch,
            head=head,
            seeds=len(accuracy),
            accuracy=float(accuracy.mean()),
            accuracy_lower=accuracy_lower,
            accuracy_upper=accuracy_upper,
            level=level,
            margin=self.margin,
            evidence=EVIDENCE,
            seconds_per_epoch=seconds,
            cost=seconds / dense_seconds,
            **judged,
        )


def verdict(lower: float | None, upper: float | None, margin: float) -> tuple[str, str]:
    """Status and reason."""
    return above(lower, upper, -margin, "−margin")


def draw(study: Parity) -> Figure:
    """Differences with their intervals, and accuracies, by head."""
    rows = study.rows()
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(7.2, 1.2 + 0.32 * len(rows)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for place, row in enumerate(rows):
            colour, marker = ("#000000", "s") if row.head == DENSE else ("#D55E00", "o")
            left.plot([score.accuracy for score in study.scores if score.head == row.head],
                      [place] * row.seeds, marker, ms=3, mfc="none", color=colour)  # fmt: skip
            left.plot(row.accuracy, place, marker, color=colour, ms=6)
            if row.difference is not None:
                right.plot(row.difference, place, marker, color=colour, ms=6)
                if row.lower is not None:
                    right.plot([row.lower, row.upper], [place, place], "-", color=colour, lw=1.5)
        right.axvline(-study.margin, color="#777777", lw=1, ls=(0, (5, 2)))
        right.axvline(0, color="#777777", lw=0.5)
        left.set(xlabel="test accuracy: mean ●, single trainings ○")
        right.set(xlabel="less that of the dense head; dashed: the margin")
        for axes in (left, right):
            axes.xaxis.set_major_formatter(PercentFormatter(1.0))
            axes.xaxis.set_major_locator(MaxNLocator(5))
        left.set_yticks(range(len(rows)), [row.head for row in rows])
        left.set_ylim(len(rows) - 0.5, -0.5)
        figure.suptitle(study.name, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure
