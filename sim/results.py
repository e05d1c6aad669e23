"""A run: the saved, self-describing result of simulating one method on one problem for some horizons."""

from __future__ import annotations

import hashlib
import math
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numba
import numpy as np
import scipy
import torch

from aat import InputError, saved
from aat.typed import typed
from sim.methods import Method
from sim.oracles import Oracle
from sim.problems import Problem
from sim.sampling import Sampling

SCHEMA = 3

Engine = Literal["exact", "monte_carlo"]
Backend = Literal["torch", "lanes"]


def versions() -> dict[str, str]:
    """What computed a result."""
    return {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
            "torch": torch.__version__, "numba": numba.__version__}  # fmt: skip


def declared(
    problem: Problem, method: Method, sampling: Sampling | None = None, oracle: Oracle | None = None
) -> dict[str, float]:
    """Every constant that a run has declared, by the symbols of the theory.

    A minibatch has less noise than its samples (claims R11, R11r); its second moment is no larger. Reshuffling speaks
    of the terms: its L is that of every sample. An oracle that is biased says how far.
    """
    constants = problem.constants() | {"N": float(problem.samples)} | getattr(method, "constants", {})
    if sampling is not None and "sigma" in constants:
        constants["sigma"] *= sampling.variance_share(problem.samples) ** 0.5
    if sampling is not None and sampling.reshuffled:
        constants.pop("L", None)
        if "L_max" in constants:
            constants["L"] = constants["L_max"]
    return constants | (oracle.constants(problem) if oracle else {})


@dataclass(frozen=True)
class Horizon:
    """What was measured at one horizon T.

    Attributes:
        T: number of steps.
        eta: scale of the step size.
        values: the metric, one number a trial; for an exact run one number, the expectation.
        rounding: how far rounding may have moved an exact value; 0 for Monte Carlo, where sampling dominates.
        audit: constants measured along the run.
        paths: how many histories an exact value is the mean of; 0 for Monte Carlo.
        low, high: ends between which every value lies, whatever is drawn; infinite where none is known.
        looks: for a sequential run, the planned numbers of trials at which it looks at its values; else empty.
        backend: what computed it: ``torch``, which runs anything, or ``lanes``, compiled for the built-in losses.
    """

    T: int
    eta: float
    values: tuple[float, ...]
    rounding: float
    audit: dict[str, float]
    paths: int = 0
    low: float = -math.inf
    high: float = math.inf
    looks: tuple[int, ...] = ()
    backend: Backend = "torch"


@dataclass(frozen=True)
class Run:
    """A result on a grid of horizons.

    Attributes:
        problem: family and data.
        method: update rule and head.
        metric: what was measured.
        engine: ``exact`` (all sample paths) or ``monte_carlo``.
        samples: N.
        seed: the run's seed; the streams are derived from it and the names above.
        constants: declared by the problem, and by the method, the sampling and the oracle.
        convex: whether the problem is declared convex.
        horizons: one entry for each T, increasing.
        sampling: how samples are drawn, in words; empty for one with replacement.
        oracle: where gradients come from, in words; empty for the objective itself.
        key: fingerprint of what was asked for; a saved run is taken up again only under the same key.
        versions: of the libraries that computed it.
        schema: version of this format.
    """

    problem: str
    method: str
    metric: str
    engine: Engine
    samples: int
    seed: int
    constants: dict[str, float]
    convex: bool
    horizons: tuple[Horizon, ...]
    sampling: str = ""
    oracle: str = ""
    key: str = ""
    versions: dict[str, str] = field(default_factory=versions)
    schema: int = SCHEMA

    @classmethod
    def of(cls, problem: Problem, rule: Method, engine: Engine, sampling: Sampling, oracle: Oracle, **rest: Any) -> Run:
        """A run of ``rule`` on ``problem``, with what they say about themselves."""
        told = ", ".join(part for part in (problem.method_name(rule.name), oracle.name, sampling.name) if part)
        return cls(
            problem=problem.name,
            method=told,
            engine=engine,
            samples=problem.samples,
            sampling=sampling.name,
            oracle=oracle.name,
            constants=declared(problem, rule, sampling, oracle),
            convex=problem.convex,
            **rest,
        )

    @typed
    def save(self, path: Path) -> None:
        """Write the run as JSON, whole or not at all."""
        saved.save(path, _strict(asdict(self)), self.schema)

    @classmethod
    @typed
    def load(cls, path: Path) -> Run:
        """Read a saved run.

        Raises:
            InputError: the file is not a run of this version, or damaged.
        """
        try:
            fields = saved.load(path, SCHEMA)
            horizons = tuple(_horizon(**horizon) for horizon in fields.pop("horizons"))
            if not horizons or fields["engine"] not in get_args(Engine):
                raise ValueError("no horizons, or an unknown engine")
            return cls(**{**fields, "horizons": horizons, "constants": _numbers(fields["constants"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path} is not a saved run ({error}); delete it and run the claim again") from None


def _horizon(
    T: int,
    values: list[float],
    audit: dict[str, float],
    paths: int,
    looks: list[int],
    backend: Backend,
    **numbers: float,
) -> Horizon:
    """A horizon from JSON; ValueError or TypeError unless every part is what it should be."""
    if not isinstance(T, int) or T < 1 or not values or not all(isinstance(count, int) for count in (paths, *looks)):
        raise ValueError(f"horizon {T!r} with {len(values)} values of {paths!r} paths")
    if backend not in get_args(Backend):
        raise ValueError(f"backend {backend!r}")
    rest = {name: _number(value) for name, value in numbers.items()}
    return Horizon(T=T, values=tuple(map(_number, values)), audit=_numbers(audit), paths=paths, looks=tuple(looks),
                   backend=backend, **rest)  # fmt: skip


def _strict(value: Any) -> Any:
    """``value`` with the numbers that JSON does not have, of a run that diverged, by name."""
    if isinstance(value, dict):
        return {key: _strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | str) -> float:
    if not isinstance(value, int | float) and value not in ("nan", "inf", "-inf"):
        raise ValueError(f"a number expected, not {value!r}")
    return float(value)


def _numbers(entries: dict[str, float]) -> dict[str, float]:
    return {name: _number(value) for name, value in entries.items()}


def fingerprint(*parts: object) -> str:
    """A short digest of what was asked for."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
