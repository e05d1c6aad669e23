"""How alike the units of two images are: Jaccard's index over all pairs, by matrix products in blocks."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from aat.estimate import Estimate, jackknife

# Pairs at a time: 32 MiB for each of a few matrices.
_PAIRS = 2**22


def overlap(sets: Bool[Tensor, "N n"], classes: Int[Tensor, " N"], pairs: int = _PAIRS) -> tuple[Estimate, Estimate]:
    """Mean of |A ∩ B| / |A ∪ B| over all pairs of images within a class, and over all pairs between classes.

    Each pair counts once; two empty sets are alike (index 1). Every pair is met, none is drawn. The intervals are those
    of images drawn independently, with their classes: see :func:`aat.estimate.jackknife`.

    Args:
        sets: the units of each image.
        classes: a class for each; one with a single image has no pairs within.
        pairs: at a time; memory is in proportion to this or to N, whichever is more.

    Returns:
        within, between; their value is None where there are no such pairs.
    """
    count, members = len(sets), sets.double()
    sizes = members.sum(1)
    every, within = torch.zeros(2, count, dtype=torch.float64, device=sets.device)
    rows = max(1, pairs // max(1, count))
    for start in range(0, count, rows):
        block, rest = slice(start, start + rows), slice(start, None)
        common = members[block] @ members[rest].T
        either = sizes[block, None] + sizes[rest] - common
        # image r of the block is column r: above the diagonal each pair is met once
        alike = torch.where(either > 0, common / either, 1.0).triu(1)
        _add(every, block, rest, alike)
        _add(within, block, rest, alike * (classes[block, None] == classes[rest]))
    of_class = classes.bincount()[classes].double()
    return jackknife(within, of_class - 1, degree=2), jackknife(every - within, count - of_class, degree=2)


def _add(sums: Tensor, block: slice, rest: slice, alike: Tensor) -> None:
    """To both images of each pair."""
    sums[block] += alike.sum(1)
    sums[rest] += alike.sum(0)
