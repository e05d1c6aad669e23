"""Softmax cross-entropy over O AAT heads: ``f_i(W) = ln Σ_j exp(z_j) − z_{y_i}``, ``z_j = s(w_j ⊙ x_i)``.

Convex for a dense head only (O11). Constants: G = √2 R_K, L = R_K²/2 + κ (claims G.softmax, L.softmax).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim.problems.base import Problem
from sim.problems.data import Labelled, class_indices


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Problem):
    """The softmax cross-entropy; see the module.

    Attributes:
        y: classes 0 … O−1, integers of shape (N,), with O ≥ 2.
    """

    family: ClassVar[str] = "softmax"

    y: Int[Tensor, " N"]

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Softmax:
        """One class for each label."""
        return cls(x=data.x, y=data.y, k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        y = class_indices(self.y, self.samples)
        if int(y.max()) < 1:
            raise InputError("y has one class only; expected at least two; try the logistic problem")
        object.__setattr__(self, "y", y)

    @property
    def heads(self) -> int:
        return int(self.y.max()) + 1

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        logits = self.scores(w * self.x[index].unsqueeze(-2))
        right = self.y[index].expand(logits.shape[:-1]).unsqueeze(-1)
        return logits.logsumexp(-1) - logits.gather(-1, right).squeeze(-1)

    @property
    def lower_bound(self) -> float:
        return 0.0

    @property
    def convex(self) -> bool:
        return self.dense

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return math.sqrt(2) * self.radius(self.k)

    @property
    def slopes(self) -> tuple[float, float]:
        return math.sqrt(2), 0.5

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return self.radius(self.k).square() / 2
