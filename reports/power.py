"""The power of a row: the smallest factor of violation that it would have caught with probability 0.9.

A claim is violated by a factor f when the expectation is f times its bound. Whether ``n`` trials would have said so
depends on how values would have been distributed then; they are taken to be distributed as they were, stretched from
the lower end of their range (or, where there is none, moved) until their mean is f times the bound. The logarithm of
a gambler's wealth is a sum over trials, taken to be normal. So a power is an estimate, and no verdict depends on it.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from reports.betting import SHARES
from reports.confidence import Sample
from reports.studentised import Studentised

CAUGHT = 0.9

# Factors beyond this are not told apart.
_MOST = 1e6


def power(sample: Sample, level: float) -> float | None:
    """The factor, ≥ 1, at which the row would be violated with probability 0.9 when judged at ``level``.

    ``None`` where there is none: the bound is not positive, or no factor is enough for so few trials.
    """
    if sample.fault or not 0 < sample.bound < math.inf:
        return None
    return _moved(sample, level) if sample.low == -math.inf else _stretched(sample, level)


def _stretched(sample: Sample, level: float) -> float | None:
    """By betting: the stretch at which the 0.1-quantile of some bet's wealth is enough."""
    room = sample.bound - sample.low
    if room <= 0:
        return 1.0
    above = sample.values - sample.low
    shape = above / above.mean() if above.any() else np.ones_like(above)
    enough = math.log(len(SHARES) / level)

    def surplus(log_stretch: float) -> float:
        # a bet of everything is left out: it is ruined by one value at the lower end
        gains = np.log1p(np.multiply.outer(math.exp(log_stretch) * shape - 1, SHARES[1:]))
        quantile = len(shape) * gains.mean(0) + stats.norm.isf(CAUGHT) * math.sqrt(len(shape)) * gains.std(0)
        return float(quantile.max()) - enough

    if surplus(math.log(_MOST)) < 0:
        return None
    return (sample.low + room * math.exp(brentq(surplus, 0.0, math.log(_MOST), xtol=1e-6))) / sample.bound


def _moved(sample: Sample, level: float) -> float | None:
    """By spread: as far as the interval reaches below the mean, and a standard deviation of the mean's for luck."""
    student = Studentised(sample.values)
    looks = max(1, len(sample.looks))
    if student.doubt:
        return None
    if student.error == 0:
        return 1.0
    luck = float(stats.t.ppf(CAUGHT, len(sample.values) - 1))
    factor = 1 + (student.reach(level / looks) + luck) * student.error / sample.bound
    return factor if factor < _MOST else None
