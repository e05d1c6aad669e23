"""Claims as numbers and as text: the formulas by hand, their monotonicity and dimensions, the LaTeX, the errors."""

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from latex2mathml.converter import convert

from theory import Rate, claims, ledger
from theory.assumptions import STEP_AT_MOST_INVERSE_L
from theory.ledger import Claims, UnknownClaim
from theory.symbols import GLOSSARY, G, L, T, beta, eta, g, sigma, t, w
from theory.symbols import momentum as past
from theory.terms import rewrite, vector
from theory.tuning import tune

RATES = {id: claim for id, claim in claims.items() if isinstance(claim, Rate)}

horizons = st.integers(1, 10**6)
scales = st.floats(1e-2, 1e2)
values = st.fixed_dictionaries(
    dict.fromkeys(("D", "G", "L", "sigma", "Delta", "rho"), scales)
    | {"beta": st.floats(0.01, 0.49), "N": st.integers(2, 100)}
)


def convex_bound(T, eta, D, G, **_):
    return D**2 / (2 * eta * T) + eta * G**2 / 2


def smooth_bound(T, eta, L, sigma, Delta, **_):
    return 2 * Delta / (eta * T) + L * eta * sigma**2


def momentum_bound(T, eta, L, G, Delta, beta, **_):
    alpha = eta / (1 - beta)
    return (2 * Delta / (alpha * T) + L * alpha * G**2 + beta * (L * alpha * G / (1 - beta)) ** 2) / (2 - beta)


def weakly_convex_bound(T, eta, G, rho, Delta, **_):
    return 2 * (Delta + rho * G**2 * T * eta**2) / (T * eta)


def reshuffled_bound(T, eta, L, sigma, Delta, N, **_):
    return 2.5 * Delta / (eta * T) + eta**2 * L**2 * sigma**2 * (N + 1) / 2


def convex_eta(T, D, G, **_):
    return D / (G * np.sqrt(T))


def smooth_eta(T, L, sigma, Delta, **_):
    return 1 / (L + sigma * np.sqrt(L * T / (2 * Delta)))


def momentum_eta(T, L, G, Delta, beta, **_):
    return (1 - beta) * np.sqrt(2 * Delta / (L * T)) / G


def weakly_convex_eta(T, G, rho, Delta, **_):
    return np.sqrt(Delta / (rho * T)) / G


def reshuffled_eta(T, L, sigma, Delta, N, **_):
    return 1 / (2 * L * N + (0.4 * L**2 * sigma**2 * (N + 1) * T / Delta) ** (1 / 3))


def convex_rate(T, D, G, **_):
    return D * G / np.sqrt(T)


def smooth_rate(T, L, sigma, Delta, **_):
    return 2 * L * Delta / T + 2 * sigma * np.sqrt(2 * L * Delta / T)


def momentum_rate(T, L, G, Delta, beta, **_):
    return (2 * G * np.sqrt(2 * L * Delta / T) + 2 * L * Delta / T * beta / (1 - beta) ** 2) / (2 - beta)


def weakly_convex_rate(T, G, rho, Delta, **_):
    return 4 * G * np.sqrt(rho * Delta / T)


def reshuffled_rate(T, L, sigma, Delta, N, **_):
    free = 2.5 * Delta / T
    return 2 * L * N * free + 1.5 * (free**2 * L**2 * sigma**2 * (N + 1)) ** (1 / 3)


def constant(t, T):
    return np.ones(T)


BY_HAND = {
    "R1": (convex_bound, convex_eta, convex_rate, constant),
    "R3": (convex_bound, convex_eta, convex_rate, lambda t, T: 1 - (t + 1) / T),
    "R6": (smooth_bound, smooth_eta, smooth_rate, constant),
    "R9": (momentum_bound, momentum_eta, momentum_rate, constant),
    "R10": (weakly_convex_bound, weakly_convex_eta, weakly_convex_rate, constant),
    "R12": (reshuffled_bound, reshuffled_eta, reshuffled_rate, constant),
}


def test_every_rate_has_its_formulas_by_hand():
    assert set(BY_HAND) == set(RATES)


@pytest.mark.parametrize("id", BY_HAND)
@given(horizon=horizons, scale=scales, known=values)
@settings(deadline=None, max_examples=30)
def test_bound_tuned_step_and_rate_are_those_of_the_paper(id, horizon, scale, known):
    bound, best, rate, _ = BY_HAND[id]
    claim = claims[id]
    assert claim.bound_at(horizon, scale, known) == pytest.approx(bound(horizon, scale, **known))
    assert claim.best_eta(horizon, known) == pytest.approx(best(horizon, **known))
    assert claim.rate_at(horizon, known) == pytest.approx(rate(horizon, **known))


