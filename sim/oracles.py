"""Where a step takes its gradient from: the objective itself, or something near it that costs less or moves.

An oracle that is not the objective's own gives biased gradients of it. It declares a bound on the bias, ``zeta``, that
holds everywhere (claim bias); the audit measures what the bias was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.seeds import generator
from aat.typed import typed
from sim.problems import Problem


class Oracle(Protocol):
    """A source of stochastic gradients of a problem."""

    @property
    def name(self) -> str:
        """In words; empty for the objective's own gradient."""

    def gradients(
        self, problem: Problem, w: Float[Tensor, "batch dim"], index: Int[Tensor, "batch B"], t: int
    ) -> Float[Tensor, "batch dim"]:
        """The mean gradient of each row's B samples, for step t."""

    def constants(self, problem: Problem) -> dict[str, float]:
        """What is declared of the bias: ``m``, ``M`` and ``zeta`` of claim R8; empty where there is none."""


def mean_gradients(
    problem: Problem, w: Float[Tensor, "batch dim"], index: Int[Tensor, "batch B"]
) -> Float[Tensor, "batch dim"]:
    """The mean over each row's B samples of the gradients that backpropagation takes."""
    batch = index.shape[-1]
    if batch == 1:
        return problem.gradients(w, index.squeeze(-1))
    return problem.gradients(w.repeat_interleave(batch, 0), index.flatten()).unflatten(0, (-1, batch)).mean(1)


@dataclass(frozen=True)
class Own:
    """The gradient of the objective's own samples: unbiased."""

    name = ""

    def gradients(self, problem: Problem, w: Tensor, index: Tensor, t: int) -> Tensor:
        """As the protocol says."""
        return mean_gradients(problem, w, index)

    def constants(self, problem: Problem) -> dict[str, float]:
        """Nothing: there is no bias."""
        return {}


def _anywhere(problem: Problem) -> dict[str, float]:
    """Two gradients of one loss, through different masks, are each within the sample's bound."""
    return {"m": 0.0, "M": 0.0, "zeta": 2 * problem.gradient_bounds().mean().item()}


@typed
@dataclass(frozen=True)
class HardMask:
    """Hard AAT-SGD seen from the smoothed objective: the gradient through the hard mask (claims R8, R14).

    Attributes:
        density: c, when a share of at most ct of the samples has a gap of t or less on the path (claim bias.mean);
            ``None`` to assume nothing of the gaps. The audit measures the bias, so a wrong c makes a run void.
    """

    density: float | None = None
    name = "hard mask"

    def __post_init__(self) -> None:
        if self.density is not None and not 0 <= self.density < math.inf:
            raise InputError(f"density = {self.density!r}; expected a finite number ≥ 0; try density=1")

    def gradients(self, problem: Problem, w: Tensor, index: Tensor, t: int) -> Tensor:
        """As the protocol says."""
        return mean_gradients(problem.with_head(problem.k), w, index)

    def constants(self, problem: Problem) -> dict[str, float]:
        """ζ of claim bias for quadratic smoothing with raised scores, at the worst gap or at the density given."""
        if problem.dense and (problem.raised or problem.smoothing != "quadratic"):
            return {"m": 0.0, "M": 0.0, "zeta": 0.0}
        declared = _anywhere(problem)
        if problem.smoothing == "quadratic" and problem.raised and problem.mu is not None:
            first, second = problem.slopes
            spread = problem.k * (problem.features - problem.k) / problem.features
            by_mask = first * problem.x.abs().amax(-1) * math.sqrt(spread)
            by_slope = second * math.sqrt(problem.scores_a_sample) * problem.mu * spread * problem.radius(problem.k) / 2
            worst = (by_mask + by_slope).mean().item()
            declared["zeta"] = min(declared["zeta"], worst)
            if self.density is not None:
                rare = (by_mask.max() / 2 + by_slope.max() / 3).item()
                declared["zeta"] = self.density * problem.mu * rare
        return declared


@typed
@dataclass(frozen=True)
class Annealed:
    """A soft threshold that sharpens on the way: ``μ_t = μ (t+1)^{−power}``; the metric stays that of μ.

    Attributes:
        power: > 0; InputError otherwise.
    """

    power: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.power < math.inf:
            raise InputError(f"power = {self.power!r}; expected a finite number > 0; try power=0.2")

    @property
    def name(self) -> str:
        """With its power."""
        return f"μ_t=μ/(t+1)^{self.power:g}"

    def gradients(self, problem: Problem, w: Tensor, index: Tensor, t: int) -> Tensor:
        """As the protocol says."""
        if problem.mu is None:
            raise InputError(f"{problem.head} has no μ to anneal; expected a smoothed head; try smoothing=entropic")
        mu = problem.mu * (t + 1) ** -self.power
        return mean_gradients(problem.with_head(problem.k, problem.smoothing, mu), w, index)

    def constants(self, problem: Problem) -> dict[str, float]:
        """As the protocol says."""
        return _anywhere(problem)


@typed
@dataclass(frozen=True)
class Approximate:
    """The K largest votes found only nearly: the largest of each of several buckets of units, and of these the K.

    Units fall into buckets at random, once. A vote among the K largest is found unless a larger one shares its bucket,
    so each is found with a probability of at least (1 − 1/buckets)^(K−1) over the buckets; there are as many buckets
    as the recall needs (after Chern et al. 2022, TPU-KNN, which is how accelerators approximate a top-K).

    Attributes:
        recall: expected share of the K largest votes that is found, 0 < recall ≤ 1; InputError otherwise.
    """

    recall: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            raise InputError(f"recall = {self.recall!r}; expected a number in (0, 1]; try recall=0.95")

    @property
    def name(self) -> str:
        """With its recall."""
        return f"recall {self.recall:g}"

    def buckets(self, features: int, k: int) -> int:
        """How many buckets the recall needs: K … n; n is exact."""
        miss = 1 - self.recall ** (1 / (k - 1)) if k > 1 else 1.0
        return features if miss <= 0 else min(features, max(k, math.ceil(1 / miss)))

    def kept(self, votes: Float[Tensor, "*batch n"], k: int) -> Int[Tensor, "*batch K"]:
        """The units that are heard."""
        features = votes.shape[-1]
        buckets = self.buckets(features, k)
        order = torch.randperm(features, generator=generator("buckets", features, k))
        rows = -(-features // buckets)
        # unit order[i] falls into bucket i mod buckets; what is missing from the last row is never the largest
        filled = votes.new_full((*votes.shape[:-1], rows * buckets), -math.inf)
        filled[..., :features] = votes[..., order]
        best, row = filled.unflatten(-1, (rows, buckets)).max(-2)
        heard = best.topk(k).indices
        return order[row.gather(-1, heard) * buckets + heard]

    def gradients(self, problem: Problem, w: Tensor, index: Tensor, t: int) -> Tensor:
        """As the protocol says."""
        nearly = copy.copy(problem)
        object.__setattr__(nearly, "scores", self._scores(problem.k))
        return mean_gradients(nearly, w, index)

    def _scores(self, k: int) -> Callable[[Tensor], Tensor]:
        return lambda votes: votes.gather(-1, self.kept(votes.detach(), k)).sum(-1)

    def constants(self, problem: Problem) -> dict[str, float]:
        """As the protocol says."""
        return _anywhere(problem)
