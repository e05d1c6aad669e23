"""How AAT enters the rates, against the operator itself: the claims' own expressions at numbers that torch measures."""

import math

import pytest
import sympy as sp
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from aat import gap, topk_sum
from sim import problems
from theory import Rate, claims
from theory import symbols as s
from theory.rates.matching import LEADING, OF_ONE_SIZE, RATIO_G, RATIO_L
from theory.readings.inexact import BY_MASK, BY_SLOPE, ZETA
from theory.readings.smoothed import BEST, BEST_SMOOTHING

usual = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
# softmax cross-entropy: ‖p − y‖ ≤ √2, and p moves by at most half as far as the scores
SLOPES = {s.Lambda_1: math.sqrt(2), s.Lambda_2: 0.5}


def number(expression: sp.Expr, values: dict[sp.Symbol, float]) -> float:
    return float(expression.subs(values))


def gradient(x: Tensor, w: Tensor, label: int, k: int, mu: float | None) -> Tensor:
    """Of the cross-entropy over a hard head, or over the quadratic one with its scores raised by μK/2."""
    w = w.clone().requires_grad_()
    votes = w * x
    scores = topk_sum(votes, k) if mu is None else topk_sum(votes, k, "quadratic", mu) + mu * k / 2
    (found,) = torch.autograd.grad(torch.nn.functional.cross_entropy(scores, torch.tensor(label)), w)
    return found


@st.composite
def heads(draw: st.DrawFn) -> tuple[Tensor, Tensor, int, int]:
    """Features, weights (some of them tied), a label and K < n."""
    n, classes = draw(st.integers(2, 9)), draw(st.integers(2, 4))
    random = torch.Generator().manual_seed(draw(seeds))
    x = torch.randn(n, dtype=torch.float64, generator=random) * draw(st.sampled_from([0.1, 1.0, 10.0]))
    w = torch.randn(classes, n, dtype=torch.float64, generator=random)
    if draw(st.booleans()):
        w = w.round()
    return x, w, draw(st.integers(0, classes - 1)), draw(st.integers(1, n - 1))


def constants(x: Tensor, classes: int, k: int, mu: float) -> dict[sp.Symbol, float]:
    largest = x.abs().topk(k).values.norm().item()
    return {s.n: len(x), s.K: k, s.O: classes, s.mu: mu, s.R_inf: x.abs().max().item(), s.R_K: largest, **SLOPES}


@usual
@given(heads(), st.floats(1e-3, 10))
def test_the_bias_of_one_sample_is_what_the_claim_allows(head: tuple[Tensor, Tensor, int, int], mu: float) -> None:
    x, w, label, k = head
    share = max(0.0, 1 - gap(w * x, k).min().item() / mu)
    bias = (gradient(x, w, label, k, None) - gradient(x, w, label, k, mu)).norm().item()
    values = constants(x, len(w), k, mu)
    allowed = number(BY_MASK, values) * share + number(BY_SLOPE, values) * share**2
    # the multipliers are exact to rounding of votes/μ
    rounding = 1e-12 * (1 + (w * x).abs().max().item() / mu) * (1 + x.norm().item())
    assert bias <= allowed + rounding


@usual
@given(heads(), st.floats(0.1, 1))
def test_where_gaps_stay_the_hard_gradient_is_exact(head: tuple[Tensor, Tensor, int, int], part: float) -> None:
    """Claim R14.gap: not nearly, but to rounding."""
    x, w, label, k = head
    smallest = gap(w * x, k).min().item()
    assume(smallest > 1e-3)
    difference = gradient(x, w, label, k, None) - gradient(x, w, label, k, part * smallest)
    assert difference.abs().max().item() <= 1e-9 * (1 + x.norm().item())


