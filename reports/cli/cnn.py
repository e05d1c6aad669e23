"""``aat train``, ``aat study``: real CNNs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.table import Table

from aat import InputError
from aat.checks import SmoothingName
from aat.recipe import Order, Precision, Recipe, Schedule
from reports.cli.common import coloured, console, json_option, progress, write_json
from reports.cnn.rate_plan import Plan

if TYPE_CHECKING:
    from aat.cnn import Images
    from reports.verdict import Verdict

_DEFAULT = {entry.name: entry.default for entry in fields(Recipe)}
_PLAN = {entry.name: entry.default for entry in fields(Plan)}


class Head(click.ParamType[int | None]):
    """A number of votes, or ``dense``."""

    name = "K"

    def convert(self, value: object, param: object, ctx: object) -> int | None:
        """None for ``dense``."""
        if value is None or value == "dense":
            return None
        try:
            return int(str(value))
        except ValueError:
            raise InputError(f"--k {value}; expected a number of votes or dense; try --k 5") from None


class Option(click.ParamType[tuple[str, Any]]):
    """An argument of an optimizer, its value in JSON."""

    name = "NAME=VALUE"

    def convert(self, value: object, param: object, ctx: object) -> tuple[str, Any]:
        """Name and value."""
        name, _, text = str(value).partition("=")
        try:
            return name, json.loads(text)
        except ValueError:
            raise InputError(f"--option {value}; expected NAME=VALUE, the value in JSON; try nesterov=true") from None


def _of(name: str, type: Any, help: str) -> Callable[[Any], Any]:
    return click.option(f"--{name.replace('_', '-')}", type=type, default=_DEFAULT[name], show_default=True, help=help)


_POSITIVE = click.FloatRange(min=0, min_open=True)
_DATA = (
    click.option("--data", default="digits", show_default=True, help="digits, fashion-mnist, cifar10, or a folder."),
    click.option("--root", type=click.Path(path_type=Path), help="For downloads.  [default: ~/.cache/aat]"),
    click.option("--train-images", type=click.IntRange(min=1), help="Only so many of them."),
    click.option("--test-images", type=click.IntRange(min=1), help="Only so many of them."),
)
_HEAD = (
    click.option("--k", type=Head(), default=5, show_default=True, help="Votes that a class hears, or dense."),
    click.option("--seed", type=int, default=_DEFAULT["seed"], show_default=True, help="Of everything random."),
)
_RECIPE = (
    _of("arch", str, "small, linear, or a classifier of torchvision."),
    _of("smoothing", click.Choice(get_args(SmoothingName)), "Of the head."),
    _of("mu", _POSITIVE, "How much."),
    _of("stem", click.Choice(["standard", "small"]), "small: for images of 28 to 32 pixels."),
    _of("width", _POSITIVE, "Factor of the number of channels, for small and ResNets."),
    _of("size", click.IntRange(min=8), "Pixels a side that images are resized to."),
    _of("backbone", str, "A frozen network before this one: efficientnet-lite0 (extra backbone)."),
    _of("epochs", click.IntRange(min=1), "Passes over the training images."),
    _of("batch", click.IntRange(min=1), "Images per step and device."),
    _of("optimizer", str, "A class of torch.optim."),
    _of("lr", _POSITIVE, "Step size."),
    _of("momentum", click.FloatRange(0, 1, max_open=True), "Of SGD and RMSprop."),
    _of("weight_decay", click.FloatRange(min=0), "Of the optimizer."),
    click.option("--option", "options", type=Option(), multiple=True, help="More of the optimizer: NAME=VALUE."),
    _of("schedule", click.Choice(get_args(Schedule)), "steps: lr ÷ 10 after 1/2, 3/4 and 7/8 of all steps."),
    _of("order", click.Choice(get_args(Order)), "Every image once, drawn with replacement, or fixed batches."),
    click.option("--augment/--no-augment", default=True, show_default=True, help="Move and mirror training images."),
    _of("precision", click.Choice(get_args(Precision)), "bf16: automatic mixed precision."),
)
_DEVICES = click.Choice(["auto", "cpu", "cuda", "mps"])
_MACHINE = (
    click.option("--device", type=_DEVICES, default="auto", show_default=True, help="Where."),
    click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="How many."),
    click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True, help="Processes for images."),
)


def _with(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _images(told: dict[str, Any]) -> Images:
    """The data set of the options, which are taken out of ``told``; features, if there is a backbone."""
    from aat.cnn import backbone, data

    root = told.pop("root") or data.CACHE
    images = data.load(told.pop("data"), root, told["size"]).subset(told.pop("train_images"), told.pop("test_images"))
    return images if told["backbone"] is None else backbone.through(images, told["backbone"])


def _recipe(images: Images, told: dict[str, Any]) -> Recipe:
    return Recipe(data=images.name, **(told | {"options": dict(told["options"])}))


def _out(folder: str) -> Callable[[Any], Any]:
    kind = click.Path(path_type=Path)
    return click.option("--out", type=kind, default=Path(folder), show_default=True, help="Where it is kept.")


@click.command("train")
@_with(*_DATA, *_HEAD, *_RECIPE, *_MACHINE)
@_out("out/train")
@json_option
def train_one(out: Path, json_file: Path | None, device: str, devices: int, workers: int, **told: Any) -> None:
    """Train a CNN with an AAT head, or a dense one, by SGD or any other optimizer of torch.

    The defaults are the paper's: SGD, 0.1, momentum 0.9, weight decay 1e-4, three divisions by 10. Interrupted, the
    same command goes on where it stopped. `--out` holds weights.pt, result.json, and logs for TensorBoard and as CSV.
    """
    from aat import cnn

    images = _images(told)
    result = cnn.train(
        _recipe(images, told), images, out, device=device, devices=devices, workers=workers, bar=console.is_terminal
    )
    of, accuracy = result.recipe, f"{result.test_accuracy:.2%}"
    summary = f"{of.data}, {of.arch}, {of.head}: test accuracy {accuracy}, {result.seconds_per_epoch:.3g} s per epoch"
    console.print(f"{summary}; weights in {out}", highlight=False, markup=False)
    if json_file:
        write_json(json_file, [result.as_row()])


@click.group("study", help="Compare AAT and dense heads on real CNNs.")
def study() -> None:
    """The group of studies."""


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


def _planned(name: str, type: Any, help: str) -> Callable[[Any], Any]:
    return click.option(f"--{name.replace('_', '-')}", type=type, default=_PLAN[name], show_default=True, help=help)


_AT_LEAST_1 = click.IntRange(min=1)
_RATE = (
    _planned("data", str, "digits, fashion-mnist, cifar10, or a folder."),
    _planned("train_images", Count(), "How many, or all; those that fill whole batches."),
    _planned("arch", str, "small, or another without BatchNorm and dropout."),
    _planned("width", _POSITIVE, "Factor of the number of channels."),
    _planned("k", _AT_LEAST_1, "Votes that a class of the AAT head hears."),
    _planned("batch", _AT_LEAST_1, "Images per step."),
    _planned("steps", _AT_LEAST_1, "T at most."),
    _planned("every", _AT_LEAST_1, "Measure one of so many steps, drawn at random."),
    _planned("looks", _AT_LEAST_1, "Of these, how many a training also for smoothness."),
    _planned("seeds", click.IntRange(min=2), "Trainings of each kind; verdicts want 32."),
    _planned("lr_sgd", _POSITIVE, "Step of R6; its bound needs 1/L."),
    _planned("lr_momentum", _POSITIVE, "Step of R9."),
    _planned("lr_blocks", _POSITIVE, "Step of R12; its bound needs 1/(2LN)."),
    _planned("lr_scheduled", _POSITIVE, "First step of the scheduled runs, which no claim is about."),
    _planned("momentum", float, "β of R9."),
    _planned("level", float, "Family-wise level of the verdicts."),
)


@study.command("rate")
@_with(*_RATE)
@click.option("--root", type=click.Path(path_type=Path), help="For downloads.  [default: ~/.cache/aat]")
@click.option("--device", type=_DEVICES, default="auto", show_default=True, help="Where.")
@click.option("--workers", type=_AT_LEAST_1, default=1, show_default=True, help="Trainings at a time.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be trained, and train nothing.")
@_out("out/rate")
@json_option
def study_rate(
    root: Path | None, device: str, workers: int, only_plan: bool, out: Path,
    json_file: Path | None, **told: Any,
) -> None:  # fmt: skip
    """Measure ∇F, gradient noise and smoothness while CNNs train, and hold R6, R9 and R12 against the curves.

    The constants of the bounds are the measured ones, so verdicts are a posteriori. AAT and dense heads see the same
    batches. Interrupted, the same command goes on. `--out` holds the trainings, rate.json, and figures.
    """
    from reports import plots
    from reports.cnn import path, rate, rate_result

    plan = Plan(**told)
    images = rate.images_of(plan, root)
    count = len(plan.series) * plan.seeds
    what = f"{count} trainings of {plan.steps} steps: {len(plan.series)} kinds, {plan.seeds} seeds, on {images.name}"
    if only_plan:
        console.print(f"{what}; {plan.command}", highlight=False, markup=False)
        return
    with progress() as bar:
        task = bar.add_task(what, total=count)
        for _ in rate.run(plan, images, out, device, workers):
            bar.advance(task)
    found = rate.collect(plan, images, out)
    found.save(out / rate_result.FILE)
    for plot in found.figures:
        plots.save(plot, out / "figures")
    plots.write(path.draw(found), out / "figures", "path")
    _tell(found.verdicts)
    if json_file:
        write_json(json_file, (row.as_row() for row in found.verdicts))
    if any(row.status == "violated" for row in found.verdicts):
        raise SystemExit(1)


def _tell(rows: Sequence[Verdict]) -> None:
    table = Table("claim", "method", "T", "measured", "bound", "verdict, a posteriori", box=None)
    for row in rows:
        bound = "" if row.bound is None else f"{row.bound:.4g}"
        table.add_row(row.claim, row.method, str(row.horizon), f"{row.measured:.4g}", bound, coloured(row.status))
    console.print(table)
