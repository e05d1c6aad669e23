"""Mutants: near copies of a claim that are not proved, and must be refused by the checker.

A checker that cannot fail is worthless. From the data of a proof every multiplier, square and potential, every
hypothesis, and every constant and exponent of the claim are damaged in turn. A mutated bound goes with the
whole proof: its last step concludes whatever the mutant now claims. A refutation is damaged the other way round: its
statement is weakened, and its counterexample moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import sympy as sp

from theory.claim import Claim, Rate, Refuted
from theory.facts import Fact
from theory.proof import Checked, Step
from theory.steps import Axiom, Certificate, Jensen, Split, Telescope
from theory.symbols import T
from theory.terms import is_random


@dataclass(frozen=True)
class Mutant:
    """A damaged claim, what was done to it, and how many first steps of its proof are as they were."""

    damage: str
    claim: Claim
    intact: int = 0

    def refused(self, original: Checked) -> bool:
        """Whether the checker turns it down; ``original`` is what came of the proof before the damage."""
        return not self.claim.prove(original.reports[: self.intact]).proved


def mutants(claim: Claim) -> Iterator[Mutant]:
    """All mutants of ``claim``, the same ones every time."""
    if isinstance(claim, Refuted):
        yield from _defended(claim)
        return
    for damage, statement in _sharper(claim.statement):
        yield Mutant(damage, _restated(claim, statement), len(claim.proof) - 1)
    for k, assumption in enumerate(claim.assumptions):
        rest = claim.assumptions[:k] + claim.assumptions[k + 1 :]
        yield Mutant(f"hypothesis dropped: {assumption.id}", replace(claim, assumptions=rest))
    for k, step in enumerate(claim.proof):
        for damage, damaged in _damaged(step):
            proof = (*claim.proof[:k], damaged, *claim.proof[k + 1 :])
            yield Mutant(f"{step.label}: {damage}", replace(claim, proof=proof), k)


def _defended(claim: Refuted) -> Iterator[Mutant]:
    """Copies of a refutation that refute nothing: a weaker statement, or a counterexample that is none."""
    stated = claim.statement
    missing = -stated.gap.subs(claim.counterexample, simultaneous=True)
    yield Mutant(
        "bound raised to the counterexample", replace(claim, statement=replace(stated, rhs=stated.rhs + missing))
    )
    if not stated.equal:
        yield Mutant("inequality reversed", replace(claim, statement=replace(stated, lhs=stated.rhs, rhs=stated.lhs)))
    for name, value in claim.counterexample.items():
        elsewhere = {**claim.counterexample, name: -value}
        yield Mutant(f"sign flipped: {name}", replace(claim, counterexample=elsewhere))
        rest = {other: number for other, number in claim.counterexample.items() if other != name}
        yield Mutant(f"value dropped: {name}", replace(claim, counterexample=rest))


def _restated(claim: Claim, statement: Fact) -> Claim:
    """The claim with another statement; a rate's bound and metric go with it."""
    if isinstance(claim, Rate):
        metric = replace(claim.metric, expression=statement.lhs)
        return replace(claim, statement=statement, metric=metric, bound=statement.rhs)
    return replace(claim, statement=statement)


def _sharper(statement: Fact) -> Iterator[tuple[str, Fact]]:
    """The statement with the constant of one term of its bound sharpened, or an exponent of T sharpened."""
    terms = sp.Add.make_args(sp.expand(statement.rhs, deep=False))
    for k, term in enumerate(terms):
        if term == 0:
            continue
        rest = sp.Add(*terms[:k], *terms[k + 1 :])
        # a negative term is sharpened by more of it
        word, factor = ("doubled", 2) if term.could_extract_minus_sign() else ("halved", sp.Rational(1, 2))
        yield f"constant {word}: {term}", replace(statement, rhs=rest + factor * term)
        if not is_random(term) and T in term.free_symbols:
            yield f"exponent of T sharpened: {term}", replace(statement, rhs=rest + term.subs(T, T**2))
    if not statement.equal:
        yield "inequality reversed", replace(statement, lhs=statement.rhs, rhs=statement.lhs)


def _damaged(step: Step) -> Iterator[tuple[str, Step]]:
    match step:
        case Certificate():
            for label, multiplier in step.using.items():
                for word, factor in (("sign flipped", -1), ("doubled", 2)):
                    changed = replace(step, using={**step.using, label: factor * multiplier})
                    yield f"multiplier of {label!r} {word}", changed
            for k, (coefficient, root) in enumerate(step.squares):
                for word, factor in (("sign flipped", -1), ("doubled", 2)):
                    changed_squares = list(step.squares)
                    changed_squares[k] = (factor * coefficient, root)
                    yield f"square of {root} {word}", replace(step, squares=tuple(changed_squares))
        case Axiom(arguments=arguments):
            if step.given:
                yield "premises dropped", replace(step, given=())
            for name, value in arguments.items():
                # the same vector one step later: no longer known when the randomness of step t is averaged out,
                # or no longer the point at which the inequality is used
                index = next(iter(sorted(sp.sympify(value).free_symbols & {*_indices(value)}, key=str)), None)
                if index is not None:
                    later = {**arguments, name: sp.sympify(value).subs(index, index + 1)}
                    yield f"{name} one step later", replace(step, arguments=later)
        case Jensen(terms=terms):
            weight, point = terms[0]
            yield "weight doubled", replace(step, terms=((2 * weight, point), *terms[1:]))
        case Split(summand=summand, at=at):
            yield "summand doubled", replace(step, summand=2 * summand)
            yield "split one unit later", replace(step, at=at + 1)
        case Telescope(potential=potential):
            yield "potential doubled", replace(step, potential=2 * potential)


def _indices(expr: sp.Expr) -> set[sp.Symbol]:
    """The symbols that count steps: integers."""
    return {symbol for symbol in sp.sympify(expr).free_symbols if symbol.is_integer}
