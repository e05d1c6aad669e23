"""How sure a verdict is: intervals for means, shared over all checks of a run.

Every row tests two one-sided hypotheses, "the mean is at most the bound" and "the mean is at least the bound". Holm's
procedure keeps the probability of any wrong rejection among all 2m of them below the level of the run. A row's
interval is drawn at the level that the procedure arrived at for it, so that interval and verdict agree.

The intervals are Student's, exact for normal values and approximate otherwise: for values skewed to the right the
upper bound is too low more often than the level says (16 exponential values at level 0.01: 5 % of the time), the lower
bound less often. A row that ``holds`` with measured values near its bound deserves more trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True)
class Sample:
    """Independent values of a metric, at least two, with the bound that they are held against."""

    values: NDArray[np.float64]
    bound: float

    @property
    def mean(self) -> float:
        """Sample mean."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.values.mean()) if np.ptp(self.values) != 0 else float(self.values[0])

    @property
    def error(self) -> float:
        """Standard error of the mean; infinite when the values are too large to tell."""
        if np.ptp(self.values) == 0:
            return 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            error = float(self.values.std(ddof=1) / np.sqrt(len(self.values)))
        return error if np.isfinite(error) else np.inf

    @property
    def freedom(self) -> float:
        """Degrees of freedom of Student's t, fewer when the tails are heavy.

        The variance of the sample variance is σ⁴(κ − 1)/n for kurtosis κ, so s² behaves like a χ² with 2n/(κ − 1)
        degrees of freedom (Satterthwaite's match of moments): n for normal data, few when one value dominates.
        """
        n = len(self.values)
        if not 0 < self.error < np.inf:
            return n - 1.0
        scaled = (self.values - self.mean) / np.abs(self.values - self.mean).max()
        kurtosis = float(np.mean(scaled**4) / np.mean(scaled**2) ** 2)
        return min(n - 1.0, 2 * n / max(kurtosis - 1, 2 / n))

    @property
    def p_values(self) -> tuple[float, float]:
        """Of "mean ≤ bound" and of "mean ≥ bound"."""
        if not np.isfinite(self.mean) or self.error == np.inf:
            return 1.0, 1.0
        if self.error == 0:
            return float(self.mean <= self.bound), float(self.mean >= self.bound)
        statistic = (self.mean - self.bound) / self.error
        return float(stats.t.sf(statistic, self.freedom)), float(stats.t.cdf(statistic, self.freedom))

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper one-sided confidence bound of the mean, each at ``level`` (the chance to be wrong)."""
        if not np.isfinite(self.mean) or self.error == np.inf:
            return -np.inf, np.inf
        reach = float(stats.t.isf(level, self.freedom)) * self.error if self.error > 0 else 0.0
        return self.mean - reach, self.mean + reach


def holm_levels(samples: Sequence[Sample], level: float) -> list[float]:
    """The level at which each row is judged, when the whole run has ``level``.

    Holm (1979): the smallest of 2m p-values is held against level/2m, the next against level/(2m − 1), and so on
    until one fails; from there on the level stays. Of a row's two p-values only the smaller can be rejected, so a
    row's rank among the smaller ones is its rank among all that matter.
    """
    order = sorted(range(len(samples)), key=lambda row: min(samples[row].p_values))
    levels = [0.0] * len(samples)
    hypotheses = 2 * len(samples)
    rejected = 0
    for row in order:
        levels[row] = level / (hypotheses - rejected)
        if min(samples[row].p_values) < levels[row]:
            rejected += 1
    return levels
