"""The table of constants against numbers: multipliers by root finding, Hessians by finite differences.

The operator is its definition here, a maximum over the multipliers; no formula is shared with what is tested.
"""

from typing import NamedTuple

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, log_softmax, logit, softmax, xlogy

from theory import claims
from theory.losses.over_heads import b
from theory.symbols import L, j, t, u, w
from theory.symbols import ridge as ridge_weight
from theory.terms import Gradient, Inner, Norm2, Objective

KINDS = ("entropic", "quadratic")
ROUNDING = 1 + 1e-6


def entropic(v, K, mu):
    """Value and multipliers of ``max ⟨λ, v⟩ + μ Σ h(λ_i)``."""
    if len(v) == K:
        return v.sum(), np.ones(K)
    level = mu * logit(K / len(v))
    tau = brentq(lambda tau: expit((v - tau) / mu).sum() - K, v.min() - level - 1, v.max() - level + 1, xtol=1e-14)
    kept = expit((v - tau) / mu)
    entropy = -(xlogy(kept, kept) + xlogy(1 - kept, 1 - kept)).sum()
    return kept @ v + mu * entropy, kept


def quadratic(v, K, mu):
    """Value and multipliers of ``max ⟨λ, v⟩ − (μ/2)‖λ‖²``."""
    if len(v) == K:
        return v.sum() - mu * K / 2, np.ones(K)
    low, high = v.min() / mu - 1, v.max() / mu
    tau = brentq(lambda tau: np.clip(v / mu - tau, 0, 1).sum() - K, low, high, xtol=1e-14)
    kept = np.clip(v / mu - tau, 0, 1)
    return kept @ v - mu / 2 * kept @ kept, kept


OPERATORS = {"entropic": entropic, "quadratic": quadratic}


def hard_mask(v, K):
    mask = np.zeros(len(v))
    mask[np.argsort(-v)[:K]] = 1
    return mask


class Sample(NamedTuple):
    """Features, weights (one row for each class), biases, class or sign, and the parameters of the operator."""

    x: np.ndarray
    w: np.ndarray
    bias: np.ndarray
    y: int
    K: int
    mu: float


def numbers(size):
    return st.lists(st.floats(-3, 3, width=16), min_size=size, max_size=size).map(np.array)


@st.composite
def samples(draw, classes):
    n = draw(st.integers(1, 5))
    O = draw(classes)  # noqa: E741 (the paper's letter)
    return Sample(
        x=draw(numbers(n)),
        w=draw(numbers(n * O)).reshape(O, n),
        bias=draw(numbers(O)),
        y=draw(st.sampled_from([-1, 1]) if O == 1 else st.integers(0, O - 1)),
        K=draw(st.integers(1, n)),
        mu=draw(st.sampled_from([0.1, 0.5, 2.0, 50.0])),
    )


one_output, several_classes = samples(st.just(1)), samples(st.integers(2, 3))


def heads(sample, w, kind):
    values, kept = zip(*(OPERATORS[kind](row * sample.x, sample.K, sample.mu) for row in w), strict=True)
    return np.array(values) + sample.bias, np.array(kept)


def loss(sample, w, kind, family="cross-entropy"):
    z, _ = heads(sample, w, kind)
    if family == "log-cosh":
        return np.logaddexp(z[0] - sample.y, sample.y - z[0]) - np.log(2)
    return np.logaddexp(0, -sample.y * z[0]) if len(z) == 1 else -log_softmax(z)[sample.y]


def gradient(sample, w, kind, family="cross-entropy"):
    z, kept = heads(sample, w, kind)
    if family == "log-cosh":
        return np.tanh(z - sample.y)[:, None] * kept * sample.x
    slopes = -sample.y * expit(-sample.y * z) if len(z) == 1 else softmax(z) - np.eye(len(z))[sample.y]
    return slopes[:, None] * kept * sample.x


def differences(function, w, step):
    """Central differences of ``function`` along every weight."""
    flat = np.eye(w.size).reshape(w.size, *w.shape) * step
    return np.array([np.ravel(function(w + e) - function(w - e)) / (2 * step) for e in flat])


