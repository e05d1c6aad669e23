"""``aat verify`` and what belongs to it: files of one's own, figures and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click
from rich.table import Table

from aat import InputError
from reports import gallery, junit, ledger, page
from reports.against import grid, own_cells
from reports.cell import Cell
from reports.cli.common import (
    Place,
    coloured,
    console,
    file_among,
    folder_argument,
    ids_argument,
    json_option,
    progress,
    take,
    workers_option,
    write_json,
)
from reports.cli.theory import proved
from reports.cluster import on_cluster
from reports.new import KINDS, write_new
from reports.profiles import profile
from reports.runner import lacks
from reports.settings import GRADIENTS
from reports.study import Study, sequentially
from reports.verdict import STATUSES, Verdict
from sim import lanes
from sim.problems import FAMILIES
from sim.sampling import Kind
from theory import Rate, claims

# What poses one problem, and how it is run: options of verify that are fields of a Cell.
_SETTING = ("sampling", "batch", "beta", "gradient", "density", "anneal")
_POSING = ("data", "k", "smoothing", "mu", "ridge", *_SETTING)
_RUNNING = ("method", "step", "horizons", "trials", "looks", "seed", "exact")


@click.command()
@ids_argument
@click.option("--profile", "profile_name", default="quick", show_default=True, help="quick or full.")
@click.option("--problem", help=f"Pose one problem instead: {', '.join(FAMILIES)}, or one of the file.")
@click.option("--method", help="One optimizer of the file, or SGD; all of the file's if omitted.")
@click.option("--data", default="synthetic", show_default=True, help="synthetic, tiny, digits, or an .npz with x, y.")
@click.option("--k", default="5", show_default=True, help="Votes that a class hears, or dense.")
@click.option("--smoothing", help="entropic or quadratic; hard if omitted.")
@click.option("--mu", type=float, help="Smoothing μ > 0.")
@click.option("--ridge", type=float, default=0.0, show_default=True, help="λ ≥ 0 of an added (λ/2)‖w‖².")
@click.option("--step", type=float, help="Scale of the step size; the claim's own if omitted.")
@click.option("--horizon", "horizons", type=int, multiple=True, help="T; repeat it for a grid.")
@click.option("--trials", type=int, default=32, show_default=True, help="Monte Carlo trials.")
@click.option("--looks", type=int, default=1, show_default=True, help="Iterates of a trial that an average looks at.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the Monte Carlo runs.")
@click.option("--exact", is_flag=True, help="All sample paths instead of trials; their cost is told first.")
@click.option("--memory", type=click.IntRange(min=1), help="MiB that exact runs may take, all workers together.")
@click.option(
    "--sampling", type=click.Choice(get_args(Kind)), help="How samples are drawn; the claim's own if omitted."
)
@click.option("--batch", type=int, help="Samples a step, B.")
@click.option("--beta", type=float, help="Momentum of the heavy ball.")
@click.option("--gradient", type=click.Choice(GRADIENTS), help="hard: through the hard mask, on a smoothed objective.")
@click.option("--density", type=float, help="Density c of the gaps, for the bias of hard gradients.")
@click.option("--anneal", type=float, help="Power p of the smoothing μ/T^p at horizon T.")
@click.option("--level", type=float, default=1e-3, show_default=True, help="Family-wise level of the verdicts.")
@click.option("--sequential", is_flag=True, help="Batches of trials, until the matter is clear.")
@click.option("--most-trials", type=int, default=1024, show_default=True, help="Trials at most, if --sequential.")
@click.option("--stop", type=float, help="Level at which --sequential stops; the level shared by all if omitted.")
@click.option("--out", type=Place(folder=True), default=Path("out/verify"), show_default=True,
              help="Folder for runs, figures and the page.")  # fmt: skip
@click.option("--dask", help="Run on the cluster of the Dask scheduler at this address (extra dask).")
@click.option("--junitxml", type=Place(), help="Also write proofs and verdicts as JUnit XML.")
@workers_option
@json_option
def verify(
    ids: tuple[str, ...],
    profile_name: str,
    memory: int | None,
    level: float,
    sequential: bool,
    most_trials: int,
    stop: float | None,
    out: Path,
    dask: str | None,
    junitxml: Path | None,
    workers: int,
    json_file: Path | None,
    **posed: Any,
) -> None:
    """Prove the claims, run them, judge the runs, draw them and write the page.

    Without --problem, the cells of the profile. A run that is there already is not computed again. One of the IDS may
    be a Python file with a claim, a problem or an optimizer of your own (aat new): it meets the built-in others.
    """
    ids, file = file_among(ids)
    cells = _cells(ids, file, profile_name, posed)
    if not sequential:
        _refuse(("most_trials", "stop"), "without --sequential; expected both; try --sequential")
    study = Study(sequentially(cells, most_trials, level, stop) if sequential else cells, level)
    study.check()
    limit = None if memory is None else memory * 2**20
    if posed["exact"]:
        _print_cost(cells, limit)
    take(out)
    study.save(out)
    rates = {cell.claim: cell.rate for cell in cells}
    listed = sorted(id for id in rates if id in claims)
    stated = [claim for id, claim in rates.items() if id not in claims]
    rows = proved(listed if posed["problem"] or file else None, workers, stated)
    ledger.save(rows, out)
    if study.long:
        with progress() as bar:
            bar.add_task("compiling the engine for long runs, once", total=None)
            lanes.warm()
    with on_cluster(dask), progress() as bar:
        task = bar.add_task("running cells", total=len(cells))
        for _ in study.run(out, workers, limit):
            bar.advance(task)
    verdicts = study.judge(study.runs(out))
    _print_verdicts(verdicts)
    if json_file:
        write_json(json_file, (verdict.as_row() for verdict in verdicts))
    if junitxml:
        junit.write(junitxml, rows, verdicts)
    with progress() as bar:
        bar.add_task("drawing", total=None)
        written = page.write_page(out, workers)
    console.print(f"page: {written.resolve()}", highlight=False, soft_wrap=True)
    if any(v.status == "violated" for v in verdicts) or any(row.status == "refused" for row in rows):
        raise SystemExit(1)


def _cells(ids: Sequence[str], file: Path | None, profile_name: str, posed: dict[str, Any]) -> tuple[Cell, ...]:
    """What is to be run: a file's own, one problem, or a profile."""
    problem = posed["problem"]
    if problem is None:
        # what a file defines may be run without a problem, but not posed
        _refuse_without_problem(_POSING if file else (*_POSING, *_RUNNING))
        if file is None:
            return profile(profile_name, ids)
    horizons = posed["horizons"] or grid(posed["exact"])
    options = posed | {"horizons": tuple(sorted(set(horizons))), "k": _width(posed["k"])}
    if file:
        given = {name: value for name, value in options.items() if problem or name not in _POSING}
        return own_cells(file, ids, **given)
    rates = [id for id, claim in claims.items() if isinstance(claim, Rate)]
    cells = tuple(Cell(id, **options) for id in dict.fromkeys(ids or rates))
    return cells if ids else tuple(cell for cell in cells if lacks(cell.rate, cell.make(), cell.setting) is None)


