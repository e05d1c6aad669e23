"""What every entry point accepts, checked in one place."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from aat.errors import InputError

SmoothingName = Literal["entropic", "quadratic"]
_NAMES = get_args(SmoothingName)


def check_k(k: int, n: int) -> None:
    """Raise InputError unless k is an int with 1 <= k <= n."""
    if isinstance(k, bool) or not isinstance(k, int):
        raise InputError(f"k = {k!r} is a {type(k).__name__}; expected an int; try k=int(...)")
    if not 1 <= k <= n:
        hint = f"k={min(max(k, 1), n)}" if n else "n >= 1"
        raise InputError(f"k = {k} with n = {n} votes; expected 1 <= k <= n; try {hint}")


def check_smoothing(smoothing: str | None, mu: float | None) -> None:
    """Raise InputError unless smoothing is known, and mu a finite number > 0 exactly when it is set."""
    if smoothing is None:
        if mu is not None:
            raise InputError(f"mu = {mu!r} without smoothing; expected mu=None; try smoothing={_NAMES[0]!r}")
        return
    if smoothing not in _NAMES:
        raise InputError(f"smoothing = {smoothing!r}; expected None or one of {_NAMES}; try {_NAMES[0]!r}")
    if isinstance(mu, bool) or not isinstance(mu, int | float) or not 0 < mu < math.inf:
        raise InputError(f"mu = {mu!r}; expected a finite number > 0 with {smoothing} smoothing; try mu=0.1")


def check_votes(votes: Tensor) -> None:
    """Raise InputError unless votes are floating point with a last dimension of at least one vote."""
    if not votes.is_floating_point():
        raise InputError(f"votes of dtype {votes.dtype}; expected a floating dtype; try votes.float()")
    if votes.ndim == 0 or votes.shape[-1] == 0:
        raise InputError(f"votes of shape {tuple(votes.shape)}; expected (*batch, n) with n >= 1; try n = 1")


def check(votes: Tensor, k: int, smoothing: str | None = None, mu: float | None = None) -> None:
    """Raise InputError unless (votes, k, smoothing, mu) is a call the operator is defined for."""
    check_votes(votes)
    check_k(k, votes.shape[-1])
    check_smoothing(smoothing, mu)
    if mu is not None:
        limits = torch.finfo(torch.promote_types(votes.dtype, torch.float32))
        if not limits.tiny <= mu <= limits.max:
            expected = f"{limits.tiny} <= mu <= {limits.max}"
            raise InputError(f"mu = {mu} with votes of {votes.dtype}; expected {expected}; try votes.double()")
