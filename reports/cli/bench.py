"""``aat bench``: speeds, in one run, as ratios."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from aat import InputError
from reports import peers, plots
from reports.bench import head, memory, result, sim
from reports.cli.common import CORES, Place, console, json_option, progress, take, write_json


@click.group("bench", help="Compare speeds, in one run, as ratios.")
def bench() -> None:
    """The group of comparisons."""


@bench.command("sim")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Timed calls of each.")
@click.option("--devices", type=click.IntRange(min=1), default=CORES, show_default=True, help="Devices of JAX.")
@click.option("--case", "cases", type=click.IntRange(1, len(sim.CASES)), multiple=True, help="1, 2, 3; all by default.")
@json_option
def bench_sim(rounds: int, devices: int, cases: tuple[int, ...], json_file: Path | None) -> None:
    """Time the lane engine against a PyTorch loop and, where it is installed (extra `bench`), JAX."""
    chosen = [sim.CASES[number - 1] for number in sorted(set(cases))] or list(sim.CASES)
    jax = None
    try:
        jax = peers.load_jax(devices)
    except InputError as missing:
        console.print(str(missing), highlight=False, markup=False)
    parts = [("steps", sim.steps_rows(case, rounds, jax)) for case in chosen]
    parts += [("records", sim.recording_rows(case, rounds)) for case in chosen]
    parts += [] if cases else [("paths", sim.enumeration_rows((13, 17), rounds))]
    rows = []
    with progress() as bar:
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
        write_json(json_file, map(asdict, rows))


@bench.command("head")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Timed turns of each.")
@click.option("--case", "cases", type=click.IntRange(1, len(head.CASES)), multiple=True, help="1 to 5; all by default.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where.")
@click.option("--out", type=Place(folder=True), help="Also write head.json, head.svg and head.png here.")
@json_option
def bench_head(rounds: int, cases: tuple[int, ...], device: str, out: Path | None, json_file: Path | None) -> None:
    """Time the hard head by each backend against its definition, the portable way and nn.Linear, and its memory."""
    head.check(device)
    chosen = [head.CASES[number - 1] for number in sorted(set(cases))] or list(head.CASES)
    if out:
        take(out)
    rows: list[head.BenchRow] = []
    with progress() as bar:
        task = bar.add_task("timing", total=len(chosen) * len(head.FEATURES))
        for case in chosen:
            extra = memory.extra_mb(head.ways(case, device), case, device)
            for features in head.FEATURES:
                rows += head.rows(case, features, rounds, device, extra)
                bar.advance(task)
    found = result.Result.of(rows, rounds)
    console.print(_head_table(found))
    if json_file:
        write_json(json_file, map(asdict, rows))
    if out:
        plots.write(result.draw(found), out, result.FIGURE)
        found.save(out / result.FILE)


def _head_table(found: result.Result) -> Table:
    def told(number: float | None) -> str:
        return "" if number is None else f"{number:.3g}"

    table = Table("case", "features", "direction", "backend", *result.COLUMNS, box=None)
    for line in found.lines():
        table.add_row(*line[:-1], *map(told, line.numbers))
    return table
