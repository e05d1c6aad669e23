"""``aat study nec``: accuracy with few units, AAT against what people would use instead."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from reports import plots
from reports.cli.common import console, json_option, progress, write_json
from reports.cli.recipes import (
    DATA,
    MACHINE,
    POSITIVE,
    RECIPE,
    Head,
    images_of,
    options_of,
    out_option,
    recipe_of,
    take_once,
    tells,
    with_options,
)
from reports.cli.studies import command_line
from reports.cnn.nec_plan import Plan

if TYPE_CHECKING:
    from reports.cnn.nec import Mean, Nec

_AT_LEAST_1 = click.IntRange(min=1)
_SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
_DEFAULT = {entry.name: entry.default for entry in fields(Plan)}


_planned = options_of(Plan, "plan_")
_HEADS = (
    _planned("epochs", _AT_LEAST_1, "Passes of dense and AAT heads.", "--head-epochs"),
    _planned("lr", POSITIVE, "Their first step.", "--head-lr"),
    _planned("em_epochs", _AT_LEAST_1, "Passes of EM routing."),
    _planned("em_lr", POSITIVE, "Its first step."),
    _planned("pose", _AT_LEAST_1, "Dimensions of its votes."),
    _planned("iterations", _AT_LEAST_1, "Of its routing."),
    _planned("ratio", _SHARE, "Of each penalty of the L1 path to the one before."),
    _planned("rounds", _AT_LEAST_1, "Turns in which inference is timed."),
)


@click.command("nec")
@with_options(*DATA)
@click.option("--nec", "levels", type=_AT_LEAST_1, multiple=True, default=_DEFAULT["nec"], show_default=True,
              help="Units that AAT and cut heads hear.")  # fmt: skip
@click.option("--seeds", type=_AT_LEAST_1, default=3, show_default=True, help="Networks, each with all heads.")
@click.option(
    "--k", type=Head(), default="dense", show_default=True, help="The head that the networks are trained with."
)
@with_options(*_HEADS)
@with_options(*RECIPE, *MACHINE)
@out_option("out/nec")
@json_option
def study_nec(
    levels: tuple[int, ...],
    seeds: int,
    out: Path,
    json_file: Path | None,
    device: str,
    devices: int,
    workers: int,
    **told: Any,
) -> None:
    """How accurate is a head that hears few units? AAT, a cut head, an L1 path and EM routing, on the same features.

    Interrupted, the same command goes on where it stopped. `--out` holds nec.json, nec.svg, nec.png, the networks
    (those of a parity study in the same folder are taken), and every finished head.
    """
    from reports.cnn import nec, nec_figure, nec_heads

    entries = {name: told.pop(f"plan_{name}") for name in _DEFAULT if name != "nec"}
    plan = Plan(nec=tuple(sorted(set(levels))), **entries)
    images = images_of(told)
    take_once(out)
    with progress() as bar:
        task = bar.add_task("networks and heads", total=seeds * nec_heads.count(plan))
        found = nec_heads.study(
            recipe_of(images, told), images, range(seeds), out, plan, command=command_line(),
            advance=partial(bar.advance, task), device=device, devices=devices, workers=workers,
        )  # fmt: skip
    if not tells():
        return
    found.save(out / nec.FILE)
    plots.write(nec_figure.draw(found), out, "nec")
    _tell(found)
    if json_file:
        write_json(json_file, found.rows())


def _tell(found: Nec) -> None:
    table = Table(
        "head", "ANEC-5", "ANEC-avg", "at its largest NEC", "NEC", "used", "train s", "time / dense", box=None
    )
    for row in found.summaries():
        seconds = "–" if row.train_seconds is None else f"{row.train_seconds:.3g}"
        numbers = (f"{row.nec:.3g}", f"{row.used:.3g}", seconds, f"{row.ratio:.3g}")
        table.add_row(row.method, *map(_share, (row.anec_5, row.anec_avg, row.accuracy)), *numbers)
    console.print(table)
    console.print(found.verdict(), highlight=False, markup=False)


def _share(mean: Mean | None) -> str:
    if mean is None:
        return "–"
    return f"{mean.value:.2%}" + ("" if mean.lower is None else f" [{mean.lower:.2%}, {mean.upper:.2%}]")
