"""Constants measured along a run, to hold against the declared ones.

At a set of visited points the second moment and the variance of the stochastic gradients are computed exactly over
all N samples, smoothness as the largest secant ``‖∇F(a) − ∇F(b)‖/‖a − b‖``, and convexity as the largest excess of
a tangent over F at the comparator, ``F(w) + ⟨g, u − w⟩ − F(u)``, which is ≤ 0 for a convex F.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from sim.problems import Problem


def audit(problem: Problem, points: Float[Tensor, "points dim"]) -> dict[str, float]:
    """Measured ``G``, ``sigma``, ``L`` and ``convexity`` (the tangent excess) at ``points``, at least one."""
    index = torch.arange(problem.samples)
    second, variance, means = [], [], []
    for w in points:
        gradients = problem.gradients(w.expand(problem.samples, -1), index)
        mean = gradients.mean(0)
        means.append(mean)
        second.append(gradients.square().sum(-1).mean())
        variance.append((gradients - mean).square().sum(-1).mean())
    slopes = torch.stack(means)
    measured = {
        "G": torch.stack(second).max().sqrt().item(),
        "sigma": torch.stack(variance).max().sqrt().item(),
        "L": _largest_secant(points, slopes),
    }
    if problem.convex:
        excess = problem.objective(points) + (slopes * (problem.u - points)).sum(-1)
        measured["convexity"] = (excess - problem.objective(problem.u[None])).max().item()
    return measured


def _largest_secant(points: Float[Tensor, "points dim"], slopes: Float[Tensor, "points dim"]) -> float:
    apart = _distances(points)
    # closer than this, the quotient is rounding
    far = apart > 1e-6 * (1 + points.norm(dim=-1).max())
    return (_distances(slopes)[far] / apart[far]).max().item() if bool(far.any()) else 0.0


def _distances(points: Float[Tensor, "points dim"]) -> Float[Tensor, "points points"]:
    # by differences: the expanded square that cdist prefers for many points loses those that are close together
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
