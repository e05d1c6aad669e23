"""The rates and identities against small problems in plain numpy: expectations are exact, over all sample paths.

Nothing here is shared with ``sim``. What the assumptions bound is either known in closed form or measured on the very
paths, so each bound is tried with the smallest constants that it allows.
"""

from itertools import combinations, product

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import claims
from theory.claim import Rate
from theory.rates.convex_decaying import decaying
from theory.rates.minibatch import minibatch
from theory.symbols import B, M, eta, m, sigma, t, zeta

ROUNDING = 1 + 1e-9
many = settings(deadline=None, max_examples=150)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
R1, R6, R8 = claims["R1"], claims["R6"], claims["R8"]
SHAPES = {"1/√(t+1)": 1 / sp.sqrt(t + 1), "1/(t+1)": 1 / (t + 1), "constant": sp.Integer(1)}


def paths(gradients, start, steps, samples):
    """The iterates w_0 … w_T; w_t has the shape (samples^t, d), one row for each path, all equally likely.

    ``gradients(w, i)`` are those of sample i at the rows of w.
    """
    iterates = [np.atleast_2d(start)]
    for step in steps:
        w = iterates[-1]
        iterates.append(np.concatenate([w - step * gradients(w, i) for i in range(samples)]))
    return iterates


def average(iterates, weights, samples):
    """Σ weights_t w_t of each path of T − 1 steps; path p of t steps is path p mod samples^t of t − 1 steps."""
    longest = len(iterates[len(weights) - 1])
    rows = np.arange(longest)
    return sum(weight * w[rows % len(w)] for weight, w in zip(weights, iterates, strict=False))


class Absolute:
    """Samples |⟨a_i, w⟩ − c_i| + (λ/2)‖w‖²: convex, with subgradients."""

    def __init__(self, rng, ridge=0.0):
        self.samples, self.ridge = rng.integers(1, 4), ridge
        self.a, self.c = rng.normal(size=(self.samples, 2)), rng.normal(size=self.samples)

    def value(self, w):
        return np.abs(w @ self.a.T - self.c).mean(1) + self.ridge / 2 * (w**2).sum(1)

    def gradients(self, w, i):
        return np.sign(w @ self.a[i] - self.c[i])[:, None] * self.a[i] + self.ridge * w

    def second_moment(self, iterates):
        """The largest E‖g_t‖² on the paths."""
        moments = [np.mean([(self.gradients(w, i) ** 2).sum(1) for i in range(self.samples)]) for w in iterates]
        return max(moments)


def test_paths_and_averages_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    slopes = rng.normal(size=3)
    steps, weights = [0.5, 0.25, 1.0], [0.2, 0.3, 0.5]
    found = average(paths(lambda w, i: slopes[i] * w, np.ones(1), steps, 3), weights, 3)
    expected = []
    for path in product(range(3), repeat=2):
        w = [1.0]
        for step, i in zip(steps, path, strict=False):
            w.append(w[-1] * (1 - step * slopes[i]))
        expected.append(np.dot(weights, w))
    assert sorted(found[:, 0]) == pytest.approx(sorted(expected))


@pytest.mark.parametrize("shape", SHAPES)
@given(rng=seeds, horizon=st.integers(1, 5), scale=st.floats(0.01, 3))
@many
def test_decaying_steps(shape, rng, horizon, scale):
    problem, claim = Absolute(rng), decaying(SHAPES[shape])
    start, u = 2 * rng.normal(size=2), rng.normal(size=2)
    steps = claim.steps(horizon, scale)
    iterates = paths(problem.gradients, start, steps, problem.samples)[:-1]
    gap = problem.value(average(iterates, steps / steps.sum(), problem.samples)).mean() - problem.value(u[None])[0]
    known = {"D": np.linalg.norm(start - u), "G": problem.second_moment(iterates) ** 0.5}
    assert gap <= claim.bound_at(horizon, scale, known) * ROUNDING


@pytest.mark.parametrize("shape", SHAPES)
def test_any_decaying_shape_is_proved(shape):
    assert decaying(SHAPES[shape]).prove().proved


@pytest.mark.parametrize("shape", [-1 / (t + 1), 1 - t, 1 / (t - 1)], ids=str)
def test_steps_that_may_not_be_positive_are_refused(shape):
    assert not decaying(shape).prove().proved


