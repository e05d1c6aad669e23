"""The Moreau envelope of a weakly convex objective, to a stated accuracy.

``F_{1/(2ρ)}(w) = min_x F(x) + ρ‖x − w‖²`` has the gradient 2ρ(w − p), p the minimiser. What is minimised is ρ-strongly
convex, so a point where its gradient is v lies within ‖v‖/ρ of p, and the envelope's gradient is right to 2‖v‖. A hard
head is solved through its entropic smoothing: that moves the objective up by at most δ = μ n h(K/n) (O6, the loss being
monotone with slope at most 1), so p by at most √(2δ/ρ).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from aat import InputError
from sim.problems import Problem

# The norm of the gradient at which a proximal point is taken to be found, and how long it is looked for.
_RESIDUAL = 1e-6
_MOST_STEPS = 20_000
_SMOOTHING = 1e-4


def envelope_gradient(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
    """∇F_{1/(2ρ)}(w) = 2ρ(w − p), to :func:`accuracy`."""
    return 2 * _rho(problem) * (w - proximal_point(problem, w))


def accuracy(problem: Problem) -> float:
    """How far the 2-norm of :func:`envelope_gradient` may be wrong."""
    rho = _rho(problem)
    if problem.smooth:
        return 2 * _RESIDUAL
    share = problem.k / problem.features
    entropy = -share * math.log(share) - (1 - share) * math.log1p(-share)
    return 2 * _RESIDUAL + math.sqrt(8 * rho * _SMOOTHING * problem.features * entropy)


def square_error(problem: Problem, squares: Float[Tensor, " batch"]) -> float:
    """How far the square of that norm may be wrong, where it was found to be ``squares``."""
    near = accuracy(problem)
    return near * (2 * squares.max().sqrt().item() + near)


def proximal_point(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
    """The points p, by gradient descent with Barzilai–Borwein steps and backtracking, each row at its own pace.

    Raises:
        InputError: the problem declares no ρ, or a row is not solved.
    """
    rho = _rho(problem)
    smooth = problem if problem.smooth else problem.with_head(problem.k, "entropic", _SMOOTHING)

    def value(x: Tensor, centre: Tensor) -> Tensor:
        return smooth.objective(x) + rho * (x - centre).square().sum(-1)

    def slope(x: Tensor, centre: Tensor) -> Tensor:
        return smooth.full_gradient(x) + 2 * rho * (x - centre)

    found = w.clone()
    left = torch.arange(len(w))
    x, centre = w.clone(), w
    at, g = value(x, centre), slope(x, centre)
    step = torch.full((len(w),), 1 / (4 * rho), dtype=torch.float64)
    for _ in range(_MOST_STEPS):
        open_ = g.norm(dim=-1) > _RESIDUAL
        if not bool(open_.all()):
            found[left[~open_]] = x[~open_]
            left, x, centre, at, g, step = (part[open_] for part in (left, x, centre, at, g, step))
            if len(left) == 0:
                return found
        tried = x - step[:, None] * g
        there = value(tried, centre)
        # a rise by rounding must not stop the last steps
        falls = there <= at - 1e-4 * step * g.square().sum(-1) + 1e-14 * (1 + at.abs())
        new = slope(tried, centre)
        moved, turned = tried - x, new - g
        # strong convexity keeps ⟨moved, turned⟩ ≥ ρ‖moved‖² > 0
        long = moved.square().sum(-1) / (moved * turned).sum(-1).clamp_min(torch.finfo(torch.float64).tiny)
        step = torch.where(falls, long.clamp(1e-12, 1 / rho), step / 2)
        x, at, g = (
            torch.where(falls[:, None], tried, x),
            torch.where(falls, there, at),
            torch.where(falls[:, None], new, g),
        )
    raise InputError(f"{problem.name}: a proximal point was not found in {_MOST_STEPS} steps; try a larger μ")


def _rho(problem: Problem) -> float:
    constants = problem.constants()
    if "rho" not in constants:
        raise InputError(f"{problem.name} declares no rho, so no Moreau envelope; try the bilinear problem")
    return constants["rho"]
