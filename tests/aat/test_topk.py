"""The hard operator against its definition, a plain sort, a linear program and the theory (O1–O5)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacrev, vmap

import aat

quick = settings(deadline=None, max_examples=50)
# Zeros of both signs and a coarse grid: ties at the threshold in most rows.
NUMBERS = st.sampled_from([0.0, -0.0]) | st.integers(-3, 3).map(float) | st.floats(-10, 10)
SCALES = st.sampled_from([1e-30, 1e-3, 1.0, 1e5, 1e30])


@st.composite
def rows(draw: st.DrawFn, copies: int = 1) -> tuple[list[Tensor], int]:
    """Return `copies` votes of one shape (rows, n) and a k, with k = 1 and k = n drawn often."""
    n = draw(st.integers(1, 12))
    k = draw(st.sampled_from([1, n]) | st.integers(1, n))
    shape = (draw(st.integers(1, 3)), n)
    flat = st.lists(NUMBERS, min_size=math.prod(shape), max_size=math.prod(shape))
    scale = draw(SCALES)
    return [scale * torch.tensor(draw(flat), dtype=torch.float64).reshape(shape) for _ in range(copies)], k


def support(row: list[float], k: int) -> list[int]:
    """The K largest by a stable sort: the lowest unit index wins a tie."""
    return sorted(sorted(range(len(row)), key=lambda unit: -row[unit])[:k])


def definition(votes: Tensor, k: int) -> Tensor:
    return votes.topk(k).values.sum(-1)


def allowed(votes: Tensor) -> float:
    """Rounding of a sum of n votes."""
    return 1e-14 * votes.abs().sum().item()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@quick
@given(rows())
def test_value_is_exactly_the_definition(dtype: torch.dtype, case: tuple[list[Tensor], int]) -> None:
    (votes,), k = case
    votes = votes.to(dtype)
    assert aat.topk_sum(votes, k).dtype == dtype
    torch.testing.assert_close(aat.topk_sum(votes, k), definition(votes, k), rtol=0, atol=0, equal_nan=True)


@quick
@given(rows())
def test_gradient_is_the_mask_and_the_lowest_unit_wins_a_tie(case: tuple[list[Tensor], int]) -> None:
    (votes,), k = case
    votes.requires_grad_()
    weight = torch.arange(1.0, len(votes) + 1, dtype=votes.dtype)
    (grad,) = torch.autograd.grad(aat.topk_sum(votes, k) @ weight, votes)
    kept = torch.zeros_like(votes, dtype=torch.bool)
    for row, numbers in enumerate(votes.tolist()):
        kept[row, support(numbers, k)] = True
    assert torch.equal(aat.mask(votes, k), kept)
    assert torch.equal(grad, kept * weight.unsqueeze(-1))
    assert torch.equal(aat.multipliers(votes, k), kept.double())


@quick
@given(rows())
def test_threshold_and_gap_are_those_of_the_sorted_votes(case: tuple[list[Tensor], int]) -> None:
    (votes,), k = case
    for row, numbers in enumerate(votes.tolist()):
        ordered = sorted(numbers, reverse=True)
        assert aat.threshold(votes, k)[row] == ordered[k - 1]
        expected = ordered[k - 1] - ordered[k] if k < len(ordered) else math.inf
        assert aat.gap(votes, k)[row] == expected


@quick
@given(rows(), st.integers(0, 2**32 - 1))
def test_votes_that_move_less_than_half_the_gap_keep_the_mask(case: tuple[list[Tensor], int], seed: int) -> None:
    (votes,), k = case
    reach = aat.gap(votes, k).unsqueeze(-1).clamp(max=1e30)
    noise = torch.rand(votes.shape, generator=torch.Generator().manual_seed(seed), dtype=votes.dtype) * 2 - 1
    moved = votes + 0.499 * reach * noise
    assert torch.equal(aat.mask(moved, k), aat.mask(votes, k))


@settings(quick, max_examples=30)
@given(rows())
def test_o1_the_sum_is_the_largest_of_a_linear_program(case: tuple[list[Tensor], int]) -> None:
    (votes,), k = case
    unit = votes / votes.abs().max().clamp_min(torch.finfo(votes.dtype).tiny)
    for row, value in zip(unit.numpy(), aat.topk_sum(unit, k), strict=True):
        program = linprog(-row, A_eq=np.ones((1, row.size)), b_eq=[k], bounds=(0, 1))
        assert value.item() == pytest.approx(-program.fun, abs=1e-9)


@quick
@given(rows(), st.floats(0, 1), st.floats(-5, 5))
def test_o2_the_threshold_minimises_the_relu_form(
    case: tuple[list[Tensor], int], inside: float, anywhere: float
) -> None:
    (votes,), k = case

    def relu_form(tau: Tensor) -> Tensor:
        return k * tau + (votes - tau.unsqueeze(-1)).clamp_min(0).sum(-1)

    value, tau = aat.topk_sum(votes, k), aat.threshold(votes, k)
    slack = allowed(votes) * len(votes)
    attained = tau - inside * aat.gap(votes, k).clamp(max=1.0)
    assert ((relu_form(attained) - value).abs() <= slack + 1e-14 * k).all()
    other = tau + anywhere * votes.abs().max()
    assert (relu_form(other) >= value - 10 * slack).all()


@quick
@given(rows(copies=2))
def test_o3_lipschitz(case: tuple[list[Tensor], int]) -> None:
    (votes, other), k = case
    change = (aat.topk_sum(votes, k) - aat.topk_sum(other, k)).abs()
    distance = votes - other
    largest = distance.abs().sort(-1, descending=True).values[..., :k].sum(-1)
    slack = allowed(votes) + allowed(other)
    assert (change <= largest + slack).all()
    euclidean = torch.tensor([math.hypot(*row) for row in distance.tolist()], dtype=torch.float64)
    assert (largest <= math.sqrt(k) * euclidean + slack).all()


@quick
@given(rows(copies=2))
def test_o4_the_mask_is_a_subgradient(case: tuple[list[Tensor], int]) -> None:
    (votes, other), k = case
    tangent = aat.topk_sum(votes, k) + (aat.mask(votes, k) * (other - votes)).sum(-1)
    assert (aat.topk_sum(other, k) >= tangent - allowed(votes) - allowed(other)).all()


@quick
@given(rows())
def test_o5_from_the_largest_vote_to_the_dense_sum(case: tuple[list[Tensor], int]) -> None:
    (votes,), _ = case
    n = votes.shape[-1]
    ordered = votes.sort(-1, descending=True).values
    sums = torch.stack([aat.topk_sum(votes, k) for k in range(1, n + 1)], -1)
    slack = allowed(votes)
    assert torch.equal(sums[..., 0], votes.max(-1).values)
    assert ((sums[..., -1] - votes.sum(-1)).abs() <= slack).all()
    assert ((sums.diff(dim=-1) - ordered[..., 1:]).abs() <= slack).all()
    assert (sums.diff(n=2, dim=-1) <= 2 * slack).all()


def test_derivatives_to_second_order() -> None:
    votes = torch.randn(3, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    votes.requires_grad_()
    for k in (1, 3, 6):
        assert gradcheck(lambda v, k=k: aat.topk_sum(v, k), votes)
        assert gradgradcheck(lambda v, k=k: aat.topk_sum(v, k), votes)


def test_function_transforms() -> None:
    votes = torch.randn(4, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = definition(votes, 2)
    assert torch.equal(vmap(lambda v: aat.topk_sum(v, 2), in_dims=1, out_dims=1)(votes), expected)
    assert torch.equal(vmap(vmap(jacrev(lambda v: aat.topk_sum(v, 2))))(votes), aat.multipliers(votes, 2))
    assert not jacrev(jacrev(lambda v: aat.topk_sum(v, 2)))(votes[0, 0]).any()


def test_no_gradient_where_none_is_asked() -> None:
    votes = torch.randn(5, 6)
    assert not aat.topk_sum(votes, 2).requires_grad
    assert not aat.multipliers(votes.requires_grad_(), 2).requires_grad


@pytest.mark.parametrize("shape", [(6,), (0, 6), (2, 0, 6), (2, 3, 4, 6), (1, 1)])
def test_any_leading_dimensions(shape: tuple[int, ...]) -> None:
    votes = torch.randn(shape)
    assert aat.topk_sum(votes, 1).shape == aat.threshold(votes, 1).shape == shape[:-1]
    assert aat.mask(votes, 1).shape == shape
    assert aat.gap(votes, 1).shape == shape[:-1]


def test_strided_votes() -> None:
    votes = torch.randn(6, 4).T
    assert torch.equal(aat.topk_sum(votes, 3), definition(votes.contiguous(), 3))
    assert torch.equal(aat.mask(votes, 3), aat.mask(votes.contiguous(), 3))


def test_nan_and_inf_propagate_as_in_the_definition() -> None:
    votes = torch.tensor([[math.nan, 1, 2, 3], [math.inf, 1, 2, 3], [-math.inf, 1, -math.inf, -math.inf]])
    torch.testing.assert_close(aat.topk_sum(votes, 2), torch.tensor([math.nan, math.inf, -math.inf]), equal_nan=True)
    assert aat.mask(votes, 2)[1:].tolist() == [[True, False, False, True], [True, True, False, False]]


def test_the_companions_are_attributes_too() -> None:
    assert aat.topk_sum.threshold is aat.threshold
    assert aat.topk_sum.mask is aat.mask
    assert aat.topk_sum.gap is aat.gap


@pytest.mark.parametrize("k", [0, -1, 5, True, 2.0, None, "2", torch.tensor(2), np.int64(2)])
@pytest.mark.parametrize("name", ["topk_sum", "threshold", "mask", "gap", "multipliers"])
def test_a_wrong_k_is_one_clear_line(name: str, k: object) -> None:
    with pytest.raises(aat.InputError, match=r"^k = .*expected.*; try k=.*$") as error:
        getattr(aat, name)(torch.zeros(2, 4), k)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "votes", [torch.zeros(4, dtype=torch.int64), torch.zeros(()), torch.zeros(3, 0), torch.ones(3).bool()]
)
def test_wrong_votes_are_one_clear_line(votes: Tensor) -> None:
    with pytest.raises(aat.InputError, match=r"^votes of .*expected.*; try .*$"):
        aat.topk_sum(votes, 1)
    assert issubclass(aat.InputError, ValueError)