@usual
@given(st.lists(st.floats(1e-3, 10), min_size=1, max_size=30), st.floats(1e-3, 10))
def test_gaps_of_bounded_density_are_rarely_small(gaps: list[float], mu: float) -> None:
    """Claims gap.mean and gap.mean.square, with the smallest density that the gaps have."""
    gaps = sorted(gaps)
    density = max((rank + 1) / (len(gaps) * value) for rank, value in enumerate(gaps))
    shares = [max(0.0, 1 - value / mu) for value in gaps]
    values = {s.c: density, s.mu: mu}
    for id, power in (("gap.mean", 1), ("gap.mean.square", 2)):
        mean = math.fsum(share**power for share in shares) / len(gaps)
        assert mean <= number(claims[id].statement.rhs, values) * (1 + 1e-12)


@usual
@given(seeds, st.integers(1, 5), st.floats(0.05, 5))
def test_the_mean_bias_is_at_most_zeta(seed: int, k: int, mu: float) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(12, 6, dtype=torch.float64, generator=random)
    w = torch.randn(3, 6, dtype=torch.float64, generator=random)
    labels = torch.arange(12) % 3
    biases = [gradient(f, w, y, k, None) - gradient(f, w, y, k, mu) for f, y in zip(x, labels.tolist(), strict=True)]
    gaps = sorted(gap(w * f, k).min().item() for f in x)
    density = max((rank + 1) / (len(gaps) * value) for rank, value in enumerate(gaps))
    worst = constants(x[x.norm(dim=-1).argmax()], 3, k, mu)
    worst |= {s.R_inf: x.abs().max().item(), s.R_K: x.abs().topk(k).values.norm(dim=-1).max().item(), s.c: density}
    assert torch.stack(biases).mean(0).norm().item() <= number(ZETA, worst)


def test_without_dropped_votes_there_is_no_bias() -> None:
    assert ZETA.subs(s.K, s.n) == 0


# --- Matching rates ---


@pytest.mark.parametrize("id", [id for id in claims if id.startswith("R13.")])
def test_at_k_equal_n_the_rates_are_the_same(id: str) -> None:
    stated = claims[id].statement
    same = {s.r: 1, s.s: 1, s.M_ratio: 1}
    assert sp.simplify(stated.lhs.subs(same) - stated.rhs.subs(same)) == 0


def test_every_rate_with_a_smooth_or_bounded_loss_is_matched() -> None:
    """Others have a reason: their tuned rate is no sum of powers of the constants, or they are of AAT alone."""
    matched = {id.removeprefix("R13.") for id in claims if id.startswith("R13.")}
    rates = {id for id, claim in claims.items() if isinstance(claim, Rate)}
    assert rates - matched == {"R5", "R7", "R8", "R14", "R14.gap"}


@usual
@given(seeds, st.integers(1, 7), st.floats(0.01, 10))
def test_ratios_are_those_of_the_constants_that_problems_declare(seed: int, k: int, mu: float) -> None:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 7, dtype=torch.float64, generator=random)
    problem = problems.Logistic(x=x, y=torch.tensor([1.0]), k=k, smoothing="entropic", mu=mu)
    own, dense = problem.constants(), problem.dense_head().constants()
    if k == 7:  # the dense head needs no smoothing
        return
    values = {
        s.R_K: x.abs().topk(k).values.norm().item(), s.R_inf: x.abs().max().item(), s.R_n: x.norm().item(), s.mu: mu,
    }  # fmt: skip
    assert number(RATIO_L, values) == pytest.approx(own["L"] / dense["L"], rel=1e-12)
    assert number(RATIO_G, values) == pytest.approx(own["sigma"] / dense["sigma"], rel=1e-12)


def test_fewer_votes_and_more_smoothing_make_the_leading_term_smaller() -> None:
    factor = LEADING.subs({**OF_ONE_SIZE, s.n: 64}).subs(s.R_inf, 1)
    table = [[float(factor.subs({s.K: k, s.mu: mu})) for k in (1, 5, 64)] for mu in (0.1, 1.0, 10.0)]
    assert all(row == sorted(row) for row in table)
    assert all(list(column) == sorted(column, reverse=True) for column in zip(*table, strict=True))


# --- Smoothing ---


def test_the_best_smoothing_attains_its_bound() -> None:
    stated = BEST_SMOOTHING.statement
    assert BEST.residual == 0
    assert sp.simplify(stated.rhs.subs(s.mu, BEST.eta) - stated.lhs) == 0
