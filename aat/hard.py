"""The hard operator: threshold, mask, gap, and the sum of the K largest votes.

Ties at the threshold are broken by the lowest unit index. torch.topk promises no order among equal values, so
its indices are never used: the mask is built from the threshold alone.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from aat.checks import check


def threshold(votes: Float[Tensor, "*batch n"], k: int) -> Float[Tensor, "*batch"]:
    """Adaptive threshold τ = v_[K], the K-th largest vote of each row (O2).

    Raises InputError unless votes are floating point with n >= 1 and k is an int with 1 <= k <= n.
    """
    check(votes, k)
    return votes.topk(k).values[..., -1]


def mask(votes: Float[Tensor, "*batch n"], k: int) -> Bool[Tensor, "*batch n"]:
    """Mask 1_S of the support S, of K units: the K largest votes, ties broken by the lowest unit index (O4).

    Raises InputError as `threshold` does.
    """
    return keep(votes, threshold(votes, k).unsqueeze(-1), k)


def gap(votes: Float[Tensor, "*batch n"], k: int) -> Float[Tensor, "*batch"]:
    """Gap v_[K] − v_[K+1] >= 0: the support stands while no vote moves by half of it or more (O10).

    It is inf when K = n. Raises InputError as `threshold` does.
    """
    check(votes, k)
    if k == votes.shape[-1]:
        return votes.new_full(votes.shape[:-1], torch.inf)
    top = votes.topk(k + 1).values
    return top[..., k - 1] - top[..., k]


def keep(votes: Float[Tensor, "*batch n"], tau: Float[Tensor, "*batch 1"], k: int) -> Bool[Tensor, "*batch n"]:
    """Mask, given the threshold: every vote above it, then the first of those equal to it; unchecked."""
    above = votes > tau
    ties = votes == tau
    room = k - above.sum(-1, keepdim=True)
    return above | (ties & (ties.cumsum(-1) <= room))


def hard_sum(votes: Float[Tensor, "*batch n"], k: int) -> Float[Tensor, "*batch"]:
    """s_K(v), differentiated through the mask (O4); its second derivative is zero; unchecked."""
    value, _ = _HardSum.apply(votes, k)
    return value


class _HardSum(torch.autograd.Function):
    """(s_K(v), threshold): the threshold comes along so that the mask costs no second selection."""

    generate_vmap_rule = True

    @staticmethod
    def forward(votes: Tensor, k: int) -> tuple[Tensor, Tensor]:
        top = votes.topk(k).values
        return top.sum(-1), top[..., -1:].clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: tuple[Tensor, Tensor]) -> None:
        (votes, k), (_, tau) = inputs, output
        ctx.set_materialize_grads(False)
        if ctx.needs_input_grad[0]:
            # One byte a vote: the votes themselves need not outlive the forward pass.
            ctx.save_for_backward(keep(votes, tau, k))

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: None) -> tuple[Tensor | None, None]:
        if grad is None:
            return None, None
        (kept,) = ctx.saved_tensors
        return torch.where(kept, grad.unsqueeze(-1), 0.0), None
