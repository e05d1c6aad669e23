"""Teacher–student regression: a head learns what another head of its kind says.

``f_i(w) = ln cosh(s(w ⊙ x_i) − y_i)`` with ``y_i = s(w* ⊙ x_i)`` for planted weights w*, the teacher's. The teacher has
the student's head, so it loses nothing on any sample: inf F = 0 is known and attained (interpolation), and there is no
noise there. (Only raised scores are taught by a hard head, since they stand for one.)

Convex for a dense head only. Constants: G = R_K, L = R_K² + κ (claims G.logcosh, L.logcosh).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError, topk_sum
from aat.seeds import generator
from sim.problems.base import Problem, checked
from sim.problems.data import Labelled


@dataclass(frozen=True, eq=False, kw_only=True)
class LogCosh(Problem):
    """The log-cosh loss against a planted teacher; see the module.

    Attributes:
        teacher: its weights w*, shape (n,).
    """

    family: ClassVar[str] = "logcosh"

    teacher: Float[Tensor, " n"]

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> LogCosh:
        """A teacher drawn by the name of the data, normal."""
        features = data.x.shape[-1]
        teacher = torch.randn(features, dtype=torch.float64, generator=generator("teacher", data.name, features))
        return cls(x=data.x, teacher=teacher, k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        teacher = checked("teacher", self.teacher, "n")
        if teacher.shape != (self.features,):
            raise InputError(f"teacher of shape {tuple(teacher.shape)}; expected ({self.features},)")
        object.__setattr__(self, "teacher", teacher)
        _ = self.y  # now: what the student is taught does not change with how it is computed

    @property
    def heads(self) -> int:
        return 1

    @cached_property
    def y(self) -> Float[Tensor, " N"]:
        """What the teacher says of each sample."""
        votes = self.teacher * self.x
        return topk_sum(votes, self.k) if self.raised else self.scores(votes)

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        off = (self.scores(w.squeeze(-2) * self.x[index]) - self.y[index]).abs()
        # ln cosh(a) = |a| + ln(1 + e^{−2|a|}) − ln 2; near 0 that loses every digit, and ln cosh = ½ ln(1 + sinh²) none
        near = torch.log1p(off.clamp(max=1).sinh().square()) / 2
        return torch.where(off < 1, near, off + torch.nn.functional.softplus(-2 * off) - math.log(2))

    @property
    def lower_bound(self) -> float:
        return 0.0

    @property
    def convex(self) -> bool:
        return self.dense

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return self.radius(self.k)

    @property
    def slopes(self) -> tuple[float, float]:
        return 1.0, 1.0

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return self.radius(self.k).square()

    def _default_comparator(self) -> Float[Tensor, " dim"]:
        return super()._default_comparator() if self.ridge else self.teacher
