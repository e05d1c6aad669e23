"""A training's path, measured as it goes: at stated steps, before each is taken, without a trace in the training."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from aat import saved
from aat.cnn import measure
from aat.cnn.measure import Parts
from aat.cnn.module import Classifier, blocks
from aat.cnn.splits import Split
from aat.errors import InputError

# Images at a time in a product with the Hessian of F: fewer calls than batches, bounded memory.
_TOGETHER = 512


@dataclass(frozen=True)
class Record:
    """What was measured at w_t, before step t.

    Attributes:
        step: t.
        loss: F(w_t).
        square_gradient: ‖∇F(w_t)‖².
        noise: the variance of a minibatch's gradient there; of order ``blocks``, over the fixed batches.
        smoothness: the largest |eigenvalue| of the Hessian of F; of order ``blocks``, the largest over the batches.
            None: not measured at this step.
        secant: ‖∇F(w_t) − ∇F(w_s)‖/‖w_t − w_s‖ from the record before, at s: smoothness from below, across kinks.
            None: there is none before, or the network has not moved.
    """

    step: int
    loss: float
    square_gradient: float
    noise: float
    smoothness: float | None
    secant: float | None

    @property
    def second_moment(self) -> float:
        """E‖g‖² of a minibatch: its variance and the square of its mean."""
        return self.square_gradient + self.noise

    @property
    def lipschitz(self) -> float:
        """The largest that the record knows of how fast ∇F turns."""
        return max(self.smoothness or 0.0, self.secant or 0.0)


class Recorder(pl.Callback):
    """Measures at given steps, and writes all records to a file when training ends.

    It draws no random number from the global generator, and leaves gradients and mode alone. Records are kept in the
    checkpoint: an interrupted training ends with the same ones.

    Args:
        split: the images of training.
        steps: at which to measure.
        looks: those of them at which smoothness is measured, too.
        file: for the records, in JSON.
    """

    def __init__(self, split: Split, steps: Collection[int], looks: Collection[int], file: Path) -> None:
        self.split, self.steps, self.looks, self.file = split, frozenset(steps), frozenset(looks), file
        self.records: list[Record] = []
        self._before: tuple[Tensor, Tensor] | None = None

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Refuse what cannot be measured."""
        assert isinstance(module, Classifier)
        measure.check(module.recipe, module.network)
        if trainer.world_size != 1:
            raise InputError(f"{trainer.world_size} devices in a study of rates; expected 1")
        images, batch = len(self.split.labels), module.recipe.batch
        if images % batch:
            whole = images - images % batch
            raise InputError(f"{images} images in batches of {batch}; expected whole batches; try {whole} images")

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: object, index: int) -> None:
        """Before the step."""
        assert isinstance(module, Classifier)
        if trainer.global_step in self.steps:
            self.records.append(self._measure(module, trainer.global_step))

    def on_fit_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Also of a training that was interrupted after its last step."""
        saved.save(self.file, {"records": [asdict(record) for record in self.records]})

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"records": [asdict(record) for record in self.records], "before": self._before}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the checkpoint."""
        self.records = [Record(**told) for told in state_dict["records"]]
        self._before = state_dict["before"]

    def _measure(self, module: Classifier, step: int) -> Record:
        network, recipe, images = module.network, module.recipe, len(self.split.labels)
        if recipe.order == "blocks":
            parts = Parts(self.split, blocks(images, recipe.batch, recipe.seed), module.device)
        else:
            parts = Parts.at_random(self.split, recipe.batch, module.device, recipe.seed, step)
        found = measure.gradient(network, parts)
        noise = found.spread
        if recipe.order != "blocks":
            noise = measure.uniform_noise(noise, images, recipe.batch)
        here = measure.point(network), found.vector
        secant = None
        if self._before is not None and (moved := (here[0] - self._before[0]).norm().item()) > 0:
            secant = (here[1] - self._before[1]).norm().item() / moved
        self._before = here
        return Record(
            step=step,
            loss=found.loss,
            square_gradient=found.vector.square().sum().item(),
            noise=noise,
            smoothness=self._smoothness(module, parts, step) if step in self.looks else None,
            secant=secant,
        )

    def _smoothness(self, module: Classifier, parts: Parts, step: int) -> float:
        names = (module.recipe.seed, step)
        if module.recipe.order == "blocks":
            return max(measure.smoothness(module.network, one, *names) for one in parts.single())
        every = torch.arange(len(self.split.labels))
        # parts of one size, so that the mean over them is F
        count = next(n for n in range(-(-len(every) // _TOGETHER), len(every) + 1) if len(every) % n == 0)
        together = Parts(self.split, every.chunk(count), module.device)
        return measure.smoothness(module.network, together, *names)


def load(file: Path) -> list[Record]:
    """The records that a file holds.

    Raises:
        InputError: it is no such file.
    """
    try:
        return [Record(**told) for told in saved.load(file)["records"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: {error}; expected the records of a training; try without its folder") from None
