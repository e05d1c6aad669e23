"""The rules by which a step of a proof draws a fact; each is sound for whatever facts it is given.

An axiom is an instance of an assumption; a certificate combines facts; the rest are identities and inequalities that
hold of all numbers, vectors and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy as sp

from theory.assumptions import CONVEX, Given
from theory.facts import Fact, Range, Refused, residual
from theory.proof import INDICES, Context, Provable, Step, check
from theory.terms import (
    ATOMS,
    Norm2,
    Objective,
    exact,
    is_random,
    is_vector,
    normal,
    square,
    vector,
)


@dataclass(frozen=True)
class Axiom(Step):
    """An instance of an assumption's rule, e.g. convexity between w_t and u; ``over`` makes it hold for all t.

    ``given`` are the labels of the facts that a conditional rule asks for, in its order.
    """

    assumption: str
    rule: str
    arguments: Mapping[str, sp.Expr] = field(default_factory=dict)
    over: Range | None = None
    given: tuple[str, ...] = ()

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        premises, fact = self.instance(context)
        self._meet(premises, context)
        if fact.over is not None and self.over not in (None, fact.over):
            raise Refused(f"{self.rule!r} of {self.assumption!r} holds over another range")
        for expr in (*self.arguments.values(), fact.lhs, fact.rhs):
            context.meaningful(expr, self.over or fact.over)
        return replace(fact, over=self.over or fact.over), sp.Integer(0)

    def instance(self, context: Context) -> tuple[tuple[Fact, ...], Fact]:
        """What the rule asks for and what it gives."""
        rules = context.assumption(self.assumption).rules
        if self.rule not in rules:
            raise Refused(f"{self.assumption!r} has no rule {self.rule!r}")
        try:
            drawn = rules[self.rule](**self.arguments)
        except TypeError as error:
            raise Refused(f"{self.rule!r} of {self.assumption!r} takes other arguments: {error}") from None
        return (drawn.premises, drawn.fact) if isinstance(drawn, Given) else ((), drawn)

    def _meet(self, premises: tuple[Fact, ...], context: Context) -> None:
        """Refuses premises that are not, one for one, what the facts ``given`` say surely, where the rule is used."""
        if len(premises) != len(self.given):
            raise Refused(f"{self.rule!r} of {self.assumption!r} asks for {len(premises)} facts, not {len(self.given)}")
        for premise, label in zip(premises, self.given, strict=True):
            fact = context.fact(label)
            if fact.expected or fact.over not in (None, self.over):
                raise Refused(f"{label!r} is not known wherever {self.rule!r} is used")
            apart = residual(premise, fact.gap, context.claim.definitions)
            if apart != 0 or (premise.equal and not fact.equal):
                raise Refused(f"{label!r} is not what {self.rule!r} asks for: {premise.lhs} ≤ {premise.rhs}")


@dataclass(frozen=True)
class Jensen(Step):
    """``F(Σ λ_k p_k) ≤ Σ λ_k F(p_k)`` for a convex F, λ ≥ 0 and Σ λ = 1.

    Either two or more explicit ``terms`` (λ_k, p_k), or one term repeated for every index of ``along``.
    """

    average: sp.Expr
    terms: tuple[tuple[sp.Expr, sp.Expr], ...]
    along: Range | None = None
    over: Range | None = None

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        if context.assumption("convex") is not CONVEX:
            raise Refused("the assumption called convex is not convexity")
        for weight, _ in self.terms:
            context.certain(weight, self.along or self.over)
        excess = normal(self._total(lambda weight, point: weight) - 1)
        apart = vector(self.average - self._total(lambda weight, point: weight * point), context.claim.definitions)
        convexity = self._total(lambda weight, point: weight * Objective(point))
        return Fact(Objective(self.average), convexity, over=self.over), excess if excess != 0 else apart

    def _total(self, term: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
        total = sum((term(weight, point) for weight, point in self.terms), sp.Integer(0))
        return total if self.along is None else sp.Sum(total, self.along.limits)


@dataclass(frozen=True)
class Certificate(Step):
    """A fact whose gap is a combination of earlier gaps, with multipliers ≥ 0, and of squares.

    ``using`` maps labels to multipliers (any sign for an equality), ``squares`` are pairs (coefficient ≥ 0, a
    vector or number to be squared). ``conclusion = None`` stands for the claim's own statement. Facts in
    expectation take deterministic multipliers only.
    """

    conclusion: Fact | None
    using: Mapping[str, sp.Expr] = field(default_factory=dict)
    squares: tuple[tuple[sp.Expr, sp.Expr], ...] = ()

    @property
    def concludes(self) -> bool:
        return self.conclusion is None

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        stated = context.claim.statement if self.conclusion is None else self.conclusion
        parts = {label: context.fact(label) for label in self.using}
        over = _common_range([f.over for f in parts.values()] + [stated.over])
        for side in (stated.lhs, stated.rhs):
            context.meaningful(side, over)
        certificate = sp.Integer(0)
        for label, fact in parts.items():
            multiplier = sp.sympify(self.using[label])
            if fact.equal:
                context.meaningful(multiplier, over)
            else:
                context.certain(multiplier, over)
            if fact.expected and is_random(multiplier):
                raise Refused(f"the random multiplier {multiplier} meets {label!r}, which holds in expectation")
            certificate += multiplier * fact.gap
        for coefficient, root in self.squares:
            context.certain(coefficient, over)
            exact(root)
            certificate += coefficient * square(sp.sympify(root))
        if stated.equal and (self.squares or not all(f.equal for f in parts.values())):
            raise Refused("an equality cannot follow from inequalities")
        expected = any(f.expected for f in parts.values())
        if expected and not stated.expected and self.conclusion is None:
            raise Refused("the claim is made surely, the proof gives it in expectation")
        if self.conclusion is None:
            context.settled(stated)
        if self.conclusion is None and over != stated.over:
            raise Refused("the claim is made once, the proof gives it for an index that may not exist")
        fact = replace(stated, over=over, expected=stated.expected or expected)
        return fact, residual(fact, certificate, context.claim.definitions)


@dataclass(frozen=True)
class Product(Step):
    """The product of two sure facts ``0 ≤ a`` and ``0 ≤ b``: ``0 ≤ ab``."""

    left: str
    right: str

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        a, b = context.fact(self.left), context.fact(self.right)
        if a.expected or b.expected:
            raise Refused("facts in expectation cannot be multiplied")
        over = _common_range([a.over, b.over])
        return Fact(sp.Integer(0), sp.expand(a.gap * b.gap), over=over), sp.Integer(0)


@dataclass(frozen=True)
class Total(Step):
    r"""A fact for every index, summed over its range: ``Σ A ≤ Σ B``.

    The ends of the range may have an index of their own; ``over`` says for which of its values this is the sum.
    """

    of: str
    over: Range | None = None

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        fact = context.fact(self.of)
        if fact.over is None:
            raise Refused(f"{self.of!r} has no index to sum over")
        context.settled(fact)
        context.certain(fact.over.count, self.over)
        limits = fact.over.limits
        total = replace(fact, lhs=sp.Sum(fact.lhs, limits), rhs=sp.Sum(fact.rhs, limits), over=self.over)
        return total, sp.Integer(0)


@dataclass(frozen=True)
class Telescope(Step):
    r"""``Σ_t (P(t) − P(t+1)) = P(first) − P(last + 1)``, for a potential P; also when the range is empty.

    By induction on the last index: it holds for the empty range, and both sides grow by the same term.
    """

    potential: sp.Expr
    along: Range

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        index, lower, upper = self.along.limits
        context.certain(self.along.count)
        bound = {limits[0] for total in self.potential.atoms(sp.Sum) for limits in total.limits}
        if bound & (lower.free_symbols | upper.free_symbols | {index}):
            raise Refused("the potential binds a symbol of the range")

        def at(value: sp.Expr) -> sp.Expr:
            return self.potential.subs(index, value)

        context.meaningful(self.potential, Range(index, lower, upper + 1))

        summed = sp.Sum(self.potential - at(index + 1), self.along.limits)
        return Fact(summed, at(lower) - at(upper + 1), equal=True), sp.Integer(0)


@dataclass(frozen=True)
class Split(Step):
    r"""``Σ_{1..n} f = Σ_{1..K} f + Σ_{K+1..n} f``; for vectors f, the squares of the two sides."""

    summand: sp.Expr
    along: Range
    at: sp.Expr
    over: Range | None = None

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        index, lower, upper = self.along.limits
        if not self.at.is_integer:
            raise Refused(f"{self.at} is no integer to split at")
        context.certain(self.at - lower + 1, self.over)
        context.certain(upper - self.at, self.over)
        parts = (
            sp.Sum(self.summand, (index, lower, self.at)),
            sp.Sum(self.summand, (index, self.at + 1, upper)),
        )
        whole, both = sp.Sum(self.summand, self.along.limits), sp.Add(*parts)
        if is_vector(self.summand):
            whole, both = Norm2(whole), Norm2(both)
        return Fact(whole, both, equal=True, over=self.over), sp.Integer(0)


@dataclass(frozen=True)
class Rename(Step):
    r"""``Σ_k f(k) = Σ_l f(l)``: an index of a sum is only a name."""

    summand: sp.Expr
    along: Range
    index: sp.Symbol

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        index, lower, upper = self.along.limits
        bound = {limits[0] for total in self.summand.atoms(sp.Sum) for limits in total.limits}
        if self.index in self.summand.free_symbols | bound:
            raise Refused(f"{self.index} already has a meaning in {self.summand}")
        renamed = Range(self.index, lower, upper)
        return Fact(
            sp.Sum(self.summand, self.along.limits),
            sp.Sum(self.summand.subs(index, self.index), renamed.limits),
            equal=True,
        ), sp.Integer(0)


@dataclass(frozen=True)
class CauchySchwarz(Step):
    r"""``‖Σ a‖² ≤ n Σ ‖a‖²`` for a sum of n vectors, also for none."""

    term: sp.Expr
    along: Range
    over: Range | None = None

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        context.certain(self.along.count, self.over)
        context.meaningful(self.term, self.along)
        limits = self.along.limits
        bound = self.along.count * sp.Sum(Norm2(self.term), limits)
        return Fact(Norm2(sp.Sum(self.term, limits)), bound, over=self.over), sp.Integer(0)


@dataclass(frozen=True)
class Limit(Step):
    r"""A fact for every ``symbol > 0``, with a gap that is polynomial in it, at ``symbol = 0``.

    It holds for every positive value because no hypothesis speaks of the symbol: the axioms mention it only where
    their arguments do.
    """

    of: str
    symbol: sp.Symbol

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        if self.symbol != sp.Symbol(self.symbol.name, positive=True):
            raise Refused(f"{self.symbol} is not any positive number")
        if any(self.symbol in part.free_symbols for part in self._hypotheses(context)):
            raise Refused(f"a hypothesis speaks of {self.symbol}, so it is not any positive number")
        fact = context.fact(self.of)
        gap = normal(fact.gap, context.claim.definitions)
        if not gap.is_polynomial(self.symbol) or any(self.symbol in atom.free_symbols for atom in gap.atoms(*ATOMS)):
            raise Refused(f"{self.of!r} is not certain to be continuous in {self.symbol}")
        limit = replace(fact, lhs=fact.lhs.subs(self.symbol, 0), rhs=fact.rhs.subs(self.symbol, 0))
        return limit, residual(limit, gap.subs(self.symbol, 0), context.claim.definitions)

    def _hypotheses(self, context: Context) -> Iterator[sp.Expr]:
        """What the claim supposes, with another symbol in the arguments of its axioms."""
        for name, meaning in context.claim.definitions.items():
            yield from (name, meaning)
        for assumption in context.claim.assumptions:
            yield from (*assumption.some, *assumption.domain, *assumption.domain.values())
        other = sp.Dummy(positive=True)
        for step in context.claim.proof:
            if isinstance(step, Axiom):
                arguments = {name: sp.sympify(value).subs(self.symbol, other) for name, value in step.arguments.items()}
                _, fact = replace(step, arguments=arguments).instance(context)
                yield from (fact.lhs, fact.rhs)
            elif isinstance(step, Lemma):
                yield from (step.instance(step.claim.statement.lhs), step.instance(step.claim.statement.rhs))


@dataclass(frozen=True)
class Lemma(Step):
    """Another claim, proved on the spot, whose assumptions are among those of this one.

    Its parameters may take other values: expressions from the domain of the parameter that they stand for. Then the
    claim's assumptions are those instances (:meth:`Assumption.at`), and conditions on parameters must be certain.
    """

    claim: Provable
    at: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)

    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        checked = check(self.claim)
        if checked.refused is not None:
            raise Refused(f"the lemma {self.claim.id} is not proved: {checked.refused}")
        for name, value in self.at.items():
            self._allow(context, name, value)
        for assumption in self.claim.assumptions:
            if self.at and assumption.condition is not None and not assumption.rules:
                condition = self.instance(assumption.condition)
                context.certain(1 / condition if assumption.strict else condition)
            elif self.at and assumption.domain:
                raise Refused(f"the lemma {self.claim.id} has no condition to check in {assumption.id!r}")
            else:
                found = context.assumption(assumption.id)
                if (found.general if self.at else found) != ((assumption, dict(self.at)) if self.at else assumption):
                    raise Refused(f"the lemma {self.claim.id} means something else by {assumption.id!r}")
        definitions = {name: self.instance(meaning) for name, meaning in self.claim.definitions.items()}
        if not definitions.items() <= context.claim.definitions.items():
            raise Refused(f"the lemma {self.claim.id} speaks of another algorithm")
        stated = self.claim.statement
        return replace(stated, lhs=self.instance(stated.lhs), rhs=self.instance(stated.rhs)), sp.Integer(0)

    def instance(self, expr: sp.Expr) -> sp.Expr:
        """``expr`` of the lemma, at the values of its parameters."""
        return expr.subs(self.at, simultaneous=True) if self.at else expr

    def _allow(self, context: Context, name: sp.Symbol, value: sp.Expr) -> None:
        """Refuses a value outside the domain of the parameter that it stands for, or that is random or has an index."""
        if is_random(value) or name.is_integer or value.free_symbols & INDICES:
            raise Refused(f"{value} cannot stand for {name}")
        if name.is_nonnegative:
            context.certain(value)
        if name.is_positive:
            context.certain(1 / value)


def _common_range(ranges: list[Range | None]) -> Range | None:
    found = {r for r in ranges if r is not None}
    if len(found) > 1:
        raise Refused("facts over different ranges cannot be combined index by index; sum them first")
    return found.pop() if found else None
