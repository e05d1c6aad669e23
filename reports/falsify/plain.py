"""A plainer instance that is as tight: fewer samples, fewer steps, shorter numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from reports.falsify.instance import Instance

# A plainer instance may cost this share of the tightness.
_PLAIN = 1e-3


def made_plain(instance: Instance) -> Instance:
    """The instance with fewer samples, fewer steps and shorter numbers, at a thousandth of its tightness at most."""
    enough = (1 - _PLAIN) * instance.tightness
    for i in reversed(range(instance.samples)):
        fewer = _without(instance, i)
        if fewer.samples and fewer.tightness >= enough:
            instance = fewer
    for horizon in range(2, instance.horizon):
        shorter = replace(instance, horizon=horizon)
        if shorter.tightness >= enough:
            instance = shorter
            break
    for digits in range(1, 17):
        for candidate in _rounded(instance, digits):
            if candidate.tightness >= enough:
                return _number_by_number(candidate, digits, enough)
    return instance


def _without(instance: Instance, i: int) -> Instance:
    """The instance without a sample: every array that has a row for each."""
    kept = {
        name: value[:i] + value[i + 1 :]
        for name, value in instance.numbers.items()
        if isinstance(value, list) and name not in ("start", "comparator") and len(value) == instance.samples
    }
    return replace(instance, numbers={**instance.numbers, **kept})


def _rounded(instance: Instance, digits: int) -> Iterator[Instance]:
    moved = instance.vector()
    whole = instance.at(torch.tensor([_round(value, digits) for value in moved.tolist()], dtype=torch.float64))
    scales = {"mu": _round(instance.numbers["mu"], digits)} if instance.numbers["mu"] else {}
    yield replace(whole, eta=_round(instance.eta, digits), numbers={**whole.numbers, **scales})


def _number_by_number(instance: Instance, digits: int, enough: float) -> Instance:
    """Each number in turn as 0 or with fewer digits, where that is enough."""
    for i in range(len(instance.vector())):
        for fewer in range(digits):
            vector = instance.vector()
            vector[i] = _round(vector[i].item(), fewer) if fewer else 0.0
            candidate = replace(
                instance.at(vector),
                eta=instance.eta,
                numbers={**instance.at(vector).numbers, "mu": instance.numbers["mu"]},
            )
            if candidate.tightness >= enough:
                instance = candidate
                break
    return instance


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
