"""Proofs from numbers: exact, checked by the checker, and as fragile under damage as any other proof."""

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from theory import claims
from theory.discover import NotFound, discover, sum_of_squares
from theory.mutants import mutants
from theory.second_opinion import second_opinion
from theory.steps import Certificate
from theory.symbols import D, G, eta
from theory.terms import FixedVector, normal, square

pytest.importorskip("PEPit")

VECTORS = [FixedVector(name) for name in "abc"]
entries = st.fractions(-3, 3, max_denominator=4).map(sp.Rational)


@pytest.fixture(scope="module")
def found():
    """Proofs of R1 and R3, by id and horizon."""
    return {(id, horizon): discover(claims[id], horizon) for id in ("R1", "R3") for horizon in (1, 2, 3)}


def test_every_proof_found_holds_with_residual_0(found):
    for claim in found.values():
        checked = claim.prove()
        assert checked.refused is None
        assert {report.residual for report in checked.reports} == {0}
        assert set(checked.axioms) == {"convex", "bounded subgradients", "distance"}


def test_what_is_proved_is_the_claims_own_bound_for_all_steps(found):
    for (_, horizon), claim in found.items():
        assert sp.simplify(claim.statement.rhs - (D**2 / (2 * eta * horizon) + eta * G**2 / 2)) == 0


def test_z3_agrees_with_what_was_found(found):
    for claim in found.values():
        assert str(second_opinion(claim, claim.prove())) == "agrees"


def test_every_damaged_copy_of_a_found_proof_is_refused(found):
    claim = found["R3", 2]
    original, made = claim.prove(), list(mutants(claim))
    assert len(made) >= 6
    assert [mutant.damage for mutant in made if not mutant.refused(original)] == []


def test_the_proof_found_for_the_last_iterate_shows_the_pattern_of_all_horizons(found):
    """Against u: 1/T; of w_k against an earlier w_j: 1/((T − j)(T − j − 1)); one square."""
    for horizon in (2, 3):
        last = found["R3", horizon].proof[-1]
        assert isinstance(last, Certificate)
        expected = {f"convexity at w{k} against u": sp.Rational(1, horizon) for k in range(horizon)}
        for k in range(horizon):
            for j in range(k):
                expected[f"convexity at w{k} against w{j}"] = sp.Rational(1, (horizon - j) * (horizon - j - 1))
        assert {label: c for label, c in last.using.items() if label.startswith("convexity")} == expected
        assert len(last.squares) == 1


def test_the_one_step_found_for_r6_is_the_one_in_its_proof():
    found = discover(claims["R6"], 1)
    assert found.prove().proved
    written = next(step for step in claims["R6t"].proof if step.label == "one step")
    assert {label: sp.expand(c) for label, c in written.using.items()} == dict(found.proof[-1].using)
    assert sp.expand(written.conclusion.gap - found.statement.gap) == 0
    original, made = found.prove(), list(mutants(found))
    assert [mutant.damage for mutant in made if not mutant.refused(original)] == []


def test_other_claims_are_not_searched():
    with pytest.raises(NotFound, match="R6"):
        discover(claims["R6"], 2)


def form(matrix: sp.Matrix) -> sp.Expr:
    """Σ m_ij ⟨v_i, v_j⟩, in normal form."""
    return sp.expand(
        sum(
            (normal(square(a + b) - square(a) - square(b)) / 2 * matrix[i, j])
            for i, a in enumerate(VECTORS)
            for j, b in enumerate(VECTORS)
        )
    )


@given(st.lists(entries, min_size=9, max_size=9))
def test_a_gram_matrix_is_a_sum_of_squares_that_adds_up(numbers):
    root = sp.Matrix(3, 3, numbers)
    wanted = form(root.T * root)
    squares = sum_of_squares(wanted)
    assert squares is not None
    assert all(size > 0 for size, _ in squares)
    assert normal(wanted - sp.Add(*(size * square(vector) for size, vector in squares))) == 0


@given(st.lists(entries, min_size=6, max_size=6))
def test_a_form_is_a_sum_of_squares_exactly_when_its_matrix_is_positive_semidefinite(numbers):
    a, b, c, d, e, f = numbers
    matrix = sp.Matrix([[a, b, c], [b, d, e], [c, e, f]])
    assert (sum_of_squares(form(matrix)) is not None) == bool(matrix.is_positive_semidefinite)


def test_what_is_no_quadratic_form_is_no_sum_of_squares():
    assert sum_of_squares(form(sp.eye(3)) + 1) is None
    assert sum_of_squares(form(sp.eye(3)) * (1 - eta)) is None