def hessian(sample, kind, family="cross-entropy"):
    return differences(lambda w: gradient(sample, w, kind, family), sample.w, 1e-5)


def constant(id, sample, kind="entropic"):
    """The right-hand side of a claim at a direction of norm 1."""
    size = np.sort(np.abs(sample.x))[::-1]
    lipschitz = {"entropic": 1 / (4 * sample.mu), "quadratic": 1 / sample.mu}[kind]
    values = {
        "R_K": np.linalg.norm(size[: sample.K]),
        "R_2K": np.linalg.norm(size[: 2 * sample.K]),
        "R_inf": size[0],
        "ell": lipschitz,
        "kappa": size[0] ** 2 * lipschitz,
    }
    rhs = claims[id].statement.rhs.replace(sp.Sum, lambda *_: sp.Integer(1)).xreplace({b(j): sp.Integer(1)})
    return float(rhs.subs({symbol: values[symbol.name] for symbol in rhs.free_symbols}))


def test_table():
    R_K, R_2K, R_inf, kappa, ell = (
        next(s for claim in claims.values() for s in claim.statement.rhs.free_symbols if s.name == name)
        for name in ("R_K", "R_2K", "R_inf", "kappa", "ell")
    )
    table = {
        "G.head": R_K**2,
        "G.routing": R_2K**2,
        "G.logistic": R_K**2,
        "G.softmax": 2 * R_K**2,
        "L.head": R_inf**2 * ell,
        "L.logistic": R_K**2 / 4 + kappa,
        "L.logistic.below": kappa,
        "L.softmax": R_K**2 / 2 + kappa,
        "L.softmax.below": kappa,
        "G.logcosh": R_K**2,
        "L.logcosh": R_K**2 + kappa,
        "L.logcosh.below": kappa,
    }
    for id, expected in table.items():
        rhs = claims[id].statement.rhs.replace(sp.Sum, lambda *_: sp.Integer(1)).xreplace({b(j): sp.Integer(1)})
        assert sp.expand(rhs - expected) == 0


@pytest.mark.parametrize("kind", KINDS)
@given(sample=several_classes)
@settings(deadline=None, max_examples=20)
def test_the_reference_gradient_is_the_slope_of_the_reference_loss(kind, sample):
    slopes = differences(lambda w: loss(sample, w, kind), sample.w, 1e-5)
    np.testing.assert_allclose(slopes.ravel(), gradient(sample, sample.w, kind).ravel(), atol=1e-4)


@given(sample=one_output, weights=st.data())
@settings(deadline=None, max_examples=60)
def test_gradient_of_a_head(sample, weights):
    votes = sample.w[0] * sample.x
    vertices = [hard_mask(weights.draw(numbers(len(votes))), sample.K) for _ in range(3)]
    between = weights.draw(st.floats(0, 1))
    for kept in (
        *vertices,
        between * vertices[0] + (1 - between) * vertices[1],
        hard_mask(np.abs(sample.x), sample.K),
        *(operator(votes, sample.K, sample.mu)[1] for operator in OPERATORS.values()),
    ):
        assert np.sum((sample.x * kept) ** 2) <= constant("G.head", sample) * ROUNDING


@given(sample=one_output, target=st.data())
@settings(deadline=None, max_examples=60)
def test_gradient_of_the_routing_loss(sample, target):
    """Also when 2K > n: then R_2K is the norm of all features."""
    votes = sample.w[0] * sample.x
    for mask in (hard_mask(target.draw(numbers(len(votes))), sample.K), hard_mask(-votes, sample.K)):
        for kept in (hard_mask(votes, sample.K), entropic(votes, sample.K, sample.mu)[1]):
            assert np.sum((sample.x * (kept - mask)) ** 2) <= constant("G.routing", sample) * ROUNDING


