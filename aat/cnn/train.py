"""Train a network by a recipe: interrupted, it goes on where it stopped; finished, it is not trained again."""

from __future__ import annotations

import json
import math
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import torchvision
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn

from aat import saved
from aat.cnn import backbone, models
from aat.cnn.checkpoint import UNREADABLE, Checkpoints, load, reason, save
from aat.cnn.contexts import from_workers, interruptible, quiet
from aat.cnn.data import About, Images
from aat.cnn.module import Classifier, Diverged, Loaders
from aat.cnn.splits import Split
from aat.device import device_name
from aat.errors import InputError
from aat.files import write_whole
from aat.recipe import Recipe
from aat.typed import typed

RECIPE, RESULT, WEIGHTS, CHECKPOINT = "recipe.json", "result.json", "weights.pt", "last.ckpt"
_PRECISION = {"float32": "32-true", "bf16": "bf16-mixed"}


@dataclass(frozen=True)
class Result:
    """What a training gave; one flat row of ``--json``.

    Attributes:
        recipe: how it was trained.
        test_accuracy, test_loss: on all test images, the network in evaluation mode.
        train_loss: mean over the last epoch, as the network changed.
        images, test_images: how many there are.
        seconds_per_epoch: median, without the test.
        device: in words.
        digest: of the final weights; two trainings with one digest ended alike.
        versions: of what computed it.
    """

    recipe: Recipe
    test_accuracy: float
    test_loss: float
    train_loss: float
    images: int
    test_images: int
    seconds_per_epoch: float
    device: str
    digest: str
    versions: dict[str, str]

    def as_row(self) -> dict[str, Any]:
        """Flat: the recipe's entries first, its options as the command takes them."""
        told = asdict(self)
        recipe, versions = told.pop("recipe"), told.pop("versions")
        recipe["options"] = " ".join(f"{name}={json.dumps(value)}" for name, value in recipe["options"].items())
        return recipe | told | versions

    @classmethod
    @typed
    def load(cls, folder: Path) -> Result:
        """The result that a folder holds.

        Raises:
            InputError: it holds none, or a damaged one.
        """
        file = folder / RESULT
        try:
            told = saved.load(file)
            return cls(**{**told, "recipe": Recipe.of(told["recipe"])})
        except UNREADABLE as error:
            raise InputError(
                f"{file}: {reason(error)}; expected the result of a training; try aat train again"
            ) from None


@typed
def train(
    recipe: Recipe,
    images: Images,
    folder: Path,
    *,
    device: str = "auto",
    devices: int = 1,
    workers: int = 0,
    bar: bool = False,
    callbacks: Sequence[pl.Callback] = (),
) -> Result:
    """Train, or take up the training that ``folder`` holds, and leave weights and result there.

    After every epoch a checkpoint is written, whole or not at all. On the CPU, training that was killed at any moment
    and begun again ends with the same weights, bit for bit, as training in one go.

    Args:
        recipe: how.
        images: of the data set that the recipe names; features if it names a backbone.
        folder: for checkpoint, logs (CSV, TensorBoard), ``weights.pt`` and ``result.json``.
        device: of Lightning: ``auto``, ``cpu``, ``cuda``, ``mps``.
        devices: how many; with more than one, DistributedDataParallel.
        workers: processes that load images, where they do not lie in memory.
        bar: whether progress is shown.
        callbacks: more of Lightning's.

    Raises:
        InputError: the folder holds a training by another recipe, or something is wrong with the recipe.
        Diverged: the loss became infinite or no number.
    """
    told = json.dumps(recipe.as_row(), indent=1, ensure_ascii=False)
    _check(folder, told)
    if (folder / RESULT).exists():
        result = Result.load(folder)
        if result.recipe != recipe:
            told = "it is of another recipe than the one beside it"
            raise InputError(f"{folder / RESULT}: {told}; expected the result of this training; try another folder")
        return result
    last, network = folder / CHECKPOINT, models.network(recipe, images)
    recipe.make_optimizer(network.parameters())
    # a recipe that cannot be used has left nothing behind until here
    if not last.exists():
        write_whole(folder / RECIPE, told)
    module = Classifier(network, recipe, len(images.classes)).to(memory_format=torch.channels_last)
    kept = ModelCheckpoint(folder, CHECKPOINT.removesuffix(".ckpt"), enable_version_counter=False)
    loggers = [CSVLogger(folder, "csv"), TensorBoardLogger(folder, "tensorboard", version=0)]
    with quiet(), torch.random.fork_rng(range(torch.cuda.device_count())):
        try:
            trainer = pl.Trainer(
                accelerator=device, devices=devices, strategy="ddp" if devices > 1 else "auto",
                max_epochs=recipe.epochs, precision=_PRECISION[recipe.precision],  # type: ignore[arg-type]
                callbacks=[kept, *callbacks], logger=loggers, plugins=[Checkpoints()], enable_progress_bar=bar,
                enable_model_summary=False, num_sanity_val_steps=0, reload_dataloaders_every_n_epochs=1,
                use_distributed_sampler=False, log_every_n_steps=10,
            )  # fmt: skip
        except MisconfigurationException as error:
            raise InputError(
                f"--device {device} --devices {devices}: {error}; expected what this machine has; try --device cpu"
            ) from None
        with interruptible(), from_workers():
            trainer.fit(module, Loaders(images, recipe, workers), ckpt_path=last if last.exists() else None)
    result = _finish(module, images, trainer)
    if trainer.is_global_zero:
        _save_weights(folder / WEIGHTS, module.network, result, images)
        saved.save(folder / RESULT, asdict(result))
    return result


