"""The Monte Carlo engine: many independent trials as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.checks import within_memory
from aat.seeds import generator, key
from aat.typed import typed
from sim import lanes
from sim.asked import StepSizes, integers, scale_of, sizes_of
from sim.audit import audit, steps
from sim.methods import SGD, Method
from sim.metrics import Metric, metric
from sim.oracles import Oracle, Own
from sim.problems import Problem
from sim.ranges import metric_range
from sim.results import Backend, Horizon, Run
from sim.sampling import Sampling

# Steps after which progress is told.
_CHUNK = 4096

# Steps of trials from which on the lane engine is worth the second that it takes to load.
_WORTH_LANES = 2**17

Progress = Callable[[int], object]


@typed
def simulate(
    problem: Problem,
    step_sizes: StepSizes,
    horizons: Iterable[int],
    metric_name: str,
    *,
    trials: int = 32,
    seed: int = 0,
    looks: int = 2,
    method: Method | None = None,
    sampling: Sampling | None = None,
    oracle: Oracle | None = None,
    eta: Callable[[int], float] | None = None,
    progress: Progress | None = None,
    backend: Backend | None = None,
) -> Run:
    """A metric along independent trials, one value a trial and horizon.

    A metric that averages over all T iterates is measured at ``looks`` of them, one drawn uniformly from each of as
    many equal stretches of the run: unbiased (Ghadimi and Lan 2013 draw one), and T full gradients are saved.
    The samples that a trial draws depend on the seed, the problem's data and T only: AAT and dense heads see the
    same ones.

    Args:
        problem: what to minimise.
        step_sizes: T ↦ the T step sizes η_0 … η_{T−1}.
        horizons: the T of interest, each ≥ 1.
        metric_name: one of :data:`sim.metrics.METRICS`.
        trials: how many, ≥ 2.
        seed: of the whole run.
        looks: iterates of a trial at which an averaged metric is measured, ≥ 1.
        method: the update rule; SGD if omitted.
        sampling: how samples are drawn; one with replacement at each step if omitted.
        oracle: where gradients come from; the objective itself if omitted.
        eta: T ↦ the scale of the step size, to be noted in the result; its first step if omitted.
        progress: called with a number of finished steps.
        backend: the engine, ``torch`` or ``lanes`` (see :mod:`sim.lanes`); by itself, the lanes for long runs that they
            fit. Both give the same trajectories, up to rounding; each horizon of the result says which it was.

    Raises:
        InputError: trials, looks or a horizon too small, or a problem or method that the lanes do not fit.
    """
    asked = integers(horizons)
    check_trials(trials, looks, asked)
    rule = SGD() if method is None else method
    drawn = Sampling() if sampling is None else sampling
    drawn.check(problem.samples)
    source = Own() if oracle is None else oracle
    measured = metric(metric_name)
    plain = drawn == Sampling() and not source.name and measured.weight is None
    results = []
    for horizon in sorted(asked):
        sizes = sizes_of(step_sizes, horizon)
        stream = key("samples", seed, problem.name, horizon)
        looked = measured.times(horizon, drawn.epoch(problem.samples))
        with within_memory(f"{trials} trials of {problem.name}"):
            torch.empty(trials, problem.dimension, dtype=torch.float64)
        times = _times(looked, trials, looks, generator("looks", seed, problem.name, horizon))
        visited = {t: problem.w0 for t in steps(horizon) if t <= int(times.max())}
        used = lanes.choose(backend, problem, rule, plain=plain, worth=long_enough(horizon, trials))
        if used == "lanes":
            points = lanes.trajectories(problem, sizes, times, measured.of == "average", stream, progress)
            at = lanes.trajectories(problem, sizes, torch.tensor([*visited])[:, None], False, stream).squeeze(1)
            measured_on = cast("Problem", lanes.Surveyed(problem))
        else:
            points = _snapshots(problem, rule, source, measured, sizes, times, visited, drawn, stream, progress)
            at, measured_on = torch.stack([*visited.values()]), problem
        found = measured.measure(measured_on, points.flatten(0, 1))
        values = tuple(found.unflatten(0, times.shape).mean(0).tolist())
        checks = audit(problem, at, times=[*visited], rate=max(sizes), oracle=source, sampling=drawn)
        scale = scale_of(eta, horizon, sizes)
        low, high = metric_range(problem, metric_name)
        error = measured.error(problem, found)
        results.append(Horizon(horizon, scale, values, error, checks, low=low, high=high, backend=used))
    return Run.of(problem, rule, "monte_carlo", drawn, source, metric=metric_name, seed=seed, horizons=tuple(results))


def long_enough(horizon: int, trials: int) -> bool:
    """Whether so many steps of so many trials are worth the lane engine."""
    return horizon * trials >= _WORTH_LANES


def check_trials(trials: int, looks: int, horizons: Sequence[int]) -> None:
    """InputError unless there are at least two trials, one look and one horizon ≥ 1."""
    if trials < 2 or looks < 1 or min(horizons, default=0) < 1:
        given = f"trials = {trials}, looks = {looks}, horizons = {list(horizons)}"
        raise InputError(f"{given}; expected trials ≥ 2, looks ≥ 1 and horizons ≥ 1")


def _times(times: range, trials: int, looks: int, random: torch.Generator) -> Int[Tensor, "looks trials"]:
    """When each trial is looked at: all times if there are few, else one from each of ``looks`` equal stretches.

    The stretches must be equal for the mean over looks to be unbiased, so they are cut at real numbers.
    """
    if len(times) <= looks:
        return torch.tensor(times)[:, None].expand(-1, trials)
    stretch = len(times) / looks
    drawn = (torch.arange(looks)[:, None] + torch.rand(looks, trials, generator=random, dtype=torch.float64)) * stretch
    return drawn.floor().long().clamp(max=len(times) - 1) * times.step + times.start


def _snapshots(
    problem: Problem,
    rule: Method,
    oracle: Oracle,
    measured: Metric,
    sizes: list[float],
    times: Int[Tensor, "looks trials"],
    visited: dict[int, Tensor],
    sampling: Sampling,
    stream: int,
    progress: Progress | None,
) -> Float[Tensor, "looks trials dim"]:
    """Run all trials and keep, of each, the points of interest; and of the first, those that the audit visits."""
    trials, last = times.shape[1], int(times.max())
    looked_at = {t: (times == t) for t in times.unique().tolist()}
    state = rule.start(problem.w0.repeat(trials, 1))
    total, weight = torch.zeros_like(state.w), 0.0
    points = torch.empty(*times.shape, problem.dimension, dtype=torch.float64)
    draws = sampling.draws(stream, last, trials, problem.samples)
    for t in range(last + 1):
        if measured.of == "average":
            share = 1.0 if measured.weight is None else measured.weight(t, sizes[t])
            total, weight = total + share * state.w, weight + share
        if t in looked_at:
            here = state.w if measured.of == "iterate" else total / weight
            points = torch.where(looked_at[t].unsqueeze(-1), here, points)
        if t in visited:
            visited[t] = state.w[0].clone()
        if t == last:
            break
        if t % _CHUNK == 0 and progress:
            progress(min(_CHUNK, last - t))
        state = rule.update(state, oracle.gradients(problem, state.w, next(draws), t), sizes[t])
    return points
