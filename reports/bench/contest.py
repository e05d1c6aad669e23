"""What comparisons have in common: contenders that take turns, and the medians of their times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

Work = Callable[[], object]


class Contender(NamedTuple):
    """A call, and how many times the case it does: below 1 a share of it, above 1 the whole case again and again."""

    amount: float
    work: Work


def seconds(work: Work) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def cuda_seconds(work: Work) -> float:
    """Time of one call on the device, between two of its events."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1e3


def medians(
    contenders: Mapping[str, Contender], rounds: int, clock: Callable[[Work], float] = seconds
) -> dict[str, float]:
    """Median time of the whole case in milliseconds, by contender; one call of each before is not timed."""
    for contender in contenders.values():
        contender.work()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(clock(contender.work))
    return {name: 1e3 * statistics.median(times[name]) / contenders[name].amount for name in contenders}
