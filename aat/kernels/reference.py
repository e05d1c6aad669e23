"""The definition, vote by vote: what every other backend is held against. Takes B·O·n numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.kernels.votes import count_type, kept

name = "reference"


def unfit(x: Float[Tensor, "B n"], k: int) -> str | None:
    """Why the backend cannot be used; it always can."""
    return None


def forward(
    x: Float[Tensor, "B n"], w: Float[Tensor, "O n"], bias: Float[Tensor, " O"] | None, k: int
) -> tuple[Float[Tensor, "B O"], Float[Tensor, "B O"], Int[Tensor, "B O"]]:
    """Scores, thresholds and kept ties, as :mod:`aat.kernels` says."""
    top = (x.unsqueeze(1) * w).topk(min(k + 1, x.shape[1])).values
    threshold = top[..., k - 1].clone()
    more = top[..., -1] == threshold if top.shape[-1] > k else torch.zeros_like(threshold, dtype=torch.bool)
    tied = k - (top[..., :k] > threshold.unsqueeze(-1)).sum(-1)
    z = top[..., :k].sum(-1)
    return z if bias is None else z + bias, threshold, torch.where(more, tied, 0).to(count_type(k))


def backward(
    g: Float[Tensor, "B O"],
    x: Float[Tensor, "B n"],
    w: Float[Tensor, "O n"],
    threshold: Float[Tensor, "B O"],
    ties: Int[Tensor, "B O"],
) -> tuple[Float[Tensor, "B n"], Float[Tensor, "O n"], Float[Tensor, " O"]]:
    """Gradients in x, w and the bias, as :mod:`aat.kernels` says."""
    heard = torch.where(kept(x, w, threshold, ties), g.unsqueeze(-1), 0.0)
    return (heard * w).sum(1), (heard * x.unsqueeze(1)).sum(0), g.sum(0)