@click.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--out", type=Place(folder=True), default=Path(), help="Folder; this one if omitted.")
def new_file(kind: str, name: str, out: Path) -> None:
    """Write NAME.py to start from: a claim, a problem or an optimizer of your own, ready for aat verify."""
    path = write_new(kind, name, out)
    console.print(f"{path}: try aat verify {path}", highlight=False, soft_wrap=True)


@click.command()
@folder_argument
def plot(folder: Path) -> None:
    """Draw the figures of FOLDER, the --out of an aat verify, again: SVG and PNG; and a gallery."""
    take(folder)
    study = Study.load(folder)
    runs = study.runs(folder)
    figures = page.draw_all(study, runs, study.judge(runs), folder)
    for path in (*(drawn.svg for drawn in figures), gallery.write_gallery(study, figures, folder)):
        console.print(str(path), highlight=False, soft_wrap=True)


@click.command()
@folder_argument
def report(folder: Path) -> None:
    """Write the page of FOLDER, the --out of an aat verify, again."""
    take(folder)
    console.print(str(page.write_page(folder)), highlight=False, soft_wrap=True)


def _print_cost(cells: Sequence[Cell], memory: int | None) -> None:
    """What the exact cells will take, in all; the seconds are from a probe, for one core."""
    costs = [cost for cell in cells for cost in cell.estimate(memory)]
    gradients, seconds = sum(cost.gradients for cost in costs), sum(cost.seconds for cost in costs)
    most = max((cost.memory for cost in costs), default=0) / 2**20
    told = f"exact: {gradients:,} gradients, roughly {seconds:.2g} s on one core, at most {most:.2g} MiB a worker"
    console.print(told, highlight=False)


def _print_verdicts(verdicts: Sequence[Verdict]) -> None:
    table = Table("claim", "problem", "method", "T", "measured", "bound", "tightness", "power", "verdict", box=None)
    for v in verdicts:
        numbers = ("–" if number is None else f"{number:.3g}" for number in (v.bound, v.tightness, v.power))
        verdict = coloured(v.status)
        table.add_row(v.claim, v.problem, v.method, f"{v.horizon:,}", f"{v.measured:.3g}", *numbers, verdict)
    console.print(table)
    for reason, rows in Counter(f"{v.status}: {v.reason}" for v in verdicts if v.reason).items():
        console.print(f"{rows} rows {reason}", highlight=False, markup=False)
    counts = Counter(v.status for v in verdicts)
    console.print(", ".join(f"{counts[status]} {status}" for status in STATUSES), highlight=False)


def _refuse(parameters: Sequence[str], why: str) -> None:
    """InputError if one of the parameters was given."""
    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(option.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and option.name in parameters:
            raise InputError(f"{option.opts[0]} {why}")


def _refuse_without_problem(options: Sequence[str]) -> None:
    """InputError if one of the options, which pose one problem, was given, but no problem."""
    _refuse(options, "without --problem; expected a profile alone, or one problem; try --problem routing")


def _width(k: str) -> int | None:
    if k == "dense":
        return None
    try:
        return int(k)
    except ValueError:
        raise InputError(f"k = {k!r}; expected a whole number from 1 to n, or dense") from None
