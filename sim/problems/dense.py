"""Problems without votes, of which everything is known: the yardsticks of the claims that need more than a loss has.

Both are F plus noise that does not depend on w: ``f_i(w) = F(w) + ⟨ξ_i, w⟩`` with Σ ξ_i = 0, so σ² = E‖ξ‖² exactly, at
every point. The head is the dense one. The gradients are not bounded, so G is not declared.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim.problems.base import Problem
from sim.problems.data import Labelled


@dataclass(frozen=True, eq=False, kw_only=True)
class Shaped(Problem):
    """A function of each coordinate, summed, with noise from the data; see the module."""

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Self:
        """Noise: the features less their mean."""
        return cls(x=data.x, k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        if not self.dense or self.smoothing is not None or self.ridge:
            given = f"{self.smoothing or 'hard'} head, K = {self.k}, ridge = {self.ridge:g}"
            raise InputError(f"{self.family} with {given}; expected the dense head without a ridge; try --k dense")

    @abstractmethod
    def _shape(self, w: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        """The function of each coordinate; it is least, 0, at 0."""

    @property
    @abstractmethod
    def _known(self) -> dict[str, float]:
        """What is known of the function."""

    @property
    def heads(self) -> int:
        return 1

    @cached_property
    def noise(self) -> Float[Tensor, "N n"]:
        """ξ."""
        return self.x - self.x.mean(0)

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        w = w.squeeze(-2)
        return self._shape(w).sum(-1) + (self.noise[index] * w).sum(-1)

    @property
    def lower_bound(self) -> float:
        return 0.0

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        raise InputError(f"{self.name}: gradients are not bounded; expected a claim without G")

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return torch.full((self.samples,), self._known["L"], dtype=torch.float64)

    def gradient_size(self, w: Float[Tensor, "batch dim"]) -> float:
        return self._known["L"] * w.norm(dim=-1).max().item() + self.noise.norm(dim=-1).max().item()

    def vote_scale(self, w: Float[Tensor, "batch dim"]) -> float:
        return self.gradient_size(w) * w.norm(dim=-1).max().item()

    @cached_property
    def w0(self) -> Float[Tensor, " dim"]:
        # the default of a linear layer would start these at their goal, nearly
        return torch.ones(self.dimension, dtype=torch.float64) if self.start is None else self.start

    def _default_comparator(self) -> Float[Tensor, " dim"]:
        return torch.zeros(self.dimension, dtype=torch.float64)

    @cached_property
    def _constants(self) -> dict[str, float]:
        sigma = self.noise.square().sum(-1).mean().sqrt().item()
        return {
            "sigma": sigma,
            "Delta": self._start_gap(),
            "L_max": self._known["L"],
            **self._known,
            **self._convex_constants(),
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Quadratic(Shaped):
    """``F(w) = ½ Σ h_j w_j²`` with h from 1 down to 1/10: L = 1, strongly convex with modulus 1/10."""

    family: ClassVar[str] = "quadratic"

    @cached_property
    def _curvatures(self) -> Float[Tensor, " n"]:
        return torch.logspace(0, -1, self.features, dtype=torch.float64)

    def _shape(self, w: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        return self._curvatures * w.square() / 2

    @property
    def convex(self) -> bool:
        return True

    @property
    def _known(self) -> dict[str, float]:
        modulus = self._curvatures.min().item()
        return {"L": 1.0, "modulus": modulus, "m_PL": modulus}


@dataclass(frozen=True, eq=False, kw_only=True)
class PolyakLojasiewicz(Shaped):
    """``F(w) = Σ (w_j² + 3 sin² w_j)``: not convex, and Polyak–Łojasiewicz with m = 1/32, L = 8.

    The function is that of Karimi, Nutini and Schmidt 2016, section 2.2; a sum over coordinates keeps both constants.
    """

    family: ClassVar[str] = "polyak"

    def _shape(self, w: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
        return w.square() + 3 * w.sin().square()

    @property
    def convex(self) -> bool:
        return False

    @property
    def _known(self) -> dict[str, float]:
        return {"L": 8.0, "m_PL": 1 / 32}

    @cached_property
    def w0(self) -> Float[Tensor, " dim"]:
        # beyond the bumps of the sine: 1 is inside the convex bowl
        return 3 * torch.ones(self.dimension, dtype=torch.float64) if self.start is None else self.start
