"""What a proof has at each moment: facts, the ranges they hold on, and how signs are decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from theory.terms import Definitions, exact, is_random, normal


class Refused(ValueError):
    """A proof step that does not hold: the message names the step's fault."""


@dataclass(frozen=True)
class Range:
    """All integers ``lower ≤ index ≤ upper``; empty when ``upper = lower − 1``.

    Raises:
        Refused: limits that are no integers, contain the index, or lie outside the domain of its symbol.
    """

    index: sp.Symbol
    lower: sp.Expr
    upper: sp.Expr

    def __post_init__(self) -> None:
        free = self.lower.free_symbols | self.upper.free_symbols
        if not (self.lower.is_integer and self.upper.is_integer) or self.index in free:
            raise Refused(f"{self.index} from {self.lower} to {self.upper}: expected integers free of {self.index}")
        if (self.index.is_positive and not self.lower.is_positive) or (
            self.index.is_nonnegative and not self.lower.is_nonnegative
        ):
            raise Refused(f"{self.index} cannot start at {self.lower}")

    @property
    def count(self) -> sp.Expr:
        """Number of indices."""
        return self.upper - self.lower + 1

    @property
    def limits(self) -> tuple[sp.Symbol, sp.Expr, sp.Expr]:
        """The limits as SymPy's ``Sum`` takes them."""
        return (self.index, self.lower, self.upper)

    def domain(self) -> dict[sp.Symbol, sp.Expr]:
        """The range as a substitution by free naturals: ``t ≤ T − 2`` becomes ``T = t + 2 + r``."""
        slack = sp.Dummy("r", integer=True, nonnegative=True)
        bound = self.upper.free_symbols
        if len(bound) != 1:
            return {}
        (horizon,) = bound
        return {horizon: self.index + (horizon - self.upper) + slack}


@dataclass(frozen=True)
class Fact:
    """``lhs ≤ rhs`` or ``lhs = rhs``: surely, or in expectation; once, or for every index of a range."""

    lhs: sp.Expr
    rhs: sp.Expr
    equal: bool = False
    expected: bool = False
    over: Range | None = None

    def __post_init__(self) -> None:
        exact(self.lhs, self.rhs)

    @property
    def gap(self) -> sp.Expr:
        """``rhs − lhs``: non-negative, or zero for an equality."""
        return self.rhs - self.lhs


def at_most(lhs: sp.Expr, rhs: sp.Expr, **more: object) -> Fact:
    """The fact ``lhs ≤ rhs``."""
    return Fact(sp.sympify(lhs), sp.sympify(rhs), **more)  # type: ignore[arg-type]


def equals(lhs: sp.Expr, rhs: sp.Expr, **more: object) -> Fact:
    """The fact ``lhs = rhs``."""
    return Fact(sp.sympify(lhs), sp.sympify(rhs), equal=True, **more)  # type: ignore[arg-type]


def nonnegative(expr: sp.Expr, domain: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether ``expr`` is certain to be defined and ≥ 0, everywhere on ``domain``.

    A condition such as ``η ≤ 1/L`` is a substitution by free non-negative symbols (``L = 1/(η + s)``), so that a sign
    is a matter of SymPy's exact assumptions on sums and products: no numbers are tried. An honest "do not know" counts
    as no.
    """
    expr = sp.sympify(expr)
    if not defined(expr, domain):
        return False
    expr = _without_sums(expr, domain)
    return bool(expr.is_nonnegative or _on(domain, sp.together(expr)).is_nonnegative)


def defined(expr: sp.Expr, domain: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Whether ``expr`` is a real number everywhere on ``domain``: no division by 0, no root or logarithm below it."""
    for total in expr.atoms(sp.Sum):
        if len(total.limits) > 1:
            return False
        # either what is known of the index, or what is known of the parameters, may settle it
        if not (defined(total.function, _inside(total, domain)) or defined(total.function, _outside(total, domain))):
            return False
    expr = _without_sums(expr, domain)
    powers = expr.atoms(sp.Pow)
    divisors = {power.base for power in powers if not _on(domain, power.exp).is_nonnegative}
    roots = {power.base for power in powers if not power.exp.is_integer}
    logarithms = {logarithm.args[0] for logarithm in expr.atoms(sp.log)}
    return (
        all(_on(domain, divisor).is_nonzero for divisor in divisors)
        and all(_on(domain, root).is_nonnegative for root in roots)
        and all(_on(domain, logarithm).is_positive for logarithm in logarithms)
    )


def _on(domain: Mapping[sp.Symbol, sp.Expr], expr: sp.Expr) -> sp.Expr:
    return sp.factor(expr.subs(domain, simultaneous=True))


def _without_sums(expr: sp.Expr, domain: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """``expr`` with each sum replaced by a symbol of its sign, where that is certain: SymPy looks into none."""
    return expr.xreplace(stand_ins(expr, domain))


def stand_ins(expr: sp.Expr, domain: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Sum, sp.Dummy]:
    """A symbol for each sum in ``expr``, of the sum's sign where that is certain."""
    return {total: sp.Dummy(real=True, **_sign(total, domain)) for total in expr.atoms(sp.Sum)}


def _sign(total: sp.Sum, domain: Mapping[sp.Symbol, sp.Expr]) -> dict[str, bool]:
    inside = _inside(total, domain)
    if is_random(total) or not nonnegative(total.function, inside):
        return {}
    some = _on(domain, Range(*total.limits[0]).count).is_positive and _on(inside, total.function).is_positive
    return {"positive": True} if some else {"nonnegative": True}


def _inside(total: sp.Sum, domain: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """The domain for the terms of a sum."""
    return _outside(total, domain) | Range(*total.limits[0]).domain()


def _outside(total: sp.Sum, domain: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """What a domain says inside of a sum, whose index is another symbol than one of that name outside."""
    index = total.limits[0][0]
    return {name: value for name, value in domain.items() if index not in {name, *value.free_symbols}}


def residual(fact: Fact, certificate: sp.Expr, definitions: Definitions) -> sp.Expr:
    """What is left of the fact's gap when the certificate is taken off: exactly 0 in a proof."""
    return normal(fact.gap - certificate, definitions)
