"""Claims: what is said, under which assumptions, and how it is proved.

A claim is written once, in SymPy. Its LaTeX, its numeric bound, the best step size, the rate at that step size
and the curve in every plot are derived from that one expression.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from theory import asked
from theory import symbols as s
from theory.assumptions import Assumption
from theory.facts import Fact, at_most, nonnegative
from theory.proof import Checked, Step, StepReport, check
from theory.terms import Definitions
from theory.tuning import Tuning, at_scale, tune


@dataclass(frozen=True, eq=False)
class Claim:
    """A statement with a proof that the machine can check.

    Attributes:
        id: name in the ledger, e.g. ``"O1"``.
        title: a few words.
        setting: the setting in words, formulas in ``$…$``.
        statement: what is claimed.
        assumptions: everything that the proof may use; what it does not need is refused.
        proof: the steps, the last one concluding ``statement``.
        definitions: defined terms, e.g. ``w(t+1) = w(t) − η g(t)``.
        source: theorem and reference.
        about: ids of other claims whose formulas the statement speaks of.
    """

    id: str
    title: str
    setting: str
    statement: Fact
    assumptions: tuple[Assumption, ...]
    proof: tuple[Step, ...]
    source: str
    definitions: Definitions = field(default_factory=dict)
    about: tuple[str, ...] = ()

    def prove(self, known: Sequence[StepReport] = ()) -> Checked:
        """Check the proof, in exact arithmetic; ``known`` as for :func:`theory.proof.check`."""
        return check(self, known)

    def latex(self) -> str:
        """The statement as LaTeX."""
        relation = "=" if self.statement.equal else r"\le"
        return f"{s.latex(self.statement.lhs)} {relation} {s.latex(self.statement.rhs)}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Refuted(Claim):
    """A statement that is false, with the exact numbers that show it; it has no proof and no assumptions.

    Attributes:
        counterexample: values of the statement's symbols, exact; they may depend on a symbol that stays free, and then
            refute the statement for every value of it.
    """

    counterexample: Mapping[sp.Symbol, sp.Expr]
    assumptions: tuple[Assumption, ...] = ()
    proof: tuple[Step, ...] = ()

    def prove(self, known: Sequence[StepReport] = ()) -> Checked:
        """Check that the statement fails at the counterexample: a difference that is certainly negative, or not 0."""
        gap = sp.simplify(self.statement.gap.subs(self.counterexample, simultaneous=True))
        fails = gap.is_negative or (self.statement.equal and gap.is_nonzero)
        fault = None if fails else f"the statement does not certainly fail: {gap} is left of it"
        return Checked(self.id, (), (), fault)


_GRADIENT = s.g(s.t)

# Floating-point numbers beside the tuned step that are tried, on either side, for one that meets the conditions.
_NEIGHBOURS = 8


@dataclass(frozen=True)
class Metric:
    """What a rate bounds.

    Attributes:
        id: name by which a run records it.
        title: a few words, for axes.
        expression: the random quantity; the claim is about its expectation.
    """

    id: str
    title: str
    expression: sp.Expr


@dataclass(frozen=True, eq=False, kw_only=True)
class Rate(Claim):
    """A bound on the expectation of a metric after T steps of a method.

    Attributes:
        metric: what is bounded.
        bound: the bound, an expression in T, the step scale η and the constants of the assumptions.
        schedule: the step size η_t, an expression in t, T and η.
        cap: upper limit on η, if the claim has one.
        direction: what a step subtracts η_t times of: w_{t+1} = w_t − η_t · direction.
        scale: the η to recommend, for a bound that does not have the form that ``theory.tuning`` tunes.
    """

    metric: Metric
    bound: sp.Expr
    schedule: sp.Expr
    cap: sp.Expr | None = None
    direction: sp.Expr = _GRADIENT
    scale: sp.Expr | None = None

    @classmethod
    def state(cls, *, metric: Metric, bound: sp.Expr, **rest: object) -> Rate:
        """A rate claim, whose statement is that the metric is at most the bound in expectation."""
        statement = at_most(metric.expression, bound, expected=True)
        return cls(metric=metric, bound=bound, statement=statement, **rest)  # type: ignore[arg-type]

    def prove(self, known: Sequence[StepReport] = ()) -> Checked:
        """Check the proof, and that bound, metric, schedule and cap are those that it speaks of."""
        checked = super().prove(known)
        if checked.refused is None and (fault := self._misstated()):
            return replace(checked, refused=fault)
        return checked

    def _misstated(self) -> str | None:
        if self.statement != at_most(self.metric.expression, self.bound, expected=True):
            return "the statement is not that the metric is at most the bound in expectation"
        moved = self.definitions.get(s.w(s.t + 1), sp.nan) - (s.w(s.t) - self.schedule * self.direction)
        if sp.simplify(moved) != 0:
            return "the schedule is not the one of the algorithm"
        conditions = [a.condition for a in self.assumptions if a.condition is not None and a.condition.has(s.eta)]
        if self.scale is not None:
            fits = all(nonnegative(condition.subs(s.eta, self.scale), {}) for condition in conditions)
            return None if fits else "the scale does not meet the condition on the step size that the proof assumes"
        capped = [] if self.cap is None else [sp.simplify(1 - s.eta / self.cap)]
        if [sp.simplify(c) for c in conditions] != capped:
            return "the cap is not the condition on the step size that the proof assumes"
        return None

    @cached_property
    def tuning(self) -> Tuning:
        """The step scale that suits a horizon, and the rate that it gives, with their certificate."""
        if self.scale is not None:
            return at_scale(self.bound, self.scale)
        restrictions = [dict(a.domain) for a in self.assumptions if a.condition is None or not a.condition.has(s.eta)]
        return tune(self.bound, self.cap, ChainMap(*restrictions))

    @property
    def constants(self) -> tuple[sp.Symbol, ...]:
        """The constants that a problem must supply, by name, for the bound and the tuned step to be numbers."""
        return tuple(sorted((self.bound.free_symbols | self.tuning.eta.free_symbols) - {s.T, s.eta}, key=str))

    def latex(self) -> str:
        """The statement as LaTeX, with the expectation written out."""
        return rf"\mathbb{{E}}\left[{s.latex(self.metric.expression)}\right] \le {s.latex(self.bound)}"

    @staticmethod
    def latex_of(expression: sp.Basic) -> str:
        """LaTeX of a part of the claim, e.g. of the tuned step."""
        return s.latex(expression)

    def bound_at(self, horizon: int, eta: float, constants: Mapping[str, float]) -> float:
        """The bound as a number; infinite where it is too large for one, or divides by 0.

        Args:
            horizon: T ≥ 1.
            eta: scale of the step size.
            constants: values by symbol name; must hold all of :attr:`constants`.

        Raises:
            KeyError: a constant is missing.
            ValueError: horizon, η or a constant is no number.
        """
        try:
            return float(
                self._number(self.bound, (s.T, s.eta))(
                    asked.horizon(horizon), asked.number("eta", eta), **self._pick(constants)
                )
            )
        except (OverflowError, ZeroDivisionError):
            return math.inf

    def best_eta(self, horizon: int, constants: Mapping[str, float]) -> float:
        """The tuned step scale as a number; arguments as for :meth:`bound_at`.

        At the cap itself rounding may fall on the wrong side (η = 1/L need not give ηL ≤ 1), so it is the nearest
        number that meets the conditions, where one is near.
        """
        eta = float(self._number(self.tuning.eta, (s.T,))(asked.horizon(horizon), **self._pick(constants)))
        conditions = [a for a in self.assumptions if a.condition is not None and a.condition.has(s.eta)]
        below = above = eta
        for _ in range(_NEIGHBOURS):
            for near in (below, above):
                if all(_meets(a, near, {**constants, "T": horizon}) for a in conditions):
                    return near
            below, above = math.nextafter(below, 0), math.nextafter(above, math.inf)
        return eta

    def rate_at(self, horizon: int, constants: Mapping[str, float]) -> float:
        """The rate at the tuned step scale as a number."""
        return float(self._number(self.tuning.rate, (s.T,))(asked.horizon(horizon), **self._pick(constants)))

    def steps(self, horizon: int, eta: float) -> NDArray[np.float64]:
        """The step sizes η_0 … η_{T−1}, shape ``(horizon,)``."""
        sizes = sp.lambdify((s.t, s.T, s.eta), self.schedule, "numpy")
        told = sizes(np.arange(asked.horizon(horizon)), horizon, float(asked.number("eta", eta)))
        return np.broadcast_to(told, (horizon,)).astype(np.float64)

    def broken(self, eta: float, constants: Mapping[str, float]) -> str | None:
        """The condition on parameters that ``eta`` breaks, or ``None``."""
        asked.number("eta", eta)
        asked.numbers(constants)
        for assumption in self.assumptions:
            if not _meets(assumption, eta, constants):
                return f"{assumption.id}: {assumption.statement} fails at η = {eta:g}"
        return None

    def _pick(self, constants: Mapping[str, float]) -> dict[str, float]:
        given = asked.numbers(constants)
        return {name.name: asked.number(name.name, given[name.name]) for name in self.constants}

    def _number(self, expression: sp.Expr, first: tuple[sp.Symbol, ...]) -> Callable[..., float]:
        return _compiled((*first, *self.constants), expression)


def _meets(assumption: Assumption, eta: float, constants: Mapping[str, float]) -> bool:
    if assumption.condition is None:
        return True
    values = {name: constants[name.name] for name in assumption.condition.free_symbols - {s.eta}}
    left = assumption.condition.subs({s.eta: eta, **values})
    return bool(left > 0 if assumption.strict else left >= 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Cited(Rate):
    """A rate that is stated without proof, to be run and judged; see :func:`theory.cited.cite`."""

    def prove(self, known: Sequence[StepReport] = ()) -> Checked:
        """Nothing is proved."""
        return Checked(self.id, (), (), "no proof is given")


@lru_cache(maxsize=256)
def _compiled(arguments: tuple[sp.Symbol, ...], expression: sp.Expr) -> Callable[..., float]:
    return sp.lambdify(arguments, expression, "math")
