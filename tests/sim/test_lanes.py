"""The lane engine against the generic one, which is the reference: the same trajectories, objectives, expectations."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from aat import InputError, mask
from sim import SGD, Problem, Sampling, enumerate_paths, exact, lane_kernels, lanes, simulate
from sim.metrics import metric
from sim.monte_carlo import _snapshots
from sim.oracles import Own
from sim.problems import FAMILIES, Logistic, Monotone, Routing, Softmax, make

# what both engines enumerate: no weights, nothing to solve for
IN_LANES = list(exact._IN_LANES)

FITTING = st.from_type(Problem).filter(lambda problem: lanes.fits(problem, SGD()))

usual = settings(deadline=None, max_examples=60)
STEPS = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 8), min_size=1, max_size=4)
HEADS = {"dense": None, "hard": None, "entropic": 0.05, "quadratic": 0.05}


def generic(problem: Problem, sizes: list[float], times: Tensor, averaged: bool, stream: int) -> Tensor:
    measured = metric("average_gap" if averaged else "last_gap")
    return _snapshots(problem, SGD(), Own(), measured, sizes, times, {}, Sampling(), stream, None)


def is_steady(problem: Problem) -> bool:
    """Whether a vote that moves by one rounding moves the gradient by as little: not so where a hard head meets ties.

    On the routing loss nothing is rounded: here all data and steps are eighths.
    """
    return problem.smooth or problem.family == "routing"


def posed(family: str, head: str, n: int, k: int, samples: int, *, zero: bool, ridge: float = 0.0) -> Problem:
    """Random features, so that votes tie at w = 0 only, where all of them do."""
    random = torch.Generator().manual_seed(n + k)
    x = torch.randn(samples, n, generator=random, dtype=torch.float64)
    classes = torch.arange(samples) % 3
    k = n if head == "dense" else k
    options = {"x": x, "k": k, "mu": HEADS[head], "ridge": ridge, "smoothing": head if HEADS[head] else None}
    problem: Problem
    match family:
        case "routing":
            problem = Routing(support=mask(x, k), y=classes, **options)
        case "softmax":
            problem = Softmax(y=classes, **options)
        case "logistic":
            problem = Logistic(y=2.0 * (classes > 0) - 1, **options)
        case _:
            problem = Monotone(y=-torch.ones(samples), **options)
    return replace(problem, start=torch.zeros(problem.dimension)) if zero else problem


# --- Trajectories ---


@usual
@given(problem=FITTING, sizes=STEPS, averaged=st.booleans(), trials=st.integers(1, 70), data=st.data())
def test_trajectories_are_the_generic_ones_where_votes_tie(
    problem: Problem, sizes: list[float], averaged: bool, trials: int, data: st.DataObject
) -> None:
    assume(is_steady(problem))
    looks = st.lists(st.integers(0, len(sizes)), min_size=trials, max_size=trials)
    times = torch.tensor(data.draw(st.lists(looks, min_size=1, max_size=3)))
    expected = generic(problem, sizes, times, averaged, 5)
    # curvature up to 8²/μ = 6400 stretches a rounding at every step
    torch.testing.assert_close(lanes.trajectories(problem, sizes, times, averaged, 5), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.125])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_trajectories_are_the_generic_ones(family: str, head: str, zero: bool, ridge: float) -> None:
    """Also from w_0 = 0, where all votes tie and the lowest units win; n is no multiple of the padding."""
    problem = posed(family, head, n=7, k=3, samples=9, zero=zero, ridge=ridge)
    times = torch.tensor([[60] * 40, [3, 0, 17, 40] * 10])
    for averaged in (False, True):
        expected = generic(problem, [0.1] * 60, times, averaged, 3)
        found = lanes.trajectories(problem, [0.1] * 60, times, averaged, 3)
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1), (20, 16), (33, 16), (100, 1), (130, 5)])
@pytest.mark.parametrize("family", ["routing", "logistic"])
def test_any_number_of_units_and_votes(family: str, n: int, k: int) -> None:
    problem = posed(family, "hard", n=n, k=k, samples=5, zero=True)
    times = torch.full((1, 33), 30)
    expected = generic(problem, [0.1] * 30, times, False, 3)
    torch.testing.assert_close(lanes.trajectories(problem, [0.1] * 30, times, False, 3), expected)


def test_the_lowest_units_win_a_tie() -> None:
    """From w_0 = 0 the routing loss moves by −η(1_S − target)x, S the first K units: exactly."""
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]], dtype=torch.float64)
    target = torch.tensor([[False, False, True, True, False]])
    problem = Routing(x=x, k=2, support=target, start=torch.zeros(5))
    moved = lanes.trajectories(problem, [0.5], torch.tensor([[1]]), False, 0)
    assert moved.flatten().tolist() == [-0.5, -1.0, 1.5, 2.0, 0.0]


def test_a_trial_is_the_same_among_others_on_any_number_of_cores_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make("softmax", "synthetic", k=3)
    looks = torch.tensor([[9], [2], [6]])
    few, many = (lanes.trajectories(problem, [0.1] * 9, looks.expand(-1, size), True, 1) for size in (40, 70))
    assert torch.equal(few, many[:, :40])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(lanes, "_CHUNK", 4)
    finished: list[int] = []
    chunked = lanes.trajectories(problem, [0.1] * 9, looks.expand(-1, 40), True, 1, finished.append)
    assert torch.equal(chunked, few)
    assert finished == [4, 4, 1]


# --- F and its gradient ---


@usual
@given(problem=FITTING, data=st.data())
def test_objective_and_gradient_are_the_generic_ones(problem: Problem, data: st.DataObject) -> None:
    eighths = st.integers(-16, 16).map(lambda number: number / 8)
    rows = st.lists(eighths, min_size=problem.dimension, max_size=problem.dimension)
    w = torch.tensor(data.draw(st.lists(rows, min_size=1, max_size=40)), dtype=torch.float64)
    fast = lanes.Surveyed(problem)
    scale = 1 + problem.vote_scale(w)
    torch.testing.assert_close(fast.objective(w), problem.objective(w), rtol=1e-12, atol=1e-14 * scale)
    # a threshold that is off by a rounding moves multipliers by that over μ ≥ 0.01
    atol = 1e-11 * scale * (1 + problem.constants()["G"])
    torch.testing.assert_close(fast.full_gradient(w), problem.full_gradient(w), rtol=1e-9, atol=atol)
    torch.testing.assert_close(fast.both(w), (fast.objective(w), fast.full_gradient(w)), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_run_that_diverged_is_not_taken_for_one_that_did_not(family: str, bad: float, head: str) -> None:
    problem = posed(family, head, n=4, k=2, samples=5, zero=True)
    w = torch.zeros(problem.dimension, problem.dimension, dtype=torch.float64).fill_diagonal_(bad)
    fast = lanes.Surveyed(problem)
    assert torch.equal(fast.objective(w).isfinite(), problem.objective(w).isfinite())
    assert torch.equal(fast.full_gradient(w).isfinite().all(-1), problem.full_gradient(w).isfinite().all(-1))


@pytest.mark.parametrize("head", ["hard", "dense"])
def test_a_vote_that_is_not_a_number_spoils_its_own_sample_and_lane_only(head: str) -> None:
    """∞·0, beside votes that exceed it in a comparison that loses it."""
    problem = replace(posed("logistic", head, n=6, k=2, samples=3, zero=True), x=torch.eye(3, 6, dtype=torch.float64))
    w = torch.ones(3, 6, dtype=torch.float64)
    w[1, 5] = math.inf
    assert lanes.Surveyed(problem).objective(w).isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("places", range(1, 17))
def test_a_merge_of_sorted_lists_is_sorted(places: int) -> None:
    """Of zeros and ones, which is enough for a network of exchanges."""
    for ones, news in itertools.product(range(places + 1), range(5)):
        lists = [1] * ones + [0] * (places - ones), [1] * news + [0] * (4 - news)
        merged = lane_kernels._merged(*lists, lambda one, other: (max(one, other), min(one, other)))
        assert merged == sorted(lists[0] + lists[1], reverse=True)


def test_memory_begins_where_a_cache_line_does() -> None:
    assert all(lane_kernels.aligned(rows).ctypes.data % 64 == 0 for rows in range(1, 20))


@given(st.floats(0, 1))
@example(1.0)
def test_the_logarithm_is_right_within_two_units_in_the_last_place(x: float) -> None:
    assert abs(lane_kernels.log1p(x) - math.log1p(x)) <= 2 * math.ulp(math.log1p(x))


@given(st.floats(-708, 708))
@example(0.0)
@example(-708.0)
def test_the_exponential_is_right_within_two_units_in_the_last_place(x: float) -> None:
    assert abs(lane_kernels.exp(x) - math.exp(x)) <= 2 * math.ulp(math.exp(x))


def test_the_exponential_saturates_and_passes_nan_on() -> None:
    assert lane_kernels.exp(-1e300) <= 1e-300
    assert lane_kernels.exp(math.inf) >= 1e300
    assert math.isnan(lane_kernels.exp(math.nan))
    assert math.isnan(lane_kernels.log1p(math.nan))


# --- Exact expectations ---


@pytest.mark.parametrize("name", IN_LANES)
@settings(usual, max_examples=25)
@given(problem=FITTING, sizes=STEPS)
def test_expectations_are_the_generic_ones(name: str, problem: Problem, sizes: list[float]) -> None:
    assume(is_steady(problem))
    runs = [enumerate_paths(problem, lambda T: sizes, [len(sizes)], name, backend=each) for each in ("torch", "lanes")]
    (one,), (other,) = (run.horizons for run in runs)
    assert (one.backend, other.backend) == ("torch", "lanes")
    # 8²/μ as above; the lanes state the rounding of F(w) and F(u) too, not of their difference only
    assert abs(one.values[0] - other.values[0]) <= max(one.rounding, other.rounding) + 1e-9 * abs(one.values[0])
    assert other.rounding >= one.rounding * (1 - 1e-9)
    assert other.audit == pytest.approx(one.audit, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", IN_LANES)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("samples", [2, 3, 5])
def test_a_deep_tree_is_the_generic_one(name: str, head: str, samples: int) -> None:
    """Deeper than the prefixes that each lane walks alone, so that lanes walk abreast below them."""
    problem = posed("logistic", head, n=5, k=2, samples=samples, zero=True)
    horizon = {2: 11, 3: 8, 5: 6}[samples]
    runs = [enumerate_paths(problem, lambda T: [0.25] * T, [horizon], name, backend=e) for e in ("torch", "lanes")]
    (one,), (other,) = (run.horizons for run in runs)
    assert other.values == pytest.approx(one.values, rel=1e-12, abs=one.rounding)


@pytest.mark.parametrize("T", [8, 16])
def test_memory_is_a_path_for_each_lane(T: int) -> None:
    problem = posed("logistic", "hard", n=6, k=2, samples=3, zero=True)
    loss = lanes.loss_of(problem)
    sizes = [lane_kernels.memory(loss, 2, lane_kernels.tree_points(levels))[0].size for levels in (T, T + 1)]
    assert sizes[1] - sizes[0] == 2 * lane_kernels.padded(6) * lane_kernels.LANES


# --- Which engine ---


class Another(SGD):
    """SGD by another name: what it does is its own business."""


def test_what_the_lanes_do_not_fit_is_run_by_the_generic_engine() -> None:
    wide, narrow = (make("logistic", "synthetic", k=k) for k in (17, 16))
    assert not lanes.fits(wide, SGD())
    assert lanes.fits(narrow, SGD())
    assert lanes.fits(wide.dense_head(), SGD())
    assert not lanes.fits(narrow.with_head(16, "entropic", 0.1), SGD())
    assert not lanes.fits(narrow, Another())
    assert lanes.choose(None, narrow, SGD(), worth=True) == "lanes"
    assert lanes.choose(None, narrow, SGD(), worth=False) == "torch"
    assert lanes.choose(None, wide, SGD(), worth=True) == "torch"
    with pytest.raises(InputError, match=r"does not fit the lanes; expected .* try backend='torch'"):
        simulate(wide, lambda T: [0.1] * T, [3], "last_gap", backend="lanes")


def test_a_long_run_is_noted_as_run_by_the_lanes_and_agrees() -> None:
    problem = make("monotone", "synthetic", k=5)
    auto, torch_run = (
        simulate(problem, lambda T: [0.1] * T, [4, 300], name, trials=450, backend=backend).horizons
        for name, backend in (("average_gap", None), ("average_gap", "torch"))
    )
    assert [row.backend for row in auto] == ["torch", "lanes"]
    assert auto[1].values == pytest.approx(torch_run[1].values, rel=1e-11)


def test_kernels_compile_without_a_folder_for_their_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("no locator available")
        return lambda function: function

    monkeypatch.setattr(lane_kernels, "njit", refuse)
    assert lane_kernels.compiled(abs) is abs


def test_supports_are_packed_by_unit() -> None:
    support = torch.zeros(2, 70, dtype=torch.bool)
    support[0, 0] = support[0, 63] = support[1, 64] = True
    assert lanes._packed(support).tolist() == [1 - 2**63, 0, 0, 1]
    assert lanes._packed(support).dtype == np.int64
