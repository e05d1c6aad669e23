"""The smoothed sum and its multipliers, from one balance, differentiable to any order."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from aat.balance import balance
from aat.hard import keep
from aat.smoothing import Smoothing


def soft_sum(
    votes: Float[Tensor, "*batch n"], k: int, smoothing: Smoothing, mu: float
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch n"]]:
    """Smoothed sum and its gradient λ (O6, O8); unchecked.

    Half precisions are solved in float32 and rounded once at the end.
    """
    wide = votes.to(torch.promote_types(votes.dtype, torch.float32))
    value, lam = _SoftSum.apply(wide, k, smoothing, mu)
    return value.to(votes.dtype), lam.to(votes.dtype)


class _SoftSum(torch.autograd.Function):
    """(smoothed sum, λ). λ is the gradient of the sum: as an output it makes backward differentiable."""

    @staticmethod
    def forward(votes: Tensor, k: int, smoothing: Smoothing, mu: float) -> tuple[Tensor, Tensor]:
        n = votes.shape[-1]
        if k == n:
            return votes.topk(n).values.sum(-1) + mu * smoothing.full_excess(n), torch.ones_like(votes)
        top = votes.topk(k + 1).values
        tau, below = top[..., k - 1 : k], top[..., k:]
        u = (votes - tau) / mu
        lam = balance(u, (tau - below) / mu, k, smoothing)
        excess = smoothing.excess(lam, u, keep(votes, tau, k))
        return top[..., :k].sum(-1) + mu * excess, lam

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int, Smoothing, float], output: tuple[Tensor, Tensor]) -> None:
        _, _, ctx.smoothing, ctx.mu = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(
        ctx: Any, grad_value: Tensor | None, grad_lam: Tensor | None
    ) -> tuple[Tensor | None, None, None, None]:
        (lam,) = ctx.saved_tensors
        grad = None
        if grad_value is not None:
            grad = grad_value.unsqueeze(-1) * lam
        if grad_lam is not None:
            curved = _curve(lam, grad_lam, ctx.smoothing, ctx.mu)
            grad = curved if grad is None else grad + curved
        return grad, None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], votes: Tensor, k: int, smoothing: Smoothing, mu: float
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        # The balance stops when all rows are solved, which a vmapped condition cannot decide; a batch can.
        assert in_dims[0] is not None
        return _SoftSum.apply(votes.movedim(in_dims[0], 0), k, smoothing, mu), (0, 0)


def _curve(lam: Tensor, x: Tensor, smoothing: Smoothing, mu: float) -> Tensor:
    """(∂λ/∂v) x = (1/μ) (diag(d) − d dᵀ / Σ d) x with d = ψ': differentiate λ = ψ(u − θ) and Σ λ = K.

    The matrix is symmetric. Where d = 0 no multiplier moves, and the result is 0.
    """
    d = smoothing.slope(lam)
    total = d.sum(-1, keepdim=True).clamp_min(torch.finfo(d.dtype).tiny)
    mean = (d * x).sum(-1, keepdim=True) / total
    return d * (x - mean) / mu
