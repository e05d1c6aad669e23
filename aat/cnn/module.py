"""The training loop's parts for Lightning: what a step is, which images come, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl
import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from aat.cnn.data import Images
from aat.cnn.splits import Batches
from aat.errors import InputError
from aat.recipe import Recipe
from aat.seeds import generator, key

# Steps between two looks at the loss: each makes the processor wait for the device.
_LOOK = 20


class Diverged(InputError):
    """The loss is no number any more."""


class Classifier(pl.LightningModule):
    """Cross-entropy of a network, minimised by the recipe's optimizer."""

    def __init__(self, network: nn.Module, recipe: Recipe, classes: int) -> None:
        super().__init__()
        self.network, self.recipe = network, recipe
        self.seconds: list[float] = []
        self.last_train_loss = math.nan
        # what is no number is looked for here, not there
        self.train_loss, self.test_loss = (MeanMetric(nan_strategy="disable") for _ in range(2))
        self.test_accuracy = MulticlassAccuracy(classes, average="micro")
        self._begin = self._end = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Scores of images."""
        return self.network(x)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """The mean loss of a batch."""
        x, y = batch
        loss = nn.functional.cross_entropy(self.network(x), y)
        self.train_loss.update(loss.detach(), len(y))
        if index % _LOOK == 0:
            self._look(loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Loss and accuracy on images that are not trained on."""
        x, y = batch
        scores = self.network(x)
        self.test_loss.update(nn.functional.cross_entropy(scores, y), len(y))
        self.test_accuracy.update(scores, y)
        self.log_dict({"test_loss": self.test_loss, "test_accuracy": self.test_accuracy}, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """The optimizer, and the schedule in steps."""
        optimizer = self.recipe.make_optimizer(self.network.parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, self.recipe.milestones(steps), 0.1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Dropout of an epoch depends on the recipe and the epoch alone, so that a resumed run has the same."""
        torch.manual_seed(key("dropout", self.recipe.seed, self.current_epoch, self.global_rank))
        self._begin = time.perf_counter()

    def on_train_batch_end(self, *_: object) -> None:
        """Time goes on until here: not through the test."""
        self._end = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Before a checkpoint is written."""
        loss = self.train_loss.compute()
        self._look(loss)
        self.last_train_loss = loss.item()
        self.seconds.append(self._end - self._begin)
        self.log("train_loss", loss)
        self.log("seconds", self.seconds[-1])
        self.train_loss.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """With what is not a parameter."""
        checkpoint["recipe"], checkpoint["devices"] = self.recipe.as_row(), self.trainer.world_size
        checkpoint["seconds"], checkpoint["train_loss"] = self.seconds, self.last_train_loss

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Of this recipe and number of devices only: of several each takes a batch, so that a step sees more images."""
        if checkpoint.get("recipe") != self.recipe.as_row():
            raise InputError(
                "the checkpoint is of another recipe; expected the one it was begun with; try another --out"
            )
        if checkpoint["devices"] != (devices := self.trainer.world_size):
            begun = checkpoint["devices"]
            raise InputError(f"--devices {devices}; expected {begun}, as it was begun with; try --devices {begun}")
        self.seconds, self.last_train_loss = list(checkpoint["seconds"]), checkpoint["train_loss"]

    def _look(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            where = f"epoch {self.current_epoch + 1}, step {self.global_step}"
            raise Diverged(
                f"the loss is {loss.item()} at {where}; expected a number; try a smaller lr than {self.recipe.lr:g}"
            )


def blocks(images: int, batch: int, seed: int) -> list[Int[Tensor, " B"]]:
    """The fixed batches of order ``blocks``: images parted at random; those that fill no batch are in none."""
    parts = torch.randperm(images, generator=generator("blocks", seed)).split(batch)
    return [part for part in parts if len(part) == min(batch, images)]


class Order(Sampler[list[int]]):
    """The batches of one epoch, by seed and epoch alone; of several devices each gets its own share of every batch."""

    def __init__(self, images: int, recipe: Recipe, epoch: int, rank: int = 0, devices: int = 1) -> None:
        randomness = generator("order", recipe.seed, epoch)
        draw = torch.randperm(images, generator=randomness)
        if recipe.order == "uniform":
            draw = torch.randint(images, (images,), generator=randomness)
        together = recipe.batch * devices
        if recipe.order == "blocks":
            fixed = blocks(images, together, recipe.seed)
            draw = torch.cat([fixed[i] for i in torch.randperm(len(fixed), generator=randomness)])
        # an incomplete batch is left out, unless there is no other: each step then averages as many samples
        whole = draw[: max(together, len(draw) - len(draw) % together)]
        self._batches = [part[rank::devices].tolist() for part in whole.split(together)]

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class Loaders(pl.LightningDataModule):
    """The images, an epoch's loader at a time."""

    def __init__(self, images: Images, recipe: Recipe, workers: int = 0) -> None:
        super().__init__()
        self.images, self.recipe, self.workers = images, recipe, workers

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """The batches of the epoch that begins."""
        trainer, augmentation = self.trainer, self.images.augmentation if self.recipe.augment else None
        assert trainer is not None
        split, epoch = self.images.train, trainer.current_epoch
        order = Order(len(split.labels), self.recipe, epoch, trainer.global_rank, trainer.world_size)
        return self._loader(Batches(split, augmentation, self.recipe.seed, epoch), order)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        """All images of the test, in order; of several devices each takes its share."""
        trainer, split = self.trainer, self.images.test
        assert trainer is not None
        mine = torch.arange(trainer.global_rank, len(split.labels), trainer.world_size)
        return self._loader(Batches(split), [part.tolist() for part in mine.split(256)])

    def _loader(self, batches: Batches, order: Any) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(batches, batch_sampler=order, num_workers=self.workers, collate_fn=_as_they_are,
                          generator=generator("workers", self.recipe.seed))  # fmt: skip


def _as_they_are(batch: Any) -> Any:
    return batch
