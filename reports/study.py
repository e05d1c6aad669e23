"""A study: cells of (claim, problem, head), each run once, saved, and taken up again after an interruption.

Also the profiles of ``aat verify``, and :func:`verify`, the same for one problem in memory.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import torch

from aat import InputError
from reports import own
from reports.own import Own
from reports.verdict import Verdict, judge
from sim import METRICS, SGD, Method, Problem, Run, enumerate_paths, problems, simulate
from sim.exact import check_paths
from sim.metrics import metric
from sim.monte_carlo import Progress, check_trials, long_enough
from sim.results import fingerprint, versions, write_whole
from theory import Claim, Rate, claims

STUDY_FILE = "study.json"

# Smoothing of the head that lends its L to a hard one, for the step size of a claim that is void there.
_STAND_IN_MU = 0.05


def rate(id: str) -> Rate:
    """The rate claim of that id; UnknownClaim if there is none, InputError if it has no rate to verify."""
    claim = claims[id]
    if not isinstance(claim, Rate):
        rates = ", ".join(id for id, claim in claims.items() if isinstance(claim, Rate))
        raise InputError(f"claim {id} is a fact without a rate; expected one of {rates}; try aat prove {id}")
    return claim


@dataclass(frozen=True)
class Cell:
    """One claim on one problem with one head, over a grid of horizons.

    Attributes:
        claim: id of a rate claim.
        problem, data: names as :func:`sim.problems.make` takes them.
        k: votes that a class hears; ``None`` for the dense head.
        smoothing, mu, ridge: as for :class:`sim.Problem`.
        exact: all sample paths instead of random trials.
        horizons: the T, increasing.
        trials, looks: of Monte Carlo.
        step: scale of the step size; ``None`` for the one that the claim recommends at each T.
        seed: of the run.
        file: a user's file that may define the claim, the problem or the method, see :mod:`reports.own`.
        method: the update rule, ``SGD`` or one that the file defines.
    """

    claim: str
    problem: str
    data: str
    k: int | None
    smoothing: str | None = None
    mu: float | None = None
    ridge: float = 0.0
    exact: bool = False
    horizons: tuple[int, ...] = (64, 256, 1024)
    trials: int = 32
    looks: int = 1
    step: float | None = None
    seed: int = 0
    file: str | None = None
    method: str = SGD.name

    @property
    def name(self) -> str:
        """What the cell is called in file names: its claim, data and head, and a digest of everything else."""
        head = "dense" if self.k is None else f"{self.smoothing or 'hard'}-{self.k}"
        data = Path(self.data).stem
        return f"{self.claim}-{self.problem}-{data}-{head}-{fingerprint(asdict(self))[:6]}"

    @property
    def own(self) -> Own:
        """What the user's file defines; nothing without one."""
        return own.load(Path(self.file)) if self.file else Own(Path())

    @property
    def rate(self) -> Rate:
        """The claim."""
        return self.own.claims.get(self.claim) or rate(self.claim)

    @property
    def rule(self) -> Method:
        """The update rule."""
        return self.own.method(self.method)

    @property
    def command(self) -> str:
        """The command that runs this cell alone."""
        words = ["aat", "verify", *([self.file] if self.file else []), self.claim, "--problem", self.problem]
        posed = self.problem not in self.own.problems
        options = {
            "--method": self.method if self.file else None,
            "--data": self.data if posed else None,
            "--k": ("dense" if self.k is None else self.k) if posed else None,
            "--smoothing": self.smoothing,
            "--mu": self.mu,
            "--ridge": self.ridge or None,
            "--step": self.step,
            "--trials": None if self.exact else self.trials,
            "--looks": None if self.exact else self.looks,
            "--seed": self.seed,
        }
        for option, value in options.items():
            words += [] if value is None else [option, str(value)]
        for horizon in self.horizons:
            words += ["--horizon", str(horizon)]
        return shlex.join([*words, *(["--exact"] if self.exact else [])])

    @property
    def cost(self) -> float:
        """Rough work, to start the long cells first."""
        softened = 1 if self.smoothing is None else 4
        return softened * (sum(self.horizons) + 500) * (10 if self.problem == "softmax" else 1)

    def make(self) -> Problem:
        """The problem."""
        if self.problem in self.own.problems:
            return self.own.problems[self.problem]
        options = {"smoothing": self.smoothing, "mu": self.mu, "ridge": self.ridge}
        return problems.make(self.problem, self.data, k=self.k, **options)

    def check(self) -> None:
        """InputError or UnknownClaim unless the cell can be run."""
        self.rate  # noqa: B018 (raises)
        problem = self.make()
        check_runnable(self.rate, problem, self.rule)
        check_step(self.step)
        if not problem.x.any():
            raise InputError(f"{problem.name}: all features are 0, so nothing moves; expected one that is not")
        if self.exact:
            check_paths(problem.samples, self.horizons)
        else:
            check_trials(self.trials, self.looks, self.horizons)

    def run(self, progress: Progress | None = None) -> Run:
        """Simulate the cell."""
        run = run_claim(
            self.rate,
            self.make(),
            self.horizons,
            method=self.rule,
            exact=self.exact,
            trials=self.trials,
            looks=self.looks,
            step=self.step,
            seed=self.seed,
            progress=progress,
        )
        return replace(run, key=self.key)

    @property
    def key(self) -> str:
        """Fingerprint of what determines the result: files (not what they import), the libraries' versions."""
        files = [self.data if self.data.endswith(".npz") else None, self.file]
        return fingerprint(asdict(self), *(Path(file).read_bytes() for file in files if file), versions())


