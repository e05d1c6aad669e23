"""``aat study routing``: how many units images need, and who chooses them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from reports import plots
from reports.cli.common import coloured, conclude, json_option, progress
from reports.cli.recipes import (
    DATA,
    LEVEL,
    MACHINE,
    POSITIVE,
    RECIPE,
    SEEDS,
    beside_dense,
    heads_option,
    images_of,
    out_option,
    recipe_of,
    take_once,
    tells,
    with_options,
)
from reports.cli.studies import command_line


@click.command("routing")
@with_options(*DATA)
@heads_option(5)
@SEEDS
@click.option("--times", type=POSITIVE, default=2.0, show_default=True,
              help="Images choose where a class has so many times the units that an image of it needs.")  # fmt: skip
@LEVEL
@with_options(*RECIPE, *MACHINE)
@out_option("out/routing")
@json_option
def study_routing(
    heads: tuple[int | None, ...],
    seeds: int,
    times: float,
    level: float,
    out: Path,
    json_file: Path | None,
    device: str,
    devices: int,
    workers: int,
    **told: Any,
) -> None:
    """Is each class driven by few units, chosen per image? AAT heads beside the dense one, on the test images.

    Interrupted, the same command goes on where it stopped; trainings of aat study parity with the same options in the
    same `--out` are not repeated. `--out` holds routing.json, figures of units by class and of units per image, and all
    trainings.
    """
    from reports.cnn import routing, routing_figures, routing_study

    images = images_of(told)
    every = beside_dense(heads)
    take_once(out)
    with progress() as bar:
        task = bar.add_task("training", total=len(every) * seeds)
        found = routing_study.run(
            recipe_of(images, told), images, every, range(seeds), out, level=level, times=times,
            command=command_line(), advance=partial(bar.advance, task), device=device, devices=devices, workers=workers,
        )  # fmt: skip
    if not tells():
        return
    found.save(out / routing.FILE)
    plots.write(routing_figures.draw_maps(found), out, "routing-map")
    plots.write(routing_figures.draw_units(found), out, "routing-units")
    rows = found.rows()
    table = Table("head", "statistic", "mean", "interval", "less dense", "interval", "claim", "verdict", box=None)
    for row in rows:
        table.add_row(
            row.head, row.meaning, _number(row.value), _interval(row.lower, row.upper), _number(row.difference),
            _interval(row.difference_lower, row.difference_upper), row.claim, coloured(row.status),
        )  # fmt: skip
    conclude(table, map(asdict, rows), json_file)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _interval(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else rf"\[{lower:.4g}, {upper:.4g}]"
