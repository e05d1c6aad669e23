"""z3 agrees with every step of the ledger, and convicts wrong steps that a credulous checker lets through."""

import importlib
from dataclasses import replace
from functools import partial

import pytest
import sympy as sp
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import claims, proof, steps
from theory.assumptions import CONVEX, STEP_AT_MOST_INVERSE_L, Assumption
from theory.claim import Claim, Refuted
from theory.facts import Range, at_most, equals
from theory.ledger import ledger
from theory.mutants import mutants
from theory.proof import check
from theory.second_opinion import (
    AGREES,
    DISAGREES,
    HINTED,
    LIMIT,
    TIMED_OUT,
    Opinion,
    SecondOpinion,
    Sign,
    _Posed,
    _World,
    questions,
    second_opinion,
)
from theory.steps import Axiom, Certificate, Jensen, Product, Total
from theory.symbols import L, T, eta, g, i, n, t, u, v, w
from theory.terms import FixedVector, Inner, Norm2

ONE = sp.Integer(1)
a, b = FixedVector("a"), FixedVector("b")
alpha, beta = sp.symbols("alpha beta", real=True)
toy = partial(Claim, id="toy", title="", setting="", source="", assumptions=())
BOX = Assumption("box", "", {"alpha": lambda: at_most(0, alpha), "beta": lambda: at_most(beta, 1)})
NOISY = Assumption("noisy", "", {"mean": lambda: equals(v(i), 0, expected=True)})


