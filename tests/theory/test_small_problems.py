"""R9, R10 and R12 on small problems in plain NumPy, with every sample path and every order of the samples.

The expectations are exact up to rounding. Nothing of the theory is used but the bounds that are held against them, the
claims' own and those of mutants.
"""

from itertools import permutations

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory import claims
from theory.mutants import mutants
from theory.symbols import T, eta

ROUNDING = 1 + 1e-9
R9, R10, R12 = claims["R9"], claims["R10"], claims["R12"]

seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0.05, 1)


class Waves:
    """F is the mean of f_i(w) = a_i cos(⟨b_i, w⟩ + c_i), i < N, in the plane; points are rows."""

    def __init__(self, seed: int, N: int) -> None:
        rng = np.random.default_rng(seed)
        self.N, self.a, self.c = N, rng.normal(size=N), rng.uniform(0, 7, size=N)
        self.b, self.w0 = rng.normal(size=(N, 2)), rng.normal(size=(1, 2))
        smoothness = np.abs(self.a) * (self.b**2).sum(1)
        self.L, self.L_max = smoothness.mean(), smoothness.max()
        self.Delta = float(self.value(self.w0)[0] + np.abs(self.a).mean())

    def value(self, w):
        return (self.a * np.cos(w @ self.b.T + self.c)).mean(1)

    def gradients(self, w):
        """The gradient of every term at every point: shape (points, N, 2)."""
        return -(self.a * np.sin(w @ self.b.T + self.c))[:, :, None] * self.b


class Bowls:
    """F is the mean of f_i(w) = (s/2)(w − c_i)² on the line, of centre 0."""

    def __init__(self, s: float, spread: float, start: float) -> None:
        self.N, self.s, self.centres = 2, s, np.array([[-spread], [spread]])
        self.w0, self.L, self.L_max, self.Delta = np.array([[start]]), s, s, s * start**2 / 2

    def gradients(self, w):
        return self.s * (w[:, None, :] - self.centres)


def square(vectors):
    return (vectors**2).sum(-1)


def heavy_ball(problem, T, eta, beta):
    """Mean of E‖∇F(w_t)‖², and the largest E‖g_t‖², over all N^T paths."""
    w, m = problem.w0, np.zeros_like(problem.w0)
    metric, moments = 0.0, []
    for _ in range(T):
        drawn = problem.gradients(w)
        metric += square(drawn.mean(1)).mean() / T
        moments.append(square(drawn).mean())
        m = (beta * m[:, None] + drawn).reshape(-1, w.shape[1])
        w = np.repeat(w, problem.N, axis=0) - eta * m
    return metric, max(moments)


def heavy_ball_tightness(problem, T, alpha, beta):
    eta = alpha * (1 - beta)
    metric, moment = heavy_ball(problem, T, eta, beta)
    known = {"L": problem.L, "G": moment**0.5, "Delta": problem.Delta, "beta": beta}
    return metric / R9.bound_at(T, eta, known)


@given(seed=seeds, N=st.integers(2, 3), T=st.integers(1, 5), scale=st.floats(0.05, 3), beta=st.floats(0.01, 0.95))
@settings(deadline=None, max_examples=60)
def test_heavy_ball_holds_on_waves(seed, N, T, scale, beta):
    problem = Waves(seed, N)
    assert heavy_ball_tightness(problem, T, scale / problem.L, beta) <= ROUNDING


@given(T=st.integers(1, 6), scale=st.floats(0.05, 3), beta=st.floats(0.01, 0.95), spread=st.floats(0, 2))
@settings(deadline=None, max_examples=60)
def test_heavy_ball_holds_on_bowls(T, scale, beta, spread):
    assert heavy_ball_tightness(Bowls(2.0, spread, 1.0), T, scale / 2.0, beta) <= ROUNDING


def test_heavy_ball_is_tight_for_one_step_with_little_momentum():
    assert heavy_ball_tightness(Bowls(2.0, 0.0, 1.0), 1, 0.5, 0.001) >= 0.99


