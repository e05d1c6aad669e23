"""The hard head ``z[b, o] = s_K(w[o] ⊙ x[b]) + bias[o]``, computed in several ways that agree.

A backend is a module with ``unfit(x, k)``, the reason why it cannot be used, and with the two halves of the operator:

    forward(x, w, bias, k)                  -> z, threshold, ties
    backward(g, x, w, threshold, ties)      -> dx, dw, db

``threshold[b, o]`` is the K-th largest vote. ``ties[b, o]`` is how many of the votes equal to it are kept, the lowest
units first, or 0 where all of them are. So each half of one backend goes with the other half of any other. Tensors are
float32 or float64 and have two dimensions.

=============  =====================================================================================
``reference``  the definition; takes B·O·n numbers
``chunked``    the definition a part at a time: portable PyTorch in bounded memory
``cpu``        compiled, for K ≤ 64
``triton``     CUDA, rows in registers
=============  =====================================================================================
"""

import warnings
from types import ModuleType

import torch
from jaxtyping import Float
from torch import Tensor

from aat.errors import InputError
from aat.kernels import chunked, cpu, reference, triton


class CompiledHeadMissing(UserWarning):
    """There was no compiler when aat was installed."""


BACKENDS: dict[str, ModuleType] = {module.name: module for module in (reference, chunked, cpu, triton)}

# Which are tried, by kind of device.
_PREFERRED = {"cpu": (cpu, chunked), "cuda": (triton, chunked)}


def choose(x: Float[Tensor, "B n"], k: int, asked: str | None = None) -> str:
    """The backend for an input: the one asked for, or the fastest that fits.

    Raises:
        InputError: an unknown backend is asked for, or one that does not fit.
    """
    if asked is not None:
        check(asked)
        if reason := BACKENDS[asked].unfit(x, k):
            raise InputError(f"backend {asked!r} does not fit: {reason}; expected one that does; try backend=None")
        return asked
    for module in _PREFERRED.get(x.device.type, (chunked,)):
        if module.unfit(x, k) is None:
            break
        if module is cpu and cpu.library() is None and not torch.compiler.is_compiling():
            _tell_once()
    return str(module.name)


def check(asked: str | None) -> None:
    """InputError unless ``asked`` is ``None`` or names a backend."""
    if asked is not None and asked not in BACKENDS:
        raise InputError(f"unknown backend {asked!r}; expected one of {', '.join(BACKENDS)}; try backend=None")


def _tell_once() -> None:
    """Python shows a warning from one place once."""
    warnings.warn(
        "the compiled AAT head is not there, so the portable one is used, which is slower; with a C++ compiler, try "
        "pip install --force-reinstall --no-deps aat-sgd",
        CompiledHeadMissing,
        stacklevel=4,
    )
