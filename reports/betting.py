"""What a mean can be, of values that have a known lower end and no other property: by betting against it.

A gambler who doubts that the mean of values ≥ low is at most b stakes a share λ ∈ [0, 1] of her wealth on each value x:
it becomes ``1 + λ((x − low)/(b − low) − 1)`` times as much. If the mean really is at most b, her expected wealth never
grows, so that it ever reaches 1/α with probability at most α (Ville 1939), whenever she looks, however the values are
distributed: no upper end, no variance, no normality. She spreads her wealth over fixed shares, large ones for values
that vary little and small ones for heavy tails, so that nothing has to be tuned. Each factor falls as b rises, so the
means that she cannot refute are an interval.

Reference: I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86
(2024), the grid of bets of section B. The package ``confseq`` of these authors calls itself early-stage and not to be
considered stable, and compiles against Boost; what is needed of it is the one line of :func:`_log_wealth`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

# Shares of the wealth that are staked on every value, 1 down to 1/181.
SHARES = 2.0 ** (-0.5 * np.arange(16))


def p_value(values: NDArray[np.float64], low: float, bound: float, looks: Sequence[int] = ()) -> float:
    """Of "the mean is at most ``bound``", anytime-valid.

    Args:
        values: shape (n,), independent or at least with a conditional mean that is the mean, each ≥ ``low``.
        low: lower end of the values.
        bound: what the mean is held against.
        looks: numbers of values after which the wealth is looked at; once, after all, if empty.
    """
    if bound < low:
        return 0.0
    return math.exp(-max(0.0, _log_wealth(values - low, bound - low, looks)))


def lower_bound(values: NDArray[np.float64], low: float, level: float, looks: Sequence[int] = ()) -> float:
    """The largest number that the mean is above, with confidence 1 − ``level``; arguments as for :func:`p_value`."""
    above = values - low
    largest = float(above.max())
    if not largest > 0:
        return low

    def missing(log_mean: float) -> float:
        return _log_wealth(above, largest * math.exp(log_mean), looks) + math.log(level)

    # at the largest value no bet has gained; far enough below it, one value alone gains all that is needed
    lowest = math.log(level / len(SHARES)) - 1
    return low + largest * math.exp(brentq(missing, lowest, 0.0, xtol=1e-13)) if missing(lowest) > 0 else low


def _log_wealth(above: NDArray[np.float64], mean: float, looks: Sequence[int]) -> float:
    """Logarithm of the largest wealth seen at the looks, when ``mean`` ≥ 0 is doubted."""
    if mean == 0:
        return math.inf if above.any() else 0.0
    with np.errstate(divide="ignore"):
        gains = np.log1p(np.multiply.outer(above / mean - 1, SHARES))
    seen = np.minimum(looks, len(above)) if len(looks) else np.array([len(above)])
    wealth = gains.cumsum(0)[np.unique(seen) - 1]
    return float((logsumexp(wealth, axis=1) - math.log(len(SHARES))).max())
