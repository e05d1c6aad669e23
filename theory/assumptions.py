"""The named assumptions. Each supplies the axioms that a proof may use, and nothing else is assumed.

An assumption is one of two kinds, or both: *rules* turn arguments into facts (convexity at two points gives
an inequality); a *domain* restricts parameters (``η ≤ 1/L``), as a substitution by free non-negative symbols.
A ``constant`` names what a problem must declare, and a run is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from theory import symbols as s
from theory.facts import Fact, Refused, at_most, equals
from theory.terms import Gradient, Inner, Norm2, Objective, known_by

Rule = Callable[..., Fact]


@dataclass(frozen=True)
class Assumption:
    """An assumption of a claim.

    Attributes:
        id: its name in the ledger, in run audits and in proofs.
        statement: one sentence, formulas in ``$…$``.
        rules: named axiom schemas; their arguments come from the proof step.
        domain: substitution of a parameter by free non-negative symbols.
        condition: the same restriction as an expression that must be ≥ 0, for numbers.
        strict: whether that expression must be > 0.
        constant: the constant that a problem must declare, if any.
        some: parameters of which a rule says only that they exist; they must be gone before a sum is taken and
            before the claim is concluded.
        proved_by: ids of the claims that prove it, when it is no hypothesis but what other rows of the ledger give.
        result: the published result that it takes over without a proof here; a claim that uses it is conditional.
    """

    id: str
    statement: str
    rules: Mapping[str, Rule] = field(default_factory=dict)
    domain: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    condition: sp.Expr | None = None
    strict: bool = False
    constant: sp.Symbol | None = None
    some: frozenset[sp.Symbol] = frozenset()
    proved_by: tuple[str, ...] = ()
    result: str = ""


def _subgradient(at: sp.Expr, against: sp.Expr) -> Fact:
    return at_most(Objective(at) + Inner(Gradient(at), against - at), Objective(against))


def _tower(time: sp.Expr, against: sp.Expr) -> Fact:
    """``E[g_t | w_0, g_0 … g_{t−1}, w_t] = ∇F(w_t)``, so the two agree in expectation against what is known by then."""
    if not known_by(against, time):
        raise Refused(f"{against} is not known at step {time}, so g may not be replaced by its mean")
    return equals(Inner(s.g(time), against), Inner(Gradient(s.w(time)), against), expected=True)


def _descent(at: sp.Expr, to: sp.Expr) -> Fact:
    return at_most(Objective(to), Objective(at) + Inner(Gradient(at), to - at) + s.L / 2 * Norm2(to - at))


_slack = sp.Dummy("s", nonnegative=True)

CONVEX = Assumption(
    "convex",
    r"$F$ is convex",
    {"subgradient": _subgradient},
)
UNBIASED = Assumption(
    "unbiased",
    r"$\mathbb{E}[g_t \mid w_0,g_0,\dots,g_{t-1},w_t] = \nabla F(w_t)$, or a subgradient there",
    {"tower": _tower},
)
SECOND_MOMENT = Assumption(
    "second moment",
    r"$\mathbb{E}\|g_t\|^2 \le G^2$",
    {"bound": lambda time: at_most(Norm2(s.g(time)), s.G**2, expected=True)},
    constant=s.G,
)
VARIANCE = Assumption(
    "variance",
    r"$\mathbb{E}\|g_t-\nabla F(w_t)\|^2 \le \sigma^2$",
    {"bound": lambda time: at_most(Norm2(s.g(time) - Gradient(s.w(time))), s.sigma**2, expected=True)},
    constant=s.sigma,
)
SMOOTH = Assumption(
    "smooth",
    r"$\nabla F$ is $L$-Lipschitz",
    {"descent": _descent},
    constant=s.L,
)
DISTANCE = Assumption(
    "distance",
    r"$\|w_0-u\| \le D$",
    {"bound": lambda: at_most(Norm2(s.w(0) - s.u), s.D**2)},
    constant=s.D,
)
SUBOPTIMALITY = Assumption(
    "suboptimality",
    r"$F(w_0)-\inf F \le \Delta$",
    {"bound": lambda point: at_most(Objective(s.w(0)) - Objective(point), s.Delta)},
    constant=s.Delta,
)
STEP_AT_MOST_INVERSE_L = Assumption(
    "step",
    r"$\eta \le 1/L$",
    domain={s.L: 1 / (s.eta + _slack)},
    condition=1 - s.eta * s.L,
)
