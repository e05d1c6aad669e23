"""Between which ends the values of a metric lie, whatever is drawn: what confidence bounds may rely on.

Only what is certain is said. A gap is at least the lower bound of F less F(u); how high it can get depends on the
method, and for SGD grows so fast with T that no bound would be of use. A square is at least 0. A squared gradient is at
most G² where G bounds the samples' gradients everywhere, not only along the run: for the losses below, without a ridge.
"""

from __future__ import annotations

import math

from sim.problems import Problem

# Losses whose gradients are bounded on the whole space.
_BOUNDED = {"routing", "monotone", "logistic", "softmax", "logcosh"}


def metric_range(problem: Problem, name: str) -> tuple[float, float]:
    """The ends of the metric called ``name`` on ``problem``; infinite where none is known."""
    lowest = getattr(problem, "lower_bound", -math.inf)
    if name == "decrease":
        return -math.inf, problem.objective(problem.w0[None]).item() - lowest
    if name.endswith("_gap"):
        return lowest - problem.objective(problem.u[None]).item(), math.inf
    if name == "mean_square_gradient" and problem.family in _BOUNDED and problem.ridge == 0:
        return 0.0, problem.constants()["G"] ** 2
    return 0.0 if "square" in name else -math.inf, math.inf
