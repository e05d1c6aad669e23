"""The exact engine: every sample path, so that an expectation is a finite sum.

With N samples and T steps there are N^T equally likely paths. They form a tree; each node is computed once, level by
level in blocks, depth first, so that memory stays bounded by two blocks a step while the number of paths does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from aat import InputError
from sim.audit import audit
from sim.methods import SGD, Method, State
from sim.metrics import Metric, metric
from sim.problems import Problem
from sim.results import Horizon, Run

StepSizes = Callable[[int], "NDArray | Sequence[float]"]

# Paths that are computed at a time, and the largest number of them that is worth asking for.
BLOCK = 2**13
MOST_PATHS = 2**27

# Rounding is relative to the largest of the numbers that are added, votes included; 2^10 ε covers T ≤ 27 steps of them.
_ROUNDING = 2.0**10 * torch.finfo(torch.float64).eps


def enumerate_paths(
    problem: Problem,
    step_sizes: StepSizes,
    horizons: Sequence[int],
    metric_name: str,
    *,
    method: Method | None = None,
    eta: Callable[[int], float] | None = None,
    block: int = BLOCK,
) -> Run:
    """The expectation of a metric over all sample paths.

    Args:
        problem: what to minimise; one of its N samples is drawn with replacement at each step.
        step_sizes: T ↦ the T step sizes η_0 … η_{T−1}.
        horizons: the T of interest, each ≥ 1.
        metric_name: one of :data:`sim.metrics.METRICS`.
        method: the update rule; SGD if omitted.
        eta: T ↦ the scale of the step size, to be noted in the result; its first step if omitted.
        block: how many paths are computed at a time; memory grows with it, the result does not change.

    Returns:
        A run with one value, the expectation, for each horizon.

    Raises:
        InputError: a horizon below 1, or more than 2²⁷ paths.
    """
    rule = SGD() if method is None else method
    measured = metric(metric_name)
    check_paths(problem.samples, horizons)
    results = []
    for horizon in sorted(map(int, horizons)):
        sizes = [float(size) for size in step_sizes(horizon)]
        tree = _Tree(problem, rule, measured, horizon, sizes, block)
        tree.grow()
        scale = float(eta(horizon)) if eta else sizes[0]
        checks = audit(problem, torch.stack(tree.visited), rate=max(sizes))
        results.append(Horizon(horizon, scale, (tree.expectation(),), _ROUNDING * tree.largest, checks))
    return Run.of(problem, rule, "exact", metric=metric_name, seed=0, horizons=tuple(results))


def check_paths(samples: int, horizons: Sequence[int]) -> None:
    """InputError unless every horizon is at least 1 and has a number of sample paths that can be enumerated."""
    for horizon in horizons:
        if horizon < 1 or (samples > 1 and horizon * math.log2(samples) > math.log2(MOST_PATHS)):
            paths = f"{samples}^{horizon} sample paths"
            raise InputError(f"horizon {horizon} has {paths}; expected T ≥ 1 with at most 2^27; lower T or N")


class _Tree:
    """The tree of sample paths of one horizon."""

    def __init__(
        self, problem: Problem, method: Method, measured: Metric, horizon: int, sizes: list[float], block: int
    ) -> None:
        self.problem, self.method, self.metric = problem, method, measured
        self.horizon, self.sizes, self.block = horizon, sizes, block
        self.times = measured.times(horizon)
        self.sums: dict[int, list[float]] = {t: [] for t in self.times}
        self.largest = abs(problem.objective(problem.w0[None]).item())
        self.visited: list[Float[Tensor, " dim"]] = []

    def expectation(self) -> float:
        """The mean of the metric over paths and times."""
        return math.fsum(math.fsum(s) / self.problem.samples**t for t, s in self.sums.items()) / len(self.times)

    def grow(self) -> None:
        """Visit every node down to the last time that the metric looks at."""
        w = self.problem.w0[None]
        levels: list[Iterator[tuple[State, Tensor]]] = [iter([(self.method.start(w), torch.zeros_like(w))])]
        while levels:
            node = next(levels[-1], None)
            if node is None:
                levels.pop()
                continue
            t, (state, before) = len(levels) - 1, node
            total = before + state.w
            self._look(t, state, total)
            if t < self.times[-1]:
                levels.append(self._children(t, state, total))

    def _look(self, t: int, state: State, total: Tensor) -> None:
        if t in self.sums:
            point = state.w if self.metric.of == "iterate" else total / (t + 1)
            values = self.metric.measure(self.problem, point)
            self.sums[t].append(values.sum().item())
            self.largest = max(self.largest, values.abs().max().item(), self.metric.scale(self.problem, point))
        if len(self.visited) <= t:
            self.visited.append(state.w[0].clone())

    def _children(self, t: int, state: State, total: Tensor) -> Iterator[tuple[State, Tensor]]:
        """All N continuations of each path, a block at a time."""
        samples = self.problem.samples
        pairs = torch.arange(len(total) * samples)
        for pair in pairs.split(self.block):
            yield self._continued(t, state, pair // samples, pair % samples), total[pair // samples]

    def _continued(self, t: int, state: State, parent: Int[Tensor, " block"], drawn: Int[Tensor, " block"]) -> State:
        repeated = state._replace(**{name: field[parent] for name, field in state._asdict().items()})
        return self.method.update(repeated, self.problem.gradients(repeated.w, drawn), self.sizes[t])
