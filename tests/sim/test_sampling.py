"""Samples of a step: every draw against itertools, random ones against all, and the variance of a minibatch."""

import math
from collections import Counter
from itertools import permutations, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aat import InputError
from sim import Sampling, enumerate_paths, estimate, simulate
from sim.problems import Logistic, PolyakLojasiewicz

usual = settings(deadline=None, max_examples=60)
KINDS = ["with replacement", "without replacement", "reshuffling"]
X = torch.tensor([[1.0, -0.5], [0.0, 1.5], [-1.0, 1.0], [0.5, 2.0]], dtype=torch.float64)
PROBLEM = Logistic(x=X, k=1, y=torch.tensor([1.0, -1.0, 1.0, 1.0]), smoothing="entropic", mu=0.2)


def halves(horizon: int) -> list[float]:
    return [0.5] * horizon


def batches(kind: str, samples: int, batch: int, horizon: int) -> list[list[tuple[int, ...]]]:
    """All equally likely histories, each step's samples in order."""
    if kind == "with replacement":
        return [list(path) for path in product(list(product(range(samples), repeat=batch)), repeat=horizon)]
    if kind == "without replacement":
        return [list(path) for path in product(list(permutations(range(samples), batch)), repeat=horizon)]
    epoch = samples // batch
    orders = product(permutations(range(samples)), repeat=-(-horizon // epoch))
    cut = [[o[i : i + batch] for o in path for i in range(0, samples, batch)][:horizon] for path in orders]
    return [list(path) for path in cut]


def decrease(path: list[tuple[int, ...]]) -> float:
    """F(w_0) − F(w_T) along one history."""
    w = PROBLEM.w0
    for chosen in path:
        index = torch.tensor(chosen)
        w = w - 0.5 * PROBLEM.gradients(w.expand(len(index), -1), index).mean(0)
    first, last = PROBLEM.objective(torch.stack([PROBLEM.w0, w])).tolist()
    return first - last


@pytest.mark.parametrize(
    ("kind", "batch", "horizon"),
    [
        ("with replacement", 2, 2),
        ("with replacement", 3, 1),
        ("without replacement", 2, 2),
        ("without replacement", 3, 2),
        ("without replacement", 4, 2),
        ("reshuffling", 1, 3),
        ("reshuffling", 1, 5),
        ("reshuffling", 2, 4),
        ("reshuffling", 4, 2),
    ],
)
def test_the_expectation_is_the_mean_over_all_equally_likely_histories(kind: str, batch: int, horizon: int) -> None:
    sampling = Sampling(kind, batch)
    run = enumerate_paths(PROBLEM, halves, [horizon], "decrease", sampling=sampling, block=5)
    every = [decrease(path) for path in batches(kind, 4, batch, horizon)]
    (row,) = run.horizons
    assert row.values[0] == pytest.approx(math.fsum(every) / len(every), rel=1e-12)
    assert row.paths == sampling.paths(4, horizon) <= len(every)


@usual
@given(st.sampled_from(KINDS), st.integers(1, 6), st.integers(1, 4), st.integers(0, 9), st.integers(0, 2**62))
def test_random_draws_are_among_all_draws(kind: str, samples: int, batch: int, horizon: int, key: int) -> None:
    if kind != "with replacement":
        batch = min(batch, samples)
    if kind == "reshuffling" and samples % batch:
        batch = 1
    sampling = Sampling(kind, batch)
    sampling.check(samples)
    drawn = list(sampling.draws(key, horizon, 7, samples))
    assert len(drawn) == horizon
    assert all(rows.shape == (7, batch) and rows.min() >= 0 and rows.max() < samples for rows in drawn)
    if kind != "with replacement":
        assert all(len(set(row)) == batch for rows in drawn for row in rows.tolist())
    if kind == "reshuffling":
        epoch = sampling.epoch(samples)
        for first in range(0, horizon - epoch + 1, epoch):
            taken = torch.cat(drawn[first : first + epoch], -1)
            assert torch.equal(taken.sort(-1).values, torch.arange(samples).expand(7, -1))


@pytest.mark.parametrize("kind", KINDS)
def test_random_draws_are_uniform_over_all_draws(kind: str) -> None:
    """Null: the two batches of 2 from 4 are uniform over all histories. 20,000 trials, χ² of at most 99 degrees of
    freedom at level 1e-6; a history with 1.5 times its share of 1/100 is found with power above 0.99."""
    sampling = Sampling(kind, 2)
    drawn = torch.cat([rows.sort(-1).values for rows in sampling.draws(3, 2, 20_000, 4)], -1)
    counts = Counter(map(tuple, drawn.tolist()))
    expected = Counter()
    for path in batches(kind, 4, 2, 2):
        expected[tuple(i for step in path for i in sorted(step))] += 1
    assert counts.keys() == expected.keys()
    total = sum(expected.values())
    shares = [20_000 * expected[history] / total for history in expected]
    assert stats.chisquare([counts[history] for history in expected], shares).pvalue > 1e-6


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_the_variance_of_a_minibatch_is_the_declared_share(kind: str, batch: int) -> None:
    """Claims R11, R11r: at one point, from all draws."""
    gradients = PROBLEM.gradients(PROBLEM.w0.expand(4, -1), torch.arange(4))
    positions, weights = Sampling(kind, batch).choices(4)
    assert weights.sum().item() == pytest.approx(1)
    means = gradients[positions].mean(1)
    variance = (weights * (means - gradients.mean(0)).square().sum(-1)).sum()
    whole = (gradients - gradients.mean(0)).square().sum(-1).mean()
    assert (variance / whole).item() == pytest.approx(Sampling(kind, batch).variance_share(4), abs=1e-15)


def test_a_run_declares_the_noise_of_its_batches_and_measures_it() -> None:
    noisy = PolyakLojasiewicz(x=X, k=2)
    whole = noisy.constants()["sigma"]
    for kind, batch in (("with replacement", 3), ("without replacement", 2), ("reshuffling", 2)):
        sampling = Sampling(kind, batch)
        run = enumerate_paths(noisy, lambda T: [0.01] * T, [2], "final_gap", sampling=sampling)
        assert run.constants["sigma"] == pytest.approx(whole * sampling.variance_share(4) ** 0.5)
        # the noise of this family is the same everywhere
        assert run.horizons[0].audit["sigma"] == pytest.approx(run.constants["sigma"])
        assert sampling.name in run.method


@pytest.mark.parametrize("kind", KINDS)
def test_monte_carlo_has_the_exact_expectation(kind: str) -> None:
    """Null: trials have the exact mean. Two-sided Student's t on 4,096 trials at level 1e-6 for each of three rows; a
    bias of an eighth of a standard deviation is found with power 0.999."""
    sampling = Sampling(kind, 2)
    (exact,) = enumerate_paths(PROBLEM, halves, [4], "decrease", sampling=sampling).horizons
    (random,) = simulate(PROBLEM, halves, [4], "decrease", sampling=sampling, trials=4096).horizons
    values = torch.tensor(random.values, dtype=torch.float64)
    assert abs(values.mean().item() - exact.values[0]) <= stats.t.isf(5e-7, 4095) * values.std().item() / 64


# --- Cost ---


@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_counts_what_the_run_visits(kind: str) -> None:
    sampling = Sampling(kind, 2)
    visited: list[int] = []
    enumerate_paths(PROBLEM, halves, [3], "decrease", sampling=sampling, progress=visited.append)
    cost = estimate(PROBLEM, 3, "decrease", sampling=sampling)
    assert cost.gradients == 2 * (sum(visited) - 1)
    assert cost.paths == sampling.paths(4, 3)
    assert cost.seconds > 0


def test_less_memory_makes_smaller_blocks_and_the_same_result() -> None:
    small = estimate(PROBLEM, 4, "decrease", memory=20_000)
    assert small.block < estimate(PROBLEM, 4, "decrease").block
    assert small.memory <= 20_000
    runs = [enumerate_paths(PROBLEM, halves, [4], "decrease", memory=size).horizons[0] for size in (20_000, 2**29)]
    assert runs[0].values == pytest.approx(runs[1].values, rel=1e-13)
    with pytest.raises(InputError, match=r"^memory = 10 bytes"):
        enumerate_paths(PROBLEM, halves, [4], "decrease", memory=10)


def test_a_long_run_is_refused_at_once() -> None:
    for sampling in (Sampling("without replacement", 2), Sampling("reshuffling")):
        with pytest.raises(InputError, match="too many paths"):
            enumerate_paths(PROBLEM, halves, [10**6], "decrease", sampling=sampling)


@pytest.mark.parametrize(
    ("kind", "batch", "samples", "given"),
    [
        ("sometimes", 1, 4, "^sampling 'sometimes'"),
        ("reshuffling", 0, 4, "^batch = 0"),
        ("reshuffling", 2.0, 4, r"^batch = 2\.0"),
        ("without replacement", 5, 4, "^batch = 5 of 4"),
        ("reshuffling", 3, 4, "^batch = 3 does not divide"),
    ],
)
def test_what_cannot_be_drawn(kind: str, batch: int, samples: int, given: str) -> None:
    with pytest.raises(InputError, match=given) as error:
        Sampling(kind, batch).check(samples)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
