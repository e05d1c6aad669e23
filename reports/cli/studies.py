"""``aat study``: many trainings of real CNNs, judged."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from aat import InputError
from reports import plots
from reports.cli.common import MOST_WORKERS, coloured, conclude, console, json_option, progress
from reports.cli.recipes import (
    DATA,
    DEVICES,
    LEVEL,
    MACHINE,
    POSITIVE,
    RECIPE,
    SEEDS,
    beside_dense,
    heads_option,
    images_of,
    options_of,
    out_option,
    recipe_of,
    take_once,
    tells,
    with_options,
)
from reports.cnn.rate_plan import Plan

if TYPE_CHECKING:
    from reports.verdict import Verdict

_planned = options_of(Plan)


@click.group("study", help="Studies of real CNNs: whole results, judged.")
def study() -> None:
    """The group of studies."""


@study.command("parity")
@with_options(*DATA)
@heads_option(1, 5, 10, 25)
@SEEDS
@click.option("--margin", type=POSITIVE, default=1.0, show_default=True, help="Points of accuracy that may be lost.")
@LEVEL
@with_options(*RECIPE, *MACHINE)
@out_option("out/parity")
@json_option
def study_parity(
    heads: tuple[int | None, ...],
    seeds: int,
    margin: float,
    level: float,
    out: Path,
    json_file: Path | None,
    device: str,
    devices: int,
    workers: int,
    **told: Any,
) -> None:
    """Is the test accuracy of AAT heads within a margin of the dense head's? Paired seeds, one verdict a head.

    Interrupted, the same command goes on where it stopped. `--out` holds parity.json, parity.svg, parity.png and all
    trainings.
    """
    from reports.cnn import parity, trainings

    images = images_of(told)
    every = beside_dense(heads)
    take_once(out)
    with progress() as bar:
        task = bar.add_task("training", total=len(every) * seeds)
        found = trainings.parity(
            recipe_of(images, told), images, every, range(seeds), out, margin=margin / 100, level=level,
            command=command_line(), advance=partial(bar.advance, task), device=device, devices=devices, workers=workers,
        )  # fmt: skip
    if not tells():
        return
    found.save(out / parity.FILE)
    plots.write(parity.draw(found), out, "parity")
    rows = found.rows()
    table = Table("head", "seeds", "accuracy", "less dense", "lower", "s per epoch", "/ dense", "verdict", box=None)
    for row in rows:
        shares = (row.accuracy, row.difference, row.lower)
        told_shares = ("–" if share is None else f"{share:.2%}" for share in shares)
        times = (f"{row.seconds_per_epoch:.3g}", f"{row.cost:.3g}")
        table.add_row(row.head, str(row.seeds), *told_shares, *times, coloured(row.status))
    conclude(table, map(asdict, rows), json_file)


def command_line() -> str:
    """As it was called, without where files go."""
    context, given = click.get_current_context(), []
    for parameter in context.command.params:
        name, value = parameter.name or "", context.params[parameter.name or ""]
        source = context.get_parameter_source(name)
        if name in ("out", "json_file", "root") or source is not click.core.ParameterSource.COMMANDLINE:
            continue
        flag = parameter.opts[0] if value is not False else parameter.secondary_opts[0]
        for entry in value if parameter.multiple else [value]:
            shown = [] if isinstance(value, bool) else ["dense" if entry is None else _shown(entry)]
            given += [flag, *shown]
    return shlex.join(["aat", "study", context.info_name or "", *given])


def _shown(entry: object) -> str:
    return f"{entry[0]}={json.dumps(entry[1])}" if isinstance(entry, tuple) else str(entry)


class Count(click.ParamType[int | None]):
    """A number of images, or ``all``."""

    name = "N"

    def convert(self, value: object, param: object, ctx: object) -> int | None:
        """None for ``all``."""
        if value is None or value == "all":
            return None
        if not str(value).isdecimal():
            raise InputError(f"--train-images {value}; expected a number of images or all; try --train-images 256")
        return int(str(value))


_AT_LEAST_1 = click.IntRange(min=1)
_RATE = (
    _planned("data", str, "digits, fashion-mnist, cifar10, or a folder."),
    _planned("train_images", Count(), "How many, or all; those that fill whole batches."),
    _planned("arch", str, "small-gn, or another without BatchNorm and dropout."),
    _planned("width", POSITIVE, "Factor of the number of channels."),
    _planned("k", _AT_LEAST_1, "Votes that a class of the AAT head hears."),
    _planned("batch", _AT_LEAST_1, "Images per step."),
    _planned("steps", _AT_LEAST_1, "T at most."),
    _planned("every", _AT_LEAST_1, "Measure one of so many steps, drawn at random."),
    _planned("looks", _AT_LEAST_1, "Of these, how many a training also for smoothness."),
    _planned("seeds", click.IntRange(min=2), "Trainings of each kind; verdicts want 32."),
    _planned("lr_sgd", POSITIVE, "Step of R6; its bound needs 1/L."),
    _planned("lr_momentum", POSITIVE, "Step of R9."),
    _planned("lr_blocks", POSITIVE, "Step of R12; its bound needs 1/(2LN)."),
    _planned("lr_scheduled", POSITIVE, "First step of the scheduled runs, which no claim is about."),
    _planned("momentum", float, "β of R9."),
    _planned("level", float, "Family-wise level of the verdicts."),
)


@study.command("rate")
@with_options(*_RATE)
@click.option("--root", type=click.Path(path_type=Path), help="For downloads.  [default: ~/.cache/aat]")
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where.")
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), default=1, show_default=True,
              help="Trainings at a time.")  # fmt: skip
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be trained, and train nothing.")
@out_option("out/rate")
@json_option
def study_rate(
    root: Path | None, device: str, workers: int, only_plan: bool, out: Path,
    json_file: Path | None, **told: Any,
) -> None:  # fmt: skip
    """Measure ∇F, gradient noise and smoothness while CNNs train, and hold R6, R9 and R12 against the curves.

    The constants of the bounds are the measured ones, so verdicts are a posteriori. AAT and dense heads see the same
    batches. Interrupted, the same command goes on. `--out` holds the trainings, rate.json, and figures.
    """
    from reports.cnn import path, rate, rate_result

    plan = Plan(**told)
    images = rate.images_of(plan, root)
    count = len(plan.series) * plan.seeds
    what = f"{count} trainings of {plan.steps} steps: {len(plan.series)} kinds, {plan.seeds} seeds, on {images.name}"
    if only_plan:
        console.print(f"{what}; {plan.command}", highlight=False, markup=False)
        return
    take_once(out)
    with progress() as bar:
        task = bar.add_task(what, total=count)
        for _ in rate.run(plan, images, out, device, workers):
            bar.advance(task)
    found = rate.collect(plan, images, out)
    found.save(out / rate_result.FILE)
    for plot in found.figures:
        plots.save(plot, out / "figures")
    plots.write(path.draw(found), out / "figures", "path")
    conclude(_table(found.verdicts), (row.as_row() for row in found.verdicts), json_file)


def _table(rows: Sequence[Verdict]) -> Table:
    table = Table("claim", "method", "T", "measured", "bound", "verdict, a posteriori", box=None)
    for row in rows:
        bound = "" if row.bound is None else f"{row.bound:.4g}"
        table.add_row(row.claim, row.method, str(row.horizon), f"{row.measured:.4g}", bound, coloured(row.status))
    return table
