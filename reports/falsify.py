"""The search for the worst instance of a claim: the largest measured/bound, with exact expectations as objective.

It goes in rounds. In each, Hypothesis draws small instances of every family, aiming at tightness; the best is moved by
Nelder and Mead's simplex, which needs no derivatives; and what is better than before is kept. A round depends on its
number, the seed and the best so far, and is saved when it is done, so that an interrupted search goes on with the next
and ends with the same instance. Last, the instance is made plain: fewer steps, shorter numbers, as long as that costs
next to nothing of its tightness. What is found is an instance, not a supremum: compare the worst case, where one is
posed.
"""

from __future__ import annotations

import contextlib
import json
import math
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import hypothesis
import torch
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from aat import InputError
from reports import own
from reports.instance import Instance
from reports.runner import constants_with_loans, lacks, rate
from reports.settings import setting_of
from sim import Method, Problem
from sim.exact import check_paths
from sim.problems import FAMILIES, Labelled
from sim.results import fingerprint, write_whole
from theory import Rate, claims
from theory.worst_case import SETTINGS, NotInstalled, Unsolved, worst_case

# Of a round: instances drawn, and moves of the simplex.
EXAMPLES, MOVES = 120, 400
# A plainer instance may cost this share of the tightness.
_PLAIN = 1e-3
_MOST_STEPS = {1: 8, 2: 6, 3: 4}
# Rounding must not matter: bounds and metrics below this share of the numbers that make them up are not looked at.
_FINE = 1e-6

# Among these there is a head that a family takes, and with which it declares all that it ever declares.
_HEADS: tuple[dict[str, Any], ...] = ({"k": 1, "smoothing": "quadratic", "mu": 0.1, "ridge": 0.5}, {"k": 1}, {"k": 2})

# Iterates on all sample paths, for the worst case: its constraints grow with their square.
_MOST_NODES = 15

Progress = Callable[[int], object]


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
        self._families()

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
        @hypothesis.given(self._instances())
        def look(instance: Instance) -> None:
            progress(1)
            value = tightness(instance)
            if value > -math.inf:
                hypothesis.target(value)
                if not best or value > best[0][0]:
                    best[:] = [(value, instance)]

        look()
        return best[0][1] if best else None

    # --- Instances ---

    def _families(self) -> list[str]:
        """The families that declare, with one head or another, what the claim needs."""
        tiny = Labelled("tiny", torch.eye(2, dtype=torch.float64), torch.tensor([0, 1]))
        claim, rule = self.rate, self.rule
        lacking: dict[str, str | None] = {}
        for (name, family), options in product(FAMILIES.items(), _HEADS):
            with contextlib.suppress(InputError):
                problem = family.from_data(tiny, **options)
                lack = lacks(claim, replace(problem, comparator=problem.w0), None, rule)
                lacking[name] = lack and lacking.get(name, lack)
        fit = [name for name, lack in lacking.items() if lack is None]
        if not fit:
            raise InputError(f"{self.claim} cannot be searched: {next(iter(lacking.values()))}; try aat prove")
        return fit

    def _instances(self) -> st.SearchStrategy[Instance]:
        """Small instances; often the comparator is downhill as far as the steps reach: the worst of linear losses."""
        families = self._families()
        claim, method = self.rate, self.rule

        @st.composite
        def draw_one(draw: st.DrawFn) -> Instance:
            samples, features = draw(st.integers(1, 3)), draw(st.integers(1, 3))
            horizon = draw(st.integers(2, _MOST_STEPS[samples]))
            smoothing = draw(st.sampled_from([None, "entropic", "quadratic"]))
            data = Labelled(
                "falsify",
                draw(_vectors(samples * features)).reshape(samples, features),
                torch.tensor(draw(st.lists(st.integers(0, 1), min_size=samples, max_size=samples))),
            )
            options = {
                "smoothing": smoothing,
                "mu": smoothing and draw(st.sampled_from([0.01, 0.1, 1.0])),
                "ridge": draw(st.sampled_from([0.0, 0.0, 0.5])),
            }
            family, k = FAMILIES[draw(st.sampled_from(families))], draw(st.integers(1, features))
            try:
                problem = family.from_data(data, k=k, **options)
            except InputError:  # a head that it does not take
                try:
                    problem = family.from_data(data, k=features)
                except InputError:  # data that it does not take
                    hypothesis.reject()
            # the family's own comparator is solved for, and would not be used
            problem = replace(problem, comparator=problem.w0)
            if lacks(claim, problem, None, method):
                hypothesis.reject()
            scale = draw(st.sampled_from([1.0, 10.0]))
            problem = replace(problem, start=draw(_vectors(problem.dimension)) * scale)
            length = 10 ** draw(st.floats(-2, 1))
            steps = length / horizon
            problem = replace(problem, comparator=draw(_comparators(problem, length)))
            return Instance.of(
                self.claim, problem, horizon, draw(_etas(claim, problem, method, horizon, steps)), file=self.file,
                method=self.method,
            )  # fmt: skip

        return draw_one()

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
        write_whole(self._state, json.dumps(state))

    def _resume(self) -> tuple[int, Instance | None]:
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            if state["key"] != self._key or state["done"] > self.rounds:
                return 0, None
            best = state["best"] and Instance(**state["best"])
            # another version may have judged it otherwise
            return (state["done"], best) if best is None or tightness(best) > -math.inf else (0, None)
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


