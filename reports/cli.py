"""The ``aat`` command.

Exit codes: 0 nothing is violated and every proof holds; 1 a claim is violated or a proof refused; 2 the call or the
input is wrong, said in one line.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aat import InputError
from reports import bench, book, ledger, page, peers
from reports import falsify as worst
from reports.cluster import on_cluster
from reports.instance import Instance
from reports.new import KINDS, write_new
from reports.settings import GRADIENTS
from reports.study import Cell, Study, lacks, own_cells, profile, sequentially
from reports.verdict import STATUSES, Verdict
from sim import lanes
from sim.problems import FAMILIES
from sim.results import write_whole
from sim.sampling import Kind
from theory import Claim, Rate, claims
from theory.claim import Refuted
from theory.discover import NotFound, discover
from theory.ledger import UnknownClaim
from theory.plain import fact, plain, sentence
from theory.steps import Certificate
from theory.symbols import GLOSSARY
from theory.terms import square
from theory.worst_case import SETTINGS, NotInstalled, Unsolved, worst_case

# Output that is no terminal has no width: names stay whole.
console = Console(width=None if sys.stdout.isatty() else 400)

_CORES = os.cpu_count() or 1
_ids = click.argument("ids", nargs=-1)
_workers = click.option(
    "--workers", type=click.IntRange(min=1), default=_CORES, help="Processes; every core by default."
)
_json = click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the rows to this file.")
_folder = click.argument("folder", type=click.Path(path_type=Path))
_COLOURS = {"holds": "green", "proved": "green", "violated": "red", "refused": "red", "undecided": "yellow"}


@click.group(help="Prove, run and judge convergence claims about AAT-SGD.")
def app() -> None:
    """The group of all commands."""


@app.command("claims")
@click.option("--markdown", is_flag=True, help="As the tables of the README.")
def list_claims(markdown: bool) -> None:
    """List the ledger: every claim, and whether its proof holds; `aat prove` damages the proofs too."""
    rows = list(ledger.prove(with_mutants=False))
    if markdown:
        print(ledger.markdown(rows))
        return
    table = Table("id", "claim", "status", "source", box=None)
    for row in rows:
        table.add_row(row.id, row.title, _coloured(row.status), claims[row.id].source)
    console.print(table)


@app.command()
@click.argument("id")
def show(id: str) -> None:
    """Show one claim: statement, assumptions, symbols, and its proof with residuals."""
    claim = claims[id]
    (row,) = ledger.prove([id])

    def say(*lines: str) -> None:
        console.print(*lines, sep="\n", highlight=False, markup=False)

    console.print(f"[bold]{claim.id}[/bold]  {claim.title}", highlight=False)
    sense = "   (in expectation)" if claim.statement.expected else ""
    say("", sentence(claim.setting), "", f"    {fact(claim.statement)}{sense}")
    if isinstance(claim, Refuted):
        values = ", ".join(f"{plain(name)} = {plain(value)}" for name, value in claim.counterexample.items())
        say("", f"Fails at {values}")
    if isinstance(claim, Rate):
        say("", f"tuned step η = {plain(claim.tuning.eta)} gives {plain(claim.tuning.rate)}")
        for name in sorted(claim.bound.free_symbols, key=str):
            meaning = GLOSSARY[str(name)]
            say(f"    {plain(name)}: {meaning.meaning}; {meaning.domain}")
    if claim.assumptions:
        say("", "Assumptions", *(f"    {each.id}: {sentence(each.statement)}" for each in claim.assumptions))
    if claim.proof:
        table = Table("step", "rule", "fact", "holds", "residual", box=None)
        for report, step in zip(claim.prove().reports, row.steps, strict=True):
            said = "" if report.fact is None else fact(report.fact)
            table.add_row(step.label, step.rule, said, step.sense, step.residual)
        say("", "Proof")
        console.print(table)
    mutants = f"{row.mutants_refused} of {row.mutants_total} mutants refused"
    console.print(
        f"\n{row.status}, residual {row.residual}; {mutants}; z3: {row.z3}. Source: {claim.source}.", highlight=False
    )
    for word, taken in (("Needs", row.needs), ("Rests on", row.rests_on)):
        if taken:
            console.print(f"{word} {', '.join(taken)}.", highlight=False, markup=False)
    if row.status == "refused":
        raise SystemExit(1)


@app.command()
@_ids
@_workers
@_json
def prove(ids: tuple[str, ...], workers: int, json_file: Path | None) -> None:
    """Check proofs in exact arithmetic and by z3, and that every damaged copy of them is refused."""
    rows = list(_proved(ids or None, workers))
    if json_file:
        _write_json(json_file, (asdict(row) for row in rows))
    if any(row.status == "refused" for row in rows):
        raise SystemExit(1)


@app.command("worst-case")
@_ids
@click.option("--horizon", type=click.IntRange(min=1), multiple=True, default=(1, 2, 4, 8), show_default=True,
              help="T; repeat it for several.")  # fmt: skip
@click.option("--samples", type=click.IntRange(min=1), default=1, show_default=True,
              help="N, equally likely gradients at each iterate; 1 is the method without noise.")  # fmt: skip
@click.option("--proof", is_flag=True, help="Also turn the dual of R1, R3, or R6 at T = 1, into an exact proof.")
@_json
def worst_cases(
    ids: tuple[str, ...], horizon: tuple[int, ...], samples: int, proof: bool, json_file: Path | None
) -> None:
    """Compare the bounds of rates with the exact worst case, a semidefinite program (extra `pep`)."""
    wanted = ids or tuple(id for id in claims if id in SETTINGS)
    for id in wanted:
        if claims[id].id not in SETTINGS:
            raise InputError(f"no worst case is posed for {id}; expected one of {', '.join(SETTINGS)}")
    rates = [claim for claim in map(claims.__getitem__, wanted) if isinstance(claim, Rate)]
    with _progress() as bar:
        task = bar.add_task("solving", total=len(rates) * len(horizon))
        rows = []
        for claim in rates:
            for steps in sorted(set(horizon)):
                rows.append(worst_case(claim, steps, samples))
                bar.advance(task)
    table = Table("claim", "T", "N", "bound", "worst case", "bound / worst case", box=None)
    for row in rows:
        numbers = (f"{row.bound:.6g}", f"{row.worst_case:.6g}", f"{row.ratio:.6f}")
        table.add_row(row.claim, str(row.horizon), str(row.samples), *numbers)
    console.print(table)
    if json_file:
        _write_json(json_file, map(asdict, rows))
    if proof:
        for claim in rates:
            for steps in sorted(set(horizon)):
                _print_found(claim, steps)


def _print_found(claim: Rate, horizon: int) -> None:
    """The proof that the dual of the worst case turns into."""
    try:
        found = discover(claim, horizon)
    except NotFound as reason:
        console.print(f"\n{reason}", highlight=False, markup=False)
        return
    console.print(f"\n[bold]{found.id}[/bold]  {fact(found.statement)}", highlight=False)
    table = Table("multiplier", "of", box=None)
    last = found.proof[-1]
    assert isinstance(last, Certificate)
    for label, multiplier in last.using.items():
        table.add_row(plain(multiplier), label)
    for coefficient, root in last.squares:
        table.add_row(plain(coefficient), plain(square(root)))
    console.print(table)
    console.print(f"proved, residual {found.prove().residual}; {found.source}", highlight=False)


@app.command("book")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/book"), show_default=True,
              help="Folder for the book.")  # fmt: skip
@_workers
def write_book(out: Path, workers: int) -> None:
    """Check every proof and write the proof book: symbols, assumptions, claims and proofs on one page."""
    rows = list(_proved(None, workers))
    console.print(f"book: {book.write_book(rows, out).resolve()}", highlight=False, soft_wrap=True)
    if any(row.status == "refused" for row in rows):
        raise SystemExit(1)


@app.command()
@_ids
@click.option("--profile", "profile_name", default="quick", show_default=True, help="quick or full.")
@click.option("--problem", help=f"Pose one problem instead: {', '.join(FAMILIES)}, or one of the file.")
@click.option("--method", help="One optimizer of the file, or SGD; all of the file's if omitted.")
@click.option("--data", default="synthetic", show_default=True, help="synthetic, tiny, digits, or an .npz with x, y.")
@click.option("--k", default="5", show_default=True, help="Votes that a class hears, or dense.")
@click.option("--smoothing", help="entropic or quadratic; hard if omitted.")
@click.option("--mu", type=float, help="Smoothing μ > 0.")
@click.option("--ridge", type=float, default=0.0, show_default=True, help="λ ≥ 0 of an added (λ/2)‖w‖².")
@click.option("--step", type=float, help="Scale of the step size; the claim's own if omitted.")
@click.option("--horizon", type=int, multiple=True, help="T; repeat it for a grid.")
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
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/verify"), show_default=True,
              help="Folder for runs, figures and the page.")  # fmt: skip
@click.option("--dask", help="Run on the cluster of the Dask scheduler at this address (extra dask).")
@_workers
@_json
def verify(
    ids: tuple[str, ...],
    profile_name: str,
    problem: str | None,
    method: str | None,
    data: str,
    k: str,
    smoothing: str | None,
    mu: float | None,
    ridge: float,
    step: float | None,
    horizon: tuple[int, ...],
    trials: int,
    looks: int,
    seed: int,
    exact: bool,
    memory: int | None,
    sampling: Kind | None,
    batch: int | None,
    beta: float | None,
    gradient: str | None,
    density: float | None,
    anneal: float | None,
    level: float,
    sequential: bool,
    most_trials: int,
    stop: float | None,
    out: Path,
    dask: str | None,
    workers: int,
    json_file: Path | None,
) -> None:
    """Prove the claims, run them, judge the runs, draw them and write the page.

    Without --problem, the cells of the profile. A run that is there already is not computed again. One of the IDS may
    be a Python file with a claim, a problem or an optimizer of your own (aat new): it meets the built-in others.
    """
    ids, file = _file_among(ids)
    grid = tuple(sorted(set(horizon or ((1, 2, 4) if exact else (64, 256, 1024)))))
    if file:
        posing: dict[str, Any] = {}
        if problem:
            posing = {"data": data, "k": _width(k), "smoothing": smoothing, "mu": mu, "ridge": ridge}
            posing |= {"sampling": sampling, "batch": batch, "beta": beta, "gradient": gradient}
            posing |= {"density": density, "anneal": anneal}
        else:
            _refuse_without_problem(_POSING)
        common = {"exact": exact, "horizons": grid, "trials": trials, "looks": looks, "step": step, "seed": seed}
        cells = own_cells(file, ids, problem, method, **common, **posing)
    elif problem is None:
        _refuse_without_problem()
        cells = profile(profile_name, ids)
    else:
        cells = tuple(
            Cell(
                id,
                problem,
                data,
                _width(k),
                smoothing,
                mu,
                ridge,
                exact,
                grid,
                trials,
                looks,
                step,
                seed,
                sampling,
                batch,
                beta,
                gradient,
                density,
                anneal,
            )
            for id in dict.fromkeys(ids or (id for id, claim in claims.items() if isinstance(claim, Rate)))
        )
        if not ids:
            cells = tuple(cell for cell in cells if lacks(cell.rate, cell.make(), cell.setting) is None)
    if not sequential:
        _refuse(("most-trials", "stop"), "without --sequential; expected both; try --sequential")
    study = Study(sequentially(cells, most_trials, level, stop) if sequential else cells, level)
    study.check()
    limit = None if memory is None else memory * 2**20
    if exact:
        _print_cost(cells, limit)
    study.save(out)
    judged = sorted({cell.claim for cell in cells})
    stated = [cell.rate for cell in {cell.claim: cell for cell in cells}.values() if cell.claim not in claims]
    rows = list(_proved([id for id in judged if id in claims] if problem or file else None, workers, stated))
    ledger.save(rows, out)
    if study.long:
        with _progress() as bar:
            bar.add_task("compiling the engine for long runs, once", total=None)
            lanes.warm()
    with on_cluster(dask), _progress() as bar:
        task = bar.add_task("running cells", total=len(cells))
        for _ in study.run(out, workers, limit):
            bar.advance(task)
    verdicts = study.judge(study.runs(out))
    _print_verdicts(verdicts)
    if json_file:
        _write_json(json_file, (verdict.as_row() for verdict in verdicts))
    with _progress() as bar:
        bar.add_task("drawing", total=None)
        written = page.write_page(out, workers)
    console.print(f"page: {written.resolve()}", highlight=False, soft_wrap=True)
    if any(v.status == "violated" for v in verdicts) or any(row.status == "refused" for row in rows):
        raise SystemExit(1)


@app.command()
@_ids
@click.option("--rounds", type=click.IntRange(min=1), default=4, show_default=True, help="The longer, the worse.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the search.")
@click.option("--method", help="An optimizer of the file.")
@click.option("--replay", type=click.Path(path_type=Path), help="Judge a saved instance instead of searching.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out/falsify"), show_default=True,
              help="Folder for the instances.")  # fmt: skip
@_json
def falsify(
    ids: tuple[str, ...],
    rounds: int,
    seed: int,
    method: str | None,
    replay: Path | None,
    out: Path,
    json_file: Path | None,
) -> None:
    """Search the instance on which a claim is worst: the largest measured/bound, over all sample paths.

    Every rate that can be run, if no IDS are given; one of them may be a Python file with a claim or an optimizer of
    your own. An interrupted search goes on where it stopped.
    """
    if replay:
        rows = [worst.found(Instance.load(replay), replay)]
    else:
        ids, file = _file_among(ids)
        searches = worst.searches(ids, out, rounds=rounds, seed=seed, file=file, method=method)
        rows = []
        with _progress() as bar:
            for search in searches:
                task = bar.add_task(f"searching {search.claim}", total=search.total)
                rows.append(search.run(partial(bar.advance, task)))
                bar.update(task, completed=search.total)
    table = Table("claim", "problem", "method", "T", "η", "measured/bound", "worst case", "verdict", box=None)
    for row in rows:
        numbers = (f"{row.horizon:,}", f"{row.eta:.4g}", f"{row.tightness:.4f}")
        limit = "–" if row.worst_case is None else f"{row.worst_case:.4f}"
        table.add_row(row.claim, row.problem, row.method, *numbers, limit, _coloured(row.status))
    console.print(table)
    for row in rows:
        console.print(row.replay, highlight=False, markup=False, soft_wrap=True)
    if json_file:
        _write_json(json_file, map(asdict, rows))
    if any(row.status == "violated" for row in rows):
        raise SystemExit(1)


@app.command("new")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Folder; this one if omitted.")
def new_file(kind: str, name: str, out: Path) -> None:
    """Write NAME.py to start from: a claim, a problem or an optimizer of your own, ready for aat verify."""
    path = write_new(kind, name, out)
    console.print(f"{path}: try aat verify {path}", highlight=False, soft_wrap=True)


@app.command()
@_folder
def plot(folder: Path) -> None:
    """Draw the figures of FOLDER, the --out of an aat verify, again: SVG and PNG."""
    study = Study.load(folder)
    runs = study.runs(folder)
    for _, path in page.draw_all(study, runs, study.judge(runs), folder):
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command()
@_folder
def report(folder: Path) -> None:
    """Write the page of FOLDER, the --out of an aat verify, again."""
    console.print(str(page.write_page(folder)), highlight=False, soft_wrap=True)


@app.group("bench", help="Compare speeds, in one run, as ratios.")
def bench_group() -> None:
    """The group of comparisons."""


@bench_group.command("sim")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Timed calls of each.")
@click.option("--devices", type=click.IntRange(min=1), default=_CORES, show_default=True, help="Devices of JAX.")
@click.option(
    "--case", "cases", type=click.IntRange(1, len(bench.CASES)), multiple=True, help="1, 2, 3; all by default."
)
@_json
def bench_sim(rounds: int, devices: int, cases: tuple[int, ...], json_file: Path | None) -> None:
    """Time the lane engine against a PyTorch loop and, where it is installed (extra `bench`), JAX."""
    chosen = [bench.CASES[number - 1] for number in sorted(set(cases))] or list(bench.CASES)
    jax = None
    try:
        jax = peers.load_jax(devices)
    except InputError as missing:
        console.print(str(missing), highlight=False, markup=False)
    parts = [("steps", bench.steps_rows(case, rounds, jax)) for case in chosen]
    parts += [("records", bench.recording_rows(case, rounds)) for case in chosen]
    parts += [] if cases else [("paths", bench.enumeration_rows((13, 17), rounds))]
    rows = []
    with _progress() as bar:
        task = bar.add_task("compiling and timing", total=len(parts))
        for _, part in parts:
            rows += list(part)
            bar.advance(task)
    table = Table("case", "peer", "ms", "peer ms", "ratio", "million steps/s", "same numbers", box=None)
    for row in rows:
        rate = f"{row.million_steps:.3g}" if row.million_steps else ""
        table.add_row(
            row.case,
            row.peer,
            f"{row.ms:.3g}",
            f"{row.peer_ms:.3g}",
            f"{row.ratio:.3g}",
            rate,
            "yes" if row.agrees else "no",
        )
    console.print(table)
    if json_file:
        _write_json(json_file, map(asdict, rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a user's mistake is one line and exit code 2, an interruption 130."""
    try:
        return app(args=arguments, prog_name="aat", standalone_mode=False) or 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as leave:
        return int(leave.code or 0)
    except click.exceptions.NoArgsIsHelpError as help:
        print(help.format_message())
        return 2
    except click.ClickException as error:
        return _complain(error.format_message())
    except (InputError, UnknownClaim, NotInstalled, Unsolved) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or 'file'}: {error.strerror}; expected a place that can be written")


