"""Constants and assumptions measured along a run, at stated steps, to hold against what is declared.

At each visited iterate the second moment and the variance of the stochastic gradients are exact, over all N samples.
So is the bias, how far their mean is from the gradient of the objective; gradients of the objective's own samples are
compared at the first and the last iterate. Smoothness is the largest secant ``‖∇F(a) − ∇F(b)‖/‖a − b‖``, and convexity
the largest excess of a tangent over F at the comparator, ``F(w) + ⟨g, u − w⟩ − F(u)``, which is ≤ 0 for a convex F. Of
the votes that the problem hands to its operator, the gaps give the density of R14, ``sup_t P(gap ≤ t)/t``, and two
iterates in a row the share of masks that a step flips.

A visited iterate costs about two gradients over all N samples; :func:`steps` names eight at most, however long the run.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from aat import mask
from sim.oracles import Oracle, Own
from sim.problems import Problem
from sim.sampling import Sampling

# Stretches of a run at whose ends two iterates in a row are visited.
_STRETCHES = 3


def steps(horizon: int) -> list[int]:
    """The steps t of a run of ``horizon`` steps at which w_t is audited: equally spaced ones, each with the next."""
    firsts = {round(j * max(horizon - 1, 0) / _STRETCHES) for j in range(_STRETCHES + 1)}
    return sorted(firsts | {first + 1 for first in firsts if first + 1 <= horizon})


def audit(
    problem: Problem,
    points: Float[Tensor, "points dim"],
    *,
    times: Sequence[int] = (),
    rate: float = 0.0,
    oracle: Oracle | None = None,
    sampling: Sampling | None = None,
) -> dict[str, float]:
    """What is measured at ``points``, at least one.

    Args:
        problem: what the run minimises.
        points: iterates of one trajectory.
        times: the steps t at which they were visited, rising; 0, 1, … if omitted.
        rate: the largest step size of the run.
        oracle: where its gradients came from, if not from the objective: G, sigma and the bias are theirs.
        sampling: how samples were drawn: sigma is that of a minibatch.

    Returns:
        ``G``, ``sigma``, ``L``, ``bias``, and for a convex problem ``convexity`` (the tangent excess); for each the
        step at which it was largest, as ``G step`` and so on; ``eta`` if a step size is given. ``zeta``, what a claim
        calls the bias of an oracle. Of a problem that uses the operator also ``gap`` (the smallest), ``gap density`` (∞
        where votes tie) and, where steps follow one another, ``mask flips`` (the share of masks that a step changes).
    """
    visited = list(times) or list(range(len(points)))
    index = torch.arange(problem.samples)
    source = Own() if oracle is None else oracle
    second, variance, means = [], [], []
    for t, w in zip(visited, points, strict=True):
        gradients = source.gradients(problem, w.expand(problem.samples, -1), index[:, None], t)
        mean = gradients.mean(0)
        means.append(mean)
        second.append(gradients.square().sum(-1).mean())
        variance.append((gradients - mean).square().sum(-1).mean())
    share = 1.0 if sampling is None else sampling.variance_share(problem.samples)
    # a gradient that should be the objective's and is not, is so from the first step to the last
    compared = list(range(len(points))) if source.name else [0, len(points) - 1]
    exactly = problem.full_gradient(points[compared])
    slopes = exactly if source.name else torch.stack(means)
    measured = {
        "G": torch.stack(second).sqrt(),
        "sigma": (torch.stack(variance) * share).sqrt(),
        "L": _secants(points, slopes).amax(1),
        "bias": (torch.stack(means)[compared] - exactly).norm(dim=-1),
    }
    if source.name:
        measured["zeta"] = measured["bias"]
    if problem.convex:
        excess = problem.objective(points) + (slopes * (problem.u - points)).sum(-1)
        measured["convexity"] = excess - problem.objective(problem.u[None])
    found = {name: values.max().item() for name, values in measured.items()}
    for name, values in measured.items():
        where = compared if name == "bias" else range(len(points))
        found[f"{name} step"] = float(visited[where[int(values.argmax())]])
    return found | ({"eta": rate} if rate else {}) | _of_votes(problem, points, visited)


def merged(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """The audits of two batches of one run as one: the largest of everything, with its step, and the smallest gap."""
    both = dict(first)
    for name, value in second.items():
        if name.endswith(" step"):
            continue
        if name == "gap":
            both[name] = min(value, both.get(name, value))
        elif name not in both or not (math.isnan(both[name]) or value <= both[name]):
            both[name] = value
            both |= {where: second[where] for where in (f"{name} step",) if where in second}
    return both


def _secants(
    points: Float[Tensor, "points dim"], slopes: Float[Tensor, "points dim"]
) -> Float[Tensor, "points points"]:
    apart = _distances(points)
    # closer than this, the quotient is rounding
    far = apart > 1e-6 * (1 + points.norm(dim=-1).max())
    # a run that diverged has secants that are not numbers, and they must show
    return torch.where(far | apart.isnan(), _distances(slopes) / apart, 0.0)


def _distances(points: Float[Tensor, "points dim"]) -> Float[Tensor, "points points"]:
    # by differences: the expanded square that cdist prefers for many points loses those that are close together
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")


# --- Votes ---


def votes(problem: Problem, w: Float[Tensor, " dim"]) -> list[Float[Tensor, ...]]:
    """The votes that the problem hands to its operator at ``w``, of all samples; none if it uses no operator."""
    heard: list[Tensor] = []
    listening = copy.copy(problem)

    def scores(votes: Tensor) -> Tensor:
        heard.append(votes)
        return type(problem).scores(problem, votes)

    object.__setattr__(listening, "scores", scores)
    with torch.no_grad():
        listening.losses(w.expand(problem.samples, -1), torch.arange(problem.samples))
    return heard


def _of_votes(problem: Problem, points: Float[Tensor, "points dim"], times: list[int]) -> dict[str, float]:
    k = getattr(problem, "k", None)
    if k is None or not hasattr(problem, "scores") or k >= problem.features:
        return {}
    gaps, flips, before = [], [], None
    for j, w in enumerate(points):
        heard = [v for v in votes(problem, w) if v.shape[-1] > k]
        if not heard:
            return {}
        kept = torch.cat([mask(v, k).flatten(0, -2) for v in heard])
        if before is not None and times[j] == times[j - 1] + 1:
            flips.append((kept != before).any(-1).double().mean())
        before = kept
        largest = (v.topk(k + 1, dim=-1).values for v in heard)
        # of a sample, the smallest gap over its classes
        each = [(top[..., k - 1] - top[..., k]).reshape(problem.samples, -1).amin(-1) for top in largest]
        gaps.append(torch.stack(each).amin(0))
    measured = {
        "gap": torch.stack([gap.min() for gap in gaps]).min().item(),
        "gap density": max(density(gap) for gap in gaps),
    }
    return measured | ({"mask flips": torch.stack(flips).mean().item()} if flips else {})


def density(gaps: Float[Tensor, " N"]) -> float:
    """``sup_t P(gap ≤ t)/t`` over the empirical distribution: attained at one of the gaps; ∞ if one of them is 0."""
    rising = gaps.sort().values
    share = torch.arange(1, len(gaps) + 1, dtype=torch.float64) / len(gaps)
    return math.inf if rising[0] <= 0 else (share / rising).max().item()
