"""``aat explain``: why networks predicted what they did."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aat import InputError
from reports.cli.common import console, json_option, write_json
from reports.cli.recipes import DATA, images_of, out_option, with_options

if TYPE_CHECKING:
    from aat.cnn import Images


@click.command("explain")
@click.option("--checkpoint", "checkpoints", type=click.Path(path_type=Path), multiple=True, required=True,
              help="weights.pt of aat train, or its folder; several: side by side.")  # fmt: skip
@with_options(*DATA)
@click.option("--images", "count", type=click.IntRange(min=1), default=20, show_default=True,
              help="How many test images, of each class in turn.")  # fmt: skip
@click.option("--image", "places", type=click.IntRange(min=0), multiple=True, help="These test images instead.")
@click.option("--target", "targets", multiple=True, help="Also the score of this class: its name or number.")
@click.option("--units", type=click.IntRange(min=1), default=8, show_default=True,
              help="Units shown for a score; the others become one part.")  # fmt: skip
@click.option("--search", type=click.IntRange(min=0), default=1000, show_default=True,
              help="Test images among which those that activate a unit most are found.")  # fmt: skip
@click.option("--concepts", "tallies", type=click.Path(dir_okay=False, path_type=Path), multiple=True,
              help="tally.csv of aat concepts dissect, one for each checkpoint in turn.")  # fmt: skip
@out_option("out/explain")
@json_option
def explain(
    checkpoints: tuple[Path, ...],
    count: int,
    places: tuple[int, ...],
    targets: tuple[str, ...],
    units: int,
    search: int,
    tallies: tuple[Path, ...],
    out: Path,
    json_file: Path | None,
    **told: object,
) -> None:
    """Why did it predict that? Each score as the exact sum of the votes heard, and where their units looked.

    One page in `--out` that needs no network: for AAT and dense heads, side by side if asked for.
    """
    from aat.cnn.data import in_turn
    from aat.cnn.train import WEIGHTS
    from reports.explain.account import Network
    from reports.explain.page import explain as explain_images

    if tallies and len(tallies) != len(checkpoints):
        raise InputError(f"{len(tallies)} --concepts for {len(checkpoints)} --checkpoint; expected one for each")
    files = [file / WEIGHTS if file.is_dir() else file for file in checkpoints]
    networks = [Network.load(*pair) for pair in zip_longest(files, tallies)]
    # few images are looked at: those of a folder are decoded one by one
    images = images_of({**told, "size": networks[0].size, "backbone": None}, memory=0)
    found = explain_images(
        networks,
        images,
        places or sorted(in_turn(images.test.labels, count).tolist()),
        targets=[_class(target, images) for target in targets],
        most=units,
        search=search,
    )
    console.print(f"{len(found.chosen)} images explained: {found.save(out)}", highlight=False, markup=False)
    if json_file:
        write_json(json_file, found.rows())


def _class(told: str, images: Images) -> int:
    if told in images.classes:
        return images.classes.index(told)
    if told.isdecimal() and int(told) < len(images.classes):
        return int(told)
    known = ", ".join(images.classes[:10]) + (", ..." if len(images.classes) > 10 else "")
    raise InputError(f"--target {told}; expected a class of {images.name}: {known}; try {images.classes[0]}")
