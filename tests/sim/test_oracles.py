"""Gradients that are not the objective's own: what they are, and that no bias exceeds what is declared of it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from aat import InputError, mask
from sim import Annealed, Approximate, HardMask, Problem, enumerate_paths
from sim.oracles import Own, mean_gradients
from sim.problems import FAMILIES, make

usual = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
families = pytest.mark.parametrize("family", ["routing", "monotone", "logistic", "softmax", "logcosh"])


def points(problem: Problem, number: int, seed: int) -> Tensor:
    """Some with votes that tie."""
    random = torch.Generator().manual_seed(seed)
    w = torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)
    return torch.cat([w, w.round(), torch.zeros(1, problem.dimension, dtype=torch.float64)])


def biases(oracle: object, problem: Problem, w: Tensor, t: int = 0) -> Tensor:
    index = torch.arange(problem.samples)[None].expand(len(w), -1)
    return (oracle.gradients(problem, w, index, t) - problem.full_gradient(w)).norm(dim=-1)  # type: ignore[attr-defined]


@usual
@given(problem=st.from_type(Problem), seed=seeds, batch=st.integers(1, 3))
def test_a_minibatch_has_the_mean_gradient_of_its_samples(problem: Problem, seed: int, batch: int) -> None:
    w = points(problem, 2, seed)
    random = torch.Generator().manual_seed(seed)
    index = torch.randint(problem.samples, (len(w), batch), generator=random)
    expected = torch.stack([problem.gradients(w, index[:, b]) for b in range(batch)]).mean(0)
    torch.testing.assert_close(mean_gradients(problem, w, index), expected)
    assert Own().constants(problem) == {}


@families
@usual
@given(data=st.data(), seed=seeds, t=st.integers(0, 9))
def test_no_bias_exceeds_the_declared_one(family: str, data: st.DataObject, seed: int, t: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    w = points(problem, 4, seed)
    oracles = [HardMask(), Approximate(0.5), *([Annealed(0.5)] if problem.mu else [])]
    for oracle in oracles:
        allowed = oracle.constants(problem)["zeta"]
        assert (biases(oracle, problem, w, t) <= allowed * (1 + 1e-9) + 1e-9).all()


@usual
@given(problem=st.from_type(Problem), seed=seeds)
def test_a_hard_mask_on_a_hard_head_is_the_heads_own(problem: Problem, seed: int) -> None:
    hard = problem.with_head(problem.k)
    assert biases(HardMask(), hard, points(hard, 3, seed)).max() <= 1e-12 * (1 + hard.constants()["G"])


@pytest.mark.parametrize("family", ["logistic", "logcosh"])
def test_where_gaps_stay_above_the_smoothing_a_hard_mask_has_no_bias(family: str) -> None:
    wide, ties = (make(family, data, k=2, smoothing="quadratic", mu=0.5, raised=True) for data in ("wide", "ties"))
    assert biases(HardMask(), wide, wide.w0[None]).item() <= 1e-12
    assert biases(HardMask(), ties, ties.w0[None]).item() > 0.01


@families
def test_a_density_declares_the_bias_of_the_gaps_that_have_it(family: str) -> None:
    """At the start of ``close`` a share of t of the gaps is t or less, so that c = 1 holds there for every μ."""
    for mu in (0.1, 0.5, 1.0, 2.0):
        problem = make(family, "close", k=2, smoothing="quadratic", mu=mu, raised=True)
        allowed = HardMask(1.0).constants(problem)["zeta"]
        assert biases(HardMask(1.0), problem, problem.w0[None]).item() <= allowed
        assert HardMask(2.0).constants(problem)["zeta"] == pytest.approx(2 * allowed)


def test_annealing_takes_the_smoothing_of_the_step() -> None:
    problem = make("softmax", "tiny", k=2, smoothing="entropic", mu=0.4)
    w, index = points(problem, 3, 0), torch.tensor([[1]]).expand(7, 1)
    for t in (0, 1, 15):
        sharper = problem.with_head(2, "entropic", 0.4 / math.sqrt(t + 1))
        torch.testing.assert_close(Annealed(0.5).gradients(problem, w, index, t), mean_gradients(sharper, w, index))
    run = enumerate_paths(problem, lambda T: [0.5] * T, [3], "decrease", oracle=Annealed(0.5))
    assert "μ_t=μ/(t+1)^0.5" in run.method
    assert run.horizons[0].audit["zeta"] > 0


# --- Approximate top-K ---


@usual
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.01, 1), seeds)
def test_approximate_support_has_k_units_and_the_largest_vote(features: int, k: int, recall: float, seed: int) -> None:
    k = min(k, features)
    votes = torch.randn(5, features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    kept = Approximate(recall).kept(votes, k)
    assert all(len(set(row)) == k for row in kept.tolist())
    assert (kept == votes.argmax(-1, keepdim=True)).any(-1).all()
    if Approximate(recall).buckets(features, k) == features:
        assert torch.equal(torch.zeros_like(votes).scatter(-1, kept, 1).bool(), mask(votes, k))


@pytest.mark.parametrize("recall", [0.7, 0.9, 0.97])
def test_the_recall_is_at_least_the_stated_one(recall: float) -> None:
    """Null: the expected recall on votes in random order is at least the stated one. 20,000 rows; the recall of a row
    has a standard deviation of at most 1/2, so a mean that is 0.02 short is found with power above 0.99 at level 1e-3,
    where the slack is 3.1 standard errors."""
    votes = torch.randn(20_000, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    oracle = Approximate(recall)
    assert oracle.buckets(200, 8) < 200 or recall == 0.97
    found = mask(votes, 8).gather(-1, oracle.kept(votes, 8)).double().mean(-1)
    assert found.mean().item() >= recall - 3.1 * found.std().item() / math.sqrt(20_000)


def test_full_recall_is_the_hard_head() -> None:
    problem = make("softmax", "synthetic", k=5)
    w, index = points(problem, 2, 1), torch.zeros(5, 1, dtype=torch.int64)
    w = w[:2]
    torch.testing.assert_close(Approximate(1.0).gradients(problem, w, index[:2], 0), problem.gradients(w, index[:2, 0]))


@pytest.mark.parametrize(
    ("make_oracle", "given"),
    [
        (lambda: HardMask(-1.0), r"^density = -1\.0"),
        (lambda: HardMask(math.inf), r"^density = inf"),
        (lambda: Annealed(0.0), r"^power = 0\.0"),
        (lambda: Approximate(0.0), r"^recall = 0\.0"),
        (lambda: Approximate(1.5), r"^recall = 1\.5"),
    ],
)
def test_what_cannot_be(make_oracle: object, given: str) -> None:
    with pytest.raises(InputError, match=given):
        make_oracle()  # type: ignore[operator]


def test_a_hard_head_has_nothing_to_anneal() -> None:
    problem = make("softmax", "tiny", k=2)
    with pytest.raises(InputError, match="has no μ to anneal"):
        enumerate_paths(problem, lambda T: [0.5] * T, [1], "decrease", oracle=Annealed())
