"""``aat train``: a real CNN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reports.cli.common import Place, console, json_option, write_json
from reports.cli.recipes import (
    DATA,
    HEAD,
    MACHINE,
    RECIPE,
    images_of,
    out_option,
    recipe_of,
    take_once,
    tells,
    with_options,
)


@click.command("train")
@with_options(*DATA, *HEAD, *RECIPE, *MACHINE)
@out_option("out/train")
@click.option("--features", type=Place(),
              help="Also save what the head hears of the test images: an .npz for aat verify --data.")  # fmt: skip
@json_option
def train_one(
    out: Path, features: Path | None, json_file: Path | None, device: str, devices: int, workers: int, **told: Any
) -> None:
    """Train a CNN with an AAT head, or a dense one, by SGD or any other optimizer of torch.

    The defaults are the paper's: SGD, 0.1, momentum 0.9, weight decay 1e-4, three divisions by 10. Interrupted, the
    same command goes on where it stopped. `--out` holds weights.pt, result.json, and logs for TensorBoard and as CSV.
    """
    from aat import cnn
    from aat.cnn.train import WEIGHTS, load_trained

    images = images_of(told)
    take_once(out)
    result = cnn.train(
        recipe_of(images, told), images, out, device=device, devices=devices, workers=workers, bar=console.is_terminal
    )
    if not tells():
        return
    of, accuracy = result.recipe, f"{result.test_accuracy:.2%}"
    summary = f"{of.data}, {of.arch}, {of.head}: test accuracy {accuracy}, {result.seconds_per_epoch:.3g} s per epoch"
    console.print(f"{summary}; weights in {out}", highlight=False, markup=False)
    if features:
        trained, _, _ = load_trained(out / WEIGHTS)
        cnn.save_features(features, trained, images.test)
    if json_file:
        write_json(json_file, [result.as_row()])
