"""The exact engine: every history of draws, so that an expectation is a finite sum.

With N samples and T steps there are N^T equally likely sample paths; minibatches and the orders of reshuffling have
their own, see :mod:`sim.sampling`. They form a tree; each node is computed once, level by level in blocks, depth first,
so that memory stays bounded by two blocks a step while the number of paths does not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.typed import typed
from sim import lanes
from sim.asked import StepSizes, integers, scale_of, sizes_of
from sim.audit import audit
from sim.methods import SGD, Method, State, take
from sim.metrics import Metric, metric
from sim.oracles import Oracle, Own
from sim.problems import Problem
from sim.results import Backend, Horizon, Run
from sim.sampling import Sampling

# Paths that are computed at a time unless memory asks for fewer, and the most of them that are worth asking for.
BLOCK = 2**13
MOST_PATHS = 2**27
MEMORY = 2**29

# The metrics that the lanes enumerate: F(w) − F(u), F(w_0) − F(w) and ‖∇F(w)‖², by the sign of F.
_IN_LANES = {"average_gap": 1, "last_gap": 1, "final_gap": 1, "decrease": -1, "mean_square_gradient": 0,
             "mean_square_smoothed_gradient": 0, "epoch_mean_square_gradient": 0}  # fmt: skip
# The logarithm of the number of paths from which on the lanes are worth the second that they take to load.
_WORTH_LANES = 17.0

# Rounding is relative to the largest of the numbers that are added, votes included; 2^10 ε covers T ≤ 27 steps of them.
_ROUNDING = 2.0**10 * torch.finfo(torch.float64).eps

# float64 numbers a parameter that one path of a block needs: while its gradient is taken, and while it waits.
_BUSY, _WAITING = 16, 4


@dataclass(frozen=True)
class Cost:
    """What an exact run will take.

    Attributes:
        paths: histories of T steps.
        gradients: of single samples, all that the steps take.
        block: paths computed at a time.
        memory: bytes, at most, besides Python and its libraries.
        seconds: from a probe of one small block, so within a factor of a few.
    """

    paths: int
    gradients: int
    block: int
    memory: int
    seconds: float


@typed
def estimate(
    problem: Problem,
    horizon: int,
    metric_name: str,
    *,
    sampling: Sampling | None = None,
    memory: int = MEMORY,
) -> Cost:
    """The cost of :func:`enumerate_paths` at one horizon, before it starts; arguments and errors as there."""
    drawn = Sampling() if sampling is None else sampling
    check_paths(problem.samples, [horizon], drawn)
    measured = metric(metric_name)
    nodes = drawn.nodes(problem.samples, horizon)
    block = _block(problem, horizon, drawn, memory)
    looked_at = sum(nodes[t] for t in measured.times(horizon, drawn.epoch(problem.samples)))
    probe = min(256, block, max(1, nodes[-1]))
    w, index = problem.w0.expand(probe, -1), torch.zeros(probe, drawn.batch, dtype=torch.int64)
    step = _seconds(lambda: Own().gradients(problem, w, index, 0)) / probe
    look = _seconds(lambda: measured.measure(problem, w)) / probe
    steps = sum(nodes[1:])
    return Cost(
        nodes[-1], steps * drawn.batch, block, block * _bytes(problem, horizon, drawn), steps * step + looked_at * look
    )


def _seconds(call: Callable[[], object]) -> float:
    call()  # the first call of a kind costs more
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _bytes(problem: Problem, horizon: int, sampling: Sampling) -> int:
    return 8 * problem.dimension * (_BUSY * sampling.batch + _WAITING * (horizon + 1))


def _block(problem: Problem, horizon: int, sampling: Sampling, memory: int) -> int:
    each = _bytes(problem, horizon, sampling)
    if memory < each:
        raise InputError(f"memory = {memory} bytes; expected at least {each} for one path of {problem.name}")
    return min(BLOCK, memory // each)


@typed
def enumerate_paths(
    problem: Problem,
    step_sizes: StepSizes,
    horizons: Iterable[int],
    metric_name: str,
    *,
    method: Method | None = None,
    sampling: Sampling | None = None,
    oracle: Oracle | None = None,
    eta: Callable[[int], float] | None = None,
    block: int | None = None,
    memory: int = MEMORY,
    backend: Backend | None = None,
    progress: Callable[[int], object] | None = None,
) -> Run:
    """The expectation of a metric over all histories of draws.

    Args:
        problem: what to minimise.
        step_sizes: T ↦ the T step sizes η_0 … η_{T−1}.
        horizons: the T of interest, each ≥ 1.
        metric_name: one of :data:`sim.metrics.METRICS`.
        method: the update rule; SGD if omitted.
        sampling: how samples are drawn; one with replacement at each step if omitted.
        oracle: where gradients come from; the objective itself if omitted.
        eta: T ↦ the scale of the step size, to be noted in the result; its first step if omitted.
        block: how many paths are computed at a time; as many as ``memory`` allows, and 8192 at most, if omitted. The
            result changes by no more than rounding.
        memory: bytes that the tree may take, besides Python and its libraries.
        backend: the engine, ``torch`` or ``lanes`` (see :mod:`sim.lanes`); by itself, the lanes for many paths that
            they fit. Both give the same expectation, up to the stated rounding.
        progress: called with a number of finished nodes, except by the lanes; :func:`estimate` says how many there are.

    Returns:
        A run with one value, the expectation, for each horizon.

    Raises:
        InputError: a horizon below 1 or of no whole epochs, more than 2²⁷ paths, too little memory for one, or a
            problem, method or metric that the lanes do not fit.
    """
    rule = SGD() if method is None else method
    drawn = Sampling() if sampling is None else sampling
    source = Own() if oracle is None else oracle
    measured = metric(metric_name)
    asked = integers(horizons)
    check_paths(problem.samples, asked, drawn)
    if block is not None and block < 1:
        raise InputError(f"block = {block}; expected at least 1; try block=None")
    plain = drawn == Sampling() and not source.name and measured.weight is None
    results = []
    for horizon in sorted(asked):
        sizes = sizes_of(step_sizes, horizon)
        paths = drawn.paths(problem.samples, horizon)
        worth = _many(problem, horizon) and metric_name in _IN_LANES
        if lanes.choose(backend, problem, rule, plain=plain, worth=worth) == "lanes":
            row = _by_lanes(problem, measured, horizon, sizes, scale_of(eta, horizon, sizes))
            results.append(replace(row, paths=paths))
            continue
        width = _block(problem, horizon, drawn, memory) if block is None else block
        tree = _Tree(problem, rule, drawn, source, measured, horizon, sizes, width)
        tree.grow(progress)
        scale = scale_of(eta, horizon, sizes)
        checks = audit(problem, tree.farthest(), rate=max(sizes), oracle=source, sampling=drawn)
        results.append(Horizon(horizon, scale, (tree.expectation(),), tree.rounding(), checks, paths))
    return Run.of(problem, rule, "exact", drawn, source, metric=metric_name, seed=0, horizons=tuple(results))


def check_paths(samples: int, horizons: Sequence[int], sampling: Sampling | None = None) -> None:
    """InputError unless every horizon is at least 1 and has a number of sample paths that can be enumerated."""
    drawn = Sampling() if sampling is None else sampling
    drawn.check(samples)
    for horizon in horizons:
        if horizon < 1 or _paths_log2(drawn, samples, horizon) > math.log2(MOST_PATHS):
            paths = f"{samples}^{horizon} sample paths" if drawn == Sampling() else f"too many paths ({drawn.name})"
            raise InputError(f"horizon {horizon} has {paths}; expected T ≥ 1 with at most 2^27; lower T or N")


def _paths_log2(sampling: Sampling, samples: int, horizon: int) -> float:
    # as a sum that stops: for a horizon of millions the number itself would never be written down
    total = 0.0
    for t in range(horizon):
        pool = sampling.pool(samples, t)
        total += math.log2(sampling.choice_count(pool))
        if total > 64 or (total == 0 and samples == 1):
            break
    return total


def _many(problem: Problem, horizon: int) -> bool:
    return horizon * math.log2(problem.samples) >= _WORTH_LANES


def _by_lanes(problem: Problem, measured: Metric, horizon: int, sizes: list[float], scale: float) -> Horizon:
    """One horizon by the lane engine; the audit is that of :class:`_Tree`."""
    if measured.name not in _IN_LANES:
        known = ", ".join(_IN_LANES)
        raise InputError(f"the lanes do not enumerate {measured.name}; expected {known}; try backend='torch'")
    times, sign = measured.times(horizon), _IN_LANES[measured.name]
    found = lanes.expectation(problem, sizes, times, sign == 0, measured.of == "average")
    start = problem.objective(problem.w0[None]).item()
    offset = problem.objective(problem.u[None]).item() if sign == 1 else start
    mean = math.fsum(found.total) / len(found.total) / len(times)
    value = mean if sign == 0 else sign * (mean - offset)
    largest = max(found.largest, abs(offset), abs(start), measured.scale(problem, found.far))
    tree = _Tree(problem, SGD(), Sampling(), Own(), measured, horizon, sizes, BLOCK)
    checks = audit(problem, tree.farthest(), rate=max(sizes))
    rounding = _ROUNDING * largest * _stretch(problem, sizes[: times[-1]])
    return Horizon(horizon, scale, (value,), rounding, checks, backend="lanes")


def _stretch(problem: Problem, sizes: Sequence[float]) -> float:
    """By how much these steps may stretch an early error of rounding.

    A step on L-smooth samples by at most 1 + ηL, or where they are convex by ηL − 1 if that is more than 1. (A hard
    threshold that rounding moves across a tie is no error of this kind: either side is a subgradient.)
    """
    curvature = problem.constants().get("L_max", 0.0)
    reach = [abs(eta) * curvature for eta in sizes]
    growths = [max(1.0, step - 1) if problem.convex else 1 + step for step in reach]
    return math.exp(min(700.0, math.fsum(map(math.log, growths))))


@dataclass
class _Node:
    """A block of histories of the same length."""

    state: State
    total: Float[Tensor, "block dim"]  # weighted sum of the iterates before this one
    chance: Float[Tensor, " block"]
    pool: Int[Tensor, "block left"]  # the samples that can be drawn next

    def __len__(self) -> int:
        return len(self.chance)

    def only(self, i: int) -> _Node:
        """One of the histories."""
        one = torch.tensor([i])
        return _Node(take(self.state, one), self.total[one], self.chance[one], self.pool[one])


class _Tree:
    """The tree of histories of one horizon."""

    def __init__(
        self,
        problem: Problem,
        method: Method,
        sampling: Sampling,
        oracle: Oracle,
        measured: Metric,
        horizon: int,
        sizes: list[float],
        block: int,
    ) -> None:
        self.problem, self.method, self.sampling, self.oracle = problem, method, sampling, oracle
        self.metric, self.horizon, self.sizes, self.block = measured, horizon, sizes, block
        self.times = measured.times(horizon, sampling.epoch(problem.samples))
        share = measured.weight or (lambda t, eta: 1.0)
        self.weights = [share(t, sizes[t] if t < horizon else 0.0) for t in range(horizon + 1)]
        self.sums: list[float] = []
        self.largest = abs(problem.objective(problem.w0[None]).item())
        self.error = 0.0

    def expectation(self) -> float:
        """The mean of the metric over histories and times."""
        return math.fsum(self.sums) / len(self.times)

    def rounding(self) -> float:
        """How far rounding, and what the metric solves for, may have moved the expectation."""
        return _ROUNDING * self.largest * _stretch(self.problem, self.sizes[: self.times[-1]]) + self.error

    def grow(self, progress: Callable[[int], object] | None) -> None:
        """Visit every node down to the last time that the metric looks at."""
        levels: list[Iterator[_Node]] = [iter([self._root()])]
        while levels:
            node = next(levels[-1], None)
            if node is None:
                levels.pop()
                continue
            t = len(levels) - 1
            self._look(t, node)
            if progress:
                progress(len(node))
            if t < self.times[-1]:
                levels.append(self._children(t, node))

    def farthest(self) -> Float[Tensor, "times dim"]:
        """The iterates of the history of which every draw goes as far from 0 as it can.

        A bound that holds on a ball breaks there first, so it is the one to audit.
        """
        node = self._root()
        path = [node.state.w[0]]
        for t in range(self.times[-1]):
            # one that diverged is the farthest
            blocks = [(child.state.w.norm(dim=-1).nan_to_num(nan=math.inf), child) for child in self._children(t, node)]
            norms, child = max(blocks, key=lambda block: block[0].max().item())
            node = child.only(int(norms.argmax()))
            path.append(node.state.w[0])
        return torch.stack(path)

    def _root(self) -> _Node:
        w = self.problem.w0[None]
        return _Node(
            self.method.start(w),
            torch.zeros_like(w),
            torch.ones(1, dtype=torch.float64),
            torch.arange(self.problem.samples)[None],
        )

    def _look(self, t: int, node: _Node) -> None:
        if t not in self.times:
            return
        point = node.state.w
        if self.metric.of == "average":
            point = (node.total + self.weights[t] * point) / math.fsum(self.weights[: t + 1])
        values = self.metric.measure(self.problem, point)
        self.sums.append((values * node.chance).sum().item())
        self.error = max(self.error, self.metric.error(self.problem, values))
        self.largest = max(self.largest, values.abs().max().item(), self.metric.scale(self.problem, point))

    def _children(self, t: int, node: _Node) -> Iterator[_Node]:
        """All continuations of each history, a block at a time."""
        pool = node.pool if node.pool.shape[1] else torch.arange(self.problem.samples).expand(len(node), -1)
        choices, chances = self.sampling.choices(pool.shape[1])
        total = node.total + self.weights[t] * node.state.w
        for pair in torch.arange(len(node) * len(choices)).split(self.block):
            parent, choice = pair // len(choices), choices[pair % len(choices)]
            state, left = take(node.state, parent), pool[parent]
            gradient = self.oracle.gradients(self.problem, state.w, left.gather(-1, choice), t)
            if self.sampling.reshuffled:
                rest = torch.ones_like(left, dtype=torch.bool).scatter(-1, choice, value=False)
                left = left[rest].unflatten(0, (len(parent), -1)) if rest.any() else left[:, :0]
            moved = self.method.update(state, gradient, self.sizes[t])
            yield _Node(moved, total[parent], node.chance[parent] * chances[pair % len(choices)], left)
