"""One instance of a claim, small enough to run on every sample path: a problem given by its numbers, T, and the step.

It is what ``aat falsify`` searches, saves and replays; a file holds every number to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aat import InputError, saved
from reports import own
from reports.own import Own
from reports.runner import rate, run_claim
from reports.verdict import Verdict, judge
from sim import Problem
from sim.exact import check_paths
from sim.problems import FAMILIES
from theory import Rate

# Rounding must not matter: bounds and metrics below this share of the numbers that make them up are not looked at.
_FINE = 1e-6


@dataclass(frozen=True)
class Instance:
    """See the module.

    Attributes:
        claim: id of a rate.
        family: of the problem.
        numbers: what the problem's constructor takes, tensors as nested lists.
        horizon: T.
        eta: scale of the step size.
        file: a user's file that may define claim and method.
        method: an update rule of the file; ``None`` for the claim's own.
    """

    claim: str
    family: str
    numbers: dict[str, Any] = field(hash=False)
    horizon: int
    eta: float
    file: str | None = None
    method: str | None = None

    @classmethod
    def of(cls, claim: str, problem: Problem, horizon: int, eta: float, **rest: Any) -> Instance:
        """The instance of a problem."""
        given = {part.name: getattr(problem, part.name) for part in fields(problem)}
        numbers = {name: value.tolist() if isinstance(value, Tensor) else value for name, value in given.items()}
        return cls(claim, problem.family, numbers, int(horizon), float(eta), **rest)

    @property
    def own(self) -> Own:
        """What the user's file defines; nothing without one."""
        return own.load(Path(self.file)) if self.file else Own(Path())

    @property
    def rate(self) -> Rate:
        """The claim."""
        return self.own.claims.get(self.claim) or rate(self.claim)

    @property
    def samples(self) -> int:
        """N."""
        return len(self.numbers["x"])

    def problem(self) -> Problem:
        """The problem; InputError if its numbers do not fit."""
        given: dict[str, Any] = {
            name: _tensor(value) if isinstance(value, list) else value for name, value in self.numbers.items()
        }
        return FAMILIES[self.family](**given)

    def verdict(self) -> Verdict:
        """The claim on the instance, on all sample paths."""
        method = self.own.method(self.method)
        run = run_claim(self.rate, self.problem(), [self.horizon], method=method, exact=True, step=self.eta)
        (verdict,) = judge([(self.rate, run, "")])
        return verdict

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        saved.save(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Instance:
        """A saved instance; InputError if the file holds none."""
        try:
            found = cls(**saved.load(path))
            if found.family not in FAMILIES or found.horizon < 1 or not 0 < found.eta < math.inf:
                raise ValueError(f"{found.family}, T = {found.horizon}, η = {found.eta}")
            found.problem()
            return found
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path} holds no instance ({error}); expected what aat falsify saves") from None

    @property
    def tightness(self) -> float:
        """Measured/bound on all sample paths; −∞ where the claim says nothing, or rounding has a say."""
        try:
            check_paths(self.samples, [self.horizon])
            verdict = self.verdict()
        except (InputError, ArithmeticError):
            return -math.inf
        if verdict.status == "void" or not verdict.bound or verdict.tightness is None:
            return -math.inf
        fine = verdict.upper - verdict.lower <= _FINE * verdict.bound
        return verdict.tightness if fine and math.isfinite(verdict.tightness) else -math.inf

    # --- As a vector, for a search ---

    def vector(self) -> Tensor:
        """The numbers that may be moved: features, start, comparator, and logarithms of η and μ."""
        parts = [_tensor(self.numbers[name]).flatten() for name in self._moved]
        scales = [self.eta] + ([self.numbers["mu"]] if self.numbers["mu"] else [])
        return torch.cat([*parts, torch.tensor(scales, dtype=torch.float64).log()])

    def at(self, vector: Tensor) -> Instance:
        """The instance with other such numbers."""
        numbers, first = dict(self.numbers), 0
        for name in self._moved:
            shape = _tensor(self.numbers[name]).shape
            numbers[name] = vector[first : first + shape.numel()].reshape(shape).tolist()
            first += shape.numel()
        scales = vector[first:].exp().tolist()
        if self.numbers["mu"]:
            numbers["mu"] = scales[1]
        return replace(self, numbers=numbers, eta=scales[0])

    @property
    def _moved(self) -> list[str]:
        return [name for name in ("x", "start", "comparator") if self.numbers.get(name) is not None]


def _tensor(values: Any) -> Tensor:
    # by way of NumPy, for which a Python float has 64 bits
    return torch.from_numpy(np.asarray(values))
