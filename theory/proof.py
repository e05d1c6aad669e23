"""The proof checker: steps, certificates, residuals.

A proof is data: a tuple of steps. Each step draws a :class:`Fact` from facts already drawn, by one of the rules
below, and leaves a *residual*, the exact difference between what the step says and what its certificate
gives. A proof holds when every residual is exactly 0, every multiplier is certainly non-negative, and the last
fact is the claim. Whoever trusts this file, ``terms.py``, ``facts.py`` and the axioms in ``assumptions.py``
(each a few lines) need trust nothing else about a proof.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Protocol

import sympy as sp

from theory.assumptions import CONVEX, Assumption, Given
from theory.facts import Fact, Range, Refused, defined, nonnegative, residual
from theory.symbols import g, i, j, k, l, t, w
from theory.terms import (
    ATOMS,
    Definitions,
    Gradient,
    IllTyped,
    Norm2,
    Objective,
    Vector,
    exact,
    is_random,
    is_vector,
    known_by,
    normal,
    rewrite,
    square,
    vector,
)

# what counts steps, units, classes or positions: no parameter of a claim depends on it
_INDICES = {t, i, j, k, l}


class Provable(Protocol):
    """What the checker needs of a claim; see :class:`theory.claim.Claim`."""

    @property
    def id(self) -> str: ...
    @property
    def statement(self) -> Fact: ...
    @property
    def assumptions(self) -> tuple[Assumption, ...]: ...
    @property
    def definitions(self) -> Definitions: ...
    @property
    def proof(self) -> tuple[Step, ...]: ...


@dataclass
class Context:
    """What is known while a proof is checked, and which assumptions it has used so far."""

    claim: Provable
    facts: dict[str, Fact] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)

    def fact(self, label: str) -> Fact:
        """The fact drawn by the step of that label."""
        if label not in self.facts:
            raise Refused(f"no earlier step is called {label!r}")
        return self.facts[label]

    def assumption(self, name: str) -> Assumption:
        """The claim's assumption of that name, marked as used."""
        for assumption in self.claim.assumptions:
            if assumption.id == name:
                self.used[name] = None
                return assumption
        raise Refused(f"{name!r} is not among the assumptions of {self.claim.id}")

    def certain(self, multiplier: sp.Expr, over: Range | None = None) -> None:
        """Refuses what is not certainly defined and ≥ 0, using as few assumptions as will do."""
        multiplier = sp.sympify(multiplier)
        exact(multiplier)
        if not self._somewhere(lambda domain: nonnegative(multiplier, domain), over):
            raise Refused(f"multiplier {multiplier} is not certainly ≥ 0")

    def meaningful(self, expr: sp.Expr, over: Range | None = None) -> None:
        """Refuses an expression with a denominator that may vanish, or a number that is not exact."""
        expr = rewrite(sp.sympify(expr), self.claim.definitions)
        exact(expr)
        if not self._somewhere(lambda domain: defined(expr, domain), over):
            raise Refused(f"a denominator of {expr} may vanish")

    def _somewhere(self, holds: Callable[[dict[sp.Symbol, sp.Expr]], bool], over: Range | None) -> bool:
        """Whether a fact about signs holds on the range; the assumptions whose domains it needs are marked used."""
        restrictions = [assumption for assumption in self.claim.assumptions if assumption.domain]
        for size in range(len(restrictions) + 1):
            for chosen in combinations(restrictions, size):
                # what is known of the index may get in the way of what is known of the parameters: n = K + r, K = i + s
                if holds(_together(over, chosen)) or (over and holds(_together(None, chosen))):
                    self.used.update(dict.fromkeys(assumption.id for assumption in chosen))
                    return True
        return False

    def settled(self, fact: Fact) -> None:
        """Refuses a fact about parameters of which only the existence is known."""
        some = {symbol for assumption in self.claim.assumptions for symbol in assumption.some}
        left = some & (fact.lhs.free_symbols | fact.rhs.free_symbols)
        if left:
            raise Refused(f"{min(left, key=str)} is only known to exist: it may differ from index to index")


@dataclass(frozen=True)
class Step:
    """One step of a proof; ``label`` is how later steps refer to it."""

    label: str

    @abstractmethod
    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        """The fact that this step adds, and its residual."""


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
        rules = context.assumption(self.assumption).rules
        if self.rule not in rules:
            raise Refused(f"{self.assumption!r} has no rule {self.rule!r}")
        try:
            drawn = rules[self.rule](**self.arguments)
        except TypeError as error:
            raise Refused(f"{self.rule!r} of {self.assumption!r} takes other arguments: {error}") from None
        fact = drawn.fact if isinstance(drawn, Given) else drawn
        self._meet(drawn.premises if isinstance(drawn, Given) else (), context)
        if fact.over is not None and self.over not in (None, fact.over):
            raise Refused(f"{self.rule!r} of {self.assumption!r} holds over another range")
        for expr in (*self.arguments.values(), fact.lhs, fact.rhs):
            context.meaningful(expr, self.over or fact.over)
        return replace(fact, over=self.over or fact.over), sp.Integer(0)

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
        return replace(fact, lhs=sp.Integer(0), rhs=gap.subs(self.symbol, 0)), sp.Integer(0)

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
                fact, _ = replace(step, arguments=arguments).draw(context)
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
        if is_random(value) or name.is_integer or value.free_symbols & _INDICES:
            raise Refused(f"{value} cannot stand for {name}")
        if name.is_nonnegative:
            context.certain(value)
        if name.is_positive:
            context.certain(1 / value)