@pytest.mark.parametrize(("id", "kind_of_samples"), [("G.logistic", one_output), ("G.softmax", several_classes)])
@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_gradient_of_a_loss(id, kind_of_samples, data):
    sample = data.draw(kind_of_samples)
    for kind in KINDS:
        assert np.sum(gradient(sample, sample.w, kind) ** 2) <= constant(id, sample) * ROUNDING


@given(sample=one_output)
@settings(deadline=None, max_examples=40)
def test_curvature_of_a_head_and_of_the_routing_loss(sample):
    curvature = differences(lambda w: entropic(w[0] * sample.x, sample.K, sample.mu)[1] * sample.x, sample.w, 1e-5)
    eigenvalues = np.linalg.eigvalsh((curvature + curvature.T) / 2)
    assert eigenvalues[0] >= -1e-6
    assert eigenvalues[-1] <= constant("L.head", sample) * ROUNDING + 1e-6


@pytest.mark.parametrize(("id", "kind_of_samples"), [("L.logistic", one_output), ("L.softmax", several_classes)])
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_curvature_of_a_loss(id, kind_of_samples, data):
    sample = data.draw(kind_of_samples)
    curvature = hessian(sample, "entropic")
    eigenvalues = np.linalg.eigvalsh((curvature + curvature.T) / 2)
    assert eigenvalues[-1] <= constant(id, sample) * ROUNDING + 1e-6
    assert -eigenvalues[0] <= constant(f"{id}.below", sample) * ROUNDING + 1e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("id", "kind_of_samples"), [("L.logistic", one_output), ("L.softmax", several_classes)])
@given(data=st.data(), distance=st.sampled_from([1e-3, 0.1, 1.0]))
@settings(deadline=None, max_examples=30)
def test_gradients_are_lipschitz(id, kind_of_samples, kind, data, distance):
    """The quadratic smoothing has no Hessian everywhere, so pairs of points instead."""
    sample = data.draw(kind_of_samples)
    other = sample.w + distance * data.draw(numbers(sample.w.size)).reshape(sample.w.shape)
    moved = np.linalg.norm(gradient(sample, sample.w, kind) - gradient(sample, other, kind))
    assert moved <= constant(id, sample, kind) * np.linalg.norm(sample.w - other) * ROUNDING + 1e-9


@given(sample=one_output)
@settings(deadline=None, max_examples=50)
def test_constants_of_the_log_cosh_loss(sample):
    slopes = differences(lambda w: loss(sample, w, "entropic", "log-cosh"), sample.w, 1e-5)
    np.testing.assert_allclose(slopes.ravel(), gradient(sample, sample.w, "entropic", "log-cosh").ravel(), atol=1e-4)
    for kind in KINDS:
        norm2 = np.sum(gradient(sample, sample.w, kind, "log-cosh") ** 2)
        assert norm2 <= constant("G.logcosh", sample, kind) * ROUNDING
    curvature = hessian(sample, "entropic", "log-cosh")
    eigenvalues = np.linalg.eigvalsh((curvature + curvature.T) / 2)
    assert eigenvalues[-1] <= constant("L.logcosh", sample) * ROUNDING + 1e-6
    assert -eigenvalues[0] <= constant("L.logcosh.below", sample) * ROUNDING + 1e-6


@pytest.mark.parametrize(
    ("id", "sample"),
    [
        ("G.logcosh", Sample(np.array([3.0, 1.0]), np.array([[9.0, 9.0]]), np.zeros(1), -1, 2, 1.0)),
        ("L.logcosh", Sample(np.array([2.0]), np.array([[0.5]]), np.zeros(1), 1, 1, 1e3)),
        ("L.logcosh", Sample(np.ones(2), np.zeros((1, 2)), np.array([30.0]), 1, 1, 1e-3)),
        ("L.logcosh.below", Sample(np.ones(2), np.zeros((1, 2)), np.array([-30.0]), 1, 1, 1e-3)),
    ],
    ids=["G", "L: curved loss", "L: curved head", "L from below"],
)
def test_constants_of_the_log_cosh_loss_are_attained(id, sample):
    """Up to 1 %: no smaller constants of this form will do."""
    step = 1e-3 * min(sample.mu, 1)
    curvature = differences(lambda w: gradient(sample, w, "entropic", "log-cosh"), sample.w, step)
    measured = {
        "G.logcosh": np.sum(gradient(sample, sample.w, "entropic", "log-cosh") ** 2),
        "L.logcosh": np.linalg.eigvalsh((curvature + curvature.T) / 2)[-1],
        "L.logcosh.below": -np.linalg.eigvalsh((curvature + curvature.T) / 2)[0],
    }[id]
    assert 0.99 <= measured / constant(id, sample) <= ROUNDING


