"""Claims as numbers and as text: the formulas by hand, their monotonicity and dimensions, the LaTeX, the errors."""

import re
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from latex2mathml.converter import convert

from theory import Rate, claims, ledger
from theory.ledger import Claims, UnknownClaim
from theory.symbols import GLOSSARY, G, L, L_max, T, beta, eta, g, modulus, sigma, t, w
from theory.symbols import momentum as past
from theory.terms import rewrite, vector
from theory.tuning import tune

RATES = {id: claim for id, claim in claims.items() if isinstance(claim, Rate)}

horizons = st.integers(1, 10**6)
scales = st.floats(1e-2, 1e2)
POSITIVE = ("D", "G", "L", "L_max", "sigma", "Delta", "sigma_star", "modulus", "zeta", "M", "rho")
BOUNDED = {
    "beta": st.floats(0.01, 0.49),
    "N": st.integers(2, 100),
    "m": st.floats(1e-2, 0.49),
    "m_PL": st.floats(1e-4, 5e-3),
}
values = st.fixed_dictionaries(dict.fromkeys(POSITIVE, scales) | BOUNDED)
moderate = st.fixed_dictionaries(dict.fromkeys(POSITIVE, st.floats(0.1, 10)) | BOUNDED)

# R2's bound has sums of T terms; R7's falls to its noise at a geometric rate, until rounding hides that it falls
LONGEST = {"R2": 1000, "R7": 100}
FALLING = {("R4", "modulus"), ("R7", "m_PL")}  # the steeper the objective, the better


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


def decaying_bound(T, eta, D, G, **_):
    steps = eta / np.sqrt(1 + np.arange(T))
    return (D**2 + G**2 * (steps**2).sum()) / (2 * steps.sum())


def decaying_eta(T, D, G, **_):
    return D / (G * np.sqrt((1 / (1 + np.arange(T))).sum()))


def decaying_rate(T, D, G, **_):
    return D * G * np.sqrt((1 / (1 + np.arange(T))).sum()) / (1 / np.sqrt(1 + np.arange(T))).sum()


def strong_bound(T, eta, G, **_):
    return 2 * eta * G**2 / (T + 1)


def strong_rate(T, G, modulus, **_):
    return 2 * G**2 / (modulus * (T + 1))


def samples_bound(T, eta, D, L_max, sigma_star, **_):
    return D**2 / (2 * eta * (1 - 2 * eta * L_max) * T) + eta * sigma_star**2 / (1 - 2 * eta * L_max)


def samples_eta(T, D, L_max, sigma_star, **_):
    return 1 / (2 * L_max + np.sqrt(4 * L_max**2 + 2 * T * sigma_star**2 / D**2))


def samples_rate(T, D, L_max, sigma_star, **_):
    return 2 * L_max * D**2 / T * (1 + np.sqrt(1 + sigma_star**2 * T / (2 * L_max**2 * D**2)))


def sharp_bound(T, eta, D, L_max, sigma_star, **_):
    return D**2 / (2 * eta * T) + eta * sigma_star**2 / (2 * (1 - eta * L_max))


def sharp_eta(T, D, L_max, sigma_star, **_):
    return 1 / (L_max + sigma_star * np.sqrt(T) / D)


def sharp_rate(T, D, L_max, sigma_star, **_):
    return L_max * D**2 / (2 * T) + sigma_star * D / np.sqrt(T)


def steep_bound(T, eta, L, sigma, Delta, m_PL, **_):
    return (1 - eta * m_PL) ** T * Delta + L * eta * sigma**2 / (2 * m_PL)


def steep_rate(T, L, sigma, Delta, m_PL, **_):
    return (1 - m_PL / L) ** T * Delta + sigma**2 / (2 * m_PL)


def biased_bound(T, eta, L, sigma, Delta, m, zeta, **_):
    return (2 * Delta / (eta * T) + L * eta * sigma**2 + zeta**2) / (1 - m)


def biased_eta(T, L, sigma, Delta, M, **_):
    return 1 / ((M + 1) * L + sigma * np.sqrt(L * T / (2 * Delta)))


def biased_rate(T, L, sigma, Delta, m, M, zeta, **_):
    return (2 * (M + 1) * L * Delta / T + 2 * sigma * np.sqrt(2 * L * Delta / T) + zeta**2) / (1 - m)


def annealed_bound(T, eta, L, sigma, Delta, zeta, **_):
    return 2 * Delta / (eta * T) + L * T**0.2 * eta * sigma**2 + zeta**2 / T**0.4


def annealed_eta(T, L, sigma, Delta, **_):
    return smooth_eta(T, L=L * T**0.2, sigma=sigma, Delta=Delta)


def annealed_rate(T, L, sigma, Delta, zeta, **_):
    return smooth_rate(T, L=L * T**0.2, sigma=sigma, Delta=Delta) + zeta**2 / T**0.4


def constant_shape(t, T):
    return np.ones(T)


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


BY_HAND = {
    "R1": (convex_bound, convex_eta, convex_rate, constant_shape),
    "R3": (convex_bound, convex_eta, convex_rate, lambda t, T: 1 - (t + 1) / T),
    "R6": (smooth_bound, smooth_eta, smooth_rate, constant_shape),
    "R9": (momentum_bound, momentum_eta, momentum_rate, constant_shape),
    "R10": (weakly_convex_bound, weakly_convex_eta, weakly_convex_rate, constant_shape),
    "R12": (reshuffled_bound, reshuffled_eta, reshuffled_rate, constant_shape),
    "R2": (decaying_bound, decaying_eta, decaying_rate, lambda t, T: 1 / np.sqrt(t + 1)),
    "R4": (strong_bound, lambda T, modulus, **_: 1 / modulus, strong_rate, lambda t, T: 2 / (t + 2)),
    "R5": (samples_bound, samples_eta, samples_rate, constant_shape),
    "R5s": (sharp_bound, sharp_eta, sharp_rate, constant_shape),
    "R7": (steep_bound, lambda T, L, **_: 1 / L, steep_rate, constant_shape),
    "R8": (biased_bound, biased_eta, biased_rate, constant_shape),
    "R14": (annealed_bound, annealed_eta, annealed_rate, constant_shape),
    "R14.gap": (smooth_bound, smooth_eta, smooth_rate, constant_shape),
}


