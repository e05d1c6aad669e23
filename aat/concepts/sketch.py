"""Quantiles of a stream, for many units at once, in memory that does not grow with the stream.

The bucket of a number is the leading bits of its float32: sign, exponent and the first m bits of the mantissa. As
integers these are ordered as the numbers are, and a bucket's ends differ by a relative 2⁻ᵐ at most, as in DDSketch
(Masson, Rim, Lee, VLDB 2019), here without a logarithm. Counts are exact, so the rank of a bucket's end is exact too,
whatever the order of the stream and however it is cut.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.errors import InputError

_MANTISSA = 23
# The table of buckets has 2⁹⁺ᵐ entries.
_MOST = 12
_INFINITY = 0x7F800000


class Sketch:
    """Counts of each unit's numbers by bucket.

    State: one int64 for each unit and each bucket that any unit met, at most 2⁹⁺ᵐ of them. Adding and merging commute.

    Args:
        units: how many.
        bits: m, 0 to 12. At 7 a bucket is one number of bfloat16, at 10 one of float16: thresholds of such are exact.
        device: where it counts.

    Raises:
        InputError: another number of bits.
    """

    def __init__(self, units: int, bits: int = 8, device: torch.device | str = "cpu") -> None:
        if not 0 <= bits <= _MOST:
            raise InputError(f"bits = {bits}; expected 0 to {_MOST}; try 8")
        self.units, self.bits = units, bits
        self._shift = _MANTISSA - bits
        self._least = -_INFINITY >> self._shift
        # bucket → column of counts, of which new ones are made as they are met
        self._column = torch.full(((_INFINITY >> self._shift) - self._least + 1,), -1, device=device)
        self._buckets = torch.empty(0, dtype=torch.int64, device=device)
        self._counts = torch.zeros(units, 0, dtype=torch.int64, device=device)

    @property
    def total(self) -> Int[Tensor, " n"]:
        """How many numbers of each unit were added."""
        return self._counts.sum(1)

    @property
    def bytes(self) -> int:
        """Size of the state."""
        return sum(part.nbytes for part in (self._column, self._buckets, self._counts))

    def add(self, values: Float[Tensor, "B n *positions"]) -> None:
        """Count these.

        Raises:
            InputError: their number of units is another, or one of them is no number.
        """
        if values.ndim < 2 or values.shape[1] != self.units:
            raise InputError(
                f"values of shape {tuple(values.shape)}; expected (B, {self.units}, ...); try one unit each"
            )
        if bool(values.isnan().any()):
            raise InputError("an activation is nan; expected numbers; try a network whose training did not diverge")
        buckets = _ordered(values).bitwise_right_shift(self._shift).transpose(0, 1).flatten(1).long() - self._least
        self._make(buckets)
        # integers: the order in which they are added is of no consequence
        self._counts.scatter_add_(1, self._column[buckets], torch.ones_like(buckets))

    def merge(self, other: Sketch) -> None:
        """Count also what another sketch has counted.

        Raises:
            InputError: it is of other units or bits.
        """
        if (other.units, other.bits) != (self.units, self.bits):
            given, expected = (f"{sketch.units} units, {sketch.bits} bits" for sketch in (other, self))
            raise InputError(f"a sketch of {given}; expected {expected}; try sketches of one network")
        buckets = other._buckets.to(self._buckets.device)
        self._make(buckets)
        self._counts[:, self._column[buckets]] += other._counts.to(self._counts.device)

    def threshold(self, share: float) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
        """The least threshold T, of the largest numbers of buckets, that at most this share of a unit's numbers exceed.

        Let t be the exact one: the least number that at most this share exceeds. Then t and T share a bucket, so
        t ≤ T and T − t ≤ 2⁻ᵐ |t| + 2⁻¹²⁶⁻ᵐ; where t is 0, T is less than 2⁻¹²⁶⁻ᵐ. A unit that is constant does not
        exceed its T.

        Args:
            share: 0 <= share < 1, as the decimal number that it is written as.

        Returns:
            T, in float32, and exactly how many numbers exceed it.

        Raises:
            InputError: another share, or a unit without numbers.
        """
        if not 0 <= share < 1:
            raise InputError(f"quantile = {share}; expected 0 <= quantile < 1; try 0.005")
        total = self.total
        if not self._counts.numel() or not bool(total.all()):
            raise InputError("quantiles of no numbers; expected one for each unit; try images")
        buckets, order = self._buckets.sort()
        counts = self._counts[:, order]
        exceeding = total[:, None] - counts.cumsum(1)
        allowed = [math.floor(Fraction(str(share)) * each) for each in total.tolist()]
        # what exceeds falls from bucket to bucket, to 0
        place = (exceeding > torch.tensor(allowed, device=total.device)[:, None]).sum(1, keepdim=True)
        largest = ((buckets[place[:, 0]] + self._least + 1) << self._shift) - 1
        return _number(largest.clamp_max(_INFINITY)), exceeding.gather(1, place)[:, 0]

    def _make(self, buckets: Int[Tensor, ...]) -> None:
        """Columns for those of these buckets that have none."""
        met = torch.zeros_like(self._column, dtype=torch.bool)
        met[buckets.flatten()] = True
        new = (met & (self._column < 0)).nonzero()[:, 0]
        self._column[new] = torch.arange(len(new), device=new.device) + len(self._buckets)
        self._buckets = torch.cat([self._buckets, new])
        self._counts = torch.cat([self._counts, self._counts.new_zeros(self.units, len(new))], 1)


def _ordered(values: Tensor) -> Int[Tensor, ...]:
    """Integers in the order of the numbers, the same one for 0 and −0."""
    single = values.float()
    if values.dtype == torch.float64:
        # rounded up, a number exceeds one of float32 if and only if it did before
        single = torch.where(single.double() < values, single.nextafter(single.new_tensor(math.inf)), single)
    bits = single.contiguous().view(torch.int32)
    magnitude = bits & 0x7FFFFFFF
    return torch.where(bits < 0, -magnitude, magnitude)


def _number(ordered: Int[Tensor, ...]) -> Float[Tensor, ...]:
    """The number that has this place."""
    size = ordered.abs().int().view(torch.float32)
    return torch.where(ordered < 0, -size, size)
