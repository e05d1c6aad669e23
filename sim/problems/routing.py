"""The routing loss: teach a head which units to listen to.

``f_i(w) = s_K(w_{y_i} ⊙ x_i) − ⟨1_{S_i}, w_{y_i} ⊙ x_i⟩`` for a target support S_i of K units: the Fenchel–Young loss
of top-K selection, zero when the head of the sample's class selects S_i. Convex at every K, hard or smoothed.

Constants: G = R_2K (claim G.routing), L = κ (claim L.head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from aat import InputError, mask
from sim.problems.base import Problem
from sim.problems.data import Labelled, class_indices, tensor_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Routing(Problem):
    """The routing loss; see the module.

    Attributes:
        support: target supports, booleans of shape (N, n) with exactly k true in each row.
        y: class of each sample, integers ≥ 0 of shape (N,): which head it teaches; one head if omitted.
    """

    family: ClassVar[str] = "routing"

    support: Bool[Tensor, "N n"]
    y: Int[Tensor, " N"] | None = None

    @classmethod
    def from_data(cls, data: Labelled, *, k: int, **options: object) -> Routing:
        """Supports planted by templates: class mean minus overall mean, so that some w has F(w) = 0."""
        y = class_indices(data.y, len(data.x))
        means = torch.stack([data.x[y == c].mean(0) for c in range(int(y.max()) + 1)])
        template = means - data.x.mean(0)
        return cls(x=data.x, support=mask(template[y] * data.x, k), y=y, k=k, data=data.name, **options)  # type: ignore[arg-type]

    def _check_target(self) -> None:
        support = tensor_of("support", self.support)
        if support.dtype != torch.bool or support.shape != self.x.shape:
            given = f"support of {support.dtype}, shape {tuple(support.shape)}"
            raise InputError(f"{given}; expected booleans of shape {tuple(self.x.shape)}")
        kept = support.sum(-1)
        if bool((kept != self.k).any()):
            raise InputError(f"support keeps {int(kept.min())} to {int(kept.max())} units a row; expected k = {self.k}")
        y = torch.zeros(self.samples, dtype=torch.int64) if self.y is None else class_indices(self.y, self.samples)
        object.__setattr__(self, "support", support)
        object.__setattr__(self, "y", y)

    @property
    def heads(self) -> int:
        return int(self._classes.max()) + 1

    @property
    def _classes(self) -> Int[Tensor, " N"]:
        assert self.y is not None  # set by _check_target
        return self.y

    def _losses(self, w: Float[Tensor, "*batch O n"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        batch = torch.broadcast_shapes(w.shape[:-2], index.shape)
        rows = self._classes[index].expand(batch)[..., None, None].expand(*batch, 1, self.features)
        votes = w.expand(*batch, *w.shape[-2:]).gather(-2, rows).squeeze(-2) * self.x[index]
        return self.scores(votes) - (votes * self.support[index]).sum(-1)

    @property
    def lower_bound(self) -> float:
        # s_K − ⟨1_S, ·⟩ ≥ 0; the entropic smoothing lies above s_K, the quadratic one at most μK/2 below it (O6, O8)
        return -self.mu * self.k / 2 if self.smoothing == "quadratic" and self.mu and not self.raised else 0.0

    @property
    def convex(self) -> bool:
        return True

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return self.radius(2 * self.k)

    @property
    def slopes(self) -> tuple[float, float]:
        return 1.0, 0.0

    @property
    def scores_a_sample(self) -> int:
        return 1

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return torch.zeros(self.samples, dtype=torch.float64)

    def _default_comparator(self) -> Float[Tensor, " dim"]:
        # the hard loss is positively homogeneous and ≥ 0, so 0 is one of its minimisers
        return torch.zeros_like(self.w0) if self.smoothing is None else super()._default_comparator()