def test_every_rate_has_its_formulas_by_hand():
    assert set(BY_HAND) == set(RATES)


@pytest.mark.parametrize("id", BY_HAND)
@given(horizon=horizons, scale=scales, known=values)
@settings(deadline=None, max_examples=30)
def test_bound_tuned_step_and_rate_are_those_of_the_paper(id, horizon, scale, known):
    bound, best, rate, _ = BY_HAND[id]
    claim, horizon = claims[id], min(horizon, LONGEST.get(id, horizon))
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
    conditions = [condition for condition in conditions if condition.has(eta)]
    limit = claim.cap or claim.scale
    if limit is None:
        assert conditions == []
    else:
        (condition,) = conditions
        (solved,) = sp.solve(condition, eta)
        assert sp.simplify(solved - limit) == 0
        if claim.cap:
            assert condition.subs(eta, claim.cap / 2) > 0


CONDITIONS = {a.statement: a for claim in claims.values() for a in claim.assumptions if a.condition is not None}


@pytest.mark.parametrize("statement", CONDITIONS)
def test_the_domain_of_a_condition_is_that_condition(statement):
    """The substitution obeys the condition; and where that holds, there is a slack ≥ 0 that gives the value."""
    assumption = CONDITIONS[statement]
    ((parameter, replacement),) = assumption.domain.items()
    (slack,) = replacement.atoms(sp.Dummy)
    obeyed = assumption.condition.subs(parameter, replacement).factor()
    assert obeyed.is_positive if assumption.strict else obeyed.is_nonnegative
    (solved,) = sp.solve(replacement - parameter, slack)
    assert sp.cancel(solved * assumption.condition).factor().is_nonnegative


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("R1", {"bound": RATES["R1"].bound / 2}),
        ("R1", {"schedule": eta / (t + 1)}),
        ("R1", {"metric": RATES["R3"].metric}),
        ("R6", {"cap": None}),
        ("R6", {"cap": 2 / L}),
        ("R9", {"direction": g(t)}),
        ("R4", {"scale": 1 / (2 * modulus)}),
        ("R5", {"cap": 1 / L_max}),
        ("R7", {"scale": 2 / L}),
        ("R8", {"cap": 1 / L}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_rate_that_says_more_than_its_proof_is_not_proved(id, changes):
    assert not replace(RATES[id], **changes).prove().proved


@pytest.mark.parametrize("id", RATES)
@given(horizon=st.integers(1, 10**5), known=moderate, data=st.data())
@settings(deadline=None, max_examples=30)
def test_rates_fall_with_the_horizon_and_rise_with_every_constant(id, horizon, known, data):
    claim, horizon = RATES[id], min(horizon, LONGEST.get(id, horizon))
    rate = claim.rate_at(horizon, known)
    more = data.draw(st.sampled_from([symbol.name for symbol in claim.constants]))
    assert claim.rate_at(2 * horizon, known) < rate
    other = claim.rate_at(horizon, known | {more: 2 * known[more]})
    assert other < rate if (id, more) in FALLING else other > rate


@pytest.mark.parametrize("id", RATES)
@given(horizon=horizons, scale=scales, known=values, a=st.floats(0.1, 10), b=st.floats(0.1, 10))
@settings(deadline=None, max_examples=30)
def test_bounds_have_the_dimension_of_their_metric(id, horizon, scale, known, a, b):
    """``w → a w`` and ``F → b F``."""
    claim, horizon = RATES[id], min(horizon, LONGEST.get(id, horizon))
    unit = dict.fromkeys(("L", "L_max", "rho", "modulus", "m_PL"), b / a**2) | dict.fromkeys(("m", "M", "beta", "N"), 1)
    unit |= dict.fromkeys(("G", "sigma", "sigma_star", "zeta"), b / a) | {"D": a, "Delta": b}
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


@given(smoothness=scales, horizon=st.integers(1, 100))
@example(smoothness=49.0, horizon=1)  # fl(1/49) · 49 < 1, so the cap of R4 is above fl(1/49)
@settings(max_examples=100)
def test_the_tuned_step_is_on_the_right_side_of_its_cap(smoothness, horizon):
    """Also where it is the cap: without noise, or where the bound asks for more."""
    known = {
        "L": smoothness,
        "sigma": 0.0,
        "Delta": 1.0,
        "m_PL": smoothness / 2,
        "G": 1.0,
        "modulus": smoothness,
        "N": 3.0,
    }
    for id in ("R4", "R6", "R7", "R12", "R14"):
        eta = claims[id].best_eta(horizon, known | {"zeta": 0.0})
        assert claims[id].broken(eta, known | {"T": horizon}) is None


def test_momentum_stays_below_1():
    inside = {beta: claims["R9"].broken(1.0, {"beta": beta}) is None for beta in (-0.01, 0.0, 0.01, 0.99, 1.0, 1.01)}
    assert inside == {-0.01: False, 0.0: False, 0.01: True, 0.99: True, 1.0: False, 1.01: False}
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
