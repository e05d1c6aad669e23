"""Binary logistic loss over one AAT head: ``f_i(w) = ln(1 + exp(−y_i s(w ⊙ x_i)))``, labels y_i = ±1.

Convex for a dense head, and at every K when all labels are −1 (the monotone logistic loss, claim convex.monotone);
otherwise not even weakly convex (O11). Constants: G = R_K, L = R_K²/4 + κ (claims G.logistic, L.logistic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim.problems.base import Problem, checked
from sim.problems.data import Labelled, class_indices


@dataclass(frozen=True, eq=False, kw_only=True)
class Logistic(Problem):
    """The binary logistic loss; see the module.

    Attributes:
        y: labels −1 or +1, shape (N,).
    """

    family: ClassVar[str] = "logistic"

    y: Float[Tensor, " N"]

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Logistic:
        """Labels +1 for the upper half of the classes, −1 for the lower half."""
        y = class_indices(data.y, len(data.x))
        return cls(x=data.x, y=torch.where(2 * y > y.max(), 1.0, -1.0), k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        y = checked("y", self.y, "N")
        if y.shape != (self.samples,) or bool((y.abs() != 1).any()):
            raise InputError(f"y of shape {tuple(y.shape)}; expected {self.samples} labels, each −1 or +1")
        object.__setattr__(self, "y", y)

    @property
    def heads(self) -> int:
        return 1

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        # torch's softplus is linear above 20, off by 2e-9 there
        return -torch.nn.functional.logsigmoid(self.y[index] * self.scores(w.squeeze(-2) * self.x[index]))

    @property
    def lower_bound(self) -> float:
        return 0.0

    @property
    def convex(self) -> bool:
        return self.dense or bool((self.y < 0).all())

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return self.radius(self.k)

    @property
    def slopes(self) -> tuple[float, float]:
        return 1.0, 0.25

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return self.radius(self.k).square() / 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Monotone(Logistic):
    """The logistic loss of negatives only, convex at every K: AAT and dense SGD on one convex problem."""

    family: ClassVar[str] = "monotone"

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Monotone:
        """Every sample as a negative."""
        return cls(x=data.x, y=-torch.ones(len(data.x)), k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        super()._check_target()
        if not self.convex or bool((self.y > 0).any()):
            raise InputError("y has positive labels; expected −1 everywhere; try the logistic problem")
