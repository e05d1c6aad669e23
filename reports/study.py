"""A study: cells of (claim, problem, head), each run once, saved, and taken up again after an interruption.

Also the profiles of ``aat verify``, and :func:`verify`, the same for one problem in memory.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import torch

from aat import InputError
from reports import own
from reports.own import Own
from reports.sequential import plan, run_sequentially
from reports.settings import Setting, setting_of
from reports.verdict import Verdict, judge
from sim import METRICS, SGD, Method, Problem, Run, enumerate_paths, estimate, problems, simulate
from sim.exact import Cost, check_paths
from sim.monte_carlo import Progress, check_trials, long_enough
from sim.results import declared, fingerprint, versions, write_whole
from sim.sampling import Kind
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
        sampling, batch, beta, gradient, density, anneal: of the claim's :class:`reports.settings.Setting`, where it is
            to be another; ``None`` for the claim's own.
        most: trials at most of a sequential run, which starts with ``trials`` and stops when the matter is clear;
            ``None`` for a run of just ``trials``.
        stop: level at which one hypothesis stops a sequential run; shared equally by the study's if ``None``.
        file: a user's file that may define the claim, the problem or the method, see :mod:`reports.own`.
        method: an update rule that the file defines; ``None`` for the claim's own.
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
    sampling: Kind | None = None
    batch: int | None = None
    beta: float | None = None
    gradient: str | None = None
    density: float | None = None
    anneal: float | None = None
    most: int | None = None
    stop: float | None = None
    file: str | None = None
    method: str | None = None

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
    def rule(self) -> Method | None:
        """The update rule, if it is not the claim's own."""
        return self.own.method(self.method)

    @property
    def setting(self) -> Setting:
        """What is run besides the problem."""
        return setting_of(self.claim, sampling=self.sampling, batch=self.batch, beta=self.beta, gradient=self.gradient,
                          density=self.density, anneal=self.anneal)  # fmt: skip

    @property
    def command(self) -> str:
        """The command that runs this cell alone."""
        words = ["aat", "verify", *([self.file] if self.file else []), self.claim, "--problem", self.problem]
        posed = self.problem not in self.own.problems
        options = {
            "--method": self.method,
            "--data": self.data if posed else None,
            "--k": ("dense" if self.k is None else self.k) if posed else None,
            "--smoothing": self.smoothing,
            "--mu": self.mu,
            "--ridge": self.ridge or None,
            "--step": self.step,
            "--trials": None if self.exact else self.trials,
            "--looks": None if self.exact else self.looks,
            "--seed": self.seed,
            "--sampling": self.sampling,
            "--batch": self.batch,
            "--beta": self.beta,
            "--gradient": self.gradient,
            "--density": self.density,
            "--anneal": self.anneal,
            "--most-trials": self.most,
            "--stop": self.stop,
        }
        for option, value in options.items():
            words += [] if value is None else [option, str(value)]
        for horizon in self.horizons:
            words += ["--horizon", str(horizon)]
        return shlex.join([*words, *(["--exact"] if self.exact else []), *(["--sequential"] if self.most else [])])

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
        problem, setting = self.make(), self.setting
        # what a built-in problem declares does not depend on the comparator, and finding one takes long
        quick = problem if self.problem in self.own.problems else replace(problem, comparator=problem.w0)
        check_runnable(self.rate, quick, setting, self.rule)
        check_step(self.step)
        setting.draws.check(problem.samples)
        if not problem.x.any():
            raise InputError(f"{problem.name}: all features are 0, so nothing moves; expected one that is not")
        if self.exact:
            check_paths(problem.samples, _whole(self.horizons, setting, problem), setting.draws)
        else:
            check_trials(self.trials, self.looks, self.horizons)
        if self.most is not None:
            plan(self.trials, self.most)
        if self.stop is not None and not 0 < self.stop < 1:
            raise InputError(f"stop = {self.stop}; expected a probability in (0, 1); try 1e-5")

    def run(self, progress: Progress | None = None, memory: int | None = None) -> Run:
        """Simulate the cell; ``memory`` in bytes as for :func:`sim.enumerate_paths`."""
        problem = self.make()

        def batch(horizons: Sequence[int], trials: int, seed: int) -> Run:
            return run_claim(
                self.rate,
                problem,
                horizons,
                method=self.rule,
                exact=self.exact,
                trials=trials,
                looks=self.looks,
                step=self.step,
                seed=seed,
                setting=self.setting,
                progress=progress,
                memory=memory,
            )

        if self.most is None or self.exact:
            run = batch(self.horizons, self.trials, self.seed)
        else:
            level = self.stop or 1e-3 / (2 * len(self.horizons))
            run = run_sequentially(self.rate, batch, self.horizons, trials=self.trials, most=self.most, level=level,
                                   seed=self.seed, together=self.setting.anneal > 0)  # fmt: skip
        return replace(run, key=self.key)

    def estimate(self, memory: int | None = None) -> list[Cost]:
        """What each horizon of an exact cell will cost; nothing for Monte Carlo. Raises as :meth:`check` does."""
        if not self.exact:
            return []
        problem, setting, limit = self.make(), self.setting, {} if memory is None else {"memory": memory}
        return [
            estimate(setting.pose(problem, T), T, self.rate.metric.id, sampling=setting.draws, **limit)
            for T in _whole(self.horizons, setting, problem)
        ]

    @property
    def key(self) -> str:
        """Fingerprint of what determines the result: files (not what they import), the libraries' versions."""
        files = [self.data if self.data.endswith(".npz") else None, self.file]
        return fingerprint(asdict(self), *(Path(file).read_bytes() for file in files if file), versions())


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