@typed
def evaluate(network: nn.Module, split: Split, batch: int = 256) -> tuple[float, torch.Tensor]:
    """Mean cross-entropy, and whether each image is classified right, the network as it is."""
    if batch < 1:
        raise InputError(f"batch = {batch}; expected at least 1; try 256")
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    losses, right = [], []
    with torch.inference_mode():
        for indices in torch.arange(len(split.labels)).split(batch):
            scores = network(split.batch(indices.tolist()).to(device)).float()
            labels = split.labels[indices].to(device)
            losses.append(nn.functional.cross_entropy(scores, labels, reduction="sum").double())
            right.append(scores.argmax(1) == labels)
    return torch.stack(losses).sum().item() / len(split.labels), torch.cat(right).cpu()


@typed
def load_network(file: Path) -> tuple[nn.Module, Recipe, About]:
    """The network in ``weights.pt`` from images to scores, in evaluation mode, its recipe, and what it knows of images.

    Raises:
        InputError: the file is no such thing.
    """
    network, recipe, about = load_trained(file)
    if recipe.backbone is not None:
        network = nn.Sequential(backbone.make(recipe.backbone), nn.Unflatten(1, (-1, 1, 1)), network)
    return network.eval(), recipe, about


def load_trained(file: Path) -> tuple[nn.Module, Recipe, About]:
    """The part of it that was trained: the network that comes after a backbone, or all of it where there is none.

    Raises:
        InputError: the file is no such thing.
    """
    try:
        told = load(file)
        recipe = Recipe.of(told["recipe"])
        about = About(**told["about"])
        network = models.network(recipe, about)
        network.load_state_dict(told["state"])
        if digest(network) != told["digest"]:
            raise ValueError("its weights are not those that were saved")
    except UNREADABLE as error:
        raise InputError(f"{file}: {reason(error)}; expected {WEIGHTS} of aat train; try to train again") from None
    return network.eval(), recipe, about


def _check(folder: Path, told: str) -> None:
    """That the folder holds no training by another recipe than the one told."""
    begun = any((folder / name).exists() for name in (CHECKPOINT, RESULT))
    file = folder / RECIPE
    if begun and not (file.exists() and file.read_bytes() == told.encode()):
        raise InputError(f"{folder} holds a training by another recipe; expected this one or none; try another --out")


def _finish(module: Classifier, images: Images, trainer: pl.Trainer) -> Result:
    # Lightning has moved it to the processor
    network = module.network.eval().to(trainer.strategy.root_device)
    loss, right = evaluate(network, images.test)
    if not math.isfinite(loss):
        raise Diverged(f"the loss on the test is {loss}; expected a number; try a smaller lr than {module.recipe.lr:g}")
    network.cpu()
    return Result(
        recipe=module.recipe,
        test_accuracy=right.double().mean().item(),
        test_loss=loss,
        train_loss=module.last_train_loss,
        images=len(images.train.labels),
        test_images=len(images.test.labels),
        seconds_per_epoch=statistics.median(module.seconds),
        device=_device(trainer),
        digest=digest(network),
        versions=_versions(),
    )


def digest(network: nn.Module) -> str:
    """Of all parameters and buffers, bit for bit."""
    total = blake2b(digest_size=8)
    for name, value in sorted(network.state_dict().items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _save_weights(file: Path, network: nn.Module, result: Result, images: Images) -> None:
    about = {entry.name: getattr(images, entry.name) for entry in fields(About)}
    recipe = result.recipe.as_row()
    save(file, {"recipe": recipe, "about": about, "state": network.state_dict(), "digest": result.digest})


def _device(trainer: pl.Trainer) -> str:
    if isinstance(trainer.accelerator, CUDAAccelerator):
        return f"{trainer.num_devices} × {device_name('cuda')}"
    each = f"{device_name('cpu')}, {torch.get_num_threads()} of its cores"
    return each if trainer.num_devices == 1 else f"{trainer.num_devices} × {each}"


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "torchvision": torchvision.__version__,
            "lightning": pl.__version__}  # fmt: skip
