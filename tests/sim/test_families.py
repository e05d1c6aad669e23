"""The families that are not over AAT heads on given features, the planted teacher, and gaps as chosen."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from aat import InputError, gap
from sim import problems
from sim.problems import Bilinear, LogCosh, PolyakLojasiewicz, Problem, Quadratic, gapped, make
from sim.problems.dense import Shaped

usual = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
shaped = pytest.mark.parametrize("family", [Quadratic, PolyakLojasiewicz])


def points(problem: Problem, number: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    sizes = torch.logspace(-3, 2, number, dtype=torch.float64)
    return sizes[:, None] * torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)


def gradients(problem: Problem, w: Tensor) -> Tensor:
    index = torch.arange(problem.samples)
    return torch.stack([problem.gradients(point.expand(problem.samples, -1), index) for point in w])


# --- Quadratics and the Polyak–Łojasiewicz function ---


@shaped
@usual
@given(data=st.data(), seed=seeds)
def test_everything_that_is_known_of_a_shape_is_so(family: type[Shaped], data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(family))
    declared = problem.constants()
    w = points(problem, 9, seed)
    values, slopes = problem.objective(w), problem.full_gradient(w)
    assert problem.objective(torch.zeros(1, problem.dimension, dtype=torch.float64)).item() == 0
    assert (values >= -1e-12).all()
    assert (slopes.square().sum(-1) >= 2 * declared["m_PL"] * values * (1 - 1e-9) - 1e-12).all()
    drawn = gradients(problem, w)
    noise = (drawn - drawn.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()
    torch.testing.assert_close(noise, torch.full_like(noise, declared["sigma"]), rtol=1e-9, atol=1e-9)
    other = w + points(problem, 9, seed + 1).flip(0)
    rises = (slopes - problem.full_gradient(other)).norm(dim=-1)
    assert (rises <= declared["L"] * (w - other).norm(dim=-1) * (1 + 1e-9) + 1e-12).all()
    assert declared["Delta"] == pytest.approx(problem.objective(problem.w0[None]).item(), abs=1e-12)


def test_the_bumps_of_the_sine_are_steep_enough_and_not_convex() -> None:
    """‖F'‖² ≥ 2mF and |F''| ≤ 8 on a fine grid over every bump that there is: beyond 20 the parabola rules."""
    w = torch.linspace(-20, 20, 200_001, dtype=torch.float64)
    value, slope = w.square() + 3 * w.sin().square(), 2 * w + 3 * (2 * w).sin()
    assert (slope.square() - value / 16).min() >= 0
    curvature = 2 + 6 * (2 * w).cos()
    assert curvature.max() <= 8
    assert curvature.min() < 0
    problem = PolyakLojasiewicz(x=torch.zeros(1, 1), k=1)
    torch.testing.assert_close(problem.objective(w[:, None]), value)
    torch.testing.assert_close(problem.full_gradient(w[:, None])[:, 0], slope)


def test_the_quadratic_is_as_convex_as_it_says() -> None:
    problem = Quadratic(x=torch.ones(2, 3), k=3)
    hessian = torch.autograd.functional.hessian(lambda w: problem.losses(w, torch.tensor(0)), problem.w0)
    values = torch.linalg.eigvalsh(hessian)
    constants = problem.constants()
    assert values.max().item() == pytest.approx(constants["L"]) == pytest.approx(constants["L_max"])
    assert values.min().item() == pytest.approx(constants["modulus"])
    assert "G" not in constants


@shaped
@pytest.mark.parametrize("options", [{"k": 1}, {"k": 2, "ridge": 0.1}, {"k": 2, "smoothing": "entropic", "mu": 0.1}])
def test_shapes_have_no_votes(family: type[Shaped], options: dict) -> None:
    with pytest.raises(InputError, match="expected the dense head without a ridge"):
        family(x=torch.ones(2, 2), **options)


# --- Teacher and student ---


@usual
@given(problem=st.from_type(LogCosh))
def test_the_teacher_loses_nothing_on_any_sample(problem: LogCosh) -> None:
    index = torch.arange(problem.samples)
    teacher = problem.teacher.expand(problem.samples, -1)
    assume(not problem.raised)
    plain = problem.ridge / 2 * problem.teacher.square().sum()
    torch.testing.assert_close(problem.losses(teacher, index), plain.expand(problem.samples))
    if not problem.ridge:
        assert problem.gradients(teacher, index).abs().max() == 0
        if problem.convex:
            assert replace(problem, comparator=None).constants()["sigma_star"] == 0
    assert problem.with_head(1).y.shape == (problem.samples,)


