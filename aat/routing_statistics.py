"""Routing in numbers: how many units an image needs, how many a class and the network use, how alike images are.

An image's units are the carriers of its class: the fewest that carry a share of the evidence that this class heard. A
class *uses* a unit that is among those of some image of it. The class of an image is the one that it is put in.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from aat.errors import InputError
from aat.estimate import Estimate, mean
from aat.overlap import overlap
from aat.routing import carriers, check, check_share, contributions, effective_number, shares

# In words; the share is 90 % unless told otherwise.
NAMES = {
    "heard": "units that an image's class hears",
    "units": "units that carry 90 % of an image's evidence",
    "effective": "effective number of units of an image",
    "pooled": "units that carry 90 % of a class's evidence, all its images together",
    "within": "overlap of two images of a class (Jaccard)",
    "between": "overlap of two images of two classes (Jaccard)",
    "used": "units that the network uses",
    "unused": "share of units that no class uses",
    "dynamic": "units that the network uses, over those of an image",
    "dynamic_class": "units that a class uses, over those of an image of it",
    "pooled_class": "units that carry 90 % of a class's evidence, over those of an image of it",
}
# Values of single votes in float64 at a time: 32 MiB for each of a few matrices.
_VOTES = 2**22


class Routing(NamedTuple):
    """The routing of a head over many images.

    Attributes:
        statistics: each of :data:`NAMES`. Means over images and pairs have a 95 % interval over images drawn
            independently; ``dynamic`` has one that takes the units used as given. What is a census of these images
            (``used``, ``unused``) or a mean over classes, of which there are no others, has none.
        carries: in how many images of class j unit i is among those that carry.
        images: how many there are of each class.
        units: how many images need 0, 1, …, n units.
    """

    statistics: dict[str, Estimate]
    carries: Int[Tensor, "O n"]
    images: Int[Tensor, " O"]
    units: Int[Tensor, " n+1"]


def statistics(
    head: nn.Linear,
    x: Float[Tensor, "N n"],
    target: Int[Tensor, " N"],
    share: float = 0.9,
    votes: int = _VOTES,
) -> Routing:
    """All of it in float64, over images drawn independently.

    Args:
        head: an AATLinear, or a dense nn.Linear.
        x: what the head is given, N >= 1 images.
        target: the class that each is put in, 0 <= target < O.
        share: of the evidence that an image's units carry, 0 < share <= 1.
        votes: at a time. Memory beyond this is a byte for each number of ``x``, and eight to find pairs.

    Raises:
        InputError: shapes that do not fit, a class that there is not, another share, no images, or no finite numbers.
    """
    check(head, x, target)
    check_share(share)
    if not len(x) or not bool(x.isfinite().all()):
        told = "numbers that are not finite" if len(x) else "no images"
        raise InputError(f"features of shape {tuple(x.shape)}, {told}; expected at least one finite row; try others")
    classes, units = head.out_features, head.in_features
    sets = torch.empty(x.shape, dtype=torch.bool, device=x.device)
    heard, effective = torch.empty(2, len(x), dtype=torch.float64, device=x.device)
    evidence = torch.zeros(classes, units, dtype=torch.float64, device=x.device)
    rows = max(1, votes // units)
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        counted = contributions(head, x[part].double(), target[part])
        sets[part] = carriers(counted, share)
        heard[part], effective[part] = (counted != 0).sum(1).double(), effective_number(counted)
        # every image has the same say in its class, whatever the size of its votes
        evidence.index_add_(0, target[part], shares(counted))
    carries = torch.zeros(classes, units, dtype=torch.long, device=x.device).index_add_(0, target, sets.long())
    images, sizes = target.bincount(minlength=classes), sets.sum(1)
    within, between = overlap(sets, target)
    image, used = mean(sizes.double()), int((carries > 0).any(0).sum())
    pooled, needed = carriers(evidence, share).sum(1), carries.sum(1)
    # units per image of each class; a class without images, or whose images hear nothing, has no say
    each = needed.double() / images
    found = {
        "heard": mean(heard),
        "units": image,
        "effective": mean(effective),
        "pooled": _over_classes(pooled.double(), images),
        "within": within,
        "between": between,
        "used": Estimate(used),
        "unused": Estimate(1 - used / units),
        "dynamic": image.under(used),
        "dynamic_class": _over_classes((carries > 0).sum(1) / each, needed),
        "pooled_class": _over_classes(pooled / each, needed),
    }
    return Routing(found, carries, images, sizes.bincount(minlength=units + 1))


def _over_classes(values: Float[Tensor, " O"], present: Int[Tensor, " O"]) -> Estimate:
    """The mean over the classes that are there."""
    there = values[present > 0]
    return Estimate(float(there.mean()) if len(there) else None)
