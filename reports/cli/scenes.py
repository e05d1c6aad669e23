"""``aat concepts scenes``: synthetic scenes with their masks, as files."""

from __future__ import annotations

from pathlib import Path

import click

from reports.cli.common import console, progress, take
from reports.cli.recipes import out_option


@click.command("scenes")
@click.option("--part", type=click.Choice(["train", "test"]), default="test", show_default=True, help="Which scenes.")
@click.option("--images", type=click.IntRange(min=1), default=100, show_default=True, help="How many, from the first.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the scenes.")
@out_option("out/scenes")
def write_scenes(part: str, images: int, seed: int, out: Path) -> None:
    """Write synthetic scenes, composed from real images, with exact masks of their concepts.

    `--out` holds concepts.json, images/NAME.png and masks/CATEGORY/NAME.png, as `aat concepts dissect --data` reads it.
    """
    from aat.concepts import scenes
    from aat.concepts.save import save

    found = scenes.annotated(part, seed, images)
    take(out)
    with progress() as bar:
        task = bar.add_task("writing", total=images)
        save(found, out, lambda count: bar.advance(task, count))
    console.print(f"{images} {scenes.NAME}, {part}; {out}", highlight=False, markup=False)
