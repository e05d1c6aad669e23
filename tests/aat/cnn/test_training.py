"""What a training does: the images it sees, the steps it takes, what it leaves behind."""

import csv
import dataclasses
import json
import math
from itertools import chain
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from aat import InputError
from aat.cnn import Images, Recipe, Result, evaluate, load, load_network, train
from aat.cnn import network as begin
from aat.cnn.module import Diverged, Order
from aat.cnn.splits import InMemory
from aat.seeds import generator
from tests.aat.cnn.toy import BATCHES, EPOCHS, digits, recipe, trained


class Watch(pl.Callback):
    """Step sizes and images, batch by batch."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.images: list[Tensor] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        self.images.append(batch[0])


# --- The same recipe, the same network ---


def test_a_recipe_determines_the_weights(tmp_path: Path) -> None:
    first, second = (trained(tmp_path / name, arch="linear") for name in "ab")
    assert first.digest == second.digest
    assert dataclasses.replace(first, seconds_per_epoch=0) == dataclasses.replace(second, seconds_per_epoch=0)
    others: list[dict[str, Any]] = [
        {"seed": 1}, {"k": 4}, {"k": None}, {"order": "uniform"}, {"augment": False}, {"lr": 0.05}, {"momentum": 0.0},
        {"options": {"nesterov": True}}, {"optimizer": "AdamW", "lr": 0.01}, {"schedule": "constant"},
        {"smoothing": "entropic", "mu": 0.5}, {"precision": "bf16"}, {"size": 6}, {"batch": 32},
    ]  # fmt: skip
    digests = [trained(tmp_path / str(index), arch="linear", **other).digest for index, other in enumerate(others)]
    assert len({first.digest, *digests}) == 1 + len(others)


def test_training_learns(tmp_path: Path) -> None:
    for name, entries in {"sgd": {"lr": 0.1}, "bf16": {"lr": 0.1, "precision": "bf16"}}.items():
        found = trained(tmp_path / name, arch="linear", k=25, epochs=20, **entries)
        assert found.test_accuracy > 0.6
        assert found.train_loss < math.log(10)


def test_what_is_left_behind(tmp_path: Path) -> None:
    found = trained(tmp_path)
    assert Result.load(tmp_path) == found
    assert (found.images, found.test_images, found.recipe) == (200, 100, recipe())
    row = found.as_row()
    assert not any(isinstance(value, dict | list) for value in row.values())
    assert (row["data"], row["k"], row["test_accuracy"]) == (digits().name, 5, found.test_accuracy)
    assert "torch" in row
    with (tmp_path / "csv/version_0/metrics.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    logged = [float(line["test_accuracy"]) for line in lines if line["test_accuracy"]]
    assert len(logged) == EPOCHS
    assert logged[-1] == pytest.approx(found.test_accuracy)
    assert [float(line["train_loss"]) for line in lines if line["train_loss"]][-1] == pytest.approx(found.train_loss)
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents.*"))
    assert not [file for file in tmp_path.rglob("*") if "part" in file.name]


@pytest.mark.parametrize("arch", ["small", "linear"])
def test_the_network_is_loaded_as_it_was_trained(arch: str, tmp_path: Path) -> None:
    found = trained(tmp_path, arch=arch)
    network, told, about = load_network(tmp_path / "weights.pt")
    assert told == found.recipe
    assert not network.training
    loss, right = evaluate(network, digits().test)
    assert right.double().mean().item() == found.test_accuracy
    assert loss == pytest.approx(found.test_loss, rel=1e-6)
    assert (about.name, about.classes, about.mean) == (digits().name, digits().classes, digits().mean)


def test_training_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    trained(tmp_path, arch="linear", epochs=1)
    assert torch.equal(torch.random.get_rng_state(), before)


# --- Steps ---


def test_the_step_size_is_divided_after_each_milestone(tmp_path: Path) -> None:
    watch = Watch()
    trained(tmp_path, watch, arch="linear", epochs=8, lr=0.8)
    # of 24 steps: after 12, 18 and 21
    expected = [0.8] * 12 + [0.08] * 6 + [0.008] * 3 + [0.0008] * 3
    assert watch.rates == pytest.approx(expected)


def test_a_constant_step_size(tmp_path: Path) -> None:
    watch = Watch()
    trained(tmp_path, watch, arch="linear", schedule="constant", lr=0.3)
    assert watch.rates == [0.3] * BATCHES * EPOCHS


def test_the_steps_are_those_of_the_optimizer_written_out(tmp_path: Path) -> None:
    """One epoch of SGD with momentum, Nesterov's, and weight decay, by its formula, on the batches that were seen."""
    entries = {"arch": "linear", "k": None, "epochs": 1, "schedule": "constant", "options": {"nesterov": True}}
    watch, labels = Watch(), digits().train.labels
    trained(tmp_path, watch, augment=False, **entries)
    network, told, about = load_network(tmp_path / "weights.pt")
    expected = begin(told, about)
    w, b = expected[1][1].weight, expected[1][1].bias
    memory = [torch.zeros_like(w), torch.zeros_like(b)]
    for chosen in Order(200, told, epoch=0):
        loss = torch.nn.functional.cross_entropy(
            expected(digits().train.batch(chosen, None, generator())), labels[chosen]
        )
        for value, buffer, gradient in zip((w, b), memory, torch.autograd.grad(loss, (w, b)), strict=True):
            step = gradient + 1e-4 * value.detach()
            buffer.mul_(0.9).add_(step)
            value.data -= 0.1 * (step + 0.9 * buffer)
    torch.testing.assert_close(network[1][1].weight, w)
    torch.testing.assert_close(network[1][1].bias, b)


