"""What an engine is asked for: horizons, and the step sizes that somebody's function gives for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import index

import numpy as np
from numpy.typing import NDArray

from aat import InputError
from aat.checks import shown

StepSizes = Callable[[int], NDArray | Sequence[float]]


def integers(horizons: Iterable[int]) -> list[int]:
    """The horizons, as integers, whatever kind of integers they are.

    Raises:
        InputError: one of them is none.
    """
    try:
        return [index(horizon) for horizon in horizons]
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"horizons = {shown(horizons)}; expected integers ≥ 1; try [64, 256, 1024]") from None


def sizes_of(step_sizes: StepSizes, horizon: int) -> list[float]:
    """The step sizes of one horizon.

    Raises:
        InputError: they are not as many finite numbers.
    """
    given = step_sizes(horizon)
    try:
        sizes = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        sizes = np.empty(0)
    if sizes.shape != (horizon,) or not np.isfinite(sizes).all():
        told = f"step_sizes({horizon}) = {shown(given)}"
        raise InputError(f"{told}; expected {horizon} finite numbers; try lambda T: [0.1] * T")
    return [float(size) for size in sizes]


def scale_of(eta: Callable[[int], float] | None, horizon: int, sizes: Sequence[float]) -> float:
    """The scale of the step sizes of one horizon: what ``eta`` says, or the first of them.

    Raises:
        InputError: it says no finite number.
    """
    if eta is None:
        return sizes[0]
    given = eta(horizon)
    try:
        scale = float(given)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        scale = math.nan
    if not math.isfinite(scale):
        raise InputError(f"eta({horizon}) = {shown(given)}; expected a finite number; try eta=None")
    return scale
