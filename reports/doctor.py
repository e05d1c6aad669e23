"""What is installed, and which parts of it work: by computing something small and looking at the result."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from types import ModuleType
from typing import Literal, get_args

import numpy as np
import torch

from aat import InputError
from aat.device import device_name
from aat.kernels import BACKENDS, reference
from aat.seeds import generator
from sim import problems, simulate
from sim.results import Backend

Kind = Literal["package", "backend", "engine", "device"]
_NAME = "aat-sgd"
_K = 3
# Of sums of a few numbers near 1 in float64.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; also the schema of ``aat doctor --json``.

    Attributes:
        kind: a package, a backend of the hard head, an engine, or a device.
        name: of it.
        works: whether it is there, and computes what it should.
        required: whether the command needs it; otherwise only an extra does, or speed.
        told: its version, or what it computed; if it does not work, why, and what brings it.
    """

    kind: Kind
    name: str
    works: bool
    required: bool
    told: str


def examine() -> list[Finding]:
    """Everything that can be looked at, in the order in which to read it."""
    return [_python(), *_packages(), *_backends(), *_engines(), *_devices()]


def _python() -> Finding:
    told = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("device", "Python", works=True, required=True, told=told)


def _packages() -> Iterator[Finding]:
    """What the project says that it needs, and each of its extras."""
    try:
        requirements = metadata.requires(_NAME) or []
    except metadata.PackageNotFoundError:
        yield Finding("package", _NAME, works=False, required=True, told=f"not installed; try pip install {_NAME}")
        return
    for requirement in requirements:
        needed, _, marker = requirement.partition(";")
        name = re.split(r"[^\w.-]", needed.strip())[0]
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if name == _NAME or (extra and extra[1] in ("test", "dev")):
            continue
        try:
            found, works = metadata.version(name), True
        except metadata.PackageNotFoundError:
            what = f"{_NAME}[{extra[1]}]" if extra else needed.strip()
            found, works = f"not installed; try pip install '{what}'", False
        yield Finding("package", name, works, required=extra is None, told=found)


def _backends() -> Iterator[Finding]:
    for name in BACKENDS:
        yield _tried("backend", name, partial(_backend, name), required=name in ("reference", "chunked"))


def _backend(name: str) -> str:
    """Against the definition, forward and backward, on the device that it is for."""
    backend = BACKENDS[name]
    x, w, bias = _head("cuda" if name == "triton" and torch.cuda.is_available() else "cpu")
    if reason := backend.unfit(x, _K):
        raise InputError(reason)
    error = _error(backend, x, w, bias)
    if not error < _ROUNDING:
        raise InputError(f"it is off by {error:.1e} from the definition")
    return f"agrees with the definition on {x.device.type}, to {error:.0e}"


def _head(device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    randomness = generator("doctor")
    shapes = (5, 16), (4, 16), (4,)
    x, w, bias = (torch.randn(shape, generator=randomness, dtype=torch.float64).to(device) for shape in shapes)
    return x, w, bias


def _error(backend: ModuleType, x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> float:
    """The largest difference from the definition, of the scores and of each gradient."""
    found, wanted = (
        (z, *each.backward(torch.ones_like(z), x, w, threshold, ties))
        for each in (backend, reference)
        for z, threshold, ties in [each.forward(x, w, bias, _K)]
    )
    return max((one - other).abs().max().item() for one, other in zip(found, wanted, strict=True))


def _engines() -> Iterator[Finding]:
    yield _tried("engine", "lanes (numba)", _lanes, required=True)
    yield _tried("engine", "z3", _z3, required=True)


def _lanes() -> str:
    """Both engines of the simulation on one run."""
    problem, steps = problems.make("logistic", "tiny", k=2), partial(np.full, fill_value=0.1)
    metric = "mean_square_gradient"
    runs = [simulate(problem, steps, [8], metric, trials=4, backend=each) for each in get_args(Backend)]
    one, other = (torch.tensor(run.horizons[0].values, dtype=torch.float64) for run in runs)
    error = (one - other).abs().max().item()
    if not error < _ROUNDING:
        raise InputError(f"it is off by {error:.1e} from the generic engine")
    return f"agrees with the generic engine, to {error:.0e}"


def _z3() -> str:
    import z3

    x, solver = z3.Real("x"), z3.Solver()
    solver.add(x * x < 0)
    if solver.check() != z3.unsat:
        raise InputError("it does not see that no square is negative")
    return "sees that no square is negative"


def _devices() -> Iterator[Finding]:
    cores = f"{device_name('cpu')}; {torch.get_num_threads()} threads on {os.cpu_count()} cores"
    yield Finding("device", "processor", works=True, required=True, told=cores)
    for name, there in {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}.items():
        told = "not there" if not there else device_name("cuda") if name == "cuda" else "Apple's"
        yield Finding("device", name, works=there, required=False, told=told)


def _tried(kind: Kind, name: str, compute: Callable[[], str], required: bool) -> Finding:
    try:
        return Finding(kind, name, works=True, required=required, told=compute())
    except Exception as error:
        # whatever it is that does not work is what is looked for
        told = f"{error}" if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        return Finding(kind, name, works=False, required=required, told=" ".join(told.split()))