def test_heavy_ball_may_be_wrong_with_constants_that_are_too_small():
    problem = Bowls(2.0, 0.0, 1.0)
    metric, moment = heavy_ball(problem, 1, 0.45, 0.1)
    good = {"L": problem.L, "G": moment**0.5, "Delta": problem.Delta, "beta": 0.1}
    assert metric <= R9.bound_at(1, 0.45, good)
    for name in ("L", "G", "Delta"):
        assert metric > R9.bound_at(1, 0.45, good | {name: good[name] / 3})


def reshuffling(problem, E, eta):
    """Mean of E‖∇F(w)‖² over epochs, and the largest E of the variance at their start, over all (N!)^E orders."""
    w, metric, variances = problem.w0, 0.0, []
    for _ in range(E):
        all_terms = problem.gradients(w)
        mean = all_terms.mean(1)
        metric += square(mean).mean() / E
        variances.append(square(all_terms - mean[:, None]).mean())
        ends = []
        for order in permutations(range(problem.N)):
            inner = w
            for term in order:
                inner = inner - eta * problem.gradients(inner)[:, term]
            ends.append(inner)
        w = np.concatenate(ends)
    return metric, max(variances)


def reshuffling_tightness(problem, E, share):
    eta = share / (2 * problem.L_max * problem.N)
    metric, variance = reshuffling(problem, E, eta)
    known = {"L": problem.L_max, "sigma": variance**0.5, "Delta": problem.Delta, "N": problem.N}
    return metric / R12.bound_at(problem.N * E, eta, known)


@given(seed=seeds, size=st.sampled_from([(2, 1), (2, 4), (3, 1), (3, 3), (4, 1), (4, 2)]), share=shares)
@settings(deadline=None, max_examples=60)
def test_reshuffling_holds_on_waves(seed, size, share):
    N, E = size
    assert reshuffling_tightness(Waves(seed, N), E, share) <= ROUNDING


@given(E=st.integers(1, 6), share=shares, spread=st.floats(0, 100))
@settings(deadline=None, max_examples=60)
def test_reshuffling_holds_on_bowls(E, share, spread):
    assert reshuffling_tightness(Bowls(2.0, spread, 1.0), E, share) <= ROUNDING


def test_reshuffling_needs_both_its_terms():
    """At a stationary start there is nothing to descend, but an epoch moves away; without noise it still descends."""
    resting, descending = Bowls(2.0, 1.0, 0.0), Bowls(2.0, 0.0, 1.0)
    moved, variance = reshuffling(resting, 2, 1 / 8)
    assert moved > 1e-3
    assert moved > R12.bound_at(4, 1 / 8, {"L": 2.0, "sigma": variance**0.5 / 10, "Delta": 0.0, "N": 2})
    metric, none = reshuffling(descending, 1, 1 / 8)
    assert none == 0
    assert metric > R12.bound_at(2, 1 / 8, {"L": 2.0, "sigma": 0.0, "Delta": descending.Delta / 3, "N": 2})


@given(seed=seeds, N=st.integers(2, 4), size=st.floats(0.1, 1))
@settings(deadline=None, max_examples=40)
def test_the_iterates_of_an_epoch_stay_as_near_as_the_proof_says(seed, N, size):
    """E Σ_k ‖y_k − w‖² ≤ (4/5) η² N³ ‖∇F(w)‖² + (2/5) η² N(N + 1) σ²."""
    problem = Waves(seed, N)
    eta = size / (2 * problem.L_max * N)
    all_terms = problem.gradients(problem.w0)[0]
    mean = all_terms.mean(0)
    apart = []
    for order in permutations(range(N)):
        inner, apart_here = problem.w0, 0.0
        for term in order:
            apart_here += square(inner - problem.w0)[0]
            inner = inner - eta * problem.gradients(inner)[:, term]
        apart.append(apart_here)
    variance = square(all_terms - mean).mean()
    bound = 0.4 * eta**2 * (2 * N**3 * square(mean) + N * (N + 1) * variance)
    assert np.mean(apart) <= bound * ROUNDING