def test_decaying_steps_that_do_not_decay_have_the_bound_of_the_constant_step():
    assert sp.simplify(decaying(sp.Integer(1)).bound.doit() - R1.bound) == 0


def test_the_bound_of_decaying_steps_is_attained():
    known = {"D": 3.0, "G": 2.0}
    assert claims["R2"].bound_at(1, 1.5, known) == pytest.approx(2 * 3)  # F = 2|w|, w_0 = 3


@given(rng=seeds, horizon=st.integers(1, 5), modulus=st.floats(0.05, 5), times=st.floats(1, 4))
@many
def test_strongly_convex(rng, horizon, modulus, times):
    problem, claim = Absolute(rng, ridge=modulus), claims["R4"]
    start, u, scale = 2 * rng.normal(size=2), rng.normal(size=2), times / modulus
    iterates = paths(problem.gradients, start, claim.steps(horizon, scale), problem.samples)[:-1]
    weights = np.arange(1, horizon + 1) * 2 / (horizon * (horizon + 1))
    gap = problem.value(average(iterates, weights, problem.samples)).mean() - problem.value(u[None])[0]
    known = {"G": problem.second_moment(iterates) ** 0.5, "modulus": modulus}
    assert gap <= claim.bound_at(horizon, scale, known) * ROUNDING
    assert claim.rate_at(horizon, known) <= claim.bound_at(horizon, scale, known) * ROUNDING
    assert claim.broken(scale * 0.99 / times, known) is not None


def test_half_of_the_strongly_convex_bound_is_attained():
    assert claims["R4"].rate_at(1, {"G": 6.0, "modulus": 2.0}) == pytest.approx(2 * 9)  # F = w², w_0 = 3: F(w_0) = 9


class SmoothSamples:
    """Samples (h_i/2)⟨a_i, w⟩² + ⟨c_i, w⟩ or h_i ln cosh⟨a_i, w⟩ + ⟨c_i, w⟩ with ‖a_i‖ = 1: smooth with h_i."""

    def __init__(self, rng):
        self.samples = rng.integers(1, 4)
        self.curvature = rng.uniform(0, 1, self.samples)
        a = rng.normal(size=(self.samples, 2))
        self.a = a / np.linalg.norm(a, axis=1, keepdims=True)
        self.c = rng.normal(size=(self.samples, 2)) * rng.choice([0, 0.3, 3])
        self.bent = bool(rng.integers(2))

    def value(self, w):
        z = w @ self.a.T
        bowl = np.log(np.cosh(z)) if self.bent else z**2 / 2
        return (bowl * self.curvature + w @ self.c.T).mean(1)

    def gradients(self, w, i):
        z = w @ self.a[i]
        return self.curvature[i] * (np.tanh(z) if self.bent else z)[:, None] * self.a[i] + self.c[i]


@pytest.mark.parametrize("id", ["R5", "R5s"])
@given(rng=seeds, horizon=st.integers(1, 5), part=st.floats(0.01, 0.999))
@many
def test_smooth_convex_samples(id, rng, horizon, part):
    """For every comparator: F need not even have a minimiser."""
    problem, claim = SmoothSamples(rng), claims[id]
    start, u = 2 * rng.normal(size=2), 2 * rng.normal(size=2)
    at_u = np.concatenate([problem.gradients(u[None], i) for i in range(problem.samples)])
    known = {"D": np.linalg.norm(start - u), "L_max": problem.curvature.max()}
    known["sigma_star"] = (at_u**2).sum(1).mean() ** 0.5
    scale = part / (known["L_max"] * (2 if id == "R5" else 1))
    iterates = paths(problem.gradients, start, [scale] * horizon, problem.samples)[:-1]
    mean = average(iterates, np.full(horizon, 1 / horizon), problem.samples)
    gap = problem.value(mean).mean() - problem.value(u[None])[0]
    bound = claim.bound_at(horizon, scale, known)
    assert gap <= bound * ROUNDING
    assert claims["R5s"].bound_at(horizon, scale, known) <= bound * ROUNDING
    assert claims["R5s"].rate_at(horizon, known) <= claims["R5"].rate_at(horizon, known) * ROUNDING
    assert claim.broken(scale, known) is None
    assert claim.broken(1.001 * scale / part, known) is not None


