"""The definition a part at a time: portable PyTorch, on any device, in bounded memory."""

from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.kernels import reference
from aat.kernels.votes import count_type, parts

name = "chunked"


def unfit(x: Float[Tensor, "B n"], k: int) -> str | None:
    """Why the backend cannot be used; it always can."""
    return None


def forward(
    x: Float[Tensor, "B n"], w: Float[Tensor, "O n"], bias: Float[Tensor, " O"] | None, k: int
) -> tuple[Float[Tensor, "B O"], Float[Tensor, "B O"], Int[Tensor, "B O"]]:
    """Scores, thresholds and kept ties, as :mod:`aat.kernels` says."""
    z = x.new_empty(x.shape[0], w.shape[0])
    threshold, ties = torch.empty_like(z), torch.empty_like(z, dtype=count_type(k))
    for rows, columns in product(*parts(x, w)):
        part = reference.forward(x[rows], w[columns], None if bias is None else bias[columns], k)
        z[rows, columns], threshold[rows, columns], ties[rows, columns] = part
    return z, threshold, ties


def backward(
    g: Float[Tensor, "B O"],
    x: Float[Tensor, "B n"],
    w: Float[Tensor, "O n"],
    threshold: Float[Tensor, "B O"],
    ties: Int[Tensor, "B O"],
) -> tuple[Float[Tensor, "B n"], Float[Tensor, "O n"], Float[Tensor, " O"]]:
    """Gradients in x, w and the bias, as :mod:`aat.kernels` says."""
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for rows, columns in product(*parts(x, w)):
        part = rows, columns
        more_x, more_w, _ = reference.backward(g[part], x[rows], w[columns], threshold[part], ties[part])
        dx[rows] += more_x
        dw[columns] += more_w
    return dx, dw, g.sum(0)