def lacks(claim: Rate, problem: Problem, method: Method | None = None) -> str | None:
    """What is missing to run the claim on the problem, a measured metric or a constant; ``None`` if nothing."""
    if claim.metric.id not in METRICS:
        return f"no run measures {claim.metric.id}"
    declared = constants_with_loans(problem) | declared_by(method)
    missing = [symbol.name for symbol in claim.constants if symbol.name not in declared]
    return f"{problem.name} declares no {', '.join(missing)}" if missing else None


def declared_by(method: Method | None) -> dict[str, float]:
    """The constants that a method has, e.g. its momentum β."""
    return dict(getattr(method, "constants", {}))


def check_runnable(claim: Rate, problem: Problem, method: Method | None = None) -> None:
    """InputError if the claim cannot be run on the problem."""
    if lack := lacks(claim, problem, method):
        raise InputError(f"{claim.id} cannot be run: {lack}; try aat prove {claim.id}")


def constants_with_loans(problem: Problem) -> dict[str, float]:
    """What the problem declares; an L or D that it lacks is that of a head which has it."""
    constants = problem.constants()
    lenders = {"L": lambda: problem.with_head(problem.k, "entropic", _STAND_IN_MU), "D": problem.dense_head}
    for name, lender in lenders.items():
        # a loss of one's own has no other head to borrow from
        if name not in constants and name in (lent := lender().constants()):
            constants[name] = lent[name]
    return constants


def check_step(step: float | None) -> None:
    """InputError unless the scale of the step size is a finite number > 0, or left to the claim."""
    if step is not None and not 0 < step < float("inf"):
        raise InputError(f"step = {step!r}; expected a finite number > 0; try step=0.1")


