"""Heads that start from the same weights, seed by seed: bounds of a mean over seeds, and what they say of a limit."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

EVIDENCE = "Student's t; the differences are taken to be normal"


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