def bilinear(x, w, u, K):
    """``softplus(s_K(w_i ⟨u_i, x⟩))``, and a subgradient in (w, u)."""
    votes = w * (u @ x)
    mask = hard_mask(votes, K)
    z = votes @ mask
    return np.logaddexp(0, z), expit(z) * mask * (u @ x), expit(z) * (mask * w)[:, None] * x


@given(n=st.integers(1, 4), size=st.integers(1, 3), data=st.data())
@settings(deadline=None, max_examples=150)
def test_bilinear_votes_are_weakly_convex(n, size, data):
    """ρ = ‖x‖, over one sample, between any two points; hard, with ties."""
    x = data.draw(numbers(size))
    K = data.draw(st.integers(1, n))
    (w, dw), (u, du) = (
        [data.draw(numbers(n * m)).reshape(n, m).squeeze(axis) for _ in range(2)] for m, axis in ((1, 1), (size, ()))
    )
    here, by_w, by_u = bilinear(x, w, u, K)
    there, _, _ = bilinear(x, w + dw, u + du, K)
    moved = np.sum(dw**2) + np.sum(du**2)
    lower = here + by_w @ dw + np.sum(by_u * du) - np.linalg.norm(x) / 2 * moved
    assert lower <= there + 1e-9 * (1 + abs(here) + abs(lower))


def test_the_weak_convexity_of_bilinear_votes_is_attained():
    """Far up the slope of the loss, one unit, moved along (−‖x‖, x)."""
    x, w, u = np.array([3.0, 4.0]), np.array([40.0]), np.array([[3.0, 4.0]])
    here, by_w, by_u = bilinear(x, w, u, 1)
    dw, du = np.array([-0.05]), np.array([[0.03, 0.04]])
    there, _, _ = bilinear(x, w + dw, u + du, 1)
    bend = here + by_w @ dw + np.sum(by_u * du) - there
    moved = np.sum(dw**2) + np.sum(du**2)
    assert bend == pytest.approx(np.linalg.norm(x) / 2 * moved, rel=1e-6)


@given(size=st.integers(1, 4), ridge=st.floats(0, 10), smoothness=st.floats(0.1, 10), data=st.data())
@settings(deadline=None, max_examples=100)
def test_a_ridge_adds_its_weight_to_both_curvatures(size, ridge, smoothness, data):
    """The sides of L.ridge and convex.ridge, for F = Σ c_k w_k²/2 with 0 ≤ c_k ≤ L."""
    curvatures = smoothness * np.array(data.draw(st.lists(st.floats(0, 1), min_size=size, max_size=size)))
    here, there = data.draw(numbers(size)), data.draw(numbers(size))

    def F(point):
        return curvatures @ point**2 / 2

    numeric = {
        Objective(w(t)): F(here),
        Objective(u): F(there),
        Norm2(w(t)): here @ here,
        Norm2(u): there @ there,
        Norm2(u - w(t)): (there - here) @ (there - here),
        Inner(Gradient(w(t)) + ridge_weight * w(t), u - w(t)): (curvatures + ridge) * here @ (there - here),
    }
    for id in ("L.ridge", "convex.ridge"):
        statement = claims[id].statement
        lhs, rhs = (
            float(side.xreplace(numeric).subs({ridge_weight: ridge, L: smoothness}))
            for side in (statement.lhs, statement.rhs)
        )
        assert lhs <= rhs + 1e-9 * (1 + abs(lhs) + abs(rhs))


