"""A study: cells that are run once each, saved, and taken up again after an interruption; and judged together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import joblib
import torch

from aat import InputError, saved
from reports.cell import Cell
from reports.verdict import Verdict, judge
from sim import Run
from sim.monte_carlo import long_enough
from theory import Claim, claims

STUDY_FILE = "study.json"


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
        saved.save(folder / STUDY_FILE, plan)

    @classmethod
    def load(cls, folder: Path) -> Study:
        """The study of a folder; InputError if there is none."""
        try:
            plan = saved.load(folder / STUDY_FILE)
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
        return judge([(cell.rate, run, self.command(cell)) for cell, run in judged], self.level)

    def command(self, cell: Cell) -> str:
        """What runs the cell alone and judges it at the study's level."""
        return f"{cell.command} --level {self.level:g}"


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


def sequentially(cells: Sequence[Cell], most: int, level: float, stop: float | None = None) -> tuple[Cell, ...]:
    """The cells with their Monte Carlo runs sequential; each hypothesis gets an equal share of ``level`` to stop at."""
    rows = sum(len(cell.horizons) for cell in cells if not cell.exact)
    share = stop or level / max(1, 2 * rows)
    return tuple(cell if cell.exact else replace(cell, most=max(most, cell.trials), stop=share) for cell in cells)
