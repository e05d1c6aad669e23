"""Bilinear votes: the features are trained too.

``f_i(w, U) = ln(1 + exp(s(w ⊙ U x_i)))``: unit j has the feature ⟨u_j, x_i⟩ and the vote w_j ⟨u_j, x_i⟩; both are
parameters. Weakly convex at every K, hard or smoothed, with ρ = mean ‖x_i‖ (claim convex.bilinear).

The gradients grow with the parameters, ``‖∇f_i‖ ≤ ‖x_i‖ ‖(w, U)‖``. So G is declared on the ball of twice the start's
norm; a run whose gradients leave that bound is void.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim.problems.base import Problem
from sim.problems.data import Labelled

_REACH = 2.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Bilinear(Problem):
    """The logistic loss of negatives over bilinear votes, with as many units as inputs; see the module."""

    family: ClassVar[str] = "bilinear"

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Bilinear:
        """Every sample as a negative."""
        return cls(x=data.x, k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        if self.ridge:
            raise InputError(f"ridge = {self.ridge:g} with bilinear votes; expected none; try the monotone problem")

    @property
    def heads(self) -> int:
        # the row of weights, and one of n numbers for each unit
        return 1 + self.features

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        heard = (w[..., 1:, :] @ self.x[index].unsqueeze(-1)).squeeze(-1)
        return torch.nn.functional.softplus(self.scores(w[..., 0, :] * heard))

    @property
    def lower_bound(self) -> float:
        return 0.0

    @property
    def convex(self) -> bool:
        return False

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return self.x.norm(dim=-1) * _REACH * self.w0.norm()

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return torch.full((self.samples,), math.inf, dtype=torch.float64)

    def vote_scale(self, w: Float[Tensor, "batch dim"]) -> float:
        return self.x.norm(dim=-1).max().item() * w.norm(dim=-1).max().item() ** 2

    @cached_property
    def _constants(self) -> dict[str, float]:
        norm = self._norms.square().mean().sqrt().item()
        return {
            "G": norm,
            "sigma": norm,
            "Delta": self._start_gap(),
            "rho": self.x.norm(dim=-1).mean().item(),
        }
