"""What is measured along a run, against brute force, a quadratic, and what problems declare."""

import copy
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sim import Problem, enumerate_paths, simulate
from sim.audit import audit, density, steps
from sim.problems import Logistic, Routing

usual = settings(deadline=None, max_examples=60)


def halves(horizon: int) -> list[float]:
    return [0.5] * horizon


def points(problem: Problem, seed: int, number: int = 4) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)


@usual
@given(problem=st.from_type(Problem), seed=st.integers(0, 2**32 - 1))
def test_measured_constants_are_their_definitions(problem: Problem, seed: int) -> None:
    w = points(problem, seed)
    each = np.array(
        [[problem.gradients(at, torch.tensor(i)).numpy() for i in range(problem.samples)] for at in w]
    )  # points × samples × dimension
    mean = each.mean(1)
    measured = audit(problem, w)
    assert measured["G"] == pytest.approx(np.sqrt(np.square(each).sum(-1).mean(1).max()))
    assert measured["sigma"] == pytest.approx(np.sqrt(each.var(1).sum(-1).max()), abs=1e-7 * (1 + measured["G"]))
    secants = [
        np.linalg.norm(mean[a] - mean[b]) / np.linalg.norm(w[a] - w[b]) for a, b in combinations(range(len(w)), 2)
    ]
    assert measured["L"] == pytest.approx(max(secants), rel=1e-6, abs=1e-6 * (1 + measured["G"]))
    assert ("convexity" in measured) == problem.convex
    if problem.convex:
        values, (at_u,) = problem.objective(w).numpy(), problem.objective(problem.u[None]).numpy()
        tangents = values + (mean * (problem.u - w).numpy()).sum(-1)
        assert measured["convexity"] == pytest.approx((tangents - at_u).max(), abs=1e-9 * (1 + np.abs(values).max()))


def test_a_quadratic_measures_its_own_curvature() -> None:
    """Routing with K = n costs nothing, so that F is the ridge alone: no noise, and G, L and the tangents by hand."""
    support = torch.ones(2, 2, dtype=torch.bool)
    u = torch.tensor([0.0, 1.0], dtype=torch.float64)
    quadratic = Routing(x=torch.eye(2), k=2, support=support, ridge=3.0, comparator=u)
    w = torch.tensor([[1.0, 0.0], [0.0, -2.0], [4.0, 3.0]], dtype=torch.float64)
    measured = audit(quadratic, w)
    assert measured["G"] == pytest.approx(3 * 5)
    assert measured["sigma"] == 0
    assert measured["L"] == pytest.approx(3)
    # the tangent of (3/2)‖w‖² at w lies (3/2)‖w − u‖² below it at u
    assert measured["convexity"] == pytest.approx(-1.5 * 2)


def test_one_point_has_no_secant() -> None:
    problem = Logistic(x=torch.eye(2), y=torch.tensor([-1.0, 1.0]), k=2)
    assert audit(problem, problem.w0[None])["L"] == 0
    assert audit(problem, problem.w0.repeat(3, 1))["L"] == 0


def test_points_that_rounding_cannot_tell_apart_make_no_secant() -> None:
    """The slope is 5e-4 and curves by 2.5e-7: within 1e-12 it moves by two units in the last place, in two jumps."""
    problem = Logistic(x=torch.tensor([[1e-3]]), y=torch.tensor([-1.0]), k=1)
    w = torch.linspace(0, 1e-12, 25, dtype=torch.float64)[:, None]
    assert audit(problem, w)["L"] <= problem.constants()["L"]
    assert audit(problem, 1e12 * w)["L"] == pytest.approx(problem.constants()["L"], rel=1e-6)


def test_many_points_close_together_are_told_apart() -> None:
    x = torch.tensor([[0.01, 0.007, 0.003]], dtype=torch.float64)
    problem = Logistic(x=x, y=torch.tensor([-1.0]), k=3)
    w = 1e-5 * points(problem, seed=0, number=40)
    assert audit(problem, w)["L"] <= problem.constants()["L"] * (1 + 1e-6)


