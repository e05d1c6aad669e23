"""Heads that start from the same weights, seed by seed: bounds of a mean over seeds, and what they say of a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from scipy import stats

# The head that others are compared with.
DENSE = "dense"
EVIDENCE = "Student's t; the differences are taken to be normal"


class Trained(Protocol):
    """What a study keeps of one training: the head in words, and the seed."""

    @property
    def head(self) -> str:
        """In words."""
        ...

    @property
    def seed(self) -> int:
        """Of weights, order and augmentation."""
        ...


T = TypeVar("T", bound=Trained)


def heads(trainings: Sequence[Trained]) -> list[str]:
    """In the order of the trainings, the dense one last."""
    return sorted(dict.fromkeys(training.head for training in trainings), key=lambda head: head == DENSE)


def of(head: str, trainings: Sequence[T]) -> list[T]:
    """The trainings with this head, by seed."""
    return sorted((training for training in trainings if training.head == head), key=lambda training: training.seed)


def check(trainings: Sequence[Trained]) -> None:
    """ValueError unless every head, the dense one among them, was trained under the same seeds, each once."""
    seeds = {head: [training.seed for training in of(head, trainings)] for head in (*heads(trainings), DENSE)}
    expected = sorted(set(seeds[DENSE]))
    if not expected or any(each != expected for each in seeds.values()):
        raise ValueError("heads with different seeds")


def student(values: np.ndarray, level: float, step: float = 0.0) -> tuple[float | None, float | None]:
    """One-sided confidence bounds of a mean, each at ``level``; None for fewer than two values.

    Values that are multiples of ``step`` may agree by chance: their spread is taken to be that of rounding at least.
    """
    if len(values) < 2:
        return None, None
    spread = max(float(values.std(ddof=1)), step / math.sqrt(12))
    reach = float(stats.t.isf(level, len(values) - 1)) * spread / math.sqrt(len(values))
    return float(values.mean()) - reach, float(values.mean()) + reach


def above(lower: float | None, upper: float | None, limit: float, name: str = "the limit") -> tuple[str, str]:
    """Whether a mean is above a limit: status and reason."""
    if lower is None or upper is None:
        return "undecided", "one seed tells nothing of the spread over seeds"
    if lower > limit:
        return "holds", ""
    if upper < limit:
        return "violated", ""
    return "undecided", f"{name} lies inside the confidence interval"
