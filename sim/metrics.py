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
from sim import moreau
from sim.problems import Problem

Measure = Callable[[Problem, Float[Tensor, "batch dim"]], Float[Tensor, " batch"]]


@dataclass(frozen=True)
class Metric:
    """A metric of a trajectory of T steps.

    Attributes:
        name: how claims call it.
        of: whether ``measure`` is taken at the iterate w_t, or at the average of w_0 … w_t.
        when: at w_{T−1} only (``last``), at the point after the last step, w_T (``after``), at each of
            w_0 … w_{T−1}, and averaged (``each``), or at those of them that start an epoch (``epochs``).
        measure: the quantity at a batch of points.
        scale: how large the numbers are whose sums and differences make it up there; rounding is relative to it.
        weight: of w_t in the average, from t and the step size η_t there; ``None`` where all are alike.
        error: how far the values of ``measure`` may be from the quantity, when it is solved for and not computed.
    """

    name: str
    of: Literal["iterate", "average"]
    when: Literal["last", "after", "each", "epochs"]
    measure: Measure
    scale: Callable[[Problem, Float[Tensor, "batch dim"]], float]
    weight: Callable[[int, float], float] | None = None
    error: Callable[[Problem, Float[Tensor, " batch"]], float] = lambda problem, values: 0.0

    def times(self, horizon: int, epoch: int = 1) -> range:
        """The steps t at which the metric looks; its value is the mean over them.

        Args:
            horizon: T.
            epoch: steps of an epoch.

        Raises:
            InputError: the metric is over epochs, and T is not a whole number of them.
        """
        if self.when == "epochs" and horizon % epoch:
            nearest = epoch * max(1, round(horizon / epoch))
            raise InputError(f"horizon {horizon} is no multiple of an epoch of {epoch} steps; try {nearest}")
        return {
            "last": range(horizon - 1, horizon),
            "after": range(horizon, horizon + 1),
            "each": range(horizon),
            "epochs": range(0, horizon, epoch),
        }[self.when]


def _gap(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """F(w) − F(u)."""
    return problem.objective(w) - problem.objective(problem.u[None])


def _square_gradient(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """‖∇F(w)‖²."""
    return problem.full_gradient(w).square().sum(-1)


def _square_envelope_gradient(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """‖∇F_{1/(2ρ)}(w)‖² of the Moreau envelope."""
    return moreau.envelope_gradient(problem, w).square().sum(-1)


def _decrease(problem: Problem, w: Float[Tensor, "batch dim"]) -> Float[Tensor, " batch"]:
    """F(w_0) − F(w)."""
    return problem.objective(problem.w0[None]) - problem.objective(w)


def _of_votes(problem: Problem, w: Float[Tensor, "batch dim"]) -> float:
    return sum(problem.vote_scale(point) for point in (w, problem.w0[None], problem.u[None]))


def _of_gradients(problem: Problem, w: Float[Tensor, "batch dim"]) -> float:
    """Errors of votes reach the gradient through its smoothness, where there is one."""
    size = problem.gradient_size(w)
    return size * (size + problem.constants().get("L", 0.0) * problem.vote_scale(w))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("average_gap", "average", "last", _gap, _of_votes),
        Metric("step_average_gap", "average", "last", _gap, _of_votes, weight=lambda t, eta: eta),
        Metric("linear_average_gap", "average", "last", _gap, _of_votes, weight=lambda t, eta: t + 1.0),
        Metric("last_gap", "iterate", "last", _gap, _of_votes),
        Metric("final_gap", "iterate", "after", _gap, _of_votes),
        Metric("mean_square_gradient", "iterate", "each", _square_gradient, _of_gradients),
        # of the problem that is run, which is the smoothed one; its gradients may be those of the hard mask
        Metric("mean_square_smoothed_gradient", "iterate", "each", _square_gradient, _of_gradients),
        Metric("epoch_mean_square_gradient", "iterate", "epochs", _square_gradient, _of_gradients),
        Metric(
            "mean_square_envelope_gradient",
            "iterate",
            "each",
            _square_envelope_gradient,
            lambda problem, w: 0.0,  # far below its error
            error=moreau.square_error,
        ),
        Metric("decrease", "iterate", "after", _decrease, _of_votes),
    )
}


def metric(name: str) -> Metric:
    """The metric of that name; InputError if there is none."""
    if name not in METRICS:
        raise InputError(f"unknown metric {name!r}; expected one of {', '.join(METRICS)}")
    return METRICS[name]