@usual
@given(problem=st.from_type(Problem), seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("engine", ["exact", "monte_carlo"])
def test_nothing_measured_along_a_run_exceeds_what_is_declared(engine: str, problem: Problem, seed: int) -> None:
    # the second moment is declared for ηλ ≤ 1
    eta = 0.5 if problem.ridge == 0 else 1 / problem.ridge
    problem = replace(problem, start=points(problem, seed, number=1)[0])
    if engine == "exact":
        run = enumerate_paths(problem, lambda T: [eta] * T, [3], "decrease")
    else:
        run = simulate(problem, lambda T: [eta] * T, [6], "mean_square_gradient", trials=3)
    measured = run.horizons[0].audit
    for name in {"G", "sigma", "L"} & run.constants.keys():
        assert measured[name] <= run.constants[name] * (1 + 1e-9) + 1e-9
    if problem.convex:
        assert measured["convexity"] <= 1e-9 * (1 + run.constants["Delta"])


def test_a_loss_that_is_not_convex_is_seen_not_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive of O11, declared convex against better knowledge."""
    monkeypatch.setattr(Logistic, "convex", True)
    kink = Logistic(x=torch.ones(1, 2), y=torch.tensor([1.0]), k=1, comparator=torch.tensor([1.0, 0.0]))
    at = torch.tensor([[-1.0, 0.0]], dtype=torch.float64)
    assert audit(kink, at)["convexity"] > 0.1


# --- Steps ---


@given(st.integers(1, 10**6))
def test_a_run_is_audited_at_its_ends_and_between_at_pairs_of_steps(horizon: int) -> None:
    visited = steps(horizon)
    assert visited == sorted(set(visited))
    assert {0, 1, horizon - 1, horizon} <= set(visited)
    assert len(visited) == min(horizon + 1, 8)
    assert len([t for t in visited if t + 1 in visited]) >= min(horizon, 4)


def test_a_measured_constant_comes_with_the_step_at_which_it_was_largest() -> None:
    """A gradient of the monotone loss that falls from step to step, except where the run is set back."""
    problem = Logistic(x=torch.ones(1, 1), y=-torch.ones(1), k=1)
    w = torch.tensor([[0.0], [-1.0], [2.0], [-3.0]], dtype=torch.float64)
    measured = audit(problem, w, times=[0, 1, 40, 41], rate=0.5)
    assert measured["G"] == pytest.approx(1 / (1 + np.exp(-2)))
    assert (measured["G step"], measured["eta"]) == (40, 0.5)


@usual
@given(problem=st.from_type(Problem), seed=st.integers(0, 2**32 - 1))
def test_gradients_that_are_not_those_of_the_objective_are_seen(problem: Problem, seed: int) -> None:
    w = points(problem, seed)
    assert audit(problem, w)["bias"] <= 1e-12 * (1 + audit(problem, w)["G"])
    tilted = copy.copy(problem)
    object.__setattr__(tilted, "gradients", lambda w, index: problem.gradients(w, index) + 0.25)
    assert audit(tilted, w)["bias"] == pytest.approx(0.25 * problem.dimension**0.5, rel=1e-9)


# --- Gaps and masks ---


@usual
@given(st.lists(st.integers(1, 64), min_size=1, max_size=9))
def test_the_density_is_the_largest_ratio_of_share_to_gap(eighths: list[int]) -> None:
    gaps = [eighth / 8 for eighth in eighths]
    grid = np.linspace(0, 10, 801)[1:]
    ratios = [np.mean(np.array(gaps) <= t) / t for t in grid]
    assert density(torch.tensor(gaps, dtype=torch.float64)) == pytest.approx(max(ratios))
    assert density(torch.tensor([*gaps, 0.0], dtype=torch.float64)) == np.inf


@usual
@given(problem=st.from_type(Problem), seed=st.integers(0, 2**32 - 1))
def test_gaps_and_flips_are_those_of_the_sorted_votes(problem: Problem, seed: int) -> None:
    w, k = points(problem, seed), problem.k
    measured = audit(problem, w)
    if problem.dense:
        assert not {"gap", "gap density", "mask flips"} & measured.keys()
        return
    rows = w.reshape(len(w), problem.heads, problem.features)
    heads = [[problem.y[i]] if problem.family == "routing" else range(problem.heads) for i in range(problem.samples)]
    kept, gaps = [], []
    for row in rows:
        votes = [[(row[j] * problem.x[i]).numpy() for j in heads[i]] for i in range(problem.samples)]
        gaps.append([min(np.sort(v)[::-1][k - 1] - np.sort(v)[::-1][k] for v in each) for each in votes])
        # ties go to the lowest unit
        kept.append([set(np.argsort(-v, kind="stable")[:k]) for each in votes for v in each])
    assert measured["gap"] == pytest.approx(np.min(gaps), abs=1e-12)
    assert measured["gap density"] == max(density(torch.tensor(np.array(gap))) for gap in gaps)
    flips = [a != b for before, after in pairwise(kept) for a, b in zip(before, after, strict=True)]
    assert measured["mask flips"] == pytest.approx(np.mean(flips))


def test_masks_are_compared_only_where_one_step_follows_another() -> None:
    problem = Logistic(x=torch.ones(1, 2), y=-torch.ones(1), k=1)
    w = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.5]], dtype=torch.float64)
    assert audit(problem, w)["mask flips"] == pytest.approx(2 / 3)
    assert audit(problem, w, times=[0, 1, 7, 8])["mask flips"] == pytest.approx(1 / 2)
    assert "mask flips" not in audit(problem, w, times=[0, 2, 4, 6])


def test_the_visited_points_of_an_exact_run_reach_its_end() -> None:
    """A run that leaves a flat piece at its last step is audited there too."""
    problem = Logistic(x=torch.tensor([[1.0]]), y=torch.tensor([-1.0]), k=1, start=torch.tensor([-4.0]))
    still, moved = (
        enumerate_paths(problem, lambda T, last=last: [0.0] * (T - 1) + [last], [3], "decrease").horizons[0].audit["G"]
        for last in (0.0, -200.0)
    )
    assert still < 0.02
    assert moved > 0.4
