"""The proof checker: proofs, residuals, and what is known while a proof is checked.

A proof is data: a tuple of steps. Each step draws a :class:`Fact` from facts already drawn, by one of the rules in
``steps.py``, and leaves a *residual*, the exact difference between what the step says and what its certificate
gives. A proof holds when every residual is exactly 0, every multiplier is certainly non-negative, and the last
fact is the claim. Whoever trusts this file, ``steps.py``, ``terms.py``, ``facts.py`` and the axioms in
``assumptions.py`` (each a few lines) need trust nothing else about a proof.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol, runtime_checkable

import sympy as sp

from theory.asked import listed, shown
from theory.assumptions import Assumption
from theory.facts import Fact, Range, Refused, defined, nonnegative
from theory.symbols import g, i, j, k, l, t, w
from theory.terms import (
    Definitions,
    Gradient,
    IllTyped,
    Vector,
    exact,
    known_by,
    normal,
    rewrite,
)

# what counts steps, units, classes or positions: no parameter of a claim depends on it
INDICES = {t, i, j, k, l}


@runtime_checkable
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
                self.used.setdefault(name)
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

    @property
    def concludes(self) -> bool:
        """Whether what this step draws is the claim's own statement."""
        return False

    @abstractmethod
    def draw(self, context: Context) -> tuple[Fact, sp.Expr]:
        """The fact that this step adds, and its residual."""


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

    Raises:
        ValueError: it is no claim, or not all of its first steps held.
    """
    if not isinstance(claim, Provable):
        raise ValueError(f"{shown(claim)} is no claim; expected one; try claims['R1']")
    reports = listed("known", known)
    if not all(isinstance(report, StepReport) and report.residual == 0 for report in reports):
        raise ValueError(f"known = {shown(reports)}; expected reports of steps that hold; try known=()")
    context = Context(claim)
    for report in reports:
        context.facts[report.step.label] = report.fact
        context.used.update(dict.fromkeys(report.used))
    fault = _misdefined(claim.definitions)
    if len({assumption.id for assumption in claim.assumptions}) < len(claim.assumptions):
        fault = "two assumptions have one name"
    if len({step.label for step in claim.proof}) < len(claim.proof):
        fault = "two steps have one name"
    if fault:
        return Checked(claim.id, (), (), fault)
    for step in claim.proof[len(reports) :]:
        try:
            fact, left = step.draw(context)
            for side in (fact.lhs, fact.rhs):
                normal(side)
                if captured := _captured(side):
                    raise Refused(captured)
        except (Refused, IllTyped) as fault:
            reports.append(StepReport(step, None, None, str(fault)))
            return Checked(claim.id, tuple(reports), tuple(context.used), f"{step.label}: {fault}")
        reports.append(StepReport(step, fact, left, used=tuple(context.used)))
        if left != 0:
            return Checked(claim.id, tuple(reports), tuple(context.used), f"{step.label}: residual {left}")
        context.facts[step.label] = fact
    refused = None
    if not reports or not claim.proof[-1].concludes:
        refused = "the last step does not conclude the claim"
    else:
        unused = [a.id for a in claim.assumptions if a.id not in context.used]
        if unused:
            refused = f"never used: {', '.join(unused)}"
    return Checked(claim.id, tuple(reports), tuple(context.used), refused)


def _captured(expr: sp.Expr) -> str | None:
    """What a sum in ``expr`` runs over, if that is no index: it may capture a parameter that a definition mentions."""
    parameters = {limits[0] for total in expr.atoms(sp.Sum) for limits in total.limits} - INDICES
    return f"{min(parameters, key=str)} is no index to sum over" if parameters else None


def _misdefined(definitions: Definitions) -> str | None:
    """What is wrong with the definitions: only vectors of a sequence are defined, and not by what comes later."""
    for name, meaning in definitions.items():
        if not isinstance(name, Vector) or isinstance(name, Gradient):
            return f"{name} is no vector of a sequence, so it cannot be defined"
        if isinstance(name, g) or (isinstance(name, w) and name != w(t + 1)):
            return f"{name} is not for the algorithm to define: only w(t + 1) is"
        if (meaning.free_symbols - name.free_symbols) & INDICES:
            return f"{name} is defined by an index that it does not have: {meaning}"
        if not known_by(meaning, name.args[0] + name.lag):
            return f"{name} is defined by what is not known then: {meaning}"
        if captured := _captured(meaning):
            return captured
    for one, other in combinations(definitions, 2):
        if type(one) is type(other) and not _apart(one.args[0], other.args[0]):
            return f"{one} and {other} may be the same vector, defined twice"
    return None


def _apart(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether two patterns of an index, such as 0 and t + 1, have no index in common."""
    elsewhere = {symbol: sp.Dummy(**symbol.assumptions0) for symbol in other.free_symbols & INDICES}
    return bool((one - other.xreplace(elsewhere)).is_nonzero)


def _together(over: Range | None, assumptions: Sequence[Assumption]) -> dict[sp.Symbol, sp.Expr]:
    """One substitution for a range and several domains: each replaces symbols by what they equal, in the others too.

    In whatever order: where all of them hold, equals are replaced by equals.
    """
    together = {} if over is None else over.domain()
    for assumption in assumptions:
        here = {name: value.subs(together) for name, value in assumption.domain.items()}
        together = here | {name: value.subs(here) for name, value in together.items()}
    return together
