"""The search for the worst instance of a claim: the largest measured/bound, with exact expectations as objective.

It goes in rounds. In each, Hypothesis draws small instances of every family, aiming at tightness; the best is moved by
Nelder and Mead's simplex, which needs no derivatives; and what is better than before is kept. A round depends on its
number, the seed and the best so far, and is saved when it is done, so that an interrupted search goes on with the next
and ends with the same instance. Last, the instance is made plain: fewer steps, shorter numbers, as long as that costs
next to nothing of its tightness. What is found is an instance, not a supremum: compare the worst case, where one is
posed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hypothesis
import torch
from hypothesis import HealthCheck, Phase
from scipy.optimize import minimize

from aat import InputError, saved
from reports import own
from reports.falsify.draw import families, instances
from reports.falsify.found import Found, found
from reports.falsify.instance import Instance
from reports.falsify.plain import made_plain
from reports.runner import rate
from sim import Method
from sim.results import fingerprint
from theory import Rate, claims

# Of a round: instances drawn, and moves of the simplex.
EXAMPLES, MOVES = 120, 400

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Search:
    """What is searched, and where it is kept.

    Attributes:
        claim: id of a rate.
        folder: for the rounds and the instance.
        rounds: how many, ≥ 1.
        seed: of the search.
        file, method: a user's file, and a method of it.
        examples, moves: of a round.
    """

    claim: str
    folder: Path
    rounds: int = 4
    seed: int = 0
    file: str | None = None
    method: str | None = None
    examples: int = EXAMPLES
    moves: int = MOVES

    @property
    def rate(self) -> Rate:
        """The claim."""
        found = own.load(Path(self.file)).claims if self.file else {}
        return found.get(self.claim) or rate(self.claim)

    @property
    def rule(self) -> Method | None:
        """The update rule, if it is not the claim's own."""
        return own.load(Path(self.file)).method(self.method) if self.file else None

    @property
    def path(self) -> Path:
        """Where the worst instance is saved."""
        return self.folder / f"{self.claim}.json"

    @property
    def total(self) -> int:
        """Upper limit of the instances that are run, before the last is made plain."""
        return self.rounds * (self.examples + self.moves)

    def check(self) -> None:
        """InputError or UnknownClaim unless some family can be run under the claim."""
        if self.rounds < 1:
            raise InputError(f"rounds = {self.rounds}; expected ≥ 1; try 4")
        families(self.rate, self.rule)

    def run(self, progress: Progress = lambda runs: None) -> Found:
        """Search, or go on where an interrupted search stopped; the result is the same."""
        done, best = self._resume()
        progress(done * (self.examples + self.moves))
        for number in range(done, self.rounds):
            best = self._round(number, best, progress)
            self._keep(number + 1, best)
        if best is None:
            raise InputError(f"{self.claim}: no instance was found on which it says anything; try more rounds")
        plain = made_plain(best)
        plain.save(self.path)
        return found(plain, self.path)

    # --- Rounds ---

    def _round(self, number: int, best: Instance | None, progress: Progress) -> Instance | None:
        drawn = self._draw(number, progress)
        for start in [drawn] if drawn else []:
            best = _better(_moved(start, self.moves, progress), best)
        return best

    def _draw(self, number: int, progress: Progress) -> Instance | None:
        best: list[tuple[float, Instance]] = []

        @hypothesis.seed(int(fingerprint(self.claim, self.seed, number), 16))
        @hypothesis.settings(
            max_examples=self.examples,
            phases=[Phase.generate, Phase.target],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(instances(self.rate, self.rule, file=self.file, method=self.method))
        def look(instance: Instance) -> None:
            progress(1)
            value = instance.tightness
            if value > -math.inf:
                hypothesis.target(value)
                if not best or value > best[0][0]:
                    best[:] = [(value, instance)]

        look()
        return best[0][1] if best else None

    # --- Saved rounds ---

    @property
    def _state(self) -> Path:
        return self.folder / f".{self.claim}.rounds.json"

    @property
    def _key(self) -> str:
        content = Path(self.file).read_bytes() if self.file else b""
        return fingerprint(self.claim, self.seed, self.method, self.examples, self.moves, content)

    def _keep(self, done: int, best: Instance | None) -> None:
        state = {"key": self._key, "done": done, "best": None if best is None else asdict(best)}
        saved.save(self._state, state)

    def _resume(self) -> tuple[int, Instance | None]:
        try:
            state = saved.load(self._state)
            if state["key"] != self._key or state["done"] > self.rounds:
                return 0, None
            best = state["best"] and Instance(**state["best"])
            # another version may have judged it otherwise
            return (state["done"], best) if best is None or best.tightness > -math.inf else (0, None)
        except (OSError, ValueError, TypeError, KeyError):
            return 0, None


def searches(ids: Sequence[str], folder: Path, *, file: Path | None = None, **options: Any) -> list[Search]:
    """A search for each claim; without ``ids`` those of the file, or every rate of the ledger that can be run.

    Raises:
        InputError, UnknownClaim: a claim that was asked for cannot be searched.
    """
    stated = list(own.load(file).claims) if file else []
    asked = list(dict.fromkeys(ids)) or stated
    everything = [id for id, claim in claims.items() if isinstance(claim, Rate)]
    made = [Search(id, folder, file=str(file) if file else None, **options) for id in asked or everything]
    fit = []
    for search in made:
        try:
            search.check()
        except InputError:
            if asked:
                raise
        else:
            fit.append(search)
    return fit


def _better(one: Instance, other: Instance | None) -> Instance:
    return one if other is None or one.tightness > other.tightness else other


def _moved(start: Instance, moves: int, progress: Progress) -> Instance:
    """The best that the simplex comes to from ``start``."""
    best = [(start.tightness, start)]

    def cost(vector: Any) -> float:
        progress(1)
        instance = start.at(torch.from_numpy(vector.copy()))
        value = instance.tightness
        if value > best[0][0]:
            best[0] = (value, instance)
        # the simplex cannot compare infinities; no claim has a metric this far below 0
        return -value if math.isfinite(value) else 1e3

    options = {"maxfev": moves, "adaptive": True, "xatol": 1e-9, "fatol": 1e-12}
    minimize(cost, start.vector().numpy(), method="Nelder-Mead", options=options)
    return best[0][1]