@pytest.fixture
def credulous(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that believes every sign, denominator and residual."""
    monkeypatch.setattr(proof.Context, "certain", lambda *_: None)
    monkeypatch.setattr(proof.Context, "meaningful", lambda *_: None)
    monkeypatch.setattr(steps, "residual", lambda *_: sp.Integer(0))


@pytest.mark.parametrize("id", claims)
def test_z3_agrees_with_every_step(id):
    opinion = second_opinion(claims[id], claims[id].prove())
    assert opinion.disagreements == ()
    assert opinion.opinions or isinstance(claims[id], Refuted)


@pytest.mark.parametrize("id", claims)
def test_no_question_is_answered_by_hypotheses_that_cannot_hold_together(id):
    claim, checked = claims[id], claims[id].prove()
    world = _World(claim, LIMIT)
    for label, question in questions(claim, checked):
        # a base need not be nonzero where its exponent is not negative, which may be everywhere
        possible = _Posed(world, replace(question, conclusion=Sign(-ONE)), question.given).ask() != z3.unsat
        assert possible or question.conclusion.relation == "!=", label


def wrong_steps(id):
    """Sharper conclusions, and certificates with a negative multiplier for an inequality, or square."""
    equalities = {f"multiplier of {report.step.label!r}" for report in claims[id].prove().reports if report.fact.equal}
    for mutant in mutants(claims[id]):
        sharper = mutant.damage.startswith(("constant halved", "exponent of T", "inequality reversed"))
        negative = "sign flipped" in mutant.damage and not any(name in mutant.damage for name in equalities)
        if sharper or negative:
            yield pytest.param(id, mutant, id=f"{id}: {mutant.damage}")


WRONG = [one for id in ("R1", "R6t", "O1", "O7", "L.softmax") for one in wrong_steps(id)]


@pytest.mark.parametrize(("id", "mutant"), WRONG)
def test_wrong_steps_that_a_credulous_checker_lets_through_are_convicted(id, mutant, credulous):
    checked = check(mutant.claim)
    assert len(checked.reports) == len(mutant.claim.proof)
    assert second_opinion(mutant.claim, checked).disagreements


@pytest.mark.usefixtures("credulous")
def test_a_credulous_checker_does_not_get_a_false_claim_into_the_ledger(monkeypatch):
    monkeypatch.setattr(importlib.import_module("theory.ledger"), "mutants", lambda claim: ())
    (damaged,) = (m.claim for m in mutants(claims["O4"]) if m.damage.startswith("inequality reversed"))
    (row,) = ledger([damaged])
    assert row.checked.proved
    assert row.status == "refused"
    assert str(row.opinion).startswith("disagrees on 1 of ")


def only(statement, *proof, **more):
    return toy(statement=statement, proof=proof, **more)


FORCED = {
    "Cauchy–Schwarz reversed": only(at_most(Norm2(a) * Norm2(b), Inner(a, b) ** 2), Certificate("c", None)),
    "a negative coefficient": only(at_most(0, -Norm2(a)), Certificate("c", None, squares=((-ONE, a),))),
    "a coefficient that is negative for long steps": only(
        at_most(0, (1 - eta * L) * Norm2(a)), Certificate("c", None, squares=((1 - eta * L, a),))
    ),
    "a denominator that vanishes at T = 1": only(at_most(0, alpha**2 / (T - 1) ** 2), Certificate("c", None)),
    "a root of what may be negative": only(at_most(0, sp.sqrt(alpha)), Certificate("c", None)),
    "a logarithm of what may be 0": only(at_most(0, sp.log(alpha**2) ** 2), Certificate("c", None)),
    "the product of facts with a wrong sign": only(
        at_most(alpha * (1 - beta), 0),
        Axiom("α", "box", "alpha"),
        Axiom("β", "box", "beta"),
        Product("αβ", "α", "β"),
        Certificate("c", None, {"αβ": ONE}),
        assumptions=(BOX,),
    ),
    "weights that do not sum to 1": only(
        at_most(0, 0), Jensen("j", w(0), ((ONE, w(0)), (ONE, w(1)))), Certificate("c", None),
        assumptions=(CONVEX,),
    ),
    "a number of terms that may be negative": only(
        at_most(0, 0),
        Certificate("each", at_most(0, 1, over=Range(t, sp.Integer(0), T - 3)), squares=((ONE, ONE),)),
        Total("all", "each"),
        Certificate("c", None),
    ),
    "the mean of a square is the square of the mean": only(
        equals(v(i) ** 2, 0, expected=True), Axiom("mean", "noisy", "mean"), Certificate("c", None, {"mean": v(i)}),
        assumptions=(NOISY,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORCED)
def test_false_steps_are_convicted(name, credulous, monkeypatch):
    monkeypatch.setattr(steps, "is_random", lambda _: False)
    monkeypatch.setattr(proof, "normal", lambda *_: sp.Integer(0))
    monkeypatch.setattr(steps, "normal", lambda *_: sp.Integer(0))
    monkeypatch.setattr(steps, "vector", lambda *_: sp.Integer(0))
    checked = check(FORCED[name])
    assert all(report.fact is not None for report in checked.reports), checked.refused
    assert second_opinion(FORCED[name], checked).disagreements


TRUE = {
    "a cap on the step": only(
        at_most(0, (1 - eta * L) * Norm2(a)),
        Certificate("c", None, squares=((1 - eta * L, a),)),
        assumptions=(STEP_AT_MOST_INVERSE_L,),
    ),
    "a root": only(at_most(0, sp.sqrt(eta) * Norm2(a)), Certificate("c", None, squares=((sp.sqrt(eta), a),))),
    "a root that is simplified": only(equals(sp.sqrt(eta) ** 4 / eta, eta), Certificate("c", None)),
    "a sum of parameters": only(
        at_most(0, Norm2(a) / sp.Sum(1 / (t + 1), (t, 0, T - 1))),
        Certificate("c", None, squares=((1 / sp.Sum(1 / (t + 1), (t, 0, T - 1)), a),)),
    ),
    "an exponential": only(
        at_most(0, sp.exp(-alpha) * Norm2(a)), Certificate("c", None, squares=((sp.exp(-alpha), a),))
    ),
    "a symbolic power": only(at_most(0, (1 + eta) ** n), Certificate("c", None, squares=(((1 + eta) ** n, ONE),))),
    "random squares in expectation": only(
        at_most(2 * Inner(w(0) - u, g(0)), Norm2(w(0) - u) + Norm2(g(0)), expected=True),
        Certificate("c", None, squares=((ONE, w(0) - u - g(0)),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_true_steps_with_unusual_terms_are_agreed_with(name):
    checked = TRUE[name].prove()
    assert checked.proved, checked.refused
    opinion = second_opinion(TRUE[name], checked)
    assert str(opinion) == AGREES, opinion.opinions


@settings(max_examples=30)
@given(st.fractions(-3, 3, max_denominator=9), st.fractions(-3, 3, max_denominator=9))
def test_2xy_at_most_cx2_plus_dy2_is_agreed_with_exactly_where_it_holds(coefficient, other):
    c, d = sp.Rational(coefficient), sp.Rational(other)
    world = _World(only(at_most(0, 0), Certificate("c", None)), LIMIT)
    x, y = sp.symbols("x y", real=True)
    assert world.certain(Sign(c * x**2 + d * y**2 - 2 * x * y), ()) == (c >= 0 and d >= 0 and c * d >= 1)


def test_a_free_question_beyond_the_limit_is_asked_again_with_the_proofs_products():
    opinion = second_opinion(claims["R3"], claims["R3"].prove(), limit=3_000)
    answers = {one.answer for one in opinion.opinions}
    assert not opinion.disagreements
    assert answers & {HINTED, TIMED_OUT}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((AGREES, AGREES), "agrees"),
        ((AGREES, HINTED), "agrees"),
        ((AGREES, TIMED_OUT), "agrees 1 of 2, 1 timed out"),
        ((AGREES, TIMED_OUT, DISAGREES), "disagrees on 1 of 3"),
        ((), "nothing to decide"),
    ],
)
def test_what_a_row_says(answers, said):
    assert str(SecondOpinion(tuple(Opinion("step", "question", answer) for answer in answers))) == said
