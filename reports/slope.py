"""The empirical exponent of a rate: the slope of log(metric) against log(T)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap


@dataclass(frozen=True)
class Slope:
    """A fitted exponent; ``lower`` and ``upper`` are its 95 % interval, equal to ``value`` for exact runs."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        if self.lower == self.upper:
            return f"{self.value:.2f}"
        return f"{self.value:.2f} [{self.lower:.2f}, {self.upper:.2f}]"


def fit(horizons: Sequence[int], values: Sequence[NDArray[np.float64]], seed: int = 0) -> Slope | None:
    """Least-squares slope through the means, with a bootstrap interval over the trials of each horizon.

    Args:
        horizons: the T, at least two different ones.
        values: for each, the metric of every trial (one number for an exact run).
        seed: of the resampling.

    Returns:
        ``None`` when a slope is not defined: fewer than two horizons, or a mean that is not positive.
    """
    if len(set(horizons)) < 2 or not all(np.isfinite(v).all() and v.mean() > 0 for v in values):
        return None
    logs = np.log(np.asarray(horizons, dtype=np.float64))
    weights = (logs - logs.mean()) / np.square(logs - logs.mean()).sum()

    def slope(*samples: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        means = np.stack([sample.mean(axis=axis) for sample in samples])
        # a resample whose mean is not positive has no logarithm: it stands for "far below"
        return np.tensordot(weights, np.log(np.maximum(means, np.finfo(np.float64).tiny)), axes=1)

    value = float(slope(*values))
    if min(len(v) for v in values) < 2:
        return Slope(value, value, value)
    interval = bootstrap(
        tuple(values),
        slope,
        vectorized=True,
        method="percentile",
        n_resamples=2000,
        rng=np.random.default_rng(abs(seed)),
    ).confidence_interval
    return Slope(value, float(interval.low), float(interval.high))
