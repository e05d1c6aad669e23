"""What every entry point accepts, checked in one place."""

import reprlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor

from aat.errors import InputError

SmoothingName = Literal["entropic", "quadratic"]
_NAMES = get_args(SmoothingName)
# Parts of what PyTorch says of sizes beyond memory, or beyond 64 bits.
_TOO_LARGE = ("allocate", "overflow", "Overflow", "too large", "unpack", "must be tuple of ints")


def shown(value: object) -> str:
    """A given value in an error: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except Exception:  # Python writes no integer of more than 4300 digits, and a repr may be anybody's
        return f"a {type(value).__name__} that cannot be shown"


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """InputError in place of the many errors that PyTorch has for sizes beyond memory, or beyond 64 bits."""
    try:
        yield
    except (MemoryError, OverflowError, RuntimeError, TypeError) as error:
        if isinstance(error, RuntimeError | TypeError) and not any(told in str(error) for told in _TOO_LARGE):
            raise
        raise InputError(f"{what} does not fit into memory; expected one that does; try smaller sizes") from None


def check_device(device: object, dtype: object) -> None:
    """Raise InputError unless this machine has the device, and floating point numbers of the dtype on it."""
    try:
        nothing = torch.empty(0, device=device, dtype=dtype)  # type: ignore[call-overload]
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"device = {shown(device)}, dtype = {shown(dtype)}: {reason}; try device='cpu'") from None
    check_tensor("weights", nothing)
    if not nothing.is_floating_point():
        raise InputError(f"dtype = {dtype}; expected a floating dtype; try torch.float32")


def check_k(k: int, n: int) -> None:
    """Raise InputError unless k is an int with 1 <= k <= n."""
    if isinstance(k, bool) or not isinstance(k, int):
        raise InputError(f"k = {shown(k)} is a {type(k).__name__}; expected an int; try k=int(...)")
    if not 1 <= k <= n:
        hint = f"k={min(max(k, 1), n)}" if n else "n >= 1"
        raise InputError(f"k = {shown(k)} with n = {n} votes; expected 1 <= k <= n; try {hint}")


def check_smoothing(smoothing: str | None, mu: float | None) -> None:
    """Raise InputError unless smoothing is known, and mu a finite number > 0 exactly when it is set."""
    if smoothing is None:
        if mu is not None:
            raise InputError(f"mu = {shown(mu)} without smoothing; expected mu=None; try smoothing={_NAMES[0]!r}")
        return
    if not isinstance(smoothing, str) or smoothing not in _NAMES:
        raise InputError(f"smoothing = {shown(smoothing)}; expected None or one of {_NAMES}; try {_NAMES[0]!r}")
    if isinstance(mu, bool) or not isinstance(mu, int | float) or not 0 < mu <= sys.float_info.max:
        raise InputError(f"mu = {shown(mu)}; expected a finite number > 0 with {smoothing} smoothing; try mu=0.1")


def check_tensor(name: str, values: Tensor) -> None:
    """Raise InputError unless values are a dense tensor of real numbers that PyTorch can compute with."""
    if not isinstance(values, Tensor):
        raise InputError(f"{name} = {shown(values)} is a {type(values).__name__}; expected a tensor; try torch.tensor")
    if values.layout is not torch.strided:
        raise InputError(f"{name} of layout {values.layout}; expected a dense tensor; try {name}.to_dense()")
    if values.dtype.is_complex or (values.is_floating_point() and values.dtype.itemsize < 2):
        raise InputError(f"{name} of {values.dtype}; expected real numbers of 16 bits or more; try {name}.float()")


def check_votes(votes: Tensor) -> None:
    """Raise InputError unless votes are a dense floating point tensor, its last dimension of at least one vote."""
    check_tensor("votes", votes)
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
        if votes.is_meta:
            raise InputError("votes on the meta device; expected numbers, which smoothing looks at; try device='cpu'")
        limits = torch.finfo(torch.promote_types(votes.dtype, torch.float32))
        if not limits.tiny <= mu <= limits.max:
            expected = f"{limits.tiny} <= mu <= {limits.max}"
            raise InputError(f"mu = {mu} with votes of {votes.dtype}; expected {expected}; try votes.double()")
