"""How many units a head hears: per class and image, over all images, and how evenly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat.errors import InputError
from aat.hard import mask
from aat.heads.em_routing import EMRouting
from aat.layer import AATLinear
from aat.routing import contributions, effective_number
from aat.typed import typed

_BATCH = 500


class Units(NamedTuple):
    """Numbers of units, 0 to n; means over classes.

    Attributes:
        nec: heard by a class of one image, the number of effective concepts (Srivastava, Yan & Weng, "VLG-CBM", NeurIPS
            2024): K under AAT, the weights other than 0 in a linear head. Soft assignments are heard all of them, more
            or less, so under EM routing it is the effective number of the R_ij a_i, mean over images.
        used: heard by a class of any of the images; under EM routing the effective number of the R_ij a_i summed over
            images.
        effective: the effective number of units that the predicted class hears, mean over images: the exponential of
            the entropy of their shares, one measure for all heads.
    """

    nec: float
    used: float
    effective: float


@typed
def units(head: nn.Module, x: Float[Tensor, "N n"]) -> Units:
    """What a head hears of these samples.

    Raises:
        InputError: it is no linear layer, hard AAT head or EM routing; or there are no samples.
    """
    if x.ndim != 2 or not len(x):
        raise InputError(f"features of shape {tuple(x.shape)}; expected (N, n) with N >= 1; try x.flatten(1)")
    with torch.inference_mode():
        if isinstance(head, EMRouting):
            return _routed(head, x)
        if isinstance(head, nn.Linear) and getattr(head, "smoothing", None) is None:
            return _linear(head, x)
    raise InputError(f"{head}; expected nn.Linear, a hard AATLinear or EMRouting")


def _linear(head: nn.Linear, x: Tensor) -> Units:
    effective = [effective_number(contributions(head, part, head(part).argmax(1))) for part in x.split(_BATCH)]
    heard = torch.cat(effective).double().mean().item()
    if not isinstance(head, AATLinear):
        weights = torch.count_nonzero(head.weight).item() / head.out_features
        return Units(weights, weights, heard)
    ever = torch.stack([mask(head.votes(part), head.k).any(0) for part in x.split(_BATCH)]).any(0)
    return Units(head.k, ever.sum().item() / head.out_features, heard)


def _routed(head: EMRouting, x: Tensor) -> Units:
    def parts() -> Iterator[tuple[Tensor, Tensor]]:
        for part in x.split(_BATCH):
            yield head.heard(part).double(), head(part).argmax(1)

    numbers, predicted, total = [], [], torch.zeros(head.out_features, head.in_features, dtype=torch.float64)
    for heard, classes in parts():
        number = effective_number(heard)
        numbers.append(number)
        predicted.append(number.gather(1, classes.unsqueeze(1)))
        total += heard.sum(0)
    used = effective_number(total).mean().item()
    return Units(torch.cat(numbers).mean().item(), used, torch.cat(predicted).mean().item())
