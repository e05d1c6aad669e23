"""What a run measures: a function of some iterates, or of their average.

The names are those by which claims ask for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from aat import InputError
from sim.problems import Problem

Measure = Callable[[Problem, Float[Tensor, "batch dim"]], Float[Tensor, " batch"]]


@dataclass(frozen=True)
class Metric:
    """A metric of a trajectory of T steps.

    Attributes:
        name: how claims call it.
        of: whether ``measure`` is taken at the iterate w_t, or at the average of w_0 … w_t.
        when: at w_{T−1} only (``last``), at the point after the last step, w_T (``after``), or at each of
            w_0 … w_{T−1}, and averaged (``each``).
        measure: the quantity at a batch of points.
        scale: how large the numbers are whose sums and differences make it up there; rounding is relative to it.
    """

    name: str
    of: Literal["iterate", "average"]
    when: Literal["last", "after", "each"]
    measure: Measure
    scale: Callable[[Problem, Float[Tensor, "batch dim"]], float]

    def times(self, horizon: int) -> range:
        """The steps t at which the metric looks; its value is the mean over them."""
        return {
            "last": range(horizon - 1, horizon),
            "after": range(horizon, horizon + 1),
            "each": range(horizon),
        }[self.when]


def _gap(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """F(w) − F(u)."""
    return problem.objective(w) - problem.objective(problem.u[None])


def _square_gradient(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """‖∇F(w)‖²."""
    return problem.full_gradient(w).square().sum(-1)


def _decrease(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """F(w_0) − F(w)."""
    return problem.objective(problem.w0[None]) - problem.objective(w)


def _of_votes(problem: Problem, w: Float[Tensor, "batch dim"]) -> float:
    return sum(problem.vote_scale(point) for point in (w, problem.w0[None], problem.u[None]))


def _of_gradients(problem: Problem, w: Float[Tensor, "batch dim"]) -> float:
    """Errors of votes reach the gradient through its smoothness, where there is one."""
    constants = problem.constants()
    return constants["G"] * (constants["G"] + constants.get("L", 0.0) * problem.vote_scale(w))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("average_gap", "average", "last", _gap, _of_votes),
        Metric("last_gap", "iterate", "last", _gap, _of_votes),
        Metric("mean_square_gradient", "iterate", "each", _square_gradient, _of_gradients),
        Metric("decrease", "iterate", "after", _decrease, _of_votes),
    )
}


def metric(name: str) -> Metric:
    """The metric of that name; InputError if there is none."""
    if name not in METRICS:
        raise InputError(f"unknown metric {name!r}; expected one of {', '.join(METRICS)}")
    return METRICS[name]
