"""``aat study detectors``: whether AAT heads make units that stand for more concepts."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from reports import plots
from reports.cli.common import coloured, conclude, json_option, progress
from reports.cli.concepts import LIMITS
from reports.cli.recipes import (
    DATA,
    LEVEL,
    MACHINE,
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

if TYPE_CHECKING:
    from reports.cnn.detectors import DetectorsRow


@click.command("detectors")
@click.option("--data", type=click.Choice(["scenes"]), default="scenes", show_default=True, help="Synthetic scenes.")
@with_options(*DATA[1:])
@heads_option(5)
@SEEDS
@click.option("--quantile", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.005,
              show_default=True, help="Share of positions at which a unit is active.")  # fmt: skip
@with_options(*LIMITS)
@LEVEL
@with_options(*RECIPE, *MACHINE)
@out_option("out/detectors")
@json_option
def study_detectors(
    heads: tuple[int | None, ...],
    seeds: int,
    quantile: float,
    limit: float,
    inclusive: bool,
    level: float,
    out: Path,
    json_file: Path | None,
    device: str,
    devices: int,
    workers: int,
    **told: Any,
) -> None:
    """Do units under AAT heads detect more concepts than under the dense head? Paired seeds, one verdict a head.

    The networks are trained to name synthetic scenes, and dissected on those of the test (all of them, or the first
    --test-images). Interrupted, the same command goes on where it stopped; another --quantile or --limit finds the
    trainings done. `--out` holds detectors.json, detectors.svg, detectors.png and all trainings, each with tally.csv.
    """
    from aat.cnn import data
    from aat.concepts import scenes
    from reports.cnn import detectors, detectors_figure, dissections

    items = data.load("fashion-mnist", told["root"] or data.CACHE)
    annotated = scenes.annotated(images=told["test_images"], items=items)
    images = images_of(told)
    every = beside_dense(heads)
    take_once(out)
    with progress() as bar:
        task = bar.add_task("training and dissecting", total=2 * len(every) * seeds)
        found = dissections.detectors(
            recipe_of(images, told), images, annotated, every, range(seeds), out, quantile=quantile, limit=limit,
            inclusive=inclusive, level=level, command=command_line(), advance=partial(bar.advance, task),
            device=device, devices=devices, workers=workers,
        )  # fmt: skip
    if not tells():
        return
    found.save(out / detectors.FILE)
    plots.write(detectors_figure.draw(found), out, "detectors")
    rows = found.rows()
    conclude(_table(rows), map(asdict, rows), json_file)


def _table(rows: list[DetectorsRow]) -> Table:
    table = Table("measure", "category", "head", "seeds", "mean", "less dense", "lower", "upper", "verdict", box=None)
    for row in rows:
        numbers = (row.value, row.difference, row.lower, row.upper)
        told = ("–" if number is None else f"{number:.4g}" for number in numbers)
        table.add_row(row.measure, row.category, row.head, str(row.seeds), *told, coloured(row.status))
    return table
