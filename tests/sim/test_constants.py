"""Declared constants: they are the theory's formulas on the data, and no gradient, secant or value exceeds them."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sim.problems import FAMILIES, Logistic, Problem
from theory import claims
from theory.losses.over_heads import b
from theory.symbols import R_2K, R_K, R_inf, j, kappa, mu

usual = settings(deadline=None, max_examples=40)
families = pytest.mark.parametrize("family", [f for f in FAMILIES if f not in ("bilinear", "quadratic", "polyak")])
seeds = st.integers(0, 2**32 - 1)

NORMS = {"routing": "G.routing", "monotone": "G.logistic", "logistic": "G.logistic", "softmax": "G.softmax",
         "logcosh": "G.logcosh"}  # fmt: skip
CURVATURES = {"routing": "L.head", "monotone": "L.logistic", "logistic": "L.logistic", "softmax": "L.softmax",
              "logcosh": "L.logcosh"}  # fmt: skip
LIPSCHITZ = {"entropic": 1 / (4 * mu), "quadratic": 1 / mu}


def per_sample(problem: Problem, id: str) -> np.ndarray:
    """The right-hand side of a claim of the table, for ‖d‖ = 1 and each sample of a problem."""
    sizes = -np.sort(-np.abs(problem.x.numpy()), axis=1)
    lipschitz = LIPSCHITZ[problem.smoothing] if problem.smoothing and problem.k < problem.features else sp.Integer(0)
    table = claims[id].statement.rhs.replace(sp.Sum, lambda *_: sp.Integer(1)).subs(b(j), 1)
    formula = table.subs({kappa: R_inf**2 * lipschitz, sp.Symbol("ell", positive=True): lipschitz})
    number = sp.lambdify((R_K, R_2K, R_inf, mu), formula, "math")
    return np.array(
        [number(np.linalg.norm(x[: problem.k]), np.linalg.norm(x[: 2 * problem.k]), x[0], problem.mu) for x in sizes]
    )


def ball(problem: Problem) -> float:
    """The radius that SGD does not leave, when ηλ ≤ 1."""
    return max(problem.w0.norm().item(), np.sqrt(per_sample(problem, NORMS[problem.family]).max()) / problem.ridge)


def points(problem: Problem, number: int, seed: int) -> Tensor:
    """Parameters of all sizes from 10⁻³ to 10³; with a ridge, in the ball and on its surface."""
    random = torch.Generator().manual_seed(seed)
    directions = torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)
    sizes = torch.logspace(-3, 3, number, dtype=torch.float64)
    if problem.ridge:
        sizes = sizes.clamp(max=ball(problem))
    return sizes[:, None] * directions / directions.norm(dim=-1, keepdim=True)


def gradients(problem: Problem, w: Tensor) -> Tensor:
    """∇f_i(w) for every point and sample."""
    index = torch.arange(problem.samples)
    return torch.stack([problem.gradients(point.expand(problem.samples, -1), index) for point in w])


def rounded_up(number: float) -> float:
    return number * (1 + 1e-9) + 1e-12


@families
@usual
@given(data=st.data())
def test_constants_are_those_of_the_table(family: str, data: st.DataObject) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    constants = problem.constants()
    norms = per_sample(problem, NORMS[family])
    assert constants["sigma"] == pytest.approx(np.sqrt(norms.mean()))
    reach = problem.ridge * ball(problem) if problem.ridge else 0.0
    assert constants["G"] == pytest.approx(np.sqrt(norms.mean()) + reach)
    if problem.smooth:
        curvatures = per_sample(problem, CURVATURES[family])
        assert constants["L"] == pytest.approx(curvatures.mean() + problem.ridge)
        assert constants["L_max"] == pytest.approx(curvatures.max() + problem.ridge)
    assert ("L" in constants) == (problem.smoothing is not None or problem.k == problem.features)
    assert ("D" in constants) == problem.convex
    if problem.convex:
        assert constants["D"] == pytest.approx(np.linalg.norm(problem.w0.numpy() - problem.u.numpy()))
    assert ("modulus" in constants) == ("m_PL" in constants) == (problem.convex and problem.ridge > 0)
    assert ("sigma_star" in constants) == (problem.convex and problem.smooth)
    if "sigma_star" in constants:
        at_u = gradients(problem, problem.u[None])[0]
        assert constants["sigma_star"] == pytest.approx(at_u.square().sum(-1).mean().sqrt().item())


@families
@usual
@given(data=st.data(), seed=seeds)
def test_no_gradient_exceeds_its_second_moment_or_variance(family: str, data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    declared = problem.constants()
    drawn = gradients(problem, points(problem, 9, seed))
    assert drawn.square().sum(-1).mean(1).max().sqrt().item() <= rounded_up(declared["G"])
    deviation = drawn - drawn.mean(1, keepdim=True)
    assert deviation.square().sum(-1).mean(1).max().sqrt().item() <= rounded_up(declared["sigma"])


@families
@usual
@given(data=st.data(), seed=seeds, apart=st.floats(-4, 1).map(lambda power: 10**power))
def test_no_secant_of_the_gradient_exceeds_l(family: str, data: st.DataObject, seed: int, apart: float) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    assume(problem.smooth)
    near = points(problem, 9, seed)
    far = near + apart * points(problem, 9, seed + 1)
    rises = (gradients(problem, near) - gradients(problem, far)).mean(1).norm(dim=-1)
    rounding = 1e-13 * (near.norm(dim=-1) + 1) * (problem.x.abs().max() + problem.ridge + 1) ** 2
    assert (rises <= rounded_up(problem.constants()["L"]) * (near - far).norm(dim=-1) + rounding).all()


@families
@usual
@given(data=st.data(), seed=seeds)
def test_the_objective_falls_by_at_most_delta(family: str, data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    start = problem.objective(problem.w0[None])
    values = problem.objective(torch.cat([points(problem, 9, seed), torch.zeros(1, problem.dimension)]))
    assert (start - values).max().item() <= rounded_up(problem.constants()["Delta"])


@families
@usual
@given(data=st.data(), seed=seeds, scale=st.floats(-12, 0).map(lambda power: 10**power))
def test_delta_is_not_negative_where_the_start_is_a_minimum(
    family: str, data: st.DataObject, seed: int, scale: float
) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    for start in (problem.u, scale * points(problem, 1, seed)[0]):
        assert replace(problem, start=start).constants()["Delta"] >= 0


@families
@usual
@given(data=st.data(), seed=seeds)
def test_a_problem_that_is_declared_convex_lies_above_its_tangents(family: str, data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    assume(problem.convex)
    at, against = points(problem, 9, seed), points(problem, 9, seed + 1).flip(0)
    tangent = problem.objective(at) + (problem.full_gradient(at) * (against - at)).sum(-1)
    values = problem.objective(against)
    assert (tangent <= values + 1e-9 * (1 + tangent.abs() + values.abs())).all()


def test_o11_the_logistic_loss_of_a_positive_is_not_convex() -> None:
    """With K = 1 and n = 2, ``ln(1 + exp(−max(w)))`` is larger between (1, 0) and (0, 1) than at either."""
    kink = Logistic(x=torch.ones(1, 2), y=torch.tensor([1.0]), k=1)
    left, right = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    ends, (middle,) = kink.objective(torch.stack([left, right])), kink.objective((left + right)[None] / 2)
    assert middle > ends.max()
    assert not kink.convex
    assert kink.with_head(2).convex
    assert replace(kink, y=-kink.y).convex


@usual
@given(problem=st.from_type(Problem), seed=seeds, step=st.floats(0.01, 1))
def test_sgd_with_a_ridge_stays_in_its_ball(problem: Problem, seed: int, step: float) -> None:
    problem = replace(problem, ridge=problem.ridge or 0.5)
    random = torch.Generator().manual_seed(seed)
    w, radius, largest = problem.w0, rounded_up(ball(problem)), rounded_up(problem.constants()["G"])
    for i in torch.randint(problem.samples, (15,), generator=random):
        assert w.norm() <= radius
        assert gradients(problem, w[None]).square().sum(-1).mean().sqrt() <= largest
        w = w - step / problem.ridge * problem.gradients(w, i)
