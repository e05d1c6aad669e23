"""A rate without proof has the numbers of one with a proof, whatever its bound is given as."""

import re

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory import Rate, claims
from theory.cited import Formula, cite
from theory.ledger import ledger

R1 = claims["R1"]
assert isinstance(R1, Rate)


def bound(T, eta, D, G):
    return D**2 / (2 * eta * T) + eta * G**2 / 2


def step(D, T, G):
    return D / (G * T**0.5)


D, G, horizon, eta = sp.symbols("D G T eta")
AS: dict[str, Formula] = {
    "an expression of the theory": R1.bound,
    "an expression of other symbols": D**2 / (2 * eta * horizon) + eta * G**2 / 2,
    "a text": "D**2/(2*eta*T) + eta*G**2/2",
    "a callable": bound,
}
positive = st.floats(1e-3, 1e3)


@pytest.mark.parametrize("given_as", AS)
@given(st.integers(1, 10**6), positive, positive, positive)
def test_a_bound_is_the_same_number_whatever_it_was_given_as(
    given_as: str, T: int, eta: float, D: float, G: float
) -> None:
    assumptions = [assumption.id for assumption in R1.assumptions]
    mine = cite("mine", metric="average_gap", bound=AS[given_as], step=step, assumptions=assumptions)
    known = {"D": D, "G": G}
    assert mine.bound_at(T, eta, known) == pytest.approx(R1.bound_at(T, eta, known), rel=1e-12)
    assert mine.best_eta(T, known) == pytest.approx(R1.best_eta(T, known), rel=1e-12)
    assert mine.assumptions == R1.assumptions
    assert mine.constants == R1.constants


def test_a_bound_that_can_be_tuned_is() -> None:
    mine = cite("mine", metric="average_gap", bound="D**2/(2*eta*T) + eta*G**2/2", assumptions=())
    assert mine.tuning.rate == R1.tuning.rate
    assert mine.tuning.best


def test_schedule_cap_and_constants_of_your_own() -> None:
    mine = cite("mine", metric="last_gap", bound="q/T", assumptions=["smooth"], step="1/(2*L)", cap="1/L",
                schedule="eta/(t + 1)")  # fmt: skip
    assert mine.steps(3, 0.6).tolist() == pytest.approx([0.6, 0.3, 0.2])
    assert [symbol.name for symbol in mine.constants] == ["L", "q"]
    assert mine.broken(1.0, {"L": 2.0}) is not None
    assert mine.broken(0.5, {"L": 2.0}) is None


def test_it_is_cited_and_not_proved() -> None:
    (row,) = ledger([cite("mine", metric="last_gap", bound="D*G/sqrt(T)", step="D/(G*sqrt(T))", assumptions=())])
    assert row.status == "cited"
    assert not row.checked.proved
    assert row.mutants_total == 0


def test_two_callables_of_one_name_are_two_bounds() -> None:
    bounds = [lambda T, D: D / T, lambda T, D: 2 * D / T]
    both = [cite("mine", metric="last_gap", bound=f, step="1/T", assumptions=()) for f in bounds]
    assert [claim.bound_at(4, 1.0, {"D": 1.0}) for claim in both] == [0.25, 0.5]


WRONG = {
    "an id of the ledger": ({"id": "R1"}, "has a claim R1 already"),
    "unknown metric": ({"metric": "nope"}, "unknown metric 'nope'; expected one of average_gap"),
    "unknown assumption": ({"assumptions": ["nice"]}, "unknown assumption 'nice'; expected of convex"),
    "a step that is named": ({"assumptions": ["step"]}, "a step has a cap="),
    "no formula": ({"bound": "D*/T"}, "is no formula"),
    "a formula that is none": ({"bound": "[1, 2]"}, "is no formula"),
    "something else": ({"bound": None}, "expected a SymPy expression, a text or a callable"),
    "any arguments": ({"bound": lambda **constants: 1.0}, "expected names"),
    "no step, and none to tune": ({"bound": "D/T"}, "try step="),
    "no step for a callable": ({"bound": bound}, "try step="),
    "complex": ({"bound": "sqrt(-D)", "step": "1/T"}, "no value"),
    "raises": ({"bound": lambda T: {}[T], "step": "1/T"}, "no value at T = 4"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_claim_that_says_nothing_is_refused_in_one_line(case: str) -> None:
    change, said = WRONG[case]
    stated = {"id": "mine", "metric": "average_gap", "bound": R1.bound, "assumptions": [], **change}
    with pytest.raises(ValueError, match=said) as refused:
        cite(**stated)
    assert not re.search(r"\n", str(refused.value))