def _whole(horizons: Iterable[int], setting: Setting, problem: Problem) -> list[int]:
    return sorted({setting.whole(horizon, problem.samples) for horizon in horizons})


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
    grid = _whole(horizons, chosen, problem)
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


def verify(claim: Rate, problem: Problem, horizons: Sequence[int] = (64, 256, 1024), *, level: float = 1e-3,
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

    def run(self, folder: Path, workers: int = 1, memory: int | None = None) -> Iterator[Cell]:
        """Run the cells that ``folder`` does not hold yet, the long ones first; yields each cell when it is there.

        ``memory``, in bytes, is what the exact cells may take, all workers together; results change by rounding only.
        """
        todo = []
        for cell in self.cells:
            if _finished(cell, folder):
                yield cell
            else:
                todo.append(cell)
        todo.sort(key=lambda cell: -cell.cost)
        busy = min(workers, max(len(todo), 1))
        share = None if memory is None else memory // busy
        jobs = (joblib.delayed(_computed)(cell, share) for cell in todo)
        parallel = joblib.Parallel(n_jobs=busy, return_as="generator_unordered")
        # saved here and not by the worker, which may be on another machine
        for cell, run in parallel(jobs):
            run.save(_path(cell, folder))
            yield cell

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


def _computed(cell: Cell, memory: int | None) -> tuple[Cell, Run]:
    torch.set_num_threads(1)
    return cell, cell.run() if memory is None else cell.run(memory=memory)


# What a claim or an optimizer of one's own is run on, where no problem is named: every family, with each head it takes.
_HEADS: tuple[tuple[int | None, str | None, float | None], ...] = (
    (5, None, None),
    (5, "entropic", 0.05),
    (None, None, None),
)


def own_cells(file: Path, ids: Sequence[str] = (), problem: str | None = None, method: str | None = None,
              **options: Any) -> tuple[Cell, ...]:  # fmt: skip
    """What a user's file defines against the built-in others: claims × problems × methods.

    Args:
        file: see :mod:`reports.own`.
        ids: claims, of the file or the ledger; all of the file's if omitted, and all rates of the ledger that fit if it
            has none.
        problem: one problem, of the file or built in; all of the file's if omitted, and the built-in families if it
            has none.
        method: one method; all of the file's if omitted, and the claim's own if it has none.
        options: of every :class:`Cell`; those that pose a problem are for a built-in ``problem``.

    Raises:
        InputError: as :func:`reports.own.load`, or nothing fits together; then with what is missing.
    """
    found = own.load(file)
    wanted = list(dict.fromkeys(ids)) or list(found.claims)
    known = wanted or [id for id, claim in claims.items() if isinstance(claim, Rate)]
    posed = [problem] if problem else list(found.problems) or list(problems.FAMILIES)
    rules: list[str | None] = [method] if method else [*found.methods] or [None]
    cells: list[Cell] = []
    missing: dict[str, str] = {}
    for id, name, rule in product(known, posed, rules):
        heads: Sequence[dict[str, Any]] = [{}]
        if name in found.problems:
            heads = [{"data": "own", "k": None, "smoothing": None, "mu": None, "ridge": 0.0}]
        elif not problem:
            heads = [{"data": "synthetic", "k": k, "smoothing": smoothing, "mu": mu} for k, smoothing, mu in _HEADS]
        for head in heads:
            cell = Cell(**{"claim": id, "problem": name, "file": str(file), "method": rule, **options, **head})
            lack = _unfit(cell, asked=bool(wanted), named=name in (problem, *found.problems))
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


def _unfit(cell: Cell, asked: bool, named: bool) -> str | None:
    """Why a cell is not worth a row: it cannot be run, or nobody has asked for it and it is void by declaration."""
    claim, rule = cell.rate, cell.rule
    # one with momentum is not judged by the claims of SGD, and not with the smoothing of another algorithm's claim
    foreign = getattr(rule, "constants", {}).keys() - {constant.name for constant in claim.constants}
    if not asked and (foreign or (rule is not None and cell.setting.method is None and cell.setting != Setting())):
        return f"it is about another method than {rule.name if rule else SGD.name}"
    try:
        problem = cell.make()
    except InputError as error:
        if named:
            raise
        return str(error)
    if lack := lacks(claim, problem, cell.setting, rule):
        return lack
    has = declared(problem, rule or cell.setting.method or SGD(), cell.setting.draws, cell.setting.oracle)
    absent = [constant.name for constant in claim.constants if constant.name not in has]
    if not named and absent:
        return f"{problem.name} declares no {', '.join(absent)}"
    if not named and not problem.convex and any(assumption.id == "convex" for assumption in claim.assumptions):
        return f"{problem.name} is not convex"
    return None


def sequentially(cells: Sequence[Cell], most: int, level: float, stop: float | None = None) -> tuple[Cell, ...]:
    """The cells with their Monte Carlo runs sequential; each hypothesis gets an equal share of ``level`` to stop at."""
    rows = sum(len(cell.horizons) for cell in cells if not cell.exact)
    share = stop or level / max(1, 2 * rows)
    return tuple(cell if cell.exact else replace(cell, most=max(most, cell.trials), stop=share) for cell in cells)


def profile(name: str, only: Iterable[str] = ()) -> tuple[Cell, ...]:
    """The cells of a profile, ``quick`` or ``full``, for the claims of ``only`` (all if empty)."""
    from reports.profiles import cells  # a profile is made of cells, so it comes after them

    wanted = {rate(id).id for id in only}
    return tuple(cell for cell in cells(name) if not wanted or cell.claim in wanted)
