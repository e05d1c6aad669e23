"""``aat bench``: speeds, in one run, as ratios."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from aat import InputError
from reports import bench as benchmarks
from reports import peers
from reports.cli.common import CORES, console, json_option, progress, write_json


@click.group("bench", help="Compare speeds, in one run, as ratios.")
def bench() -> None:
    """The group of comparisons."""


@bench.command("sim")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Timed calls of each.")
@click.option("--devices", type=click.IntRange(min=1), default=CORES, show_default=True, help="Devices of JAX.")
@click.option(
    "--case", "cases", type=click.IntRange(1, len(benchmarks.CASES)), multiple=True, help="1, 2, 3; all by default."
)
@json_option
def bench_sim(rounds: int, devices: int, cases: tuple[int, ...], json_file: Path | None) -> None:
    """Time the lane engine against a PyTorch loop and, where it is installed (extra `bench`), JAX."""
    chosen = [benchmarks.CASES[number - 1] for number in sorted(set(cases))] or list(benchmarks.CASES)
    jax = None
    try:
        jax = peers.load_jax(devices)
    except InputError as missing:
        console.print(str(missing), highlight=False, markup=False)
    parts = [("steps", benchmarks.steps_rows(case, rounds, jax)) for case in chosen]
    parts += [("records", benchmarks.recording_rows(case, rounds)) for case in chosen]
    parts += [] if cases else [("paths", benchmarks.enumeration_rows((13, 17), rounds))]
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
