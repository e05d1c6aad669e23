"""What a mean can be, by the spread of the values: Student's test, corrected for skewness, if the tails allow it.

Nothing can be said about the mean of values without a known end unless something is assumed of their tails (Bahadur
and Savage 1956). So the tails are checked, and where the check fails nothing is said:

* at least :data:`FEWEST` values;
* no value makes up more than :data:`HEAVIEST` of the sum of squared deviations;
* the p-value grows with the measured skewness γ, by the first term of Cramér's series for self-normalised sums,
  ``exp(n y³ γ/3)`` at ``y = Σx/√(n Σx²)``: values that are skewed away from the bound make it look too safe. To γ come
  three of its standard errors, √(6/n), so that a tail which is thin by luck costs something too. A skewness that
  outweighs Student's tail makes the p-value rise again, and then nothing before that place is refuted.

For normal values it errs less often than it says, for others about as often, and for the heaviest tails at small levels
more often: see ``tests/reports/test_studentised.py``.

Reference: B.-Y. Jing, Q.-M. Shao, Q. Wang, "Self-normalized Cramér-type large deviations for independent random
variables", Ann. Probab. 31 (2003); Q. Wang, "Refined self-normalized large deviations for independent random
variables", J. Theor. Probab. 24 (2011).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

FEWEST = 32
HEAVIEST = 0.5
_CAUTION = 3.0

# Where the p-value is looked at in search of one that rises again, in standard errors.
_FAR = np.geomspace(1e-3, 1e12, 400)


@dataclass(frozen=True)
class Studentised:
    """Independent values, at least two; their mean is to be bounded from below."""

    values: NDArray[np.float64]

    @cached_property
    def mean(self) -> float:
        """Sample mean."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(self.values.mean()) if np.ptp(self.values) != 0 else float(self.values[0])

    @cached_property
    def error(self) -> float:
        """Standard error of the mean; infinite when the values are too large to tell."""
        if np.ptp(self.values) == 0:
            return 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            error = float(self.values.std(ddof=1) / np.sqrt(len(self.values)))
        return error if np.isfinite(error) else np.inf

    @cached_property
    def _deviations(self) -> NDArray[np.float64]:
        """Deviations from the mean, the largest ±1."""
        return (self.values - self.mean) / np.abs(self.values - self.mean).max()

    @cached_property
    def skewness(self) -> float:
        """Skewness of the values towards the bound, with the caution that is added; at least 0."""
        skewness = float(np.mean(self._deviations**3) / np.mean(self._deviations**2) ** 1.5)
        return max(0.0, _CAUTION * math.sqrt(6 / len(self.values)) - skewness)

    @property
    def doubt(self) -> str | None:
        """Why the values say nothing about their mean, or ``None``."""
        if not math.isfinite(self.mean) or self.error == np.inf:
            return "the values are too large to tell their spread"
        if len(self.values) < FEWEST:
            return f"{len(self.values)} trials do not show their tails; expected at least {FEWEST}"
        if self.error == 0:
            return None
        heaviest = float(1 / np.square(self._deviations).sum())
        return f"heavy tails: one trial makes up {heaviest:.0%} of the spread" if heaviest > HEAVIEST else None

    def p_value(self, bound: float) -> float:
        """Of "the mean is at most ``bound``"; 1 where the tails do not pass their check."""
        if self.doubt:
            return 1.0
        if self.error == 0:
            return float(self.mean <= bound)
        at = (self.mean - bound) / self.error
        beyond = self._log_tail(_FAR)[at < _FAR]
        here = float(self._log_tail(np.array([at]))[0])
        return math.exp(min(0.0, max(here, beyond.max(initial=-np.inf))))

    def lower_bound(self, level: float) -> float:
        """The largest number that the mean is above, with confidence 1 − ``level``; −∞ where there is none."""
        if self.doubt:
            return -np.inf
        return self.mean - self.reach(level) * self.error if self.error > 0 else self.mean

    def reach(self, level: float) -> float:
        """Standard errors from the mean to its bound; the outermost place where the p-value passes ``level``."""
        wanted = math.log(level)
        above = np.flatnonzero(self._log_tail(_FAR) > wanted)
        if len(above) == 0:
            return float(stats.t.isf(level, len(self.values) - 1))
        if above[-1] == len(_FAR) - 1:
            return np.inf
        bracket = _FAR[above[-1]], _FAR[above[-1] + 1]
        return float(brentq(lambda t: float(self._log_tail(np.array([t]))[0]) - wanted, *bracket, rtol=1e-13))

    def _log_tail(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of the corrected tail of Student's t."""
        n = len(self.values)
        y = np.maximum(t / np.sqrt(n - 1 + t**2), 0)
        tail = _far_tail(n - 1) if t is _FAR else stats.t.logsf(t, n - 1)
        return tail + n * y**3 * self.skewness / 3


@lru_cache(maxsize=64)
def _far_tail(freedom: int) -> NDArray[np.float64]:
    return stats.t.logsf(_FAR, freedom)
