"""Options that commands about real CNNs share, and what is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from aat import InputError
from aat.checks import SmoothingName
from aat.recipe import Order, Precision, Recipe, Schedule
from reports.cli.common import MOST_WORKERS, Place, take

if TYPE_CHECKING:
    from aat.cnn import Images


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


def options_of(plan: Any, prefix: str = "") -> Callable[..., Callable[[Any], Any]]:
    """Options for the entries of a dataclass, with its defaults: of a name, a type, a help, and another flag if wanted.

    ``prefix`` comes before the names of their parameters.
    """
    defaults = {entry.name: entry.default for entry in fields(plan)}

    def option(name: str, type: Any, help: str, flag: str | None = None) -> Callable[[Any], Any]:
        flag = flag or f"--{name.replace('_', '-')}"
        return click.option(flag, f"{prefix}{name}", type=type, default=defaults[name], show_default=True, help=help)

    return option


_of = options_of(Recipe)


POSITIVE = click.FloatRange(min=0, min_open=True)
DATA = (
    click.option(
        "--data",
        default="digits",
        show_default=True,
        help="digits, fashion-mnist, cifar10, scenes (synthetic), or a folder.",
    ),
    click.option("--root", type=click.Path(path_type=Path), help="For downloads.  [default: ~/.cache/aat]"),
    click.option("--train-images", type=click.IntRange(min=1), help="Only so many of them."),
    click.option("--test-images", type=click.IntRange(min=1), help="Only so many of them."),
)
HEAD = (
    click.option("--k", type=Head(), default=5, show_default=True, help="Votes that a class hears, or dense."),
    _of("seed", int, "Of everything random."),
)
RECIPE = (
    _of("arch", str, "small, small-gn (GroupNorm), linear, or a classifier of torchvision."),
    _of("smoothing", click.Choice(get_args(SmoothingName)), "Of the head."),
    _of("mu", POSITIVE, "How much."),
    _of("stem", click.Choice(["standard", "small"]), "small: for images of 28 to 32 pixels."),
    _of("width", POSITIVE, "Factor of the number of channels, for small and ResNets."),
    _of("size", click.IntRange(min=8), "Pixels a side that images are resized to."),
    _of("backbone", str, "A frozen network before this one: efficientnet-lite0 (extra backbone)."),
    _of("epochs", click.IntRange(min=1), "Passes over the training images."),
    _of("batch", click.IntRange(min=1), "Images per step and device."),
    _of("optimizer", str, "A class of torch.optim."),
    _of("lr", POSITIVE, "Step size."),
    _of("momentum", click.FloatRange(0, 1, max_open=True), "Of SGD and RMSprop."),
    _of("weight_decay", click.FloatRange(min=0), "Of the optimizer."),
    click.option("--option", "options", type=Option(), multiple=True, help="More of the optimizer: NAME=VALUE."),
    _of("schedule", click.Choice(get_args(Schedule)), "steps: lr ÷ 10 after 1/2, 3/4 and 7/8 of all steps."),
    _of("order", click.Choice(get_args(Order)), "Every image once, drawn with replacement, or fixed batches."),
    click.option("--augment/--no-augment", default=True, show_default=True, help="Move and mirror training images."),
    _of("precision", click.Choice(get_args(Precision)), "bf16: automatic mixed precision."),
)
DEVICES = click.Choice(["auto", "cpu", "cuda", "mps"])
MACHINE = (
    click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where."),
    click.option("--devices", type=click.IntRange(min=1), default=1, show_default=True, help="How many."),
    click.option(
        "--workers", type=click.IntRange(0, MOST_WORKERS), default=0, show_default=True, help="Processes for images."
    ),
)

SEEDS = click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trainings of every head."
)
LEVEL = click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.05,
                     show_default=True, help="Probability of any wrong verdict.")  # fmt: skip


def heads_option(*default: int) -> Callable[[Any], Any]:
    """`--k`, as often as one likes."""
    return click.option(
        "--k", "heads", type=Head(), multiple=True, default=default, show_default=True, help="AAT heads."
    )


def beside_dense(heads: Iterable[int | None]) -> list[int | None]:
    """Each AAT head once, and the dense one."""
    return [*dict.fromkeys(k for k in heads if k is not None), None]


def with_options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A decorator: all of these, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def images_of(told: dict[str, Any], **how: Any) -> Images:
    """The data set of the options, which are taken out of ``told``; features, if there is a backbone.

    ``how``: more for :func:`aat.cnn.load`.
    """
    from aat.cnn import backbone, data

    root = told.pop("root") or data.CACHE
    images = data.load(told.pop("data"), root, told["size"], **how)
    images = images.subset(told.pop("train_images"), told.pop("test_images"))
    return images if told["backbone"] is None else backbone.through(images, told["backbone"])


def recipe_of(images: Images, told: dict[str, Any]) -> Recipe:
    """The recipe of the options."""
    return Recipe(data=images.name, **(told | {"options": dict(told["options"])}))


def out_option(folder: str) -> Callable[[Any], Any]:
    """`--out`."""
    kind = Place(folder=True)
    return click.option("--out", type=kind, default=Path(folder), show_default=True, help="Where it is kept.")


def take_once(folder: Path) -> None:
    """Have the folder alone until the command ends; the processes of several devices have it together."""
    if tells():
        take(folder)


def tells() -> bool:
    """Whether this process is the one, of the processes of several devices, that tells and writes."""
    from lightning.pytorch.utilities import rank_zero_only

    return not getattr(rank_zero_only, "rank", 0)