def test_the_cap_of_smooth_convex_samples_is_strict():
    for id, cap in (("R5", 0.125), ("R5s", 0.25)):
        assert claims[id].broken(cap, {"L_max": 4.0}) is not None
        assert claims[id].broken(np.nextafter(cap, 0), {"L_max": 4.0}) is None


def test_the_sharp_bound_of_smooth_convex_samples_is_attained_and_the_other_nearly():
    """F = w²/2 at w_0 = 3, T = 1, no noise; F = w on the way down from 3 to 0, where L may be next to nothing."""
    assert claims["R5s"].rate_at(1, {"D": 3.0, "L_max": 1.0, "sigma_star": 0.0}) == pytest.approx(4.5)
    assert claims["R5s"].rate_at(1, {"D": 3.0, "L_max": 1e-9, "sigma_star": 1.0}) == pytest.approx(3)
    assert claims["R5"].rate_at(1, {"D": 3.0, "L_max": 1e-9, "sigma_star": 1.0}) == pytest.approx(3 * 2**0.5)


@given(rng=seeds, horizon=st.integers(1, 6), part=st.floats(0.01, 1), deviation=st.floats(0, 3))
@many
def test_polyak_lojasiewicz(rng, horizon, part, deviation):
    """A quadratic, and w² + 3 sin²w, which is not convex (L = 8, m = 1/32: Karimi et al. 2016, section 2.2)."""
    if rng.integers(2):
        steepness = np.sort(rng.uniform(0.01, 2, 2))
        flat, steep = steepness
    else:
        steepness, flat, steep = None, 1 / 32, 8.0

    def value(w):
        return (w**2 @ steepness) / 2 if steepness is not None else (w**2 + 3 * np.sin(w) ** 2).sum(1)

    def gradients(w, i):
        mean = steepness * w if steepness is not None else 2 * w + 3 * np.sin(2 * w)
        return mean + (1 - 2 * i) * deviation * direction

    size = 2 if steepness is not None else 1
    direction = rng.normal(size=size)
    direction /= np.linalg.norm(direction)
    start, scale = 2 * rng.normal(size=size), part / steep
    known = {"L": steep, "m_PL": flat, "sigma": deviation, "Delta": value(start[None])[0]}
    gap = value(paths(gradients, start, [scale] * horizon, 2)[-1]).mean()
    assert gap <= claims["R7"].bound_at(horizon, scale, known) * ROUNDING
    assert claims["R7"].broken(scale / ROUNDING, known) is None
    assert claims["R7"].broken(1.001 / steep, known) is not None
    assert claims["R7"].broken(scale / ROUNDING, known | {"m_PL": 1.1 * steep}) is not None


def test_the_noise_of_the_linear_rate_is_attained():
    """F = w², one step of 1/L to w_1 = ±σ/L: E F = σ²/(2L)."""
    assert claims["R7"].rate_at(1, {"L": 2.0, "m_PL": 2.0, "sigma": 3.0, "Delta": 7.0}) == pytest.approx(9 / 4)


@given(
    rng=seeds,
    horizon=st.integers(1, 6),
    part=st.floats(0.05, 1),
    relative=st.floats(0, 0.9),
    known=st.fixed_dictionaries({"M": st.floats(0, 3), "sigma": st.floats(0, 2), "zeta": st.floats(0, 2)}),
)
@many
def test_biased_gradients(rng, horizon, part, relative, known):
    """F = L cos w, or Lw²/2; bias and noise at the limits of what is assumed, in turns."""
    smoothness, bowl = rng.uniform(0.1, 3), bool(rng.integers(2))
    tilt, other = np.cos(rng.uniform(0, 2 * np.pi, 2)), rng.uniform(0, 2 * np.pi)

    def value(w):
        return smoothness * (w**2 / 2 if bowl else np.cos(w))

    def slope(w):
        return smoothness * (w if bowl else -np.sin(w))

    def gradients(w, i):
        side = np.sqrt(1 - tilt**2)
        mean = slope(w) + tilt[0] * np.sqrt(relative) * slope(w) + side[0] * known["zeta"] * np.sign(np.cos(other))
        spread = tilt[1] * np.sqrt(known["M"]) * mean + side[1] * known["sigma"]
        return mean + (1 - 2 * i) * spread

    start = 2 * rng.normal(size=1)
    known = {**known, "L": smoothness, "m": relative}
    known["Delta"] = value(start)[0] + (0 if bowl else smoothness)
    scale = part / ((known["M"] + 1) * smoothness)
    iterates = paths(gradients, start, [scale] * horizon, 2)[:-1]
    measured = np.mean([(slope(w) ** 2).mean() for w in iterates])
    assert measured <= R8.bound_at(horizon, scale, known) * ROUNDING
    assert R8.broken(scale / ROUNDING, known) is None
    assert R8.broken(scale * 1.001 / part, known) is not None
    assert R8.broken(scale / ROUNDING, known | {"m": 1.0}) is not None