def sharper(claim, *terms):
    """The bounds of the mutants that damage the terms of the bound that contain one of ``terms``."""
    for mutant in mutants(claim):
        if mutant.damage.startswith(("constant halved", "exponent of T")) and any(
            term in mutant.damage for term in terms
        ):
            yield pytest.param(sp.lambdify((T, eta, *claim.constants), mutant.claim.statement.rhs), id=mutant.damage)


@pytest.mark.parametrize("bound", [*sharper(R9, "Delta", "G**2*L*eta")])
def test_sharper_terms_of_heavy_ball_are_false(bound):
    """Not so its third term: it is what the proof gives."""
    problem, beta, excess = Bowls(1.0, 0.0, 1.0), 0.001, []
    for horizon, alpha in ((1, 1.0), (6, 0.1), (6, 0.5)):
        scale = alpha * (1 - beta)
        metric, moment = heavy_ball(problem, horizon, scale, beta)
        known = {"L": 1.0, "G": moment**0.5, "Delta": problem.Delta, "beta": beta}
        assert metric <= R9.bound_at(horizon, scale, known)
        excess.append(metric / bound(horizon, scale, *(known[name.name] for name in R9.constants)))
    assert max(excess) > 1.01


@pytest.mark.parametrize("bound", [*sharper(R12, "Delta")])
def test_sharper_descent_of_reshuffling_is_false(bound):
    """Not so its noise term: it is what the proof gives."""
    problem, excess = Bowls(1.0, 0.0, 1.0), []
    for epochs, scale in ((1, 0.25), (2, 0.25), (6, 0.1)):
        metric, _ = reshuffling(problem, epochs, scale)
        known = {"L": 1.0, "sigma": 0.0, "Delta": problem.Delta, "N": 2}
        assert metric <= R12.bound_at(2 * epochs, scale, known)
        excess.append(metric / bound(2 * epochs, scale, *(known[name.name] for name in R12.constants)))
    assert max(excess) > 1.01


def kinks(centres, w):
    """The mean of |w² − c_i|, which is 2-weakly convex."""
    return np.abs(w**2 - centres).mean()


def envelope_slope(F, rho, w):
    """Gradient of the Moreau envelope F_{1/(2ρ)} at w on the line, from its definition."""
    near = minimize_scalar(
        lambda x: F(x) + rho * (x - w) ** 2, bounds=(w - 9, w + 9), method="bounded", options={"xatol": 1e-10}
    )
    return 2 * rho * (w - near.x)


@given(
    centres=st.lists(st.floats(0.1, 3), min_size=2, max_size=3).map(np.array),
    start=st.floats(-2, 2),
    T=st.integers(1, 3),
    eta=st.floats(0.01, 0.5),
)
@settings(deadline=None, max_examples=40)
def test_weakly_convex_holds_on_kinks(centres, start, T, eta):
    paths, metric, moments = np.array([start]), 0.0, []
    for _ in range(T):
        metric += np.mean([envelope_slope(lambda x: kinks(centres, x), 2.0, w) ** 2 for w in paths]) / T
        drawn = 2 * paths[:, None] * np.sign(paths[:, None] ** 2 - centres)
        moments.append((drawn**2).mean())
        paths = (paths[:, None] - eta * drawn).ravel()
    least = min(kinks(centres, w) for w in (0.0, *np.sqrt(centres)))
    known = {"rho": 2.0, "G": max(moments) ** 0.5 + 1e-9, "Delta": kinks(centres, start) - least}
    assert metric <= R10.bound_at(T, eta, known) * ROUNDING + 1e-5


@pytest.mark.parametrize("steps", [30, 95])
def test_weakly_convex_is_within_a_factor_of_three_on_the_absolute_value(steps):
    """As F is convex any ρ will do; far from 0 the envelope has the slope of F, and every step goes down by η."""
    eta, start = 0.1, 0.5 + 0.1 * steps
    slopes = [envelope_slope(abs, 1.0, start - eta * t) ** 2 for t in range(steps)]
    assert slopes == pytest.approx(np.ones(steps), abs=1e-4)
    bound = R10.bound_at(steps, eta, {"rho": 1.0, "G": 1.0, "Delta": start})
    assert 1 <= bound <= 3