# --- Order ---


@given(
    images=st.integers(1, 200),
    batch=st.integers(1, 50),
    devices=st.integers(1, 3),
    order=st.sampled_from(["reshuffled", "uniform"]),
    epoch=st.integers(0, 3),
)
def test_devices_share_each_batch_and_no_image_comes_twice(
    images: int, batch: int, devices: int, order: Any, epoch: int
) -> None:
    told = Recipe(data="d", batch=batch, order=order)
    alone = list(Order(images, Recipe(data="d", batch=batch * devices, order=order), epoch))
    shares = [list(Order(images, told, epoch, rank, devices)) for rank in range(devices)]
    assert len({len(share) for share in shares}) == 1
    for together, *parts in zip(alone, *shares, strict=True):
        assert sorted(index for part in parts for index in part) == sorted(together)
    seen = [index for part in alone for index in part]
    assert len(seen) == (images - images % (batch * devices) or images)
    if order == "reshuffled":
        assert len(set(seen)) == len(seen)


def test_each_epoch_has_an_order_of_its_own() -> None:
    orders = [list(chain(*Order(64, Recipe(data="d", batch=8), epoch))) for epoch in range(3)]
    assert all(sorted(order) == list(range(64)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_uniform_order_draws_with_replacement() -> None:
    seen = list(chain(*Order(6400, Recipe(data="d", batch=64, order="uniform"), 0)))
    # of 6,400 draws 1 − 1/e are different: 4,046 on average, with deviation 25
    assert abs(len(set(seen)) - 4046) < 150


def test_all_images_of_an_epoch_are_seen(tmp_path: Path) -> None:
    watch, split = Watch(), digits().train
    assert isinstance(split, InMemory)
    trained(tmp_path, watch, arch="linear", augment=False, batch=50, epochs=1)
    seen = sorted(image.numpy().tobytes() for image in torch.cat(watch.images))
    assert seen == sorted(image.numpy().tobytes() for image in split.pixels)


def test_fewer_images_than_a_batch_are_one_batch(tmp_path: Path) -> None:
    watch = Watch()
    trained(tmp_path, watch, arch="linear", batch=500)
    assert [len(batch) for batch in watch.images] == [200] * EPOCHS


# --- Wrong recipes ---

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "optimizer": ({"optimizer": "Nope"}, "--optimizer Nope; expected a class of torch.optim"),
    "no optimizer": ({"optimizer": "lr_scheduler"}, "--optimizer lr_scheduler; expected a class of torch.optim"),
    "option": ({"options": {"nope": 1}}, "torch.optim.SGD: .*nope"),
    "value of an option": ({"options": {"dampening": 0.5, "nesterov": True}}, "torch.optim.SGD: Nesterov"),
    "momentum": ({"momentum": -1.0}, "torch.optim.SGD: Invalid momentum"),
    "k": ({"k": 33}, "k = 33 with n = 32 votes"),
    "arch": ({"arch": "nope"}, "--arch nope"),
    "images too small": ({"arch": "alexnet"}, "--arch alexnet: "),
}


@pytest.mark.parametrize(("entries", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_recipe_is_refused_and_leaves_nothing(entries: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{said}") as caught:
        trained(tmp_path / "out", **entries)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "entries",
    [{"epochs": 0}, {"batch": 0}, {"lr": 0.0}, {"lr": math.nan}, {"lr": math.inf}, {"width": 0.0}, {"width": math.nan},
     {"size": 0}, {"schedule": "nope"}, {"order": "nope"}, {"precision": "nope"}, {"smoothing": "entropic"},
     {"smoothing": "entropic", "mu": 0.1, "k": None}],
    ids=str,
)  # fmt: skip
def test_a_recipe_says_what_is_wrong_with_it(entries: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected") as caught:
        recipe(**entries)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "entries", [{"lr": 1e9}, {"lr": 1e30, "optimizer": "AdamW"}, {"lr": 1e30, "batch": 500}], ids=str
)
def test_divergence_is_said_and_is_no_result(entries: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Diverged, match=r"^the loss .*; expected a number; try a smaller lr than 1e") as caught:
        trained(tmp_path, epochs=3 if entries.get("batch") is None else 1, **entries)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "result.json").exists()
    assert not (tmp_path / "weights.pt").exists()


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("it is there")
    with pytest.raises(
        InputError, match=r"^--device mps --devices 1: .*; expected what this machine has; try --device"
    ):
        train(recipe(), digits(), tmp_path, device="mps")


def test_a_damaged_image_that_a_worker_meets(tmp_path: Path) -> None:
    for index in range(8):
        file = tmp_path / f"data/{'train' if index < 6 else 'test'}/{index % 2}/{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(file)
    images = load(str(tmp_path / "data"), memory=100)
    assert trained(tmp_path / "fine", images=images, batch=3, workers=1).images == 6
    damaged = tmp_path / "data/train/1/3.png"
    damaged.write_bytes(b"no image")
    with pytest.raises(
        InputError, match=f"^{damaged}: cannot identify image file .*; expected an image; try"
    ) as caught:
        trained(tmp_path / "damaged", images=images, batch=3, workers=1)
    assert "\n" not in str(caught.value)


def test_a_row_takes_options_as_the_command_does(tmp_path: Path) -> None:
    found = trained(tmp_path, arch="linear", epochs=1, options={"nesterov": True, "dampening": 0.0})
    assert found.as_row()["options"] == "nesterov=true dampening=0.0"
    assert json.loads((tmp_path / "result.json").read_text())["recipe"]["options"] == found.recipe.options


def test_images_of_another_shape_than_a_square(tmp_path: Path) -> None:
    split = InMemory(
        torch.randint(0, 256, (40, 2, 6, 9), generator=generator("odd"), dtype=torch.uint8), torch.arange(40) % 2
    )
    images = Images("odd", ("a", "b"), (2, 6, 9), (0.5, 0.5), (0.25, 0.25), split, split, None)
    for size in (None, 9):
        assert trained(tmp_path / str(size), images=images, data="odd", size=size, batch=20, epochs=1).images == 40
