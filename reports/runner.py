"""A claim run on a problem, with the claim's own algorithm, step sizes and metric; :func:`verify` also judges."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from aat import InputError
from aat.typed import typed
from reports.settings import Setting, setting_of
from reports.verdict import Verdict, judge
from sim import METRICS, SGD, Method, Problem, Run, enumerate_paths, simulate
from sim.asked import integers
from sim.monte_carlo import Progress
from sim.results import declared
from theory import Rate, claims

# Smoothing of the head that lends its L to a hard one, for the step size of a claim that is void there.
_STAND_IN_MU = 0.05


def rate(id: str) -> Rate:
    """The rate claim of that id; UnknownClaim if there is none, InputError if it has no rate to verify."""
    claim = claims[id]
    if not isinstance(claim, Rate):
        rates = ", ".join(id for id, claim in claims.items() if isinstance(claim, Rate))
        raise InputError(f"claim {id} is a fact without a rate; expected one of {rates}; try aat prove {id}")
    return claim


def lacks(claim: Rate, problem: Problem, setting: Setting | None = None, method: Method | None = None) -> str | None:
    """What is missing to run the claim on the problem, a measured metric or a constant; ``None`` if nothing."""
    if claim.metric.id not in METRICS:
        return f"no run measures {claim.metric.id}"
    known = constants_with_loans(problem, setting or setting_of(claim.id), method)
    missing = [symbol.name for symbol in claim.constants if symbol.name not in known]
    return f"{problem.name} declares no {', '.join(missing)}" if missing else None


def check_runnable(claim: Rate, problem: Problem, setting: Setting | None = None, method: Method | None = None) -> None:
    """InputError if the claim cannot be run on the problem."""
    if lack := lacks(claim, problem, setting, method):
        raise InputError(f"{claim.id} cannot be run: {lack}; try aat prove {claim.id}")


def constants_with_loans(problem: Problem, setting: Setting, method: Method | None = None) -> dict[str, float]:
    """What the run declares; an L or D that the problem lacks is that of a head which has it, if one has."""
    posed = setting.pose(problem, 1)
    known = declared(posed, method or setting.method or SGD(), setting.draws, setting.oracle)
    loans: dict[str, Callable[[], Problem]] = {
        "L": lambda: posed.with_head(posed.k, "entropic", _STAND_IN_MU),
        "D": posed.dense_head,
    }
    for name, head in loans.items():
        if name not in known:
            with contextlib.suppress(InputError, KeyError):  # a problem without heads, or without that constant
                known[name] = head().constants()[name]
    return known


def whole(horizons: Iterable[int], setting: Setting, problem: Problem) -> list[int]:
    """The horizons in order, rounded up to whole epochs where there are epochs."""
    return sorted({setting.whole(horizon, problem.samples) for horizon in horizons})


def check_step(step: float | None) -> None:
    """InputError unless the scale of the step size is a finite number > 0, or left to the claim."""
    if step is not None and not 0 < step < float("inf"):
        raise InputError(f"step = {step!r}; expected a finite number > 0; try step=0.1")


@typed
def run_claim(
    claim: Rate,
    problem: Problem,
    horizons: Iterable[int],
    *,
    method: Method | None = None,
    exact: bool = False,
    trials: int = 32,
    looks: int = 1,
    step: float | None = None,
    seed: int = 0,
    setting: Setting | None = None,
    progress: Progress | None = None,
    memory: int | None = None,
) -> Run:
    """Run a method with the claim's step sizes and metric; arguments as for :class:`Cell`.

    The method, if given, replaces that of the setting; the setting is the claim's own if omitted. Where there are
    epochs, horizons are rounded up to whole ones. Where the problem declares too little for the claim's recommendation,
    so that the claim is void there anyway, the missing constant is that of a head which has it: the curves stay
    comparable.
    """
    chosen = setting_of(claim.id) if setting is None else setting
    check_step(step)
    check_runnable(claim, problem, chosen, method)
    constants = constants_with_loans(problem, chosen, method)
    grid = whole(integers(horizons), chosen, problem)
    if chosen.anneal:
        # Δ is that of every smoothing in use
        constants["Delta"] = max(chosen.pose(problem, horizon).constants()["Delta"] for horizon in [1, *grid])

    def eta(horizon: int) -> float:
        try:
            return claim.best_eta(horizon, constants) if step is None else step
        except ZeroDivisionError:
            raise InputError(
                f"{problem.name}: no step suits a constant of 0; expected features that differ from 0"
            ) from None

    def step_sizes(horizon: int) -> Sequence[float]:
        return claim.steps(horizon, eta(horizon)).tolist()

    options: dict[str, Any] = {
        "method": method or chosen.method,
        "sampling": chosen.draws,
        "oracle": chosen.oracle,
        "eta": eta,
        "progress": progress,
    }
    if exact:
        options |= {} if memory is None else {"memory": memory}
    else:
        options |= {"trials": trials, "seed": seed, "looks": looks}
    engine: Callable[..., Run] = enumerate_paths if exact else simulate
    if not chosen.anneal:
        posed = chosen.pose(problem, 1)
        return engine(posed, step_sizes, grid, claim.metric.id, **options)
    runs = [
        engine(chosen.pose(problem, horizon), step_sizes, [horizon], claim.metric.id, **options) for horizon in grid
    ]
    return _of_smoothings(runs, chosen, problem, constants["Delta"])


def _of_smoothings(runs: Sequence[Run], setting: Setting, problem: Problem, suboptimality: float) -> Run:
    """One run of many smoothings, seen from that of T = 1, which the claim's L and ζ are of.

    The claim takes L to grow, and ζ to shrink, by ``T^anneal``: what was measured is brought back by that factor.
    """
    horizons = []
    for run in runs:
        (row,) = run.horizons
        factor = row.T**setting.anneal
        scaled = {"L": 1 / factor, "zeta": factor}
        horizons.append(replace(row, audit={name: value * scaled.get(name, 1) for name, value in row.audit.items()}))
    first = declared(setting.pose(problem, 1), setting.method or SGD(), setting.draws, setting.oracle)
    head = setting.pose(problem, 1).method_name("SGD")
    told = ", ".join(part for part in (head, runs[0].oracle, runs[0].sampling, f"μ_T=μ/T^{setting.anneal:g}") if part)
    return replace(runs[0], method=told, constants=first | {"Delta": suboptimality}, horizons=tuple(horizons))


@typed
def verify(claim: Rate, problem: Problem, horizons: Iterable[int] = (64, 256, 1024), *, level: float = 1e-3,
           **options: object) -> list[Verdict]:  # fmt: skip
    """Run a claim on a problem and judge it, one verdict a horizon.

    Args:
        claim: e.g. ``claims["R1"]``.
        problem: any :class:`sim.Problem`.
        horizons: the T.
        level: family-wise level of the Monte Carlo verdicts.
        options: ``method``, ``exact``, ``trials``, ``looks``, ``step``, ``seed``, ``setting`` as for :func:`run_claim`.
    """
    return judge([(claim, run_claim(claim, problem, horizons, **options), "")], level)  # type: ignore[arg-type]
