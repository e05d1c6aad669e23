"""A cell: one claim on one problem with one head, by names and numbers alone, so that it can be saved and replayed."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aat import InputError
from reports import own
from reports.own import Own
from reports.runner import check_runnable, check_step, rate, run_claim, whole
from reports.sequential import plan, run_sequentially
from reports.settings import Setting, setting_of
from sim import Method, Problem, Run, estimate, problems
from sim.exact import Cost, check_paths
from sim.monte_carlo import Progress, check_trials
from sim.results import fingerprint, versions
from sim.sampling import Kind
from theory import Rate

# Characters of a data set's name in the name of a file, which has at most 255 bytes: four of them may be a character.
_STEM = 40


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
        # what is cut away is in the digest; names of files have an end
        data = Path(self.data).stem[:_STEM]
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
        for name in ("beta", "density", "anneal"):
            if (given := getattr(self, name)) is not None and not math.isfinite(given):
                raise InputError(f"{name} = {given}; expected a finite number; try {name}=0.5")
        problem, setting = self.make(), self.setting
        # what a built-in problem declares does not depend on the comparator, and finding one takes long
        quick = problem if self.problem in self.own.problems else replace(problem, comparator=problem.w0)
        check_runnable(self.rate, quick, setting, self.rule)
        check_step(self.step)
        setting.draws.check(problem.samples)
        if not problem.x.any():
            raise InputError(f"{problem.name}: all features are 0, so nothing moves; expected one that is not")
        if self.exact:
            check_paths(problem.samples, whole(self.horizons, setting, problem), setting.draws)
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
            for T in whole(self.horizons, setting, problem)
        ]

    @property
    def key(self) -> str:
        """Fingerprint of what determines the result: files (not what they import), the libraries' versions."""
        files = [self.data if self.data.endswith(".npz") else None, self.file]
        return fingerprint(asdict(self), *(Path(file).read_bytes() for file in files if file), versions())
