"""``aat concepts``: what the units of a network see."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from aat import InputError
from reports.cli.common import Place, console, json_option, take, write_json
from reports.cli.recipes import DEVICES, out_option, with_options

if TYPE_CHECKING:
    from aat.concepts import Annotated, Tally

_FILE = click.Path(path_type=Path)
_SCENES = "scenes"
LIMITS = (
    click.option("--limit", type=click.FloatRange(0, 1), default=0.04, show_default=True,
                 help="IoU beyond which a unit is a detector."),
    click.option("--inclusive", is_flag=True, help="Also a unit at the limit: ≥, not >."),
)  # fmt: skip


@click.group("concepts", help="What the units of a network see: network dissection (Bau, Zhou et al., CVPR 2017).")
def concepts() -> None:
    """The group of commands about concepts."""


@concepts.command("summary")
@click.argument("file", metavar="TALLY.csv", type=_FILE)
@with_options(*LIMITS)
@click.option("--category", "categories", multiple=True, help="Only of this category, or these; all by default.")
@click.option("--out", type=Place(folder=True), help="Also draw the figure into this folder.")
@json_option
def summary(
    file: Path, limit: float, inclusive: bool, categories: tuple[str, ...], out: Path | None, json_file: Path | None
) -> None:
    """Detectors in the tally.csv of a dissection.

    The file may be NetDissect's or of its kin. A unit is a detector of the concept that it fits best,
    of the categories asked for. Where the file disagrees with itself, the counts of pixels are believed, and a line on
    stderr says so.
    """
    from aat.concepts import Tally

    tally = Tally.load(file, lambda complaint: print(f"aat: {' '.join(complaint.split())}", file=sys.stderr))
    _tell(tally.only(categories) if categories else tally, limit, inclusive, out, json_file)


@concepts.command("dissect")
@click.option("--checkpoint", type=_FILE, required=True, help="weights.pt of aat train.")
@click.option("--data", default=_SCENES, show_default=True, help="scenes (synthetic), or a folder with masks.")
@click.option("--images", type=click.IntRange(min=1), help="How many scenes.  [default: 3000]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the scenes.")
@click.option("--quantile", type=click.FloatRange(0, 1, max_open=True), default=0.005, show_default=True,
              help="Share of positions at which a unit is active.")  # fmt: skip
@with_options(*LIMITS)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Images at a time.")
@click.option("--device", type=DEVICES, default="cpu", show_default=True, help="Where.")
@out_option("out/concepts")
@json_option
def dissect(
    checkpoint: Path,
    data: str,
    images: int | None,
    seed: int,
    quantile: float,
    limit: float,
    inclusive: bool,
    batch: int,
    device: str,
    out: Path,
    json_file: Path | None,
) -> None:
    """Hold every unit of a trained network against masks of concepts.

    A folder holds concepts.json ({"object": ["cup", "table"], ...}), images/NAME.png and masks/CATEGORY/NAME.png, whose
    pixels are 0 (no concept), 1 (the first one), and so on. `--out` holds tally.csv and a figure.
    """
    from aat.cnn import load_network
    from aat.concepts.dissect import dissect
    from reports.concepts import TALLY

    network, recipe, about = load_network(checkpoint)
    name, found = _annotated(data, images, seed, about.shape[0])
    take(out)
    tally = dissect(network.to(_device(device)), found, quantile, batch=batch)
    tally.save(out / TALLY)
    _tell(tally, limit, inclusive, out, json_file, f"{recipe.arch}, {recipe.head}, on {name}")
    console.print(f"{len(found)} images of {name}; tally in {out / TALLY}", highlight=False, markup=False)


def _annotated(data: str, images: int | None, seed: int, channels: int) -> tuple[str, Annotated]:
    """Images with masks, and what they are called where they are shown."""
    if data == _SCENES:
        from aat.concepts import scenes

        return scenes.NAME, scenes.annotated(seed=seed, images=images)
    from aat.concepts.folder import Folder

    if not Path(data).is_dir():
        raise InputError(f"--data {data}; expected {_SCENES}, or a folder with concepts.json; try {_SCENES}")
    return Path(data).resolve().name, Folder(Path(data), channels)


def _device(name: str) -> str:
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        raise InputError(f"--device {name}; expected one that this machine has; try --device cpu")
    return name


def _tell(
    tally: Tally, limit: float, inclusive: bool, out: Path | None, json_file: Path | None, name: str = ""
) -> None:
    """Table, figure and rows."""
    from reports import plots
    from reports.concepts import FIGURE, draw, rows

    found = rows(tally, limit, inclusive)
    table = Table("category", "detectors", "unique", "concepts, and the numbers of their units", box=None)
    for row in found:
        table.add_row(Text(row.category), str(row.detectors), str(row.unique), Text(row.concepts))
    console.print(table)
    if out:
        plots.write(draw(tally, limit, inclusive, name), out, FIGURE)
    if json_file:
        write_json(json_file, map(asdict, found))
