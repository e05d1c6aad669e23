"""Smoothed heads a part of the outputs at a time: votes and multipliers are computed anew in the backward pass.

The balance of a row is solved twice, which is the price of memory that does not grow with the number of outputs.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from aat.checks import SmoothingName
from aat.kernels.votes import parts
from aat.topk import topk_sum


def linear(
    x: Float[Tensor, "*batch n"],
    w: Float[Tensor, "O n"],
    bias: Float[Tensor, " O"] | None,
    k: int,
    smoothing: SmoothingName,
    mu: float,
) -> Float[Tensor, "*batch O"]:
    """The smoothed head (O6, O8) with its exact gradient, through the balance; unchecked."""

    def scores(samples: Tensor, weights: Tensor) -> Tensor:
        return topk_sum(samples.unsqueeze(-2) * weights, k, smoothing, mu)

    samples = x.reshape(-1, x.shape[-1])
    rows, columns = parts(samples, w)
    if len(rows) * len(columns) <= 1:
        z = scores(samples, w)
    else:
        z = torch.cat([torch.cat([_anew(scores, samples[row], w[column]) for column in columns], 1) for row in rows])
    z = z.reshape(*x.shape[:-1], len(w))
    return z if bias is None else z + bias


def _anew(scores: Callable[[Tensor, Tensor], Tensor], samples: Tensor, weights: Tensor) -> Tensor:
    """The scores, computed again when their gradient is wanted."""
    found: Tensor = checkpoint(scores, samples, weights, use_reentrant=False, preserve_rng_state=False)
    return found
