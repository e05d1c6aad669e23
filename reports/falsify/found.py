"""What a search reports: the verdict on an instance, beside the worst case of its setting."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.falsify.instance import Instance
from theory.worst_case import SETTINGS, NotInstalled, Unsolved, worst_case

# Iterates on all sample paths, for the worst case: its constraints grow with their square.
_MOST_NODES = 15


@dataclass(frozen=True)
class Found:
    """The worst instance that was found; also the schema of ``aat falsify --json``.

    Attributes:
        claim: id.
        tightness: measured/bound, exact but for rounding.
        status: of the verdict on it.
        problem, method: what it is.
        horizon, eta: T and the scale of the step size.
        measured, bound: the expectation and what the claim allows.
        worst_case: the largest possible measured/bound at the same T, N, step and constants, over all problems of the
            claim's setting, by performance estimation; ``None`` where none is posed or solved, or its tree is large.
        instance: the numbers of the instance.
        replay: the command that runs it again.
    """

    claim: str
    tightness: float
    status: str
    problem: str
    method: str
    horizon: int
    eta: float
    measured: float
    bound: float
    worst_case: float | None
    instance: dict[str, Any]
    replay: str


def found(instance: Instance, path: Path) -> Found:
    """The verdict on an instance that is saved at ``path``, beside the worst case of its setting."""
    verdict = instance.verdict()
    assert verdict.bound is not None
    return Found(
        claim=instance.claim,
        tightness=verdict.measured / verdict.bound,
        status=verdict.status,
        problem=verdict.problem,
        method=verdict.method,
        horizon=verdict.horizon,
        eta=instance.eta,
        measured=verdict.measured,
        bound=verdict.bound,
        worst_case=_worst_case(instance, verdict.constants),
        instance=instance.numbers,
        replay=shlex.join(["aat", "falsify", "--replay", str(path)]),
    )


def _worst_case(instance: Instance, constants: dict[str, float]) -> float | None:
    samples = instance.samples
    nodes = sum(samples**t for t in range(instance.horizon))
    if instance.claim not in SETTINGS or instance.method is not None or nodes > _MOST_NODES:
        return None
    try:
        return 1 / worst_case(instance.rate, instance.horizon, samples, constants, eta=instance.eta).ratio
    except (NotInstalled, Unsolved, ArithmeticError):
        return None
