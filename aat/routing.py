"""Who was heard: the evidence that a head hears for a class, and how many units carry it.

A head scores class j of one sample by z_j = Σ_i c_ji + rest_j + b_j, where c_ji is the vote w_ji x_i of unit i as far
as it is heard: all of it or nothing under hard AAT (the mask), all of it in a dense head, the part λ_ji of it under
smoothing, whose regulariser is the rest. The *evidence* of unit i is |c_ji|: a vote against a class tells as well.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from aat.errors import InputError
from aat.layer import AATLinear
from aat.topk import multipliers


def contributions(head: nn.Linear, x: Float[Tensor, "B n"], target: Int[Tensor, " B"]) -> Float[Tensor, "B n"]:
    """The votes that each sample's ``target`` class hears, zero for units that it does not.

    Args:
        head: an AATLinear, or a dense nn.Linear.
        x: what the head is given. In float64 the products of float32 numbers are exact.
        target: a class, 0 <= target < O, for every sample.

    Raises:
        InputError: shapes that do not fit, or a class that there is not.
    """
    check(head, x, target)
    votes = head.weight.detach()[target].to(x) * x
    if not isinstance(head, AATLinear):
        return votes
    heard = multipliers(votes, head.k, head.smoothing, head.mu)
    return torch.where(heard == 0, 0.0, heard * votes)


def check(head: nn.Linear, x: Tensor, target: Tensor) -> None:
    """InputError unless the head takes these samples and has these classes."""
    if x.ndim != 2 or x.shape[1] != head.in_features:
        raise InputError(f"features of shape {tuple(x.shape)}; expected (B, {head.in_features}); try flatten(1)")
    if target.shape != x.shape[:1] or target.is_floating_point() or target.dtype == torch.bool:
        given = f"target of shape {tuple(target.shape)} and {target.dtype}"
        raise InputError(f"{given}; expected ({len(x)},) integers; try one class for each sample")
    if len(target) and not 0 <= int(target.min()) <= int(target.max()) < head.out_features:
        classes = head.out_features
        raise InputError(f"target {target.tolist()[:8]}; expected classes 0 to {classes - 1}; try their indices")


def shares(heard: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """Each unit's share of the evidence, |c_i| / Σ |c|; zero where nothing is heard."""
    evidence = heard.abs()
    total = evidence.sum(-1, keepdim=True)
    return torch.where(total == 0, 0.0, evidence / total)


def effective_number(heard: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Effective number of units: the exponential of the entropy of their shares, 1 to n; 0 where nothing is heard.

    Source: Hill, "Diversity and evenness", Ecology 54 (1973), of order 1.
    """
    share = shares(heard)
    return torch.where((share == 0).all(-1), 0.0, torch.special.entr(share).sum(-1).exp())


def carriers(heard: Float[Tensor, "*batch n"], share: float = 0.9) -> Bool[Tensor, "*batch n"]:
    """The fewest units that carry this share of the evidence, those of lower index first where they tie.

    A share that is reached but for rounding is reached: nine of ten equal votes carry 0.9.

    Args:
        heard: what :func:`contributions` gives.
        share: of the evidence, 0 < share <= 1.

    Raises:
        InputError: another share.
    """
    check_share(share)
    evidence, order = heard.abs().sort(stable=True, dim=-1, descending=True)
    # the sums of float32 numbers are all but exact
    reached = evidence.double().cumsum(-1)
    # each vote may be off by half a unit of its own precision, so two sums by one, and either sum by n of float64
    slack = torch.finfo(heard.dtype).eps + 2 * heard.shape[-1] * torch.finfo(reached.dtype).eps
    limit = share * (1 - slack) * reached[..., -1:]
    # a unit is needed while those before it do not reach the share; where nothing is heard, none is
    before = torch.nn.functional.pad(reached[..., :-1], (1, 0))
    return torch.zeros_like(heard, dtype=torch.bool).scatter(-1, order, before < limit)


def check_share(share: float) -> None:
    """InputError unless it is a share of the evidence that units can carry."""
    if not 0 < share <= 1:
        raise InputError(f"share = {share}; expected 0 < share <= 1; try 0.9")
