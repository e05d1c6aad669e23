"""Toy trainings: few digits, and how one is interrupted."""

from functools import cache
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

from aat.cnn import Images, Recipe, Result, load, train

# Of 200 images three whole batches of 64, of 100 one to test.
BATCHES, EPOCHS = 3, 3


class Interrupted(Exception):
    """What a test breaks a training with."""


class Break(pl.Callback):
    """Raises after so many batches, of training or of the test, that this process sees."""

    def __init__(self, batches: int, error: BaseException | None = None) -> None:
        self.left, self.error = batches, error or Interrupted()

    def _count(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error

    on_train_batch_end = on_validation_batch_end = _count


@cache
def digits() -> Images:
    return load("digits").subset(train=200, test=100)


def recipe(**entries: Any) -> Recipe:
    small = {"width": 0.25} if entries.get("arch", "small") == "small" else {}
    return Recipe(**({"data": digits().name, "k": 5, "epochs": EPOCHS, "batch": 64} | small | entries))


def trained(
    folder: Path, *callbacks: pl.Callback, images: Images | None = None, workers: int = 0, **entries: Any
) -> Result:
    """By a recipe with these entries."""
    return train(recipe(**entries), images or digits(), folder, device="cpu", workers=workers, callbacks=callbacks)
