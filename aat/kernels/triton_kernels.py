"""The Triton programs: a row of votes is held in registers; selection is exact, by bisection over the bits of keys.

Votes become integers that order as they do. The K-th largest is the largest integer that at least K of them reach:
found bit by bit, in as many counts as a key has bits. Nothing is added atomically: results do not depend on scheduling.
"""

import triton
import triton.language as tl


@triton.jit
def _key(votes, BITS: tl.constexpr):
    """Integers that order as numbers do, nan above all: the bits of negative ones turned round."""
    if BITS == 64:
        highest = 0x7FFFFFFFFFFFFFFF
        raw = votes.to(tl.int64, bitcast=True)
    else:
        highest = 0x7FFFFFFF
        raw = votes.to(tl.int32, bitcast=True)
    key = raw ^ ((raw >> (BITS - 1)) & highest)
    # zeros of both signs tie
    return tl.where(votes == 0, 0, tl.where(votes != votes, highest, key))


@triton.jit
def _number(key, BITS: tl.constexpr):
    """The number of a key."""
    if BITS == 64:
        number = (key ^ ((key >> 63) & 0x7FFFFFFFFFFFFFFF)).to(tl.float64, bitcast=True)
    else:
        number = (key ^ ((key >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)
    return number


@triton.jit
def forward(
    x, w, z, threshold, ties, outputs, units, k,
    BITS: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
):  # fmt: skip
    """One sample and ROWS outputs: score, threshold, kept ties."""
    b = tl.program_id(0).to(tl.int64)
    part = tl.program_id(2) * tl.num_programs(1) + tl.program_id(1)
    o = part * ROWS + tl.arange(0, ROWS)
    i = tl.arange(0, UNITS)
    there = o < outputs
    real = (i < units)[None, :]
    inside = there[:, None] & real
    weights = tl.load(w + o[:, None].to(tl.int64) * units + i[None, :], mask=inside, other=0.0)
    features = tl.load(x + b * units + i, mask=i < units, other=0.0)[None, :]
    votes = features * weights
    key = _key(votes, BITS)
    # the sign first: zero is the lowest key that has it clear
    best = tl.full((ROWS,), -1, key.dtype) << (BITS - 1)
    best = tl.where(tl.sum((real & (key >= 0)).to(tl.int32), 1) >= k, 0, best)
    for step in range(1, BITS):
        trial = best | (tl.full((ROWS,), 1, key.dtype) << (BITS - 1 - step))
        enough = tl.sum((real & (key >= trial[:, None])).to(tl.int32), 1) >= k
        best = tl.where(enough, trial, best)
    above = real & (key > best[:, None])
    room = k - tl.sum(above.to(tl.int32), 1)
    tied = tl.sum((real & (key == best[:, None])).to(tl.int32), 1)
    last = _number(best, BITS)
    at = b * outputs + o
    tl.store(z + at, tl.sum(tl.where(above, votes, 0.0), 1) + room * last, mask=there)
    tl.store(threshold + at, last, mask=there)
    tl.store(ties + at, tl.where(tied > room, room, 0), mask=there)


@triton.jit
def _heard(votes, g, threshold, room, real):
    """G where the vote is kept, else 0, for one row."""
    equal = real & (votes == threshold)
    if room != 0:
        equal = equal & (tl.cumsum(equal.to(tl.int32), 0) <= room)
    return tl.where((real & (votes > threshold)) | equal, g, 0.0)


@triton.jit
def backward(
    g, fixed, others, threshold, ties, out, count, outer, inner, units,
    UNITS: tl.constexpr,
):  # fmt: skip
    """The gradient in one row of ``fixed``, over all rows of ``others``: a sample's over the outputs, or the reverse.

    A vote is the product of the two, whichever is which. The score of the next row of ``fixed`` is ``outer`` numbers
    away, that of the next row of ``others`` ``inner``.
    """
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, UNITS)
    real = i < units
    mine = tl.load(fixed + row * units + i, mask=real, other=0.0)
    total = tl.zeros_like(mine)
    place = others + i
    at = row * outer
    for _ in range(count):
        other = tl.load(place, mask=real, other=0.0)
        total += _heard(mine * other, tl.load(g + at), tl.load(threshold + at), tl.load(ties + at), real) * other
        place += units
        at += inner
    tl.store(out + row * units + i, total, mask=real)
