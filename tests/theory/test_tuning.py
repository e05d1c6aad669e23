"""Tuned step scales against a numerical minimiser of the bound."""

import math
from functools import cache

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory import Rate, claims
from theory.symbols import D, T, eta, sigma
from theory.tuning import tune

GOLDEN = (1 + math.sqrt(5)) / 2

horizons = st.integers(1, 10**6)
constants = st.floats(1e-2, 1e2)


@cache
def compiled(id: str):
    claim = claims[id]
    return sp.lambdify((T, eta, *claim.constants), claim.bound, "math")


def best(claim: Rate, horizon: int, values: dict[str, float], cap: float) -> float:
    """The least value of the bound over 0 < η ≤ cap, by search over ln η."""
    bound = compiled(claim.id)
    found = minimize_scalar(
        lambda log_eta: bound(horizon, math.exp(log_eta), **values),
        bounds=(math.log(cap) - 30, math.log(cap)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return min(found.fun, bound(horizon, cap, **values))


@pytest.mark.parametrize("id", ["R1", "R3"])
@given(horizon=horizons, D=constants, G=constants)
@settings(deadline=None, max_examples=40)
def test_no_step_scale_beats_the_tuned_one(id, horizon, D, G):
    claim, values = claims[id], {"D": D, "G": G}
    rate = claim.rate_at(horizon, values)
    assert claim.tuning.best
    assert claim.bound_at(horizon, claim.best_eta(horizon, values), values) == pytest.approx(rate)
    assert best(claim, horizon, values, cap=1e5) == pytest.approx(rate)


@given(horizon=horizons, L=constants, Delta=constants, sigma=st.one_of(st.just(0.0), constants))
@settings(deadline=None, max_examples=60)
def test_the_capped_scale_obeys_the_cap_and_loses_little(horizon, L, Delta, sigma):
    """The rate is at most φ = (1 + √5)/2 times the best capped bound.

    With A/η + Cη, cap c and x = c√(C/A), the ratio is (1 + 2x)/(1 + x²) while the cap binds, x ≤ 1, greatest at
    x = 1/φ, and 1 + 1/(2x) ≤ 3/2 beyond.
    """
    claim, values = claims["R6"], {"L": L, "Delta": Delta, "sigma": sigma}
    scale, rate = claim.best_eta(horizon, values), claim.rate_at(horizon, values)
    bound = claim.bound_at(horizon, scale, values)
    least = best(claim, horizon, values, cap=1 / L)
    rounding = 1 + 1e-9
    assert scale <= 1 / L * rounding
    assert least <= bound * rounding
    assert bound <= rate * rounding
    assert rate <= GOLDEN * least * rounding


def test_the_factor_of_the_capped_rate_is_attained():
    claim, values = claims["R6"], {"L": 1.0, "Delta": 0.5, "sigma": 1 / GOLDEN}
    assert claim.rate_at(1, values) == pytest.approx(GOLDEN * best(claim, 1, values, cap=1.0))


def test_without_noise_the_cap_is_the_step():
    values = {"L": 4.0, "Delta": 3.0, "sigma": 0.0}
    assert claims["R6"].best_eta(10, values) == 0.25
    assert claims["R6"].rate_at(10, values) == pytest.approx(2 * 4 * 3 / 10)


@pytest.mark.parametrize("id", [id for id, claim in claims.items() if isinstance(claim, Rate)])
def test_the_certificate_of_the_tuning_holds(id):
    assert claims[id].tuning.residual == 0


positive = st.fractions(1, 9, max_denominator=5).map(sp.Rational)


@given(a=positive, c=positive, power=st.integers(1, 4), rest=positive, cap=st.one_of(st.none(), positive))
@settings(deadline=None, max_examples=30)
def test_any_bound_of_the_form_is_tuned_exactly(a, c, power, rest, cap):
    bound = a / eta + c * eta**power + rest
    tuning = tune(bound, cap)
    value = bound.subs(eta, tuning.eta)
    assert tuning.residual == 0
    assert tuning.best == (cap is None)
    if cap is None:
        assert sp.simplify(tuning.eta ** (power + 1) - a / (power * c)) == 0
        assert sp.simplify(value - tuning.rate) == 0
        assert sp.diff(bound, eta).subs(eta, tuning.eta).equals(0)
    else:
        assert tuning.eta < cap
        assert value <= tuning.rate


@given(a=positive, c=positive, more=positive, rest=positive)
@settings(deadline=None, max_examples=20)
def test_higher_powers_leave_the_step_as_it_is(a, c, more, rest):
    without, bound = a / eta + c * eta + rest, a / eta + c * eta + more * eta**2 + rest
    tuning = tune(bound)
    assert tuning.residual == 0
    assert not tuning.best
    assert tuning.eta == tune(without).eta
    assert sp.simplify(tuning.rate - bound.subs(eta, tuning.eta)) == 0
    least = minimize_scalar(sp.lambdify(eta, bound), bounds=(1e-3, 1e3), method="bounded").fun
    assert tune(without).rate <= least + 1e-9
    assert tuning.rate <= tune(without).rate + more * tuning.eta**2 + sp.Rational(1, 10**9)


def test_signs_that_only_a_domain_settles():
    share, slack = sp.Symbol("q", nonnegative=True), sp.Dummy(nonnegative=True)
    bound = (1 - share) / eta + eta / (1 - share) ** 3
    with pytest.raises(ValueError, match="no tuning is known"):
        tune(bound)
    tuning = tune(bound, None, {share: slack / (1 + slack)})
    assert tuning.residual == 0
    assert tuning.best
    assert sp.simplify(tuning.eta - (1 - share) ** 2) == 0
    assert sp.simplify(tuning.rate - 2 / (1 - share)) == 0


@pytest.mark.parametrize(
    "bound",
    [D / eta, eta * sigma**2, D / eta**2 + eta, D / eta + sp.sqrt(eta), D / eta + eta + sp.sqrt(eta), sp.exp(eta)],
    ids=str,
)
def test_bounds_of_another_form_are_refused(bound):
    with pytest.raises(ValueError, match="no tuning is known"):
        tune(bound)


def test_higher_powers_under_a_cap_are_refused():
    with pytest.raises(ValueError, match="no tuning is known"):
        tune(D / eta + eta + eta**2, 1 / D)


@pytest.mark.parametrize(
    "bound", [1 / eta + eta + sp.log(eta), 1 / eta - eta, eta - 1 / eta, 1 / eta + eta - eta**2], ids=str
)
def test_bounds_without_a_least_value_are_refused(bound):
    with pytest.raises(ValueError, match="no tuning is known"):
        tune(bound)
