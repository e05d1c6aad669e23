"""The algorithm that a claim is about, where it is not plain SGD with one sample a step drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aat import InputError
from sim import HardMask, HeavyBall, Method, Oracle, Problem, Sampling
from sim.sampling import Kind

GRADIENTS = ("own", "hard")


@dataclass(frozen=True)
class Setting:
    """What is run besides the problem and its step sizes.

    Attributes:
        sampling, batch: as for :class:`sim.Sampling`.
        beta: momentum of the heavy ball; ``None`` for SGD.
        gradient: ``own``, or ``hard``: through the hard mask, of which the smoothed objective sees a bias.
        density: of gaps, as for :class:`sim.HardMask`.
        anneal: the smoothing of horizon T is ``μ T^{−anneal}``.
    """

    sampling: Kind = "with replacement"
    batch: int = 1
    beta: float | None = None
    gradient: str = "own"
    density: float | None = None
    anneal: float = 0.0

    def __post_init__(self) -> None:
        if self.gradient not in GRADIENTS:
            raise InputError(f"gradient = {self.gradient!r}; expected one of {', '.join(GRADIENTS)}")
        if not 0 <= self.anneal < float("inf"):
            raise InputError(f"anneal = {self.anneal!r}; expected a finite number ≥ 0; try anneal=0.2")
        self.draws, self.method, self.oracle  # noqa: B018 (raise)

    @property
    def draws(self) -> Sampling:
        """How samples are drawn."""
        return Sampling(self.sampling, self.batch)

    @property
    def method(self) -> Method | None:
        """The update rule; ``None`` for SGD."""
        return None if self.beta is None else HeavyBall(self.beta)

    @property
    def oracle(self) -> Oracle | None:
        """Where gradients come from; ``None`` for the objective itself."""
        return HardMask(self.density) if self.gradient == "hard" else None

    def pose(self, problem: Problem, horizon: int) -> Problem:
        """The problem whose metric is measured at T: hard gradients are held against raised scores (claim bias)."""
        if self.gradient == "hard" and problem.smoothing == "quadratic":
            problem = replace(problem, raised=True)
        if not self.anneal or problem.mu is None:
            return problem
        return replace(problem, mu=problem.mu * horizon**-self.anneal)

    def whole(self, horizon: int, samples: int) -> int:
        """The horizon, rounded up to whole epochs where there are epochs."""
        epoch = self.draws.epoch(samples)
        return -(-horizon // epoch) * epoch


# The claims whose algorithm is another one; their docstrings in theory/rates say so.
_OWN = {
    "R8": Setting(gradient="hard"),
    "R9": Setting(beta=0.9),
    "R12": Setting(sampling="reshuffling"),
    "R14": Setting(gradient="hard", anneal=0.2),
    "R14.gap": Setting(gradient="hard"),
}


def setting_of(claim: str, **changes: Any) -> Setting:
    """The setting of a claim's algorithm, with the changes that are not ``None``."""
    own = _OWN.get(claim, Setting())
    return replace(own, **{name: value for name, value in changes.items() if value is not None})