@pytest.mark.parametrize("id", BY_HAND)
@given(horizon=st.integers(1, 50), scale=scales)
@settings(deadline=None, max_examples=20)
def test_steps_are_those_of_the_paper(id, horizon, scale):
    *_, shape = BY_HAND[id]
    steps = claims[id].steps(horizon, scale)
    assert steps.shape == (horizon,)
    assert steps.dtype == np.float64
    np.testing.assert_allclose(steps, scale * shape(np.arange(horizon), horizon), atol=1e-12)


@pytest.mark.parametrize("id", RATES)
def test_the_steps_that_are_run_are_the_steps_of_the_proof(id):
    claim = RATES[id]
    assert vector(claim.definitions[w(t + 1)] - (w(t) - claim.schedule * claim.direction)) == 0


@pytest.mark.parametrize("id", RATES)
def test_the_bound_that_is_run_is_the_bound_of_the_proof(id):
    claim = RATES[id]
    assert (claim.statement.lhs, claim.statement.rhs) == (claim.metric.expression, claim.bound)
    assert claim.statement.expected
    assert not claim.statement.equal


@pytest.mark.parametrize("id", RATES)
def test_the_cap_is_the_condition_of_the_proof(id):
    claim = RATES[id]
    conditions = [assumption.condition for assumption in claim.assumptions if assumption.condition is not None]
    conditions = [condition for condition in conditions if eta in condition.free_symbols]
    if claim.cap is None:
        assert conditions == []
    else:
        (condition,) = conditions
        assert sp.solve(condition, eta) == [claim.cap]
        assert condition.subs(eta, claim.cap / 2) > 0


