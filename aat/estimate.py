"""A number measured on a sample of images, with a confidence interval where it has one."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor


class Estimate(NamedTuple):
    """A number, and an interval of what it would be over all images like these.

    Attributes:
        value: the number; None where it is not defined.
        lower, upper: ends of the interval; None for a census, which tells of these images alone.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None

    def under(self, numerator: float) -> Estimate:
        """``numerator`` over this positive number: the interval turns round."""
        value, lower, upper = (numerator / end if end else None for end in self)
        return Estimate(value, upper, lower) if lower and upper and lower > 0 else Estimate(value)


def jackknife(
    sums: Float[Tensor, " N"], weights: Float[Tensor, " N"], degree: int = 1, level: float = 0.05
) -> Estimate:
    """The mean of a kernel over the tuples of ``degree`` images that count, Σ h / Σ 1, and its interval.

    A mean over images is of degree 1, one over pairs of degree 2: a U-statistic, or a ratio of two where only some
    pairs count. Without image i they are (S − s_i) / (W − w_i), for a tuple goes with each of its images. Over images
    that are drawn independently, the spread of these N numbers gives a consistent standard error of a smooth function
    of U-statistics (Arvesen, "Jackknifing U-statistics", Ann. Math. Statist. 40, 1969), in expectation none that is too
    small (Efron and Stein, Ann. Statist. 9, 1981, for U-statistics); at degree 1 and equal weights it is s/√N exactly,
    and the interval Student's.

    Args:
        sums: s_i, the kernel summed over the tuples that image i is in.
        weights: w_i, how many of them count.
        degree: images in a tuple.
        level: probability that the interval misses, in the limit of many images.
    """
    whole, weight = float(sums.sum()) / degree, float(weights.sum()) / degree
    left = weight - weights
    if weight == 0:
        return Estimate(None)
    value, count = whole / weight, len(sums)
    if count < 2 or not bool((left > 0).all()):
        return Estimate(value)
    without = (whole - sums) / left
    error = math.sqrt((count - 1) / count * float((without - without.mean()).square().sum()))
    reach = float(stats.t.isf(level / 2, count - 1)) * error
    return Estimate(value, value - reach, value + reach)


def mean(values: Float[Tensor, " N"], level: float = 0.05) -> Estimate:
    """The mean over images, and Student's interval."""
    return jackknife(values, torch.ones_like(values), level=level)
