"""The Triton backend on CUDA: no tensor of B·O·n votes, forward or backward. See :mod:`aat.kernels.triton_kernels`."""

import os
from importlib.util import find_spec

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.kernels.votes import count_type

name = "triton"

# A row is held in the registers of one program: many more units would not fit.
MOST_UNITS = 16384
# Numbers that the program of the forward pass holds.
_HELD = 4096


def unfit(x: Float[Tensor, "B n"], k: int) -> str | None:
    """Why the backend cannot be used, or ``None``; Triton's interpreter also runs it on the CPU, for tests."""
    if x.device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"the tensors are on {x.device}"
    if x.shape[-1] > MOST_UNITS:
        return f"{x.shape[-1]} units > {MOST_UNITS}"
    return None if find_spec("triton") else "Triton is not installed"


def forward(
    x: Float[Tensor, "B n"], w: Float[Tensor, "O n"], bias: Float[Tensor, " O"] | None, k: int
) -> tuple[Float[Tensor, "B O"], Float[Tensor, "B O"], Int[Tensor, "B O"]]:
    """Scores, thresholds and kept ties, as :mod:`aat.kernels` says."""
    from aat.kernels import triton_kernels as kernels

    x, w = x.contiguous(), w.contiguous()
    (samples, units), outputs = x.shape, w.shape[0]
    z = x.new_empty(samples, outputs)
    threshold, ties = torch.empty_like(z), torch.empty_like(z, dtype=count_type(k))
    width = _width(units)
    rows = max(1, min(_width(outputs), _HELD // width))
    parts = -(-outputs // rows)
    # CUDA wants less than 2^16 in the last two dimensions
    grid = (samples, min(parts, 2**15), -(-parts // 2**15))
    if z.numel():
        with _device_of(x):
            kernels.forward[grid](
                x, w, z, threshold, ties, outputs, units, k,
                BITS=8 * x.element_size(), ROWS=rows, UNITS=width, num_warps=_warps(rows * width),
            )  # fmt: skip
    return z if bias is None else z.add_(bias), threshold, ties


def backward(
    g: Float[Tensor, "B O"],
    x: Float[Tensor, "B n"],
    w: Float[Tensor, "O n"],
    threshold: Float[Tensor, "B O"],
    ties: Int[Tensor, "B O"],
) -> tuple[Float[Tensor, "B n"], Float[Tensor, "O n"], Float[Tensor, " O"]]:
    """Gradients in x, w and the bias, as :mod:`aat.kernels` says."""
    from aat.kernels import triton_kernels as kernels

    g, x, w, threshold, ties = (tensor.contiguous() for tensor in (g, x, w, threshold, ties))
    outputs, units = w.shape
    dx, dw = torch.empty_like(x), torch.empty_like(w)
    width = _width(units)
    with _device_of(x):
        for fixed, others, out, outer, inner in ((x, w, dx, outputs, 1), (w, x, dw, 1, outputs)):
            if len(fixed):
                kernels.backward[(len(fixed),)](
                    g, fixed, others, threshold, ties, out, len(others), outer, inner, units,
                    UNITS=width, num_warps=_warps(width),
                )  # fmt: skip
    return dx, dw, g.sum(0)


def _width(size: int) -> int:
    return 1 << max(0, size - 1).bit_length()


def _warps(numbers: int) -> int:
    return min(16, max(1, numbers // 256))


def _device_of(x: Tensor) -> torch.cuda.device:
    # of another device than CUDA's this is no-op
    return torch.cuda.device_of(x)
