"""The Monte Carlo engine: many independent trials as one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim import lanes
from sim.audit import audit
from sim.exact import StepSizes
from sim.methods import SGD, Method
from sim.metrics import Metric, metric
from sim.problems import Problem
from sim.results import Backend, Horizon, Run
from sim.seeds import generator, key
from sim.stream import sample_indices

# Steps whose samples are drawn at a time, and points at which a run is audited.
_CHUNK = 4096
_AUDITED = 8

# Steps of trials from which on the lane engine is worth the second that it takes to load.
_WORTH_LANES = 2**17

Progress = Callable[[int], object]


def simulate(
    problem: Problem,
    step_sizes: StepSizes,
    horizons: Sequence[int],
    metric_name: str,
    *,
    trials: int = 32,
    seed: int = 0,
    looks: int = 2,
    method: Method | None = None,
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
        problem: what to minimise; one of its N samples is drawn with replacement at each step.
        step_sizes: T ↦ the T step sizes η_0 … η_{T−1}.
        horizons: the T of interest, each ≥ 1.
        metric_name: one of :data:`sim.metrics.METRICS`.
        trials: how many, ≥ 2.
        seed: of the whole run.
        looks: iterates of a trial at which an averaged metric is measured, ≥ 1.
        method: the update rule; SGD if omitted.
        eta: T ↦ the scale of the step size, to be noted in the result; its first step if omitted.
        progress: called with a number of finished steps.
        backend: the engine, ``torch`` or ``lanes`` (see :mod:`sim.lanes`); by itself, the lanes for long runs that they
            fit. Both give the same trajectories, up to rounding; each horizon of the result says which it was.

    Raises:
        InputError: trials, looks or a horizon too small, or a problem or method that the lanes do not fit.
    """
    check_trials(trials, looks, horizons)
    rule = SGD() if method is None else method
    measured = metric(metric_name)
    results = []
    for horizon in sorted(map(int, horizons)):
        sizes = [float(size) for size in step_sizes(horizon)]
        stream = key("samples", seed, problem.name, horizon)
        times = _times(measured, horizon, trials, looks, generator("looks", seed, problem.name, horizon))
        used = lanes.choose(backend, problem, rule, worth=long_enough(horizon, trials))
        if used == "lanes":
            points = lanes.trajectories(problem, sizes, times, measured.of == "average", stream, progress)
            measured_on = cast("Problem", lanes.Surveyed(problem))
        else:
            points, measured_on = _snapshots(problem, rule, measured, sizes, times, stream, progress), problem
        values = measured.measure(measured_on, points.flatten(0, 1)).unflatten(0, times.shape).mean(0)
        checks = audit(problem, torch.cat([problem.w0[None], points[-1, : _AUDITED - 1]]))
        scale = float(eta(horizon)) if eta else sizes[0]
        results.append(Horizon(horizon, scale, tuple(values.tolist()), 0.0, checks, used))
    return Run.of(problem, rule, "monte_carlo", metric=metric_name, seed=seed, horizons=tuple(results))


def long_enough(horizon: int, trials: int) -> bool:
    """Whether so many steps of so many trials are worth the lane engine."""
    return horizon * trials >= _WORTH_LANES


def check_trials(trials: int, looks: int, horizons: Sequence[int]) -> None:
    """InputError unless there are at least two trials, one look and one horizon ≥ 1."""
    if trials < 2 or looks < 1 or min(horizons, default=0) < 1:
        given = f"trials = {trials}, looks = {looks}, horizons = {list(horizons)}"
        raise InputError(f"{given}; expected trials ≥ 2, looks ≥ 1 and horizons ≥ 1")


def _times(
    measured: Metric, horizon: int, trials: int, looks: int, random: torch.Generator
) -> Int[Tensor, "looks trials"]:
    """When each trial is looked at: all times if there are few, else one from each of ``looks`` equal stretches.

    The stretches must be equal for the mean over looks to be unbiased, so they are cut at real numbers.
    """
    times = measured.times(horizon)
    if len(times) <= looks:
        return torch.tensor(times)[:, None].expand(-1, trials)
    stretch = len(times) / looks
    drawn = (torch.arange(looks)[:, None] + torch.rand(looks, trials, generator=random, dtype=torch.float64)) * stretch
    return drawn.floor().long().clamp(max=len(times) - 1) + times[0]


def _snapshots(
    problem: Problem,
    rule: Method,
    measured: Metric,
    sizes: list[float],
    times: Int[Tensor, "looks trials"],
    stream: int,
    progress: Progress | None,
) -> Float[Tensor, "looks trials dim"]:
    """Run all trials and keep, of each, the points of interest."""
    trials, last = times.shape[1], int(times.max())
    looked_at = {t: (times == t) for t in times.unique().tolist()}
    state = rule.start(problem.w0.repeat(trials, 1))
    total = torch.zeros_like(state.w)
    points = torch.empty(*times.shape, problem.dimension, dtype=torch.float64)
    drawn = torch.empty(0, trials, dtype=torch.int64)
    for t in range(last + 1):
        if measured.of == "average":
            total += state.w
        if t in looked_at:
            here = state.w if measured.of == "iterate" else total / (t + 1)
            points = torch.where(looked_at[t].unsqueeze(-1), here, points)
        if t == last:
            break
        if t % _CHUNK == 0:
            drawn = sample_indices(stream, t, min(_CHUNK, last - t), trials, problem.samples)
            if progress:
                progress(min(_CHUNK, last - t))
        state = rule.update(state, problem.gradients(state.w, drawn[t % _CHUNK]), sizes[t])
    return points
