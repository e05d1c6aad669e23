"""Which votes are kept, from the thresholds; and parts of a batch that keep memory bounded."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# Votes at a time: 2^20 float32 are 4 MiB, and a few tensors of that size are alive at once.
AT_ONCE = 2**20


def count_type(k: int) -> torch.dtype:
    """Small integers that can count to k: there is one for each score."""
    return torch.int8 if k < 2**7 else torch.int32


def kept(
    x: Float[Tensor, "B n"], w: Float[Tensor, "O n"], threshold: Float[Tensor, "B O"], ties: Int[Tensor, "B O"]
) -> Bool[Tensor, "B O n"]:
    """The mask: votes above the threshold, and of those equal to it the first ``ties``, or all where that is 0."""
    votes = x.unsqueeze(1) * w
    equal = votes == threshold.unsqueeze(-1)
    room = ties.unsqueeze(-1)
    return (votes > threshold.unsqueeze(-1)) | (equal & ((room == 0) | (equal.cumsum(-1) <= room)))


def parts(x: Float[Tensor, "B n"], w: Float[Tensor, "O n"]) -> tuple[list[slice], list[slice]]:
    """Samples and outputs in parts: each pair of them has at most :data:`AT_ONCE` votes, or is one row."""
    (samples, units), outputs = x.shape, w.shape[0]
    rows = max(1, min(samples, AT_ONCE // max(units, 1)))
    columns = max(1, AT_ONCE // max(rows * units, 1))
    return _cut(samples, rows), _cut(outputs, columns)


def _cut(size: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, size)) for first in range(0, size, step)]
