"""Claim + run → verdict: holds, violated, void or undecided.

The only place where theory and simulation meet: by the names of symbols (a claim's constants are those that a problem
declares), of metrics and of assumptions.

* ``void``: an assumption is not met, by declaration, by measurement along the run, or by the step size. The claim
  then says nothing, whatever was measured.
* ``violated``: the lower confidence bound lies above the claimed bound.
* ``holds``: the upper confidence bound lies at or below it.
* ``undecided``: neither.

For an exact run, and for trials of a single sample that all agree, the interval is the expectation give or take
rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from aat import InputError
from aat.typed import typed
from reports.confidence import Sample, holm_levels
from reports.power import power
from sim import Horizon, Run
from theory import Rate

STATUSES = ("holds", "violated", "void", "undecided")

# A measured constant may exceed the declared one by rounding.
_SLACK = 1e-9


@dataclass(frozen=True)
class Verdict:
    """One judged row; also the schema of ``--json``.

    Attributes:
        claim, problem, method, engine, metric: what was judged, on what.
        horizon: T.
        eta: scale of the step size.
        trials: number of trials, or of sample paths.
        measured: mean of the metric; its expectation when exact.
        lower, upper: one-sided confidence bounds of the expectation, each at ``level``.
        level: probability that this row allows of being wrong on one side; 0 when exact.
        bound: what the claim allows; ``None`` when the claim gives no number here.
        tightness: measured/bound.
        power: the smallest factor of violation that the row would have caught with probability 0.9; ``None`` if none.
        evidence: ``exact``, or what bounds the expectation from trials: ``betting`` or ``studentised``; or ``none``.
        status: one of :data:`STATUSES`.
        reason: why, when the status is void or undecided.
        assumptions: for each assumption, how it was met, or why not.
        constants: declared by the problem.
        audit: measured along the run.
        seed: of the run.
        command: reproduces the row.
    """

    claim: str
    problem: str
    method: str
    engine: str
    metric: str
    horizon: int
    eta: float
    trials: int
    measured: float
    lower: float
    upper: float
    level: float
    bound: float | None
    tightness: float | None
    power: float | None
    evidence: str
    status: str
    reason: str
    assumptions: dict[str, str]
    constants: dict[str, float]
    audit: dict[str, float]
    seed: int
    command: str = ""

    def as_row(self) -> dict[str, object]:
        """A flat object for ``--json``; every number in it is finite, or null."""
        return {key: _finite(value) for key, value in asdict(self).items()}


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@typed
def judge(pairs: Sequence[tuple[Rate, Run, str]], level: float = 1e-3) -> list[Verdict]:
    """Judge runs against claims, all rows together at one family-wise level.

    Args:
        pairs: a claim, a run of its metric, and the command that reproduces the run.
        level: probability of any wrong verdict among all Monte Carlo rows.

    Raises:
        InputError: a run has measured something else than its claim bounds; or these are no such pairs.
    """
    return _judged(pairs, level)


def _judged(pairs: Sequence[tuple[Rate, Run, str]], level: float) -> list[Verdict]:
    for claim, run, _ in pairs:
        if run.metric != claim.metric.id:
            raise InputError(f"a run of {run.metric} for claim {claim.id}; expected a run of {claim.metric.id}")
    rows = [(claim, run, horizon, command) for claim, run, command in pairs for horizon in run.horizons]
    checked = [met(claim, run, horizon) for claim, run, horizon, _ in rows]
    bounds = [
        claim.bound_at(horizon.T, horizon.eta, run.constants) if _computable(claim, run) else None
        for claim, run, horizon, _ in rows
    ]
    sampled = [
        k
        for k, (_, run, _, _) in enumerate(rows)
        if not certain(run, rows[k][2]) and bounds[k] is not None and not unmet(checked[k])
    ]
    samples = [_sample(rows[k][2], bounds[k]) for k in sampled]
    levels = dict(zip(sampled, holm_levels(samples, level), strict=True))
    return [
        _verdict(claim, run, horizon, command, checked[k], bounds[k], levels.get(k, level))
        for k, (claim, run, horizon, command) in enumerate(rows)
    ]


def certain(run: Run, horizon: Horizon) -> bool:
    """Whether the values are the expectation: all sample paths, or the only one there is."""
    return run.engine == "exact" or (run.samples == 1 and len(set(horizon.values)) == 1)


def _sample(horizon: Horizon, bound: float | None) -> Sample:
    return Sample(np.asarray(horizon.values), bound or 0.0, horizon.low, horizon.high, horizon.looks)


def met(claim: Rate, run: Run, horizon: Horizon) -> dict[str, str]:
    """How each assumption of the claim is met by the run; an entry that starts with ``not met`` voids the claim."""
    return {a.id: _met(a.id, str(a.constant) if a.constant else None, claim, run, horizon) for a in claim.assumptions}


def _met(name: str, constant: str | None, claim: Rate, run: Run, horizon: Horizon) -> str:
    if name == "step":
        if missing := _undeclared(claim, run):
            return f"not met: no {', '.join(missing)} is declared"
        broken = claim.broken(horizon.eta, {**run.constants, "T": horizon.T})
        return f"not met: {broken}" if broken else f"η = {horizon.eta:.3g}"
    if name == "convex":
        excess = horizon.audit.get("convexity")
        if not run.convex or excess is None:
            return "not met: the problem is not convex"
        scale = 1 + abs(run.constants.get("Delta", 0.0))
        return (
            "proved for this loss"
            if excess <= _SLACK * scale
            else f"not met: a tangent exceeds F(u) by {excess:.3g}{_where('convexity', horizon)}"
        )
    if constant is None:
        return _sampled(name, run, horizon)
    if constant not in run.constants:
        return f"not met: no {constant} is declared" + (" (hard threshold)" if constant == "L" else "")
    declared, measured = run.constants[constant], horizon.audit.get(constant)
    if measured is None:
        return f"{constant} = {declared:.4g}"
    if not measured <= declared * (1 + _SLACK):
        return (
            f"not met: {constant} = {measured:.4g} was measured{_where(constant, horizon)}, {declared:.4g} is declared"
        )
    return f"{constant} = {declared:.4g}, measured {measured:.4g}"


def _where(name: str, horizon: Horizon) -> str:
    """The step at which something was largest."""
    step = horizon.audit.get(f"{name} step")
    return "" if step is None else f" at step {step:.0f}"


def _undeclared(claim: Rate, run: Run) -> list[str]:
    """Constants that the conditions on the step size need, and the run does not declare."""
    conditions = [a.condition for a in claim.assumptions if a.condition is not None]
    needed = {str(symbol) for condition in conditions for symbol in condition.free_symbols} - {"eta", "T"}
    return sorted(needed - run.constants.keys())


def _sampled(name: str, run: Run, horizon: Horizon) -> str:
    """What has no constant: how samples are drawn, and whether their gradients are those of the objective."""
    reshuffled = "reshuffling" in run.sampling
    told = f"uniform sampling {run.sampling or 'with replacement'}".replace("sampling reshuffling", "reshuffling")
    if (name == "reshuffled" and not reshuffled) or (name in ("unbiased", "biased") and reshuffled):
        return f"not met: {told}"
    bias = horizon.audit.get("bias", 0.0)
    if name == "unbiased" and not bias <= _SLACK * (1 + horizon.audit.get("G", 0.0)):
        return f"not met: the mean gradient is {bias:.3g} away from ∇F{_where('bias', horizon)}"
    return told


def unmet(assumptions: dict[str, str]) -> list[str]:
    """The assumptions that are not met, with how."""
    return [f"{name} {how}" for name, how in assumptions.items() if how.startswith("not met")]


def _computable(claim: Rate, run: Run) -> bool:
    return all(name.name in run.constants for name in claim.constants)


def _verdict(
    claim: Rate,
    run: Run,
    horizon: Horizon,
    command: str,
    assumptions: dict[str, str],
    bound: float | None,
    level: float,
) -> Verdict:
    sample = _sample(horizon, bound)
    measured, doubt, caught = sample.mean, None, None
    trials = horizon.paths if run.engine == "exact" else len(horizon.values)
    if certain(run, horizon):
        lower, upper, level, evidence = measured, measured, 0.0, "exact"
        caught = 1 + 2 * horizon.rounding / bound if bound is not None and bound > 0 else None
    else:
        (lower, upper), evidence, doubt = sample.interval(level), sample.evidence, sample.doubt
    # what is solved for, or rounded, may be off by as much
    lower, upper = lower - horizon.rounding, upper + horizon.rounding
    broken = unmet(assumptions)
    status, reason = _status(measured, lower, upper, bound, broken, doubt)
    if bound is not None and not broken and evidence != "exact":
        caught = power(sample, level)
    return Verdict(
        claim=claim.id,
        problem=run.problem,
        method=run.method,
        engine=run.engine,
        metric=run.metric,
        horizon=horizon.T,
        eta=horizon.eta,
        trials=trials,
        measured=measured,
        lower=lower,
        upper=upper,
        level=level,
        bound=bound,
        tightness=measured / bound if bound else None,
        power=None if broken else caught,
        evidence=evidence,
        status=status,
        reason=reason,
        assumptions=assumptions,
        constants=run.constants,
        audit=horizon.audit,
        seed=run.seed,
        command=command,
    )


def _status(
    measured: float, lower: float, upper: float, bound: float | None, broken: Sequence[str], doubt: str | None
) -> tuple[str, str]:
    if broken or bound is None:
        return "void", "; ".join(broken) or "the bound cannot be computed from the declared constants"
    if not math.isfinite(measured):
        return "undecided", "the run diverged: the metric is not finite"
    if lower > bound:
        return "violated", ""
    if upper <= bound:
        return "holds", ""
    return "undecided", doubt or "the bound lies inside the confidence interval"