@dataclass(frozen=True)
class StepReport:
    """What came of one step; ``used`` are the assumptions that the proof has used up to there."""

    step: Step
    fact: Fact | None
    residual: sp.Expr | None
    refused: str | None = None
    used: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The outcome of checking one proof."""

    id: str
    reports: tuple[StepReport, ...]
    axioms: tuple[str, ...]
    refused: str | None

    @property
    def proved(self) -> bool:
        """Whether every step holds with residual exactly 0 and the last fact is the claim."""
        return self.refused is None

    @property
    def residual(self) -> sp.Expr:
        """The first non-zero residual, or 0."""
        return next((r.residual for r in self.reports if r.residual not in (0, None)), sp.Integer(0))


def check(claim: Provable, known: Sequence[StepReport] = ()) -> Checked:
    """Check the proof of ``claim`` in exact arithmetic; a wrong proof is reported as refused, with the reason.

    Args:
        claim: what to check.
        known: what came of its first steps, when they have been checked before, with the same assumptions and
            definitions; they are not checked again.
    """
    context = Context(claim)
    reports = list(known)
    for report in known:
        context.facts[report.step.label] = report.fact  # type: ignore[assignment]
        context.used.update(dict.fromkeys(report.used))
    fault = _misdefined(claim.definitions)
    if len({assumption.id for assumption in claim.assumptions}) < len(claim.assumptions):
        fault = "two assumptions have one name"
    if len({step.label for step in claim.proof}) < len(claim.proof):
        fault = "two steps have one name"
    if fault:
        return Checked(claim.id, (), (), fault)
    for step in claim.proof[len(known) :]:
        try:
            fact, left = step.draw(context)
            for side in (fact.lhs, fact.rhs):
                normal(side)
        except (Refused, IllTyped) as fault:
            reports.append(StepReport(step, None, None, str(fault)))
            return Checked(claim.id, tuple(reports), tuple(context.used), f"{step.label}: {fault}")
        reports.append(StepReport(step, fact, left, used=tuple(context.used)))
        if left != 0:
            return Checked(claim.id, tuple(reports), tuple(context.used), f"{step.label}: residual {left}")
        context.facts[step.label] = fact
    refused = None
    if not reports or not isinstance(claim.proof[-1], Certificate) or claim.proof[-1].conclusion is not None:
        refused = "the last step does not conclude the claim"
    else:
        unused = [a.id for a in claim.assumptions if a.id not in context.used]
        if unused:
            refused = f"never used: {', '.join(unused)}"
    return Checked(claim.id, tuple(reports), tuple(context.used), refused)


def _misdefined(definitions: Definitions) -> str | None:
    """What is wrong with the definitions: only vectors of a sequence are defined, and not by what comes later."""
    for name, meaning in definitions.items():
        if not isinstance(name, Vector) or isinstance(name, Gradient):
            return f"{name} is no vector of a sequence, so it cannot be defined"
        if isinstance(name, g) or (isinstance(name, w) and name != w(t + 1)):
            return f"{name} is not for the algorithm to define: only w(t + 1) is"
        if (meaning.free_symbols - name.free_symbols) & _INDICES:
            return f"{name} is defined by an index that it does not have: {meaning}"
        if not known_by(meaning, name.args[0] + name.lag):
            return f"{name} is defined by what is not known then: {meaning}"
    for one, other in combinations(definitions, 2):
        if type(one) is type(other) and not _apart(one.args[0], other.args[0]):
            return f"{one} and {other} may be the same vector, defined twice"
    return None


def _apart(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether two patterns of an index, such as 0 and t + 1, have no index in common."""
    elsewhere = {symbol: sp.Dummy(symbol.name, **symbol.assumptions0) for symbol in other.free_symbols & _INDICES}
    return bool((one - other.xreplace(elsewhere)).is_nonzero)


def _together(over: Range | None, assumptions: Sequence[Assumption]) -> dict[sp.Symbol, sp.Expr]:
    """One substitution for a range and several domains: each replaces symbols by what they equal, in the others too."""
    together = {} if over is None else over.domain()
    for assumption in assumptions:
        here = {name: value.subs(together, simultaneous=True) for name, value in assumption.domain.items()}
        together = here | {name: value.subs(here, simultaneous=True) for name, value in together.items()}
    return together


def _common_range(ranges: list[Range | None]) -> Range | None:
    found = {r for r in ranges if r is not None}
    if len(found) > 1:
        raise Refused("facts over different ranges cannot be combined index by index; sum them first")
    return found.pop() if found else None
