"""``aat train``, ``aat study``: real CNNs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.table import Table

from aat import InputError
from aat.checks import SmoothingName
from aat.recipe import Order, Precision, Recipe, Schedule
from reports import plots
from reports.cli.common import coloured, console, json_option, progress, write_json

if TYPE_CHECKING:
    from aat.cnn import Images

_DEFAULT = {entry.name: entry.default for entry in fields(Recipe)}


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
    _of("arch", str, "small, small-gn (GroupNorm), linear, or a classifier of torchvision."),
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
    _of("order", click.Choice(get_args(Order)), "Every image once in an epoch, or drawn with replacement."),
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
    from lightning.pytorch.utilities import rank_zero_only

    from aat import cnn

    images = _images(told)
    result = cnn.train(
        _recipe(images, told), images, out, device=device, devices=devices, workers=workers, bar=console.is_terminal
    )
    if getattr(rank_zero_only, "rank", 0):
        return  # one of the processes of several devices tells
    of, accuracy = result.recipe, f"{result.test_accuracy:.2%}"
    summary = f"{of.data}, {of.arch}, {of.head}: test accuracy {accuracy}, {result.seconds_per_epoch:.3g} s per epoch"
    console.print(f"{summary}; weights in {out}", highlight=False, markup=False)
    if json_file:
        write_json(json_file, [result.as_row()])


@click.group("study", help="Studies of real CNNs: whole results, judged.")
def study() -> None:
    """The group of studies."""


@study.command("parity")
@_with(*_DATA)
@click.option("--k", "heads", type=Head(), multiple=True, default=(1, 5, 10, 25), show_default=True, help="AAT heads.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trainings of every head.")
@click.option("--margin", type=_POSITIVE, default=1.0, show_default=True, help="Points of accuracy that may be lost.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05, show_default=True,
              help="Probability of any wrong verdict.")  # fmt: skip
@_with(*_RECIPE, *_MACHINE)
@_out("out/parity")
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

    images = _images(told)
    every = [*dict.fromkeys(k for k in heads if k is not None), None]
    with progress() as bar:
        task = bar.add_task("training", total=len(every) * seeds)
        found = trainings.parity(
            _recipe(images, told), images, every, range(seeds), out, margin=margin / 100, level=level,
            command=_command(), advance=partial(bar.advance, task), device=device, devices=devices, workers=workers,
        )  # fmt: skip
    found.save(out / parity.FILE)
    plots.write(parity.draw(found), out, "parity")
    rows = found.rows()
    table = Table("head", "seeds", "accuracy", "less dense", "lower", "s per epoch", "/ dense", "verdict", box=None)
    for row in rows:
        shares = (row.accuracy, row.difference, row.lower)
        told_shares = ("–" if share is None else f"{share:.2%}" for share in shares)
        times = (f"{row.seconds_per_epoch:.3g}", f"{row.cost:.3g}")
        table.add_row(row.head, str(row.seeds), *told_shares, *times, coloured(row.status))
    console.print(table)
    if json_file:
        write_json(json_file, map(asdict, rows))
    if any(row.status == "violated" for row in rows):
        raise SystemExit(1)


def _command() -> str:
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
