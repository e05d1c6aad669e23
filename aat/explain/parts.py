"""One score taken apart: its parts in decimals that add up to the score as it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from jaxtyping import Float
from torch import Tensor

from aat.checks import shown
from aat.errors import InputError
from aat.explain.attribution import Votes
from aat.routing import shares
from aat.typed import typed

# Digits of the largest part that are shown.
_DIGITS = 3
# No float64 has more than 767 that are not 0; Python writes no integer of more than 4300.
_MOST_DIGITS = 400


@dataclass(frozen=True)
class Part:
    """A summand of a score.

    Attributes:
        name: ``unit 17``, ``123 more units``, ``smoothing`` or ``bias``.
        unit: its index; None for what is no single unit.
        value: what it adds.
        shown: that in decimals.
        share: of the evidence, 0 to 1: |value| over the sum of all |votes| heard; None for what is no vote.
    """

    name: str
    unit: int | None
    value: float
    shown: str
    share: float | None


@dataclass(frozen=True)
class Sum:
    """The score of a class for one image: its parts add up to it, in exact arithmetic and as shown.

    Attributes:
        target: the class.
        score: the sum of the parts, correctly rounded.
        shown: that in decimals, exactly the sum of those of the parts.
        parts: units by falling evidence, then what is no unit.
        delta: that sum less what the network said in its own precision.
    """

    target: int
    score: float
    shown: str
    parts: tuple[Part, ...]
    delta: float

    @property
    def units(self) -> list[int]:
        """Those that are shown."""
        return [part.unit for part in self.parts if part.unit is not None]


@typed
def sums(votes: Votes, most: int) -> list[Sum]:
    """The scores of a batch taken apart.

    Args:
        votes: of the batch.
        most: units shown for a score; the others that were heard become one part.
    """
    evidence = shares(votes.contributions)
    return [_sum(votes, row, votes.contributions[row], evidence[row], most) for row in range(len(votes.target))]


def _sum(votes: Votes, row: int, heard: Float[Tensor, " n"], evidence: Float[Tensor, " n"], most: int) -> Sum:
    order = evidence.sort(stable=True, descending=True).indices.tolist()
    units = [unit for unit in order if heard[unit] != 0]
    values, share = heard.tolist(), evidence.tolist()
    summands: list[tuple[str, int | None, float, float | None]] = [
        (f"unit {unit}", unit, values[unit], share[unit]) for unit in units[:most]
    ]
    if others := units[most:]:
        name = f"{len(others)} more unit{'s' if len(others) > 1 else ''}"
        summands.append((name, None, math.fsum(values[i] for i in others), math.fsum(share[i] for i in others)))
    if regulariser := votes.regulariser[row].item():
        summands.append(("smoothing", None, regulariser, None))
    summands.append(("bias", None, votes.bias[row].item(), None))
    shown, total = decimals([value for _, _, value, _ in summands])
    parts = (
        Part(name, unit, value, text, part) for (name, unit, value, part), text in zip(summands, shown, strict=True)
    )
    score = math.fsum(value for _, _, value, _ in summands)
    return Sum(int(votes.target[row]), score, total, tuple(parts), votes.delta[row].item())


@typed
def decimals(values: Sequence[float], digits: int = _DIGITS) -> tuple[list[str], str]:
    """The values and their sum in decimals that add up exactly, so many digits of the largest value.

    The sum is rounded to the nearest decimal; each value is rounded down or up, by largest remainders, so that they
    add up to it.

    Raises:
        InputError: no values, one that is not finite, or no digits from 1 to 400.

    >>> decimals([1.25, 2.25, 3.25])
    (['1.25', '2.25', '3.25'], '6.75')
    >>> decimals([1 / 3, 1 / 3, 1 / 3])
    (['0.334', '0.333', '0.333'], '1.000')
    """
    if not values or not all(map(_finite, values)):
        raise InputError(f"values = {shown(values)}; expected finite numbers, at least one; try nan_to_num")
    if not 1 <= digits <= _MOST_DIGITS:
        raise InputError(f"digits = {shown(digits)}; expected 1 to {_MOST_DIGITS}; try {_DIGITS}")
    largest = max(map(abs, values))
    places = max(0, digits - 1 - (math.floor(math.log10(largest)) if largest else 0))
    scaled = [Fraction(value) * 10**places for value in values]
    floors = [math.floor(value) for value in scaled]
    total = round(sum(scaled))
    # how many are rounded up: at most one a value, since the sum of the floors is less than their number below it
    up = sorted(range(len(values)), key=lambda i: floors[i] - scaled[i])[: total - sum(floors)]
    whole = [floor + (i in up) for i, floor in enumerate(floors)]
    return [_decimal(value, places) for value in whole], _decimal(total, places)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float64 holds
        return False


def _decimal(whole: int, places: int) -> str:
    """``whole`` / 10^places, exactly."""
    digits = f"{abs(whole):0{places + 1}d}"
    point = f".{digits[len(digits) - places :]}" if places else ""
    return f"{'−' if whole < 0 else ''}{digits[: len(digits) - places]}{point}"