def run_claim(
    claim: Rate,
    problem: Problem,
    horizons: Sequence[int],
    *,
    method: Method | None = None,
    exact: bool = False,
    trials: int = 32,
    looks: int = 1,
    step: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Run:
    """Run a method with the claim's step sizes and metric; arguments as for :class:`Cell`.

    Where the problem declares too little for the claim's recommendation, so that the claim is void there anyway, the
    missing constant is that of a head which has it: the curves stay comparable.
    """
    check_step(step)
    check_runnable(claim, problem, method)
    constants = constants_with_loans(problem) | declared_by(method)

    def eta(horizon: int) -> float:
        try:
            return claim.best_eta(horizon, constants) if step is None else step
        except ZeroDivisionError:
            raise InputError(
                f"{problem.name}: no step suits a constant of 0; expected features that differ from 0"
            ) from None

    def step_sizes(horizon: int) -> Sequence[float]:
        return claim.steps(horizon, eta(horizon)).tolist()

    common = {"method": method, "eta": eta}
    if exact:
        return enumerate_paths(problem, step_sizes, horizons, claim.metric.id, **common)  # type: ignore[arg-type]
    return simulate(
        problem,
        step_sizes,
        horizons,
        claim.metric.id,
        trials=trials,
        seed=seed,
        looks=looks,
        progress=progress,
        **common,  # type: ignore[arg-type]
    )


def verify(claim: Rate, problem: Problem, horizons: Sequence[int] = (64, 256, 1024), *, level: float = 1e-3,
           **options: object) -> list[Verdict]:  # fmt: skip
    """Run a claim on a problem and judge it, one verdict a horizon.

    Args:
        claim: e.g. ``claims["R1"]``.
        problem: any :class:`sim.Problem`.
        horizons: the T.
        level: family-wise level of the Monte Carlo verdicts.
        options: ``method``, ``exact``, ``trials``, ``looks``, ``step``, ``seed`` as for :func:`run_claim`.
    """
    return judge([(claim, run_claim(claim, problem, horizons, **options), "")], level)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Study:
    """Cells with the family-wise level at which their verdicts are shared, and where the results live."""

    cells: tuple[Cell, ...]
    level: float = 1e-3

    def check(self) -> None:
        """InputError or UnknownClaim, before anything is written, unless every cell can be run."""
        if not 0 < self.level < 1:
            raise InputError(f"level = {self.level}; expected a probability in (0, 1); try 1e-3")
        for cell in self.cells:
            cell.check()

    @property
    def claims(self) -> dict[str, Claim]:
        """The ledger, and the claims of the user's file that are studied."""
        return {**claims, **{cell.claim: cell.rate for cell in self.cells}}

    @property
    def long(self) -> bool:
        """Whether a cell is long enough for the engine that is compiled on first use."""
        random = (cell for cell in self.cells if not cell.exact)
        return any(long_enough(max(cell.horizons), cell.trials) for cell in random)

    def save(self, folder: Path) -> None:
        """Note what is studied, so that the page can be rebuilt from the folder alone."""
        plan = {"level": self.level, "cells": [asdict(cell) for cell in self.cells]}
        write_whole(folder / STUDY_FILE, json.dumps(plan, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Study:
        """The study of a folder; InputError if there is none."""
        try:
            plan = json.loads((folder / STUDY_FILE).read_text(encoding="utf-8"))
            cells = tuple(Cell(**{**cell, "horizons": tuple(cell["horizons"])}) for cell in plan["cells"])
            study = cls(cells, float(plan["level"]))
            if not 0 < study.level < 1 or not all(cell.rate for cell in cells):
                raise ValueError(f"level {study.level}")
            return study
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{folder} holds no study ({error}); expected the --out of an aat verify") from None

    def run(self, folder: Path, workers: int = 1) -> Iterator[Cell]:
        """Run the cells that ``folder`` does not hold yet, the long ones first; yields each cell when it is there."""
        todo = []
        for cell in self.cells:
            if _finished(cell, folder):
                yield cell
            else:
                todo.append(cell)
        todo.sort(key=lambda cell: -cell.cost)
        jobs = (joblib.delayed(_run_and_save)(cell, folder) for cell in todo)
        yield from joblib.Parallel(n_jobs=min(workers, max(len(todo), 1)), return_as="generator_unordered")(jobs)

    def runs(self, folder: Path) -> list[Run]:
        """The saved runs, one for each cell; InputError when one is missing or damaged."""
        return [Run.load(_path(cell, folder)) for cell in self.cells]

    def judge(self, runs: Sequence[Run]) -> list[Verdict]:
        """Verdicts on the runs of the cells, all at one family-wise level."""
        judged = zip(self.cells, runs, strict=True)
        return judge(((cell.rate, run, f"{cell.command} --level {self.level:g}") for cell, run in judged), self.level)


def _path(cell: Cell, folder: Path) -> Path:
    return folder / "runs" / f"{cell.name}.json"


def _finished(cell: Cell, folder: Path) -> bool:
    try:
        return Run.load(_path(cell, folder)).key == cell.key
    except InputError:
        return False


def _run_and_save(cell: Cell, folder: Path) -> Cell:
    torch.set_num_threads(1)
    cell.run().save(_path(cell, folder))
    return cell


# What a claim or an optimizer of one's own is run on, where no problem is named: every family, hard and smoothed.
_HEADS: tuple[tuple[str | None, float | None], ...] = ((None, None), ("entropic", 0.05))


def own_cells(file: Path, ids: Sequence[str] = (), problem: str | None = None, method: str | None = None,
              **options: Any) -> tuple[Cell, ...]:  # fmt: skip
    """What a user's file defines against the built-in others: claims × problems × methods.

    Args:
        file: see :mod:`reports.own`.
        ids: claims, of the file or the ledger; all of the file's if omitted, and all rates of the ledger that fit if it
            has none.
        problem: one problem, of the file or built in; all of the file's if omitted, and the built-in families if it
            has none.
        method: one method; all of the file's if omitted, and SGD if it has none.
        options: of every :class:`Cell`; those that pose a problem are for a built-in ``problem``.

    Raises:
        InputError: as :func:`reports.own.load`, or nothing fits together; then with what is missing.
    """
    found = own.load(file)
    wanted = list(dict.fromkeys(ids)) or list(found.claims)
    known = wanted or [id for id, claim in claims.items() if isinstance(claim, Rate)]
    posed = [problem] if problem else list(found.problems) or list(problems.FAMILIES)
    cells: list[Cell] = []
    missing: dict[str, str] = {}
    for id, name, rule in product(known, posed, [method] if method else list(found.methods) or [SGD.name]):
        heads: Sequence[dict[str, Any]] = [{}]
        if name in found.problems:
            heads = [{"data": "own", "k": None, "smoothing": None, "mu": None, "ridge": 0.0}]
        elif not problem:
            heads = [{"data": "synthetic", "k": 5, "smoothing": smoothing, "mu": mu} for smoothing, mu in _HEADS]
        for head in heads:
            cell = Cell(**{"claim": id, "problem": name, "file": str(file), "method": rule, **options, **head})
            # a claim that was not asked for must be about the method: one with momentum is not judged by SGD's claims
            foreign = set() if wanted else declared_by(cell.rule).keys() - {name.name for name in cell.rate.constants}
            lack = f"it says nothing of {foreign}" if foreign else lacks(cell.rate, cell.make(), cell.rule)
            if lack is None:
                cells.append(cell)
            else:
                missing.setdefault(id, f"{id} cannot be run: {lack}")
    for id in wanted:
        if not any(cell.claim == id for cell in cells):
            raise InputError(f"{missing[id]}; expected constants={{…}} of the problem; try another problem or claim")
    if not cells:
        raise InputError(f"{file}: no claim fits; {next(iter(missing.values()), 'none is known')}")
    return tuple(cells)


def profile(name: str, only: Iterable[str] = ()) -> tuple[Cell, ...]:
    """The cells of a profile, ``quick`` or ``full``, for the claims of ``only`` (all if empty)."""
    grids = {
        "quick": ((32, 128, 512, 2048), (32, 128, 512), 16, 1),
        "full": ((100, 1000, 10_000), (100, 1000, 10_000, 100_000), 24, 8),
    }
    if name not in grids:
        raise InputError(f"unknown profile {name!r}; expected one of {', '.join(grids)}")
    wanted = {rate(id).id for id in only}
    return tuple(cell for cell in _cells(*grids[name]) if not wanted or cell.claim in wanted)


def _cells(synthetic: tuple[int, ...], digits: tuple[int, ...], trials: int, looks: int) -> Iterator[Cell]:
    k, mu = 5, 0.05
    heads: dict[str, tuple[int | None, str | None, float | None]] = {
        "hard": (k, None, None),
        "entropic": (k, "entropic", mu),
        "quadratic": (k, "quadratic", mu),
        "dense": (None, None, None),
    }
    plan = {
        ("routing", "hard entropic quadratic"): ("R1", "R3"),
        ("monotone", "hard entropic dense"): ("R1", "R3"),
        ("logistic", "hard entropic quadratic dense"): ("R6",),
        ("softmax", "hard entropic dense"): ("R1", "R6"),
    }
    for (problem, wanted), ids in plan.items():
        for claim in ids:
            for data, grid in (("synthetic", synthetic), ("digits", digits)):
                for head in wanted.split():
                    width, smoothing, scale = heads[head]
                    averaged = metric(rate(claim).metric.id).when == "each"
                    yield Cell(claim, problem, data, width, smoothing, scale, horizons=grid, trials=trials,
                               looks=looks if averaged else 1)  # fmt: skip
            width, smoothing, scale = heads["entropic" if claim == "R6" else wanted.split()[0]]
            few = None if width is None else 2
            yield Cell(claim, problem, "tiny", few, smoothing, scale, exact=True, horizons=(1, 2, 4, 8))
