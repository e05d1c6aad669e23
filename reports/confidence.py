"""How sure a verdict is: intervals for means, shared over all checks of a run.

Every row tests two one-sided hypotheses, "the mean is at most the bound" and "the mean is at least the bound". Holm's
procedure keeps the probability of any wrong rejection among all 2m of them below the level of the run. A row's
interval is drawn at the level that the procedure arrived at for it, so that interval and verdict agree.

A mean of values with a known lower end is bounded from below by :mod:`reports.betting`, whatever their distribution and
number: every metric has one, so a conviction rests on nothing but independent trials. From above it is bounded by
betting where there is an upper end, and by :mod:`reports.studentised` where the tails pass their check; where both are
to be had each gets half of the level.

A sequential run looks at its values again and again. Betting may be looked at whenever one likes; of Student's p-values
at the planned looks each gets an equal share of the level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reports import betting
from reports.studentised import Studentised

# A value may lie outside its range, or a bound at its end, by rounding.
_ROUNDING = 1e-12


class Evidence(Protocol):
    """One way to bound a mean from below."""

    name: str

    def p_value(self, bound: float) -> float:
        """Of "the mean is at most ``bound``"."""

    def lower_bound(self, level: float) -> float:
        """The largest number that the mean is above, with confidence 1 − ``level``."""


@dataclass(frozen=True)
class Betting:
    """Of values ≥ ``low``, by betting."""

    values: NDArray[np.float64]
    low: float
    looks: tuple[int, ...]
    name = "betting"

    def p_value(self, bound: float) -> float:
        """As for :class:`Evidence`."""
        return betting.p_value(self.values, self.low, bound, self.looks)

    def lower_bound(self, level: float) -> float:
        """As for :class:`Evidence`."""
        return betting.lower_bound(self.values, self.low, level, self.looks)


@dataclass(frozen=True)
class Spread:
    """Of any values whose tails pass their check, by Student's test at each of the planned looks that was reached."""

    values: NDArray[np.float64]
    looks: tuple[int, ...]
    name = "studentised"

    @cached_property
    def reached(self) -> list[Studentised]:
        """The values as they were seen."""
        seen = sorted({min(look, len(self.values)) for look in self.looks} or {len(self.values)})
        return [Studentised(self.values[:look]) for look in seen]

    def p_value(self, bound: float) -> float:
        """As for :class:`Evidence`."""
        return min(1.0, max(1, len(self.looks)) * min(at.p_value(bound) for at in self.reached))

    def lower_bound(self, level: float) -> float:
        """As for :class:`Evidence`."""
        return max(at.lower_bound(level / max(1, len(self.looks))) for at in self.reached)


@dataclass(frozen=True)
class Sample:
    """Independent values of a metric, at least two, with the bound that they are held against.

    Attributes:
        values: one number a trial, in the order of the trials.
        bound: what the mean is held against.
        low, high: ends between which every value lies, infinite where none is known.
        looks: the planned numbers of trials at which a sequential run looks at them, rising; not all need be reached.
    """

    values: NDArray[np.float64]
    bound: float
    low: float = -math.inf
    high: float = math.inf
    looks: tuple[int, ...] = ()

    @property
    def mean(self) -> float:
        """Sample mean."""
        return Studentised(self.values).mean

    @cached_property
    def fault(self) -> str | None:
        """What is wrong with the values, so that there is no interval at all; ``None`` if nothing."""
        if not np.isfinite(self.values).all():
            return "the run diverged: the metric is not finite"
        bad = self.values[(self.values < self.low - self._slack) | (self.values > self.high + self._slack)]
        if len(bad):
            return f"a value of {bad[0]:.6g} is outside the range of the metric, {self.low:.6g} to {self.high:.6g}"
        return None

    @property
    def doubt(self) -> str | None:
        """Why the spread of the values says nothing about their mean; ``None`` if it does."""
        return self.fault or Studentised(self.values).doubt

    @cached_property
    def _slack(self) -> float:
        ends = [abs(end) for end in (self.low, self.high, self.bound) if math.isfinite(end)]
        return _ROUNDING * max([float(np.abs(self.values).max()), *ends])

    @cached_property
    def _sides(self) -> tuple[list[Evidence], list[Evidence]]:
        """Evidence for a mean above something, and, of the negated values, for one below."""
        if self.fault:
            return [], []
        # an end that is a little too far is still an end, and keeps a bound that lies at the end from being refuted
        bets = (
            Betting(self.values, self.low - self._slack, self.looks),
            Betting(-self.values, -self.high - self._slack, self.looks),
        )
        above: list[Evidence] = [bets[0]] if self.low > -math.inf else [Spread(self.values, self.looks)]
        below: list[Evidence] = [bets[1]] if self.high < math.inf else []
        return above, [*below, Spread(-self.values, self.looks)]

    @property
    def p_values(self) -> tuple[float, float]:
        """Of "mean ≤ bound" and of "mean ≥ bound"."""
        above, below = self._sides
        return _p_value(above, self.bound), _p_value(below, -self.bound)

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper one-sided confidence bound of the mean, each at ``level`` (the chance to be wrong)."""
        above, below = self._sides
        return _lower_bound(above, level), -_lower_bound(below, level)

    @property
    def evidence(self) -> str:
        """Which kind of evidence weighs most."""
        above, below = self._sides
        weights = [(each.p_value(self.bound), each.name) for each in above]
        weights += [(each.p_value(-self.bound), each.name) for each in below]
        return min(weights, key=lambda weight: weight[0])[1] if weights else "none"


def _p_value(evidence: Sequence[Evidence], bound: float) -> float:
    return min([1.0, *(len(evidence) * each.p_value(bound) for each in evidence)])


def _lower_bound(evidence: Sequence[Evidence], level: float) -> float:
    return max([-math.inf, *(each.lower_bound(level / len(evidence)) for each in evidence)])


class Tested(Protocol):
    """What Holm's procedure needs of a row."""

    @property
    def p_values(self) -> tuple[float, float]:
        """Of its two hypotheses."""


def holm_levels(samples: Sequence[Tested], level: float) -> list[float]:
    """The level at which each row is judged, when the whole run has ``level``.

    Holm (1979): the smallest of 2m p-values is held against level/2m, the next against level/(2m − 1), and so on
    until one fails; from there on the level stays. Of a row's two p-values only the smaller can be rejected, so a
    row's rank among the smaller ones is its rank among all that matter.
    """
    smallest = [min(sample.p_values) for sample in samples]
    levels = [0.0] * len(samples)
    hypotheses = 2 * len(samples)
    rejected = 0
    for row in sorted(range(len(samples)), key=smallest.__getitem__):
        levels[row] = level / (hypotheses - rejected)
        if smallest[row] < levels[row]:
            rejected += 1
    return levels
