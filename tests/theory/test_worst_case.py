"""Exact worst cases: no claim is below them, the convex ones are tight, and they are what brute force finds."""

import sys
from itertools import product

import numpy as np
import pytest

from theory import claims
from theory.worst_case import SETTINGS, NotInstalled, Unsolved, pep, solve, worst_case

pytest.importorskip("PEPit")

POSED = [id for id in SETTINGS if id in claims]
# relative to the solver's own precision
CLOSE = 1e-6


@pytest.mark.parametrize(("horizon", "samples"), [(1, 1), (2, 1), (4, 1), (1, 2), (2, 2), (2, 3)])
@pytest.mark.parametrize("id", POSED)
def test_no_bound_is_below_the_worst_case(id, horizon, samples):
    found = worst_case(claims[id], horizon, samples)
    assert found.worst_case > 0
    assert found.ratio == found.bound / found.worst_case
    assert found.ratio >= 1 - CLOSE


@pytest.mark.parametrize("horizon", [1, 2, 4, 8])
@pytest.mark.parametrize("id", ["R1", "R2", "R3"])
def test_the_convex_bounds_are_attained(id, horizon):
    assert worst_case(claims[id], horizon).ratio == pytest.approx(1, abs=CLOSE)


def test_the_sharp_bound_for_smooth_samples_is_attained_in_one_step():
    assert worst_case(claims["R5s"], 1, samples=2).ratio == pytest.approx(1, abs=CLOSE)


@pytest.mark.parametrize("id", ["R1", "R2", "R3"])
def test_noise_does_not_make_the_convex_bounds_loose(id):
    assert worst_case(claims[id], 2, samples=2).ratio == pytest.approx(1, abs=CLOSE)


@pytest.mark.parametrize("id", POSED)
def test_constants_are_heard(id):
    (first, *_) = claims[id].constants
    assert worst_case(claims[id], 2, constants={"m": 0.25, first.name: 0.5}).worst_case != pytest.approx(
        worst_case(claims[id], 2).worst_case, rel=1e-3
    )


@pytest.mark.parametrize("samples", [2, 3])
def test_the_last_gradient_of_gradient_descent_never_needs_its_noise(samples):
    """For T = 1, ‖∇F(w_0)‖² ≤ 2LΔ whatever the noise: R6 has Lησ² to spare there."""
    found = worst_case(claims["R6"], 1, samples)
    assert found.worst_case == pytest.approx(2, rel=CLOSE)


def descent(start, steps, slopes, noise):
    """w_0 … w_{T−1} for F of slope ``slopes[w > 0]``, with noise of given signs and size."""
    iterates = []
    for step, disturbed in zip(steps, noise, strict=True):
        iterates.append(start)
        start = start - step * (slopes[int(start > 0)] + disturbed)
    return np.array(iterates)


@pytest.mark.parametrize(("horizon", "samples"), [(1, 1), (2, 1), (4, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("id", ["R1", "R3"])
def test_no_convex_function_of_a_family_is_worse(id, horizon, samples):
    """F = max(s·w, −as·w) from all starts in [−1, 1], noise ±c with s, c such that E g² ≤ 1: exact expectations."""
    claim, found = claims[id], worst_case(claims[id], horizon, samples)
    steps = claim.steps(horizon, claim.best_eta(horizon, {"D": 1.0, "G": 1.0}))
    worst = 0.0
    for noise in np.linspace(0, 0.9, 4) if samples > 1 else (0.0,):
        slope = np.sqrt(1 - noise**2)
        for start, left in product(np.linspace(-1, 1, 41), np.linspace(0, 1, 5)):
            gaps = []
            for signs in product((1, -1), repeat=horizon) if samples > 1 else ((0,) * horizon,):
                path = descent(start, steps, (-slope * left, slope), noise * np.array(signs))
                output = path.mean() if id == "R1" else path[-1]
                gaps.append(slope * max(output, -left * output))
            worst = max(worst, float(np.mean(gaps)))
    assert worst <= found.worst_case + CLOSE
    assert worst >= 0.3 * found.worst_case


def test_a_problem_without_an_optimum_is_unsolved():
    from PEPit.functions import ConvexFunction

    problem = pep()
    problem.set_performance_metric(problem.declare_function(ConvexFunction).value(problem.set_initial_point()))
    with pytest.raises(Unsolved):
        solve(problem)


def test_a_claim_without_a_setting_has_no_worst_case():
    with pytest.raises(KeyError):
        worst_case(claims["O1"], 1)


def test_without_pepit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PEPit", None)
    with pytest.raises(NotInstalled, match=r"pip install 'aat-sgd\[pep\]'"):
        worst_case(claims["R1"], 1)
