"""The compiled backend on CPUs: csrc/head.hpp, built once for each instruction set, through a plain C interface.

It knows no header of PyTorch or Python, so it fits every version of them. The threads of a call are as many as
``torch.get_num_threads()``; they share nothing with other calls. What is not finite goes the portable way.
"""

import ctypes
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat.kernels import chunked
from aat.kernels.votes import count_type

name = "cpu"

LARGEST_K = 64
# Which builds a processor can run, the fastest first, by what PyTorch says of it (ATEN_CPU_CAPABILITY can lower that).
_BUILDS = {"AVX512": ("avx512", "avx2", "generic"), "AVX2": ("avx2", "generic")}
_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
_NOT_FINITE, _NO_MEMORY = 1, 2


def library() -> ctypes.CDLL | None:
    """The fastest build that this processor runs; ``None`` if none was made at installation."""
    return _LIBRARY


def _found() -> ctypes.CDLL | None:
    for build in _BUILDS.get(torch.backends.cpu.get_cpu_capability(), ("generic",)):
        for suffix in EXTENSION_SUFFIXES:
            path = Path(__file__).with_name(f"_head_{build}{suffix}")
            if path.exists():
                return _declared(ctypes.CDLL(str(path)))
    return None


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    pointer, size, small = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    for suffix in _SUFFIX.values():
        forward, backward = getattr(found, f"aat_forward_{suffix}"), getattr(found, f"aat_backward_{suffix}")
        forward.argtypes = [pointer] * 3 + [size] * 3 + [small] + [pointer] * 3 + [small]
        backward.argtypes = [pointer] * 5 + [size] * 3 + [pointer] * 3 + [small]
    return found


# Found at import: torch.compile cannot look for it.
_LIBRARY = _found()


def unfit(x: Float[Tensor, "B n"], k: int) -> str | None:
    """Why the backend cannot be used, or ``None``."""
    if x.device.type != "cpu":
        return f"the tensors are on {x.device}"
    if k > LARGEST_K:
        return f"k = {k} > {LARGEST_K}"
    if library() is None:
        return "it was not compiled when aat was installed"
    return None


def forward(
    x: Float[Tensor, "B n"], w: Float[Tensor, "O n"], bias: Float[Tensor, " O"] | None, k: int
) -> tuple[Float[Tensor, "B O"], Float[Tensor, "B O"], Int[Tensor, "B O"]]:
    """Scores, thresholds and kept ties, as :mod:`aat.kernels` says."""
    x, w, bias = x.contiguous(), w.contiguous(), None if bias is None else bias.contiguous()
    (samples, units), outputs = x.shape, w.shape[0]
    z = x.new_empty(samples, outputs)
    threshold, ties = torch.empty_like(z), torch.empty_like(z, dtype=count_type(k))
    done = _function("forward", x.dtype)(
        x.data_ptr(), w.data_ptr(), None if bias is None else bias.data_ptr(), samples, units, outputs, k,
        z.data_ptr(), threshold.data_ptr(), ties.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    _check(done)
    return chunked.forward(x, w, bias, k) if done == _NOT_FINITE else (z, threshold, ties)


def backward(
    g: Float[Tensor, "B O"],
    x: Float[Tensor, "B n"],
    w: Float[Tensor, "O n"],
    threshold: Float[Tensor, "B O"],
    ties: Int[Tensor, "B O"],
) -> tuple[Float[Tensor, "B n"], Float[Tensor, "O n"], Float[Tensor, " O"]]:
    """Gradients in x, w and the bias, as :mod:`aat.kernels` says."""
    g, x, w, threshold, ties = (tensor.contiguous() for tensor in (g, x, w, threshold, ties))
    (samples, units), outputs = x.shape, w.shape[0]
    dx, dw, db = torch.empty_like(x), torch.empty_like(w), x.new_empty(outputs)
    done = _function("backward", x.dtype)(
        g.data_ptr(), x.data_ptr(), w.data_ptr(), threshold.data_ptr(), ties.data_ptr(), samples, units, outputs,
        dx.data_ptr(), dw.data_ptr(), db.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    _check(done)
    return chunked.backward(g, x, w, threshold, ties) if done == _NOT_FINITE else (dx, dw, db)


def _function(direction: str, dtype: torch.dtype) -> Callable[..., int]:
    found: Callable[..., int] = getattr(library(), f"aat_{direction}_{_SUFFIX[dtype]}")
    return found


def _check(done: int) -> None:
    if done == _NO_MEMORY:
        raise MemoryError("the compiled head found no memory; expected some megabytes; try a smaller batch")