def _vectors(size: int) -> st.SearchStrategy[Tensor]:
    """Coarse numbers, so that votes tie and vanish too."""
    eighths = st.lists(st.integers(-16, 16), min_size=size, max_size=size)
    return eighths.map(lambda row: torch.tensor(row, dtype=torch.float64) / 8)


def _comparators(problem: Problem, length: float) -> st.SearchStrategy[Tensor]:
    downhill = problem.w0 - length * problem.full_gradient(problem.w0[None])[0]
    return st.just(downhill) | _vectors(problem.dimension)


def _etas(claim: Rate, problem: Problem, method: Method | None, horizon: int, steps: float) -> st.SearchStrategy[float]:
    """The step that reaches the comparator, the tuned one, and a share of the cap or of the tuned one."""
    constants = constants_with_loans(problem, setting_of(claim.id), method)
    try:
        tuned = claim.best_eta(horizon, constants)
    except (ZeroDivisionError, OverflowError, ValueError):
        hypothesis.reject()
    if not 0 < tuned < math.inf:
        hypothesis.reject()
    return st.sampled_from([steps, tuned]) | st.floats(-2, 1).map(lambda power: tuned * 10**power)


def tightness(instance: Instance) -> float:
    """Measured/bound on all sample paths; −∞ where the claim says nothing, or rounding has a say."""
    try:
        check_paths(instance.samples, [instance.horizon])
        verdict = instance.verdict()
    except (InputError, ArithmeticError):
        return -math.inf
    if verdict.status == "void" or not verdict.bound or verdict.tightness is None:
        return -math.inf
    fine = verdict.upper - verdict.lower <= _FINE * verdict.bound
    return verdict.tightness if fine and math.isfinite(verdict.tightness) else -math.inf


def _better(one: Instance, other: Instance | None) -> Instance:
    return one if other is None or tightness(one) > tightness(other) else other


def _moved(start: Instance, moves: int, progress: Progress) -> Instance:
    """The best that the simplex comes to from ``start``."""
    best = [(tightness(start), start)]

    def cost(vector: Any) -> float:
        progress(1)
        instance = start.at(torch.from_numpy(vector.copy()))
        value = tightness(instance)
        if value > best[0][0]:
            best[0] = (value, instance)
        # the simplex cannot compare infinities; no claim has a metric this far below 0
        return -value if math.isfinite(value) else 1e3

    options = {"maxfev": moves, "adaptive": True, "xatol": 1e-9, "fatol": 1e-12}
    minimize(cost, start.vector().numpy(), method="Nelder-Mead", options=options)
    return best[0][1]


# --- The plain instance ---


def made_plain(instance: Instance) -> Instance:
    """The instance with fewer samples, fewer steps and shorter numbers, at a thousandth of its tightness at most."""
    enough = (1 - _PLAIN) * tightness(instance)
    for i in reversed(range(instance.samples)):
        fewer = _without(instance, i)
        if fewer.samples and tightness(fewer) >= enough:
            instance = fewer
    for horizon in range(2, instance.horizon):
        shorter = replace(instance, horizon=horizon)
        if tightness(shorter) >= enough:
            instance = shorter
            break
    for digits in range(1, 17):
        for candidate in _rounded(instance, digits):
            if tightness(candidate) >= enough:
                return _number_by_number(candidate, digits, enough)
    return instance


def _without(instance: Instance, i: int) -> Instance:
    """The instance without a sample: every array that has a row for each."""
    kept = {
        name: value[:i] + value[i + 1 :]
        for name, value in instance.numbers.items()
        if isinstance(value, list) and name not in ("start", "comparator") and len(value) == instance.samples
    }
    return replace(instance, numbers={**instance.numbers, **kept})


def _rounded(instance: Instance, digits: int) -> Iterator[Instance]:
    moved = instance.vector()
    whole = instance.at(torch.tensor([_round(value, digits) for value in moved.tolist()], dtype=torch.float64))
    scales = {"mu": _round(instance.numbers["mu"], digits)} if instance.numbers["mu"] else {}
    yield replace(whole, eta=_round(instance.eta, digits), numbers={**whole.numbers, **scales})


def _number_by_number(instance: Instance, digits: int, enough: float) -> Instance:
    """Each number in turn as 0 or with fewer digits, where that is enough."""
    for i in range(len(instance.vector())):
        for fewer in range(digits):
            vector = instance.vector()
            vector[i] = _round(vector[i].item(), fewer) if fewer else 0.0
            candidate = replace(
                instance.at(vector),
                eta=instance.eta,
                numbers={**instance.at(vector).numbers, "mu": instance.numbers["mu"]},
            )
            if tightness(candidate) >= enough:
                instance = candidate
                break
    return instance


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


# --- What is reported ---


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