def test_log_cosh_is_exact_far_off_and_near() -> None:
    problem = LogCosh(x=torch.ones(1, 1), teacher=torch.zeros(1), k=1)
    for off, expected in ((1e-9, 5e-19), (0.5, math.log(math.cosh(0.5))), (1.5, math.log(math.cosh(1.5))),
                          (800.0, 800 - math.log(2))):  # fmt: skip
        for sign in (1, -1):
            w = torch.tensor([sign * off], dtype=torch.float64)
            assert problem.losses(w, torch.tensor(0)).item() == pytest.approx(expected, rel=1e-12)
            assert problem.gradients(w, torch.tensor(0)).item() == pytest.approx(math.tanh(sign * off), rel=1e-12)


# --- Bilinear votes ---


@usual
@given(problem=st.from_type(Bilinear), seed=seeds)
def test_bilinear_votes_are_as_weakly_convex_as_they_say(problem: Bilinear, seed: int) -> None:
    """F + (ρ/2)‖·‖² lies above its tangents; gradients are within ‖x‖·‖θ‖."""
    rho = problem.constants()["rho"]
    w, other = points(problem, 9, seed), points(problem, 9, seed + 1).flip(0)
    values, slopes = problem.objective(w), problem.full_gradient(w)
    tangent = values + (slopes * (other - w)).sum(-1) - rho / 2 * (other - w).square().sum(-1)
    assert (tangent <= problem.objective(other) + 1e-9 * (1 + tangent.abs() + values.abs())).all()
    sizes = problem.x.norm(dim=-1)[None] * w.norm(dim=-1)[:, None]
    assert (gradients(problem, w).norm(dim=-1) <= sizes * (1 + 1e-9) + 1e-12).all()
    inside = w * (2 * problem.w0.norm() / w.norm(dim=-1)).clamp(max=1)[:, None]
    assert gradients(problem, inside).square().sum(-1).mean(1).max().sqrt() <= problem.constants()["G"] * (1 + 1e-9)


def test_bilinear_votes_by_hand() -> None:
    problem = Bilinear(x=torch.tensor([[1.0, 2.0]]), k=1)
    weights, units = torch.tensor([3.0, -1.0]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    w = torch.cat([weights, units.flatten()]).double()
    assert problem.losses(w, torch.tensor(0)).item() == pytest.approx(math.log1p(math.exp(3)))
    assert problem.dimension == 6


# --- Gaps ---


@usual
@given(st.floats(0, 5), st.floats(0, 5), st.integers(1, 9), st.integers(2, 8), st.data())
def test_gaps_are_the_chosen_ones(
    floor: float, spread: float, samples: int, features: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, features - 1))
    made = gapped(floor, spread, samples, features, k)
    expected = floor + spread * torch.arange(1, samples + 1, dtype=torch.float64) / samples
    assert made.start is not None
    torch.testing.assert_close(gap(made.start * made.x, k), expected, rtol=1e-9, atol=1e-12)


def test_named_gaps_start_where_they_hold() -> None:
    for data, smallest, largest in (("wide", 2, 2.5), ("close", 0, 1), ("ties", 0, 0)):
        for family in ("logistic", "softmax", "logcosh", "routing"):
            problem = make(family, data, k=2)
            assert problem.w0.tolist() == [1.0] * problem.dimension
            gaps = gap(problem.w0[:4] * problem.x, 2)
            assert gaps.min() >= smallest - 1e-12
            assert gaps.max() == pytest.approx(largest)


@pytest.mark.parametrize("options", [{"floor": -1.0}, {"spread": math.inf}, {"k": 4}, {"samples": 0}])
def test_gaps_that_cannot_be(options: dict) -> None:
    with pytest.raises(InputError, match="expected gaps ≥ 0"):
        gapped(**{"floor": 0.0, "spread": 1.0} | options)


def test_every_family_can_be_made_by_name() -> None:
    for name in problems.FAMILIES:
        assert make(name, "tiny").name == f"{name}/tiny"