@pytest.mark.parametrize("id", ["error.lipschitz", "error.softmax", "error.softmax.below", "error.monotone"])
@given(sample=several_classes)
@settings(deadline=None, max_examples=60)
def test_smoothing_moves_a_loss_by_at_most_the_error_of_a_head(id, sample):
    """B is O6's own term, at the sample's K, n and μ."""
    n, K, mu = len(sample.x), sample.K, sample.mu
    added = claims["O6.plain"].statement.lhs
    values = {"n": n, "K": K, "mu": mu}
    error = 0.0 if n == K else float(added.subs({symbol: values[symbol.name] for symbol in added.free_symbols}))
    hard = np.array([np.sort(row * sample.x)[n - K :].sum() for row in sample.w]) + sample.bias
    soft, _ = heads(sample, sample.w, "entropic")
    match id:
        case "error.lipschitz":
            change = max(abs(np.logaddexp(0, sign * soft[0]) - np.logaddexp(0, sign * hard[0])) for sign in (-1, 1))
            change = max(change, abs(np.log(np.cosh(soft[0] - 1)) - np.log(np.cosh(hard[0] - 1))))
        case "error.monotone":
            change, error = np.logaddexp(0, hard[0]) - np.logaddexp(0, soft[0]), 0.0
        case _:
            change = log_softmax(hard)[sample.y] - log_softmax(soft)[sample.y]
            change = -change if id.endswith("below") else change
    assert change <= error + 1e-9 * (1 + np.abs(hard).max())


zero, far = np.zeros(1), np.array([-30.0])
TIGHT = {
    "G.head": Sample(np.array([3.0, 1.0]), np.array([[1.0, 0.0]]), zero, 1, 1, 1e-3),
    "G.routing": Sample(np.array([2.0, 2.0]), np.array([[1.0, 0.0]]), zero, 1, 1, 1e-3),
    "G.logistic": Sample(np.array([3.0, 1.0]), np.array([[-9.0, -9.0]]), far, 1, 2, 1.0),
    "G.softmax": Sample(np.array([2.0]), np.array([[0.0], [0.0]]), np.array([-30.0, 30.0]), 0, 1, 1.0),
    "L.logistic": Sample(np.array([2.0]), np.zeros((1, 1)), zero, 1, 1, 1e3),
    "L.logistic, curved head": Sample(np.ones(2), np.zeros((1, 2)), np.array([30.0]), -1, 1, 1e-3),
    "L.logistic.below": Sample(np.ones(2), np.zeros((1, 2)), np.array([-30.0]), 1, 1, 1e-3),
    "L.softmax": Sample(np.array([2.0]), np.zeros((2, 1)), np.zeros(2), 0, 1, 1e3),
    "L.softmax, curved head": Sample(np.ones(2), np.zeros((2, 2)), np.array([30.0, -30.0]), 1, 1, 1e-3),
    "L.softmax.below": Sample(np.ones(2), np.zeros((2, 2)), np.array([30.0, -30.0]), 1, 1, 1e-3),
}


@pytest.mark.parametrize("name", TIGHT)
def test_constants_are_attained(name):
    """Up to 1 %, so no constant of the table can be smaller."""
    id, sample = name.split(",")[0], TIGHT[name]
    mask = entropic(sample.w[0] * sample.x, sample.K, sample.mu)[1]
    match id.split(".")[:2]:
        case ["G", "head"]:
            measured = np.sum((sample.x * mask) ** 2)
        case ["G", "routing"]:
            measured = np.sum((sample.x * (mask - mask[::-1])) ** 2)
        case ["G", _]:
            measured = np.sum(gradient(sample, sample.w, "entropic") ** 2)
        case _:
            step = 1e-3 * min(sample.mu, 1)
            curvature = differences(lambda w: gradient(sample, w, "entropic"), sample.w, step)
            measured = np.abs(np.linalg.eigvalsh((curvature + curvature.T) / 2)).max()
    assert 0.99 <= measured / constant(id, sample) <= ROUNDING
