"""Constants measured along a run, to hold against the declared ones.

At a set of visited points the second moment and the variance of the stochastic gradients are computed exactly over
all N samples, smoothness as the largest secant ``‖∇F(a) − ∇F(b)‖/‖a − b‖``, and convexity as the largest excess of
a tangent over F at the comparator, ``F(w) + ⟨g, u − w⟩ − F(u)``, which is ≤ 0 for a convex F.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sim.oracles import Oracle
from sim.problems import Problem
from sim.sampling import Sampling


def audit(
    problem: Problem,
    points: Float[Tensor, "points dim"],
    oracle: Oracle | None = None,
    times: Sequence[int] = (),
    sampling: Sampling | None = None,
) -> dict[str, float]:
    """Measured ``G``, ``sigma``, ``L`` and ``convexity`` (the tangent excess) at ``points``, at least one.

    With an ``oracle`` that is not the objective's own, G and sigma are those of its gradients at the ``times`` of the
    points, and ``zeta`` is the largest ‖E g − ∇F‖. ``sigma`` is that of a minibatch, as ``sampling`` draws it.
    """
    index = torch.arange(problem.samples)
    biased = oracle is not None and bool(oracle.name)
    second, variance, means, biases = [], [], [], [0.0]
    for k, w in enumerate(points):
        gradients = problem.gradients(w.expand(problem.samples, -1), index)
        mean = gradients.mean(0)
        if biased and oracle is not None:
            slope, t = mean, times[k] if times else 0
            gradients = oracle.gradients(problem, w.expand(problem.samples, -1), index[:, None], t)
            mean = gradients.mean(0)
            biases.append((mean - slope).norm().item())
        means.append(slope if biased else mean)
        second.append(gradients.square().sum(-1).mean())
        variance.append((gradients - mean).square().sum(-1).mean())
    slopes = torch.stack(means)
    share = 1.0 if sampling is None else sampling.variance_share(problem.samples)
    measured = {
        "G": torch.stack(second).max().sqrt().item(),
        "sigma": (torch.stack(variance).max() * share).sqrt().item(),
        "L": _largest_secant(points, slopes),
    }
    if biased:
        measured["zeta"] = max(biases)
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