def _complain(message: str) -> int:
    print(f"aat: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _proved(ids: Sequence[str] | None, workers: int, stated: Sequence[Claim] = ()) -> Iterable[ledger.LedgerRow]:
    """Check the proofs of ``ids`` (all if None) and of ``stated`` claims with a progress bar, then print the rows."""
    rows = []
    with _progress() as bar:
        task = bar.add_task("checking proofs", total=(len(claims) if ids is None else len(ids)) + len(stated))
        proofs = [] if ids == [] else ledger.prove(ids or [], workers)
        for row in chain(proofs, ledger.rows_of(stated)):
            rows.append(row)
            bar.advance(task)
    table = Table("id", "claim", "status", "residual", "mutants refused", "z3", box=None)
    for row in rows:
        mutants = f"{row.mutants_refused}/{row.mutants_total}"
        table.add_row(row.id, row.title, _coloured(row.status), row.residual, mutants, row.z3)
    console.print(table)
    for row in rows:
        if row.reason:
            console.print(f"{row.id}: {row.reason}", highlight=False, markup=False)
    return rows


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
        verdict = _coloured(v.status)
        table.add_row(v.claim, v.problem, v.method, f"{v.horizon:,}", f"{v.measured:.3g}", *numbers, verdict)
    console.print(table)
    for reason, rows in Counter(f"{v.status}: {v.reason}" for v in verdicts if v.reason).items():
        console.print(f"{rows} rows {reason}", highlight=False, markup=False)
    counts = Counter(v.status for v in verdicts)
    console.print(", ".join(f"{counts[status]} {status}" for status in STATUSES), highlight=False)


def _coloured(status: str) -> str:
    colour = _COLOURS.get(status)
    return f"[{colour}]{status}[/{colour}]" if colour else status


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


_SETTING = ("sampling", "batch", "beta", "gradient", "density", "anneal")
_POSING = ("data", "k", "smoothing", "mu", "ridge", *_SETTING)
_RUNNING = ("method", "step", "horizon", "trials", "looks", "seed", "exact")


def _refuse(options: Sequence[str], why: str) -> None:
    """InputError if one of the options was given."""
    context = click.get_current_context()
    for name in options:
        if context.get_parameter_source(name.replace("-", "_")) is click.core.ParameterSource.COMMANDLINE:
            raise InputError(f"--{name} {why}")


def _refuse_without_problem(options: Sequence[str] = (*_POSING, *_RUNNING)) -> None:
    """InputError if one of the options, which pose one problem, was given, but no problem."""
    _refuse(options, "without --problem; expected a profile alone, or one problem; try --problem routing")


def _file_among(ids: Sequence[str]) -> tuple[tuple[str, ...], Path | None]:
    """The ids that are claims, and the Python file among them, if there is one."""
    files = [id for id in ids if id.endswith(".py")]
    if len(files) > 1:
        raise InputError(f"{', '.join(files)}; expected one file; try one that imports the others")
    return tuple(id for id in ids if id not in files), Path(files[0]) if files else None


def _width(k: str) -> int | None:
    if k == "dense":
        return None
    try:
        return int(k)
    except ValueError:
        raise InputError(f"k = {k!r}; expected a whole number from 1 to n, or dense") from None


def _write_json(path: Path, rows: Iterable[dict[str, object]]) -> None:
    write_whole(path, json.dumps(list(rows), indent=1, ensure_ascii=False, allow_nan=False))
