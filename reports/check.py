"""One call that a test of an optimizer makes: it meets the rate of a claim, or the test fails with one message."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import pytest
import torch

from aat import InputError
from aat.checks import shown
from reports.against import fitting, grid
from reports.runner import rate, run_claim
from reports.verdict import Verdict, judge
from sim import Method, Problem, from_optimizer
from sim.asked import integers
from theory import Rate, claims
from theory.ledger import UnknownClaim
from theory.plain import plain

_ALLOWED = ("undecided", "void")

# Rows of a failure that are told in full.
_SHOWN = 4


@dataclass
class RateCheck:
    """What the ``check_rate`` fixture of a test is.

    Attributes:
        test: the test's node id, for the replay.
        level: what the test's Monte Carlo checks share: its i-th has ``level``/(i(i + 1)).
        trials, horizons: of checks that do not choose for themselves.
    """

    test: str
    level: float
    trials: int | None = None
    horizons: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def __call__(
        self,
        claim: str | Rate,
        method: type[torch.optim.Optimizer] | Method | None = None,
        problem: Problem | None = None,
        *,
        horizons: Iterable[int] = (),
        trials: int | None = None,
        exact: bool | None = None,
        allow: Collection[str] = (),
        **options: Any,
    ) -> list[Verdict]:
        """Prove the claim, run the method on the problem and judge it; the test fails unless every row holds.

        Args:
            claim: an id of the ledger, whose proof is checked, or a rate of one's own (:func:`theory.cited.cite`).
            method: a class of optimizers, or what :func:`sim.from_optimizer` makes of one with its options; the claim's
                own if omitted.
            problem: any :class:`sim.Problem`; if omitted all built-in ones, small, on which the claim says something.
            horizons: the T; by default those of ``--rate-horizon``, or 1, 2, 4 (exact), or 64, 256, 1024.
            trials: of Monte Carlo; by default those of ``--rate-trials``.
            exact: all sample paths instead of trials; by default where no trials are asked for.
            allow: statuses that do not fail the test beside ``holds``: ``undecided``, ``void``. One row at least must
                hold.
            options: ``looks``, ``step``, ``seed``, ``setting`` as for :func:`reports.verify`.

        Returns:
            A verdict for each problem and horizon.
        """
        try:
            found, bound = self._verdicts(claim, method, problem, horizons, trials, exact, allow, options)
            failed = [v for v in found if v.status not in ("holds", *allow)]
            if not failed and any(v.status == "holds" for v in found):
                return found
            told = _message(failed or found, len(found), bound, self._replay)
        except (InputError, UnknownClaim) as error:
            told = " ".join(str(error).split())
        pytest.fail(told, pytrace=False)

    @property
    def _replay(self) -> str:
        # alone in its session, the test has the whole level
        words = ["pytest", self.test, f"--rate-level={self.level!r}"]
        words += [] if self.trials is None else [f"--rate-trials={self.trials}"]
        return shlex.join([*words, *(f"--rate-horizon={horizon}" for horizon in self.horizons)])

    def _verdicts(
        self,
        claim: str | Rate,
        method: type[torch.optim.Optimizer] | Method | None,
        problem: Problem | None,
        horizons: Iterable[int],
        trials: int | None,
        exact: bool | None,
        allow: Collection[str],
        options: dict[str, Any],
    ) -> tuple[list[Verdict], str]:
        """The verdicts of a check, and the bound in words."""
        if not isinstance(allow, list | tuple | set | frozenset):
            raise InputError(f"allow = {shown(allow)}; expected a list; try allow=('undecided',)")
        if unknown := [status for status in allow if status not in _ALLOWED]:
            told = ", ".join(status if isinstance(status, str) else shown(status) for status in unknown)
            raise InputError(f"allow = {told}; expected {' or '.join(_ALLOWED)}; a violation is one")
        stated = _proved(claim) if isinstance(claim, str) else claim
        if not isinstance(stated, Rate):
            raise InputError(
                f"{shown(stated)} is no claim; expected an id of the ledger or a rate; try theory.cited.cite"
            )
        rule = _rule(method)
        trials = self.trials if trials is None else trials
        if exact is not None and not isinstance(exact, bool):
            raise InputError(f"exact = {shown(exact)}; expected True or False; try exact=True")
        exact = trials is None if exact is None else exact
        run = {"exact": exact, "method": rule, **({} if exact or trials is None else {"trials": trials}), **options}
        level = self.level
        if not exact:
            number = next(self._numbers)
            level /= number * (number + 1)
        posed = fitting(stated, rule) if problem is None else [problem]
        if not posed:
            raise InputError(f"{stated.id} says nothing on any built-in problem; expected a problem= of your own")
        chosen = tuple(integers(horizons)) or self.horizons or grid(exact)
        runs = [(stated, run_claim(stated, one, chosen, **run), self._replay) for one in posed]
        return judge(runs, level), plain(stated.bound)


@cache
def _proved(id: str) -> Rate:
    """The rate of the ledger, its proof checked once a process."""
    found = rate(id)
    refused = claims[id].prove().refused
    if refused:
        raise InputError(f"the proof of {id} is refused: {refused}; expected residuals of 0; try aat prove {id}")
    return found


def _rule(method: type[torch.optim.Optimizer] | Method | None) -> Method | None:
    if isinstance(method, type):
        return from_optimizer(method)
    if method is None or (hasattr(method, "start") and hasattr(method, "update")):
        return method
    raise InputError(
        f"{shown(method)} is no method; expected a class of optimizers; try from_optimizer(MyOptimizer, **its options)"
    )


def _message(rows: Sequence[Verdict], total: int, bound: str, replay: str) -> str:
    told = [f"{rows[0].claim} does not hold in {len(rows)} of {total} rows"]
    for v in rows[:_SHOWN]:
        told.append(f"  {v.status}: {v.problem}, {v.method}, T = {v.horizon}")
        told += [f"    {v.reason}"] if v.reason else []
        sure = "" if v.evidence == "exact" else f", {1 - 2 * v.level:.6%} sure between {v.lower:.6g} and {v.upper:.6g}"
        allowed = "" if v.bound is None else f", bound {v.bound:.6g}"
        told.append(f"    measured {v.measured:.6g} ({v.evidence}){sure}{allowed}")
    told += [f"  and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return "\n".join([*told, f"  bound: {bound}", f"  replay: {replay}"])
