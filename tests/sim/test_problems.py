"""Losses and gradients against plain definitions: torch.topk, root finding, torch.nn.functional, torch.nn.Linear."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from sim import problems
from sim.problems import FAMILIES, Logistic, Problem, Routing, Softmax, base, make

usual = settings(deadline=None, max_examples=60)
families = pytest.mark.parametrize("family", [f for f in FAMILIES if f not in ("bilinear", "quadratic", "polyak")])
seeds = st.integers(0, 2**32 - 1)


def points(problem: Problem, number: int, seed: int) -> Tensor:
    """Parameters without ties, in sizes from 0.1 to 10."""
    random = torch.Generator().manual_seed(seed)
    sizes = torch.logspace(-1, 1, number, dtype=torch.float64)
    return sizes[:, None] * torch.randn(number, problem.dimension, generator=random, dtype=torch.float64)


def operator(votes: Tensor, k: int, smoothing: str | None, mu: float | None) -> Tensor:
    """The definition of ``s_K`` and of its smoothings; by Danskin, the maximiser is a constant to autograd."""
    if smoothing is None:
        return votes.topk(k).values.sum()
    if k == len(votes):
        kept = torch.ones_like(votes)
    else:
        shape = torch.sigmoid if smoothing == "entropic" else lambda z: z.clamp(0, 1)
        low, high = votes.detach().min() - 40 * mu, votes.detach().max() + 40 * mu
        for _ in range(80):
            tau = (low + high) / 2
            low, high = (tau, high) if shape((votes.detach() - tau) / mu).sum() > k else (low, tau)
        kept = shape((votes.detach() - tau) / mu)
    entropy = -(torch.xlogy(kept, kept) + torch.xlogy(1 - kept, 1 - kept)).sum()
    return kept @ votes + mu * (entropy if smoothing == "entropic" else -kept @ kept / 2)


def definition(problem: Problem, w: Tensor, i: int) -> Tensor:
    """f_i(w), one sample and one point at a time."""
    rows, x = w.reshape(-1, problem.features), problem.x[i]
    raised = problem.mu * problem.k / 2 if problem.raised else 0
    scores = torch.stack([operator(row * x, problem.k, problem.smoothing, problem.mu) + raised for row in rows])
    if problem.family == "logcosh":
        smoothing = None if problem.raised else problem.smoothing
        taught = operator(problem.teacher * x, problem.k, smoothing, problem.mu)
        return (scores[0] - taught).cosh().log() + problem.ridge / 2 * w @ w
    y = problem.y[i]
    match problem.family:
        case "routing":
            loss = scores[y] - (rows[y] * x)[problem.support[i]].sum()
        case "softmax":
            loss = F.cross_entropy(scores[None], y[None])
        case _:
            loss = F.softplus(-y * scores[0])
    return loss + problem.ridge / 2 * w @ w


@families
@usual
@given(data=st.data(), seed=seeds)
def test_losses_and_gradients_are_those_of_the_definition(family: str, data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    w = points(problem, 2, seed).repeat_interleave(problem.samples, 0).requires_grad_()
    index = torch.arange(problem.samples).repeat(2)
    losses = torch.stack([definition(problem, point, i) for point, i in zip(w, index, strict=True)])
    (gradients,) = torch.autograd.grad(losses.sum(), w)
    torch.testing.assert_close(problem.losses(w, index), losses)
    torch.testing.assert_close(problem.gradients(w, index), gradients)


@pytest.mark.parametrize("family", ["logistic", "monotone", "softmax"])
@usual
@given(data=st.data(), seed=seeds)
def test_a_head_that_hears_every_vote_is_a_linear_layer(family: str, data: st.DataObject, seed: int) -> None:
    problem = data.draw(st.from_type(FAMILIES[family]))
    problem = replace(problem.with_head(problem.features), ridge=0.0)
    (w,) = points(problem, 1, seed)
    layer = nn.Linear(problem.features, problem.heads, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(w.reshape(problem.heads, -1))
    scores = layer(problem.x)
    if family == "softmax":
        loss = nn.CrossEntropyLoss()(scores, problem.y)
    else:
        loss = nn.BCEWithLogitsLoss()(scores[:, 0], (problem.y + 1) / 2)
    loss.backward()
    torch.testing.assert_close(problem.objective(w[None])[0], loss.detach())
    torch.testing.assert_close(problem.full_gradient(w[None])[0], layer.weight.grad.flatten())


@usual
@given(problem=st.from_type(Problem), seed=seeds, block=st.integers(1, 40))
def test_the_objective_is_the_mean_in_blocks_of_any_size(problem: Problem, seed: int, block: int) -> None:
    w, index = points(problem, 5, seed), torch.arange(problem.samples)
    losses = torch.stack([problem.losses(point.expand(problem.samples, -1), index) for point in w])
    gradients = torch.stack([problem.gradients(point.expand(problem.samples, -1), index) for point in w])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "_BLOCK", block)
        torch.testing.assert_close(problem.objective(w), losses.mean(1))
        torch.testing.assert_close(problem.full_gradient(w), gradients.mean(1))


@usual
@given(problem=st.from_type(Problem))
def test_evaluating_leaves_no_graph_behind(problem: Problem) -> None:
    w, index = problem.w0.clone().requires_grad_(), torch.zeros((), dtype=torch.int64)
    for result in (problem.gradients(w, index), problem.objective(w[None]), problem.full_gradient(w[None])):
        assert not result.requires_grad
    assert w.grad is None


# --- Start, comparator, heads, names ---


@families
def test_every_head_starts_where_a_linear_layer_does(family: str) -> None:
    dense = make(family, "synthetic")
    bound = 1 / math.sqrt(dense.features)
    assert dense.w0.abs().max() <= bound
    assert dense.w0.min() < -0.8 * bound
    assert dense.w0.max() > 0.8 * bound
    for k, smoothing, mu in [(1, None, None), (5, "entropic", 0.1), (5, "quadratic", 0.1)]:
        assert torch.equal(make(family, "synthetic", k=k, smoothing=smoothing, mu=mu).w0, dense.w0)


@families
@pytest.mark.parametrize("smoothing", [None, "entropic", "quadratic"])
def test_the_default_comparator_is_good_and_near(family: str, smoothing: str | None) -> None:
    """It is better than w_0, and where F is smooth it minimises ``F(w) + ‖w − w_0‖²/2000``; or it is the teacher."""
    problem = make(family, "synthetic", k=5, smoothing=smoothing, mu=smoothing and 0.05)
    ends = torch.stack([problem.w0, problem.u])
    before, after = problem.objective(ends)
    assert after < before
    if family == "logcosh":
        assert after == 0
    elif problem.smooth:
        slope_before, slope_after = (problem.full_gradient(ends) + (ends - problem.w0) / 1000).norm(dim=-1)
        assert slope_after < 0.01 * slope_before


def test_the_hard_routing_loss_is_compared_with_its_minimum() -> None:
    problem = make("routing", "synthetic", k=5)
    assert problem.objective(problem.u[None]).item() == problem.lower_bound == 0


@usual
@given(problem=st.from_type(Logistic) | st.from_type(Softmax))
def test_another_head_keeps_data_start_and_comparator(problem: Problem) -> None:
    other = problem.with_head(1, "entropic", 0.3)
    assert (other.k, other.smoothing, other.mu) == (1, "entropic", 0.3)
    assert (other.name, other.ridge) == (problem.name, problem.ridge)
    for kept in ("x", "y", "w0", "u"):
        assert torch.equal(getattr(other, kept), getattr(problem, kept))


def test_names() -> None:
    problem = make("softmax", "synthetic", k=5, ridge=0.01)
    assert problem.name == "softmax/synthetic ridge=0.01"
    assert problem.head == "hard AAT-SGD, K=5"
    assert problem.with_head(5, "entropic", 0.1).head == "entropic AAT-SGD, K=5, μ=0.1"
    assert problem.with_head(32).head == "dense SGD, K=n=32"


def test_planted_supports_can_be_learned() -> None:
    """The templates that plant the supports are parameters at which no sample loses anything."""
    data = problems.synthetic()
    means = torch.stack([data.x[data.y == c].mean(0) for c in range(4)])
    problem = Routing.from_data(data, k=5)
    assert problem.objective((means - data.x.mean(0)).reshape(1, -1)).item() == pytest.approx(0, abs=1e-15)


def test_classes_become_labels() -> None:
    data = problems.synthetic(samples=8, classes=4)
    assert Logistic.from_data(data, k=2).y.tolist() == [-1, -1, 1, 1, -1, -1, 1, 1]
    assert make("monotone", "synthetic", k=2).y.unique().tolist() == [-1]
    assert torch.equal(Softmax.from_data(data, k=2).y, data.y)