def test_the_domain_of_the_step_condition_is_that_condition():
    (replacement,) = STEP_AT_MOST_INVERSE_L.domain.values()
    (slack,) = replacement.free_symbols - {eta}
    assert STEP_AT_MOST_INVERSE_L.condition.subs(L, replacement).factor().is_nonnegative
    assert sp.solve(replacement - L, slack) == [1 / L - eta]


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("R1", {"bound": RATES["R1"].bound / 2}),
        ("R1", {"schedule": eta / (t + 1)}),
        ("R1", {"metric": RATES["R3"].metric}),
        ("R6", {"cap": None}),
        ("R6", {"cap": 2 / L}),
        ("R9", {"direction": g(t)}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_rate_that_says_more_than_its_proof_is_not_proved(id, changes):
    assert not replace(RATES[id], **changes).prove().proved


@pytest.mark.parametrize("id", RATES)
@given(horizon=st.integers(1, 10**5), known=values, data=st.data())
@settings(deadline=None, max_examples=30)
def test_rates_fall_with_the_horizon_and_rise_with_every_constant(id, horizon, known, data):
    claim = RATES[id]
    rate = claim.rate_at(horizon, known)
    more = data.draw(st.sampled_from([symbol.name for symbol in claim.constants]))
    assert claim.rate_at(2 * horizon, known) < rate
    assert claim.rate_at(horizon, known | {more: 2 * known[more]}) > rate


@pytest.mark.parametrize("id", RATES)
@given(horizon=horizons, scale=scales, known=values, a=st.floats(0.1, 10), b=st.floats(0.1, 10))
@settings(deadline=None, max_examples=30)
def test_bounds_have_the_dimension_of_their_metric(id, horizon, scale, known, a, b):
    """``w → a w`` and ``F → b F``."""
    claim = RATES[id]
    unit = {"D": a, "G": b / a, "L": b / a**2, "sigma": b / a, "Delta": b, "rho": b / a**2, "beta": 1, "N": 1}
    step = a**2 / b
    metric = (b / a) ** 2 if "gradient" in claim.metric.id else b
    rescaled = {name: unit[name] * x for name, x in known.items()}
    expected = metric * np.array(
        [claim.bound_at(horizon, scale, known), claim.rate_at(horizon, known), claim.best_eta(horizon, known)]
    )
    expected[2] *= step / metric
    assert [
        claim.bound_at(horizon, step * scale, rescaled),
        claim.rate_at(horizon, rescaled),
        claim.best_eta(horizon, rescaled),
    ] == pytest.approx(expected)


@pytest.mark.parametrize("id", RATES)
@given(known=values)
@settings(deadline=None, max_examples=10)
def test_a_missing_constant_is_a_key_error(id, known):
    claim = RATES[id]
    for symbol in claim.constants:
        rest = {name: x for name, x in known.items() if name != symbol.name}
        for number in (lambda rest=rest: claim.bound_at(4, 1.0, rest), lambda rest=rest: claim.rate_at(4, rest)):
            with pytest.raises(KeyError, match=symbol.name):
                number()


@given(smoothness=scales, part=st.floats(0.5, 2))
@settings(deadline=None, max_examples=100)
def test_a_step_is_broken_exactly_beyond_the_cap(smoothness, part):
    scale = part / smoothness
    said = claims["R6"].broken(scale, {"L": smoothness})
    if scale * smoothness > 1:
        assert said is not None
        assert said.startswith("step:")
        assert f"{scale:g}" in said
    else:
        assert said is None


def test_the_cap_itself_is_not_beyond_it():
    assert claims["R6"].broken(0.25, {"L": 4.0}) is None
    assert claims["R6"].broken(np.nextafter(0.25, 1), {"L": 4.0}) is not None


def test_momentum_stays_below_1():
    assert claims["R9"].broken(1.0, {"beta": 0.0}) is None
    assert claims["R9"].broken(1.0, {"beta": 0.99}) is None
    assert claims["R9"].broken(1.0, {"beta": 1.01}) is not None
    assert claims["R9"].broken(1.0, {"beta": -0.01}) is not None
    assert claims["R9"].bound_at(4, 1.0, {"L": 1.0, "G": 1.0, "Delta": 1.0, "beta": 1.0}) == np.inf


def test_heavy_ball_tends_to_sgd_as_momentum_vanishes():
    """The steps tend to those of R6, the bound to half of R6's with G for σ, and the same of the rates."""
    smooth, momentum = claims["R6"], claims["R9"]
    without = {past(t): 0, **momentum.definitions}
    assert momentum.schedule == smooth.schedule
    assert vector(rewrite(w(t + 1), without).subs(beta, 0) - smooth.definitions[w(t + 1)]) == 0
    assert sp.expand(momentum.bound.subs(beta, 0) - smooth.bound.subs(sigma, G) / 2) == 0
    uncapped = tune(smooth.bound).rate.subs(sigma, G)
    assert sp.expand(momentum.tuning.rate.subs(beta, 0) - uncapped / 2) == 0


def test_without_a_condition_no_step_is_broken():
    assert claims["R1"].broken(1e9, {}) is None


@pytest.mark.parametrize("id", claims)
def test_statement_and_setting_are_latex(id):
    claim = claims[id]
    texts = [claim.setting, *(assumption.statement for assumption in claim.assumptions)]
    formulas = [formula for text in texts for formula in re.findall(r"\$(.+?)\$", text)]
    assert formulas
    assert all(text.count("$") % 2 == 0 for text in texts)
    for formula in (claim.latex(), *formulas):
        mathml = convert(formula)
        assert mathml.startswith("<math")
        assert "\\" not in mathml


@pytest.mark.parametrize("id", RATES)
def test_a_rate_is_written_with_the_letters_of_the_glossary(id):
    claim = RATES[id]
    written = claim.latex()
    assert written.startswith(r"\mathbb{E}\left[")
    for symbol in claim.bound.free_symbols:
        assert GLOSSARY[symbol.name].latex in written
        assert symbol.name not in re.findall(r"(?<!\\)\b[a-zA-Z]{3,}\b", written)


@pytest.mark.parametrize("id", RATES)
def test_constants_are_declared_by_assumptions(id):
    claim = RATES[id]
    assert set(claim.constants) == {a.constant for a in claim.assumptions if a.constant is not None}
    assert {symbol.name for symbol in claim.bound.free_symbols} <= set(GLOSSARY)
    assert claim.bound.free_symbols - set(claim.constants) == {T, eta}


def test_claims_are_found_by_their_own_id():
    assert all(claims[id].id == id for id in claims)
    assert len(claims) == len(set(claims)) == len(list(claims))
    assert len({claim.title for claim in claims.values()}) == len(claims)


def test_an_unknown_claim_is_answered_with_those_that_exist():
    with pytest.raises(UnknownClaim) as caught:
        claims["R99"]
    said = str(caught.value)
    assert "\n" not in said
    assert "'R99'" in said
    assert all(id in said for id in claims)
    assert "R99" not in claims


def test_a_row_of_the_ledger_says_what_came_of_a_claim():
    (good,) = ledger([claims["O9"]])
    wrong = replace(claims["O9"], statement=replace(claims["O9"].statement, rhs=claims["O9"].statement.rhs / 2))
    (bad,) = ledger([wrong])
    assert (good.status, good.residual, good.survivors) == ("proved", "0", ())
    assert good.mutants_refused == good.mutants_total >= 6
    assert bad.status == "refused"
    assert bad.residual != "0"


def test_a_ledger_does_not_lose_a_claim_to_its_namesake() -> None:
    with pytest.raises(ValueError, match="two claims are called 'R1'"):
        Claims((claims["R1"], claims["R1"]))
