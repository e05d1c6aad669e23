"""The Monte Carlo engine: what its seed decides, what its trials share, when it looks."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from sim import METRICS, Problem, Run, monte_carlo, simulate
from sim.metrics import metric
from sim.monte_carlo import _times
from sim.problems import FAMILIES, Logistic, make

usual = settings(deadline=None, max_examples=100)

LEVEL = 1e-6


def halves(horizon: int) -> list[float]:
    return [0.5] * horizon


def synthetic(k: int | None = None, **options: object) -> Problem:
    return make("logistic", "synthetic", k=k, **options)


def values(problem: Problem, name: str = "last_gap", **options: object) -> list[tuple[float, ...]]:
    run = simulate(problem, halves, [3, 8], name, **{"trials": 6} | options)
    return [row.values for row in run.horizons]


@contextmanager
def recorded(trials: int) -> Iterator[list[Tensor]]:
    """The samples that are drawn at each step by all trials."""
    drawn: list[Tensor] = []
    gradients = Problem.gradients

    def record(problem: Problem, w: Tensor, index: Tensor) -> Tensor:
        if index.shape == (trials,) and trials != problem.samples:
            drawn.append(index)
        return gradients(problem, w, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Problem, "gradients", record)
        yield drawn


# --- Seeds and samples ---


@pytest.mark.parametrize("name", [name for name in METRICS if "envelope" not in name])
def test_a_seed_decides_every_value(name: str) -> None:
    problem = synthetic(k=5)
    assert values(problem, name, seed=7) == values(problem, name, seed=7)
    assert values(problem, name, seed=7) != values(problem, name, seed=8)


def test_the_global_generator_is_neither_used_nor_moved() -> None:
    torch.manual_seed(1)
    state, first = torch.get_rng_state(), values(synthetic())
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert values(synthetic()) == first


def test_horizons_do_not_depend_on_each_other() -> None:
    problem = synthetic()
    (alone,) = simulate(problem, halves, [8], "last_gap", trials=6).horizons
    assert simulate(problem, halves, [8, 3], "last_gap", trials=6).horizons[1] == alone


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("quadratic", "polyak")])
def test_every_head_sees_the_same_samples(family: str) -> None:
    seen = []
    for k, smoothing, mu in [(None, None, None), (5, None, None), (5, "entropic", 0.1), (1, "quadratic", 0.1)]:
        with recorded(trials=6) as drawn:
            simulate(make(family, "synthetic", k=k, smoothing=smoothing, mu=mu), halves, [9], "decrease", trials=6)
        seen.append(torch.stack(drawn))
    assert seen[0].shape == (9, 6)
    assert all(torch.equal(samples, seen[0]) for samples in seen)


def test_other_seeds_and_horizons_see_other_samples() -> None:
    def first(horizon: int, seed: int) -> Tensor:
        with recorded(trials=6) as drawn:
            simulate(synthetic(), halves, [horizon], "decrease", trials=6, seed=seed)
        return torch.stack(drawn)[:5]

    assert torch.equal(first(9, seed=0), first(9, seed=0))
    assert not torch.equal(first(9, seed=0), first(9, seed=1))
    assert not torch.equal(first(9, seed=0), first(10, seed=0))


def test_samples_are_uniform_and_independent_from_step_to_step() -> None:
    """Null: successive pairs of samples are uniform on 4². 400 trials of 21 steps: 4,000 disjoint pairs, one χ² test
    of 15 degrees of freedom at level 1e-6. A pair with 1.5 times its share is found with power 0.93, a sample that
    never follows itself with power 1."""
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with recorded(trials=400) as drawn:
        simulate(Logistic(x=x, y=torch.ones(4), k=2), halves, [20], "decrease", trials=400)
    pairs = 4 * torch.stack(drawn[0::2]) + torch.stack(drawn[1::2])
    assert pairs.numel() == 4000
    assert stats.chisquare(pairs.flatten().bincount(minlength=16).numpy()).pvalue > LEVEL


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_a_run_longer_than_a_chunk_goes_on(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monte_carlo, "_CHUNK", chunk)
    finished: list[int] = []
    with recorded(trials=200) as drawn:
        simulate(synthetic(), halves, [7], "decrease", trials=200, progress=finished.append)
    assert len(drawn) == sum(finished) == 7
    assert max(finished) <= chunk
    rows = torch.stack(drawn)
    assert len(rows.unique(dim=0)) == 7


def test_progress_counts_the_steps_that_are_taken() -> None:
    for name, steps in [("last_gap", 2 + 7), ("average_gap", 2 + 7), ("decrease", 3 + 8)]:
        finished: list[int] = []
        values(synthetic(), name, progress=finished.append)
        assert sum(finished) == steps


# --- Looks ---


@usual
@given(looks=st.integers(1, 20), more=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_a_trial_is_looked_at_once_in_each_stretch(looks: int, more: int, seed: int) -> None:
    horizon = looks + more
    times = _times(metric("mean_square_gradient").times(horizon), 50, looks, torch.Generator().manual_seed(seed))
    assert times.shape == (looks, 50)
    stretch = horizon / looks
    for number, row in enumerate(times):
        assert row.min() >= int(number * stretch)
        assert row.max() < (number + 1) * stretch
    assert len(times.unique(dim=1).T) > 1


@pytest.mark.parametrize(
    ("name", "times"), [("average_gap", [4]), ("last_gap", [4]), ("decrease", [5]), ("mean_square_gradient", range(5))]
)
@pytest.mark.parametrize("looks", [5, 6])
def test_a_trial_is_looked_at_whenever_there_are_few_times(name: str, times: list[int], looks: int) -> None:
    looked_at = _times(metric(name).times(5), 3, looks, torch.Generator())
    assert looked_at.T.tolist() == [list(times)] * 3


@pytest.mark.parametrize(("horizon", "looks"), [(7, 1), (7, 2), (7, 3), (10, 4), (16, 4)])
def test_every_time_is_looked_at_equally_often(horizon: int, looks: int) -> None:
    """Null: a look falls on each of T times with probability 1/T; so the mean over looks is unbiased, wherever the
    stretches are cut. 20,000 trials, χ² of T − 1 degrees of freedom, level 1e-6 for each of five cases; looks in
    strata vary less than independent ones, so the level is kept. Power 1 against a time that is left out, and above
    0.99 against one with half its share."""
    times = _times(metric("mean_square_gradient").times(horizon), 20_000, looks, torch.Generator().manual_seed(0))
    counts = times.flatten().bincount(minlength=horizon)
    assert len(counts) == horizon
    assert stats.chisquare(counts.numpy()).pvalue > LEVEL


@pytest.mark.parametrize("looks", [5, 9])
def test_enough_looks_are_all_of_them(looks: int) -> None:
    """Then the only randomness is that of the samples, and one sample has none."""
    problem = Logistic(x=torch.tensor([[1.0, 2.0]]), y=torch.tensor([1.0]), k=2)
    (row,) = simulate(problem, halves, [5], "mean_square_gradient", trials=3, looks=looks).horizons
    w, squares = problem.w0, []
    for _ in range(5):
        gradient = problem.gradients(w, torch.tensor(0))
        squares.append(gradient.square().sum().item())
        w = w - 0.5 * gradient
    assert row.values == pytest.approx((sum(squares) / 5,) * 3)


# --- The run ---


def test_a_run_says_what_was_run() -> None:
    problem = synthetic(k=5, smoothing="entropic", mu=0.1)
    run = simulate(problem, halves, [8, 3], "last_gap", trials=6, seed=5, eta=lambda T: 7.0 + T)
    assert isinstance(run, Run)
    assert (run.engine, run.metric, run.problem, run.seed) == ("monte_carlo", "last_gap", "logistic/synthetic", 5)
    assert (run.samples, run.convex, run.constants) == (64, False, problem.constants() | {"N": 64.0})
    assert [(row.T, row.eta, row.rounding, len(row.values)) for row in run.horizons] == [(3, 10, 0, 6), (8, 15, 0, 6)]
    assert simulate(problem, lambda T: [0.25, 0.5, 0.5], [3], "last_gap").horizons[0].eta == 0.25
