"""Runs that stop when the matter is clear: trials come in batches, and the values are looked at after each.

A horizon gets no more trials once one of its two hypotheses is refuted at the level of one hypothesis among all of the
study's, which is what Holm's procedure asks of the first; or once it is void, so that no number of trials matters. The
p-values hold at whatever look a run stops (:mod:`reports.confidence`), so Holm's procedure may be applied to them.

Batches double, from ``trials`` to ``most`` in all. The first is the run that is not sequential; each has a seed of its
own, derived from that of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from aat import InputError
from aat.seeds import key
from reports.confidence import Sample
from reports.verdict import certain, met, unmet
from sim import Horizon, Run
from sim.audit import merged
from theory import Rate

# Horizons, trials and seed of a batch ↦ its run.
Batch = Callable[[Sequence[int], int, int], Run]


def plan(trials: int, most: int) -> tuple[int, ...]:
    """The numbers of trials after which a run looks at its values: ``trials``, doubling, at last ``most``.

    Raises:
        InputError: fewer trials at most than at first.
    """
    if most < trials:
        raise InputError(f"at most {most} trials; expected no fewer than the {trials} of the first batch")
    looks = [trials]
    while 2 * looks[-1] < most - 1:
        looks.append(2 * looks[-1])
    # a batch has two trials or more
    return (*looks, most) if most - looks[-1] > 1 else tuple(looks)


def run_sequentially(
    claim: Rate,
    batch: Batch,
    horizons: Sequence[int],
    *,
    trials: int,
    most: int,
    level: float,
    seed: int,
    together: bool = False,
) -> Run:
    """Run batches until every horizon is decided, void, or has ``most`` trials.

    Args:
        claim: what is judged.
        batch: runs a batch.
        horizons: the T.
        trials: of the first batch, ≥ 2.
        most: trials of a horizon at most.
        level: at which one hypothesis is refuted.
        seed: of the first batch.
        together: whether all horizons go on while one does, because what is run at one depends on the others.
    """
    looks = plan(trials, most)
    run = batch(horizons, looks[0], seed)
    found = {row.T: replace(row, looks=looks) for row in run.horizons}
    for number, (before, look) in enumerate(pairwise(looks), start=1):
        open_ones = [T for T, row in found.items() if not _clear(claim, run, row, level)]
        if not open_ones:
            break
        more = batch(list(found) if together else open_ones, look - before, key("batch", seed, number))
        found |= {row.T: _joined(found[row.T], row) for row in more.horizons}
    return replace(run, horizons=tuple(found.values()))


def _clear(claim: Rate, run: Run, row: Horizon, level: float) -> bool:
    if any(name.name not in run.constants for name in claim.constants) or certain(run, row):
        return True
    if unmet(met(claim, run, row)):
        return True
    bound = claim.bound_at(row.T, row.eta, run.constants)
    return min(Sample(np.asarray(row.values), bound, row.low, row.high, row.looks).p_values) < level


def _joined(before: Horizon, more: Horizon) -> Horizon:
    return replace(
        before,
        values=before.values + more.values,
        rounding=max(before.rounding, more.rounding),
        audit=merged(before.audit, more.audit),
    )