def test_a_bias_that_cancels_the_gradient_attains_what_the_bias_may_cost():
    """‖∇F‖² = ζ²/(1 − m) at every step, with b = −∇F: the bound tends to it."""
    known = {"L": 1.0, "m": 0.5, "M": 0.0, "zeta": 2.0, "sigma": 0.0, "Delta": 4.0}
    assert R8.rate_at(10**9, known) == pytest.approx(4 / 0.5)


def test_without_bias_the_biased_rate_is_the_unbiased_one():
    none = {m: 0, M: 0, zeta: 0}
    assert sp.simplify(R8.bound.subs(none) - R6.bound) == 0
    assert sp.simplify(R8.cap.subs(none) - R6.cap) == 0
    assert sp.simplify(R8.tuning.rate.subs(none) - R6.tuning.rate) == 0


def exact(id: str, **values: float) -> float:
    return float(claims[id].statement.rhs.subs({sp.Symbol(name, **assume(name)): x for name, x in values.items()}))


def assume(name: str) -> dict[str, bool]:
    return {symbol.name: symbol.assumptions0 for id in ("R11", "R11x") for symbol in _symbols(id)}[name]


def _symbols(id: str) -> set[sp.Symbol]:
    return claims[id].statement.rhs.free_symbols


@given(rng=seeds, samples=st.integers(2, 5), size=st.integers(1, 5))
@many
def test_the_variance_of_a_minibatch(rng, samples, size):
    """All batches, of equal probability, with and without replacement."""
    gradients = rng.normal(size=(samples, 3))
    deviations = gradients - gradients.mean(0)
    size = min(size, samples)
    variance = (deviations**2).sum(1).mean()
    repeated = [(deviations[list(batch)].mean(0) ** 2).sum() for batch in product(range(samples), repeat=size)]
    distinct = [(deviations[list(batch)].mean(0) ** 2).sum() for batch in combinations(range(samples), size)]
    covariance = np.mean([deviations[i] @ deviations[j] for i in range(samples) for j in range(samples) if i != j])
    assert exact("R11r", V=variance, B=size) == pytest.approx(np.mean(repeated))
    assert exact("R11", V=variance, B=size, N=samples) == pytest.approx(np.mean(distinct), abs=1e-12)
    assert exact("R11x", V=variance, B=size, C=covariance) == pytest.approx(np.mean(distinct), abs=1e-12)


@pytest.mark.parametrize("id", ["R6", "R7", "R8"])
def test_a_minibatch_divides_the_noise_of_a_rate(id):
    rate = claims[id]
    assert isinstance(rate, Rate)
    without = rate.bound.subs(sigma, 0)
    assert sp.simplify((rate.bound - without) / B - (minibatch(rate) - without)) == 0
    assert sp.simplify(minibatch(rate, sp.Integer(1)) - rate.bound) == 0
    assert eta in minibatch(rate).free_symbols


@given(rng=seeds, horizon=st.integers(1, 3), part=st.floats(0.05, 1))
@settings(deadline=None, max_examples=30)
def test_the_minibatch_rate_holds(rng, horizon, part):
    """R6 on w²/2 with three samples of slope w + n_i, in batches of two with replacement."""
    noise = rng.normal(size=3)
    noise -= noise.mean()
    pairs = list(product(noise, repeat=2))
    start = rng.normal(size=1)
    iterates = paths(lambda w, i: w + np.mean(pairs[i]), start, [part] * horizon, len(pairs))[:-1]
    measured = np.mean([(w**2).mean() for w in iterates])
    known = {"L": 1, "sigma": np.sqrt((noise**2).mean()), "Delta": start[0] ** 2 / 2, "B": 2, "T": horizon, "eta": part}
    bound = minibatch(R6)
    assert measured <= bound.subs({name: known[name.name] for name in bound.free_symbols}) * ROUNDING
