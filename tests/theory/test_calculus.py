"""Each axiom of calculus against numbers, at arguments that meet its premises; and which of them are tight."""

import math

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr, expit

from theory import calculus, claims
from theory.assumptions import Assumption, Given
from theory.facts import Fact

at, to, slope = sp.symbols("at to slope", real=True)
ARGUMENTS = {"at": at, "to": to, "slope": slope}
FUNCTIONS = {
    "h": lambda p: float(entr(p) + entr(1 - p)),
    "softplus": lambda a: math.log1p(math.exp(-abs(a))) + max(a, 0),
    "plus": lambda a: max(a, 0.0),
}

AXIOMS = [axiom for axiom in vars(calculus).values() if isinstance(axiom, Assumption)]
real, positive, share = st.floats(-50, 50), st.floats(1e-6, 1e6), st.floats(0, 1)
inside = st.floats(1e-9, 1 - 1e-9)
RULES = {
    ("calculus: logarithm", "tangent"): {"at": positive, "to": positive},
    ("calculus: exponential", "positive"): {"at": real},
    ("calculus: exponential", "increasing"): {"at": real, "to": real},
    ("calculus: entropy", "positive"): {"at": share},
    ("calculus: entropy", "tangent"): {"at": share, "to": inside},
    ("calculus: entropy", "conjugate"): {"at": share, "slope": real},
    ("calculus: sigmoid", "attained"): {"slope": real},
    ("calculus: softplus", "positive"): {"at": real},
    ("calculus: softplus", "exponential"): {"at": real},
    ("calculus: softplus", "mirror"): {"at": real},
    ("calculus: positive part", "positive"): {"at": real},
    ("calculus: positive part", "mirror"): {"at": real},
    ("calculus: positive part", "zero"): {"at": real},
}


def rule(axiom: str, name: str) -> tuple[tuple[Fact, ...], Fact]:
    """Premises and fact of a rule, in ``at``, ``to`` and ``slope``."""
    (found,) = [assumption for assumption in AXIOMS if assumption.id == axiom]
    code = found.rules[name].__code__
    drawn = found.rules[name](**{argument: ARGUMENTS[argument] for argument in code.co_varnames[: code.co_argcount]})
    return (drawn.premises, drawn.fact) if isinstance(drawn, Given) else ((), drawn)


def gap(fact: Fact, values: dict[str, float]) -> tuple[float, float]:
    """``rhs − lhs``, and the rounding of it."""
    lhs, rhs = (
        float(sp.lambdify(list(ARGUMENTS.values()), side, [FUNCTIONS, "math"])(*values.values()))
        for side in (fact.lhs, fact.rhs)
    )
    return rhs - lhs, 1e-12 * (1 + abs(lhs) + abs(rhs) + sum(map(abs, values.values())))


def test_every_axiom_is_tested_and_says_that_it_is_calculus() -> None:
    assert set(RULES) == {(axiom.id, name) for axiom in AXIOMS for name in axiom.rules}
    assert all(axiom.id.startswith("calculus: ") and not axiom.result for axiom in AXIOMS)


@pytest.mark.parametrize(("axiom", "name"), RULES)
@given(data=st.data())
@settings(max_examples=60)
def test_an_axiom_of_calculus_holds(axiom: str, name: str, data: st.DataObject) -> None:
    premises, fact = rule(axiom, name)
    values = dict.fromkeys(ARGUMENTS, 0.5) | {key: data.draw(drawn, key) for key, drawn in RULES[axiom, name].items()}
    if name == "increasing":
        values["at"], values["to"] = sorted((values["at"], values["to"]))
    if name == "attained":
        values["at"] = float(expit(values["slope"]))
    if name == "zero":
        values["at"] = -abs(values["at"])
    for premise in premises:
        slack, rounding = gap(premise, values)
        assert slack >= -rounding
    slack, rounding = gap(fact, values)
    assert slack >= -rounding
    if fact.equal:
        assert slack <= rounding


@given(p=st.floats(0.01, 0.99), away=st.sampled_from([-0.005, 0.005]))
@settings(max_examples=50)
def test_a_tangent_touches_only_at_its_point(p: float, away: float) -> None:
    """Else the axiom would be weaker than it says."""
    for axiom in ("calculus: entropy", "calculus: logarithm"):
        _, fact = rule(axiom, "tangent")
        slack, rounding = gap(fact, {"at": p, "to": p, "slope": 0.0})
        assert abs(slack) <= rounding
        assert gap(fact, {"at": p, "to": p + away, "slope": 0.0})[0] > 1e-6


def test_no_published_result_stands_behind_the_operator_and_the_losses() -> None:
    about = [claim for id, claim in claims.items() if id[0] in "OGL" or id.startswith(("convex.", "error."))]
    assert len(about) >= 40
    assert all(not assumption.result for claim in about for assumption in claim.assumptions)
