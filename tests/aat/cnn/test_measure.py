"""What is measured on a network is what it is called, and measuring leaves no trace in the training."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn

from aat.cnn import Images, Recipe, load, measure, network, recorder, train
from aat.cnn.measure import Parts
from aat.cnn.module import Order, blocks
from aat.cnn.recorder import Record, Recorder
from aat.cnn.splits import InMemory
from aat.convert import convert
from aat.errors import InputError
from aat.saved import sealed

CPU = torch.device("cpu")
HEADS = [2, None]


@pytest.fixture(scope="module")
def digits() -> Images:
    return load("digits").subset(32, 10)


def recipe(**changed: object) -> Recipe:
    """Of a training that can be measured."""
    told = {
        "data": "digits",
        "arch": "small-gn",
        "width": 0.25,
        "k": 5,
        "epochs": 2,
        "batch": 8,
        "lr": 0.01,
        "momentum": 0.0,
    }
    told |= {"weight_decay": 0.0, "schedule": "constant", "order": "uniform", "augment": False}
    return Recipe(**(told | changed))  # type: ignore[arg-type]


def tiny(k: int | None) -> tuple[nn.Module, InMemory]:
    """A network of 4 inputs, 5 units and 3 classes in float64, and 6 images."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        # what is handed on is in uint8; the first layer wants floats
        images = torch.randint(0, 3, (6, 1, 2, 2), dtype=torch.uint8)
        labels = torch.randint(3, (6,))
    model = nn.Sequential(Float(), model if k is None else convert(model, k))
    return model, InMemory(images, labels)


class Float(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.double()


def whole(model: nn.Module, split: InMemory, indices: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """F and ∇F of the images of these indices, at once."""
    at = torch.arange(len(split.labels)) if indices is None else indices
    loss = nn.functional.cross_entropy(model(split.pixels[at]), split.labels[at])
    return loss.detach(), torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))])


# --- ∇F and noise ---


@pytest.mark.parametrize("k", HEADS)
@pytest.mark.parametrize("batch", [1, 2, 3, 6])
def test_the_gradient_in_parts_is_that_of_the_whole(k: int | None, batch: int) -> None:
    model, split = tiny(k)
    found = measure.gradient(model, Parts.at_random(split, batch, CPU, "test"))
    loss, gradient = whole(model, split)
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    torch.testing.assert_close(found.vector, gradient, rtol=1e-12, atol=1e-14)
    assert all(p.grad is None for p in model.parameters())


def test_the_noise_is_the_variance_over_all_minibatches_on_average() -> None:
    """Over all partitions of 6 images into pairs, the estimate has the mean of ‖g_B − ∇F‖² over all 36 draws."""
    model, split = tiny(2)
    _, full = whole(model, split)
    draws = [whole(model, split, torch.tensor(pair))[1] for pair in product(range(6), repeat=2)]
    defined = sum((g - full).square().sum().item() for g in draws) / len(draws)
    estimates = [
        measure.uniform_noise(measure.gradient(model, Parts(split, list(map(torch.tensor, pairs)), CPU)).spread, 6, 2)
        for pairs in pairings(list(range(6)))
    ]
    assert len(estimates) == 15
    assert sum(estimates) / 15 == pytest.approx(defined, rel=1e-10)
    assert max(estimates) > 1.1 * min(estimates)


def pairings(left: list[int]) -> Iterator[list[list[int]]]:
    """All partitions into pairs."""
    if not left:
        yield []
    for other in left[1:]:
        for rest in pairings([each for each in left[1:] if each != other]):
            yield [[left[0], other], *rest]


def test_the_noise_of_fixed_batches_is_their_variance() -> None:
    model, split = tiny(2)
    parts = blocks(6, 2, seed=0)
    _, full = whole(model, split)
    defined = sum((whole(model, split, part)[1] - full).square().sum().item() for part in parts) / 3
    assert measure.gradient(model, Parts(split, parts, CPU)).spread == pytest.approx(defined, rel=1e-10)


def test_parts_of_two_sizes_and_a_single_one_are_refused() -> None:
    model, split = tiny(None)
    with pytest.raises(InputError, match=r"batches of \[2, 4\] images; expected one size"):
        measure.gradient(model, Parts.at_random(split, 4, CPU))
    with pytest.raises(InputError, match="expected at least two batches"):
        measure.uniform_noise(0.0, 6, 6)


# --- Smoothness ---


def hessian(model: nn.Module, split: InMemory) -> Tensor:
    names, values = zip(*model.named_parameters(), strict=True)
    sizes = [value.numel() for value in values]

    def loss(vector: Tensor) -> Tensor:
        told = {name: part.view_as(v) for name, part, v in zip(names, vector.split(sizes), values, strict=True)}
        return nn.functional.cross_entropy(torch.func.functional_call(model, told, split.pixels), split.labels)

    point = torch.cat([value.detach().flatten() for value in values])
    return torch.autograd.functional.hessian(loss, point)


@pytest.mark.parametrize("k", HEADS)
@pytest.mark.parametrize("batch", [2, 6])
def test_smoothness_is_the_largest_eigenvalue_of_the_hessian(k: int | None, batch: int) -> None:
    model, split = tiny(k)
    largest = torch.linalg.eigvalsh(hessian(model, split)).abs().max().item()
    found = measure.smoothness(model, Parts.at_random(split, batch, CPU), "test", tolerance=1e-9)
    assert found == pytest.approx(largest, rel=1e-4)
    # from below, also when it stops early
    early = measure.smoothness(model, Parts.at_random(split, batch, CPU), "test", tolerance=0.2)
    assert 0 < early <= largest * (1 + 1e-12)


def test_smoothness_of_a_batch_is_that_of_its_own_images() -> None:
    model, split = tiny(2)
    for one, part in zip(Parts(split, parts := blocks(6, 3, 0), CPU).single(), parts, strict=True):
        alone = InMemory(split.pixels[part], split.labels[part])
        largest = torch.linalg.eigvalsh(hessian(model, alone)).abs().max().item()
        assert measure.smoothness(model, one, tolerance=1e-9) == pytest.approx(largest, rel=1e-4)


# --- What cannot be measured ---


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_decay": 1e-4}, r"weight_decay = 0\.0001 in a study of rates; expected 0"),
        ({"augment": True}, "augment = True"),
        ({"order": "reshuffled"}, "order = reshuffled"),
        ({"precision": "bf16"}, "precision = bf16"),
        ({"optimizer": "Adam"}, "optimizer = Adam"),
        ({"options": {"nesterov": True}, "momentum": 0.9}, "nesterov"),
        ({"arch": "resnet18"}, "resnet18 has BatchNorm2d: a sample's loss depends on its batch"),
        ({"arch": "convnext_tiny", "width": 1.0}, "convnext_tiny has StochasticDepth"),
        ({"batch": 12}, "32 images in batches of 12; expected whole batches; try 24 images"),
    ],
)
def test_what_is_no_finite_sum_is_refused(
    digits: Images, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    coloured = replace(digits, shape=(3, 32, 32), mean=(0.5,) * 3, std=(1.0,) * 3)
    images = coloured if "arch" in changed else digits
    watch = Recorder(digits.train, {0}, {0}, tmp_path / "records.json")
    with pytest.raises(InputError, match=message):
        train(recipe(**changed), images, tmp_path / "training", device="cpu", callbacks=[watch])
    assert not (tmp_path / "records.json").exists()


# --- Order ---


def test_blocks_are_the_same_batches_in_an_order_of_their_own() -> None:
    told = recipe(order="blocks", batch=4)
    epochs = [list(Order(18, told, epoch)) for epoch in range(4)]
    fixed = {tuple(part.tolist()) for part in blocks(18, 4, told.seed)}
    assert len(fixed) == 4
    assert all({tuple(batch) for batch in batches} == fixed for batches in epochs)
    assert len({str(batches) for batches in epochs}) > 1
    assert {tuple(batch) for batch in Order(18, replace(told, seed=1), 0)} != fixed


# --- Recorder ---


@pytest.mark.parametrize("order", ["uniform", "blocks"])
def test_recording_leaves_no_trace(digits: Images, tmp_path: Path, order: str) -> None:
    told = recipe(order=order)
    alone = train(told, digits, tmp_path / "alone", device="cpu")
    watch = Recorder(digits.train, {0, 3, 5}, {3}, tmp_path / "records.json")
    watched = train(told, digits, tmp_path / "watched", device="cpu", callbacks=[watch])
    assert watched.digest == alone.digest
    assert watched.train_loss == alone.train_loss
    assert recorder.load(tmp_path / "records.json") == watch.records
    assert [record.step for record in watch.records] == [0, 3, 5]


def test_records_are_of_the_point_before_the_step(digits: Images, tmp_path: Path) -> None:
    told = recipe()
    watch = Recorder(digits.train, {0, 1}, {0}, tmp_path / "records.json")
    train(told, digits, tmp_path / "training", device="cpu", callbacks=[watch])
    start, after = watch.records
    assert start.loss == pytest.approx(whole(network(told, digits), digits.train)[0].item(), rel=1e-6)
    assert (start.secant, after.smoothness) == (None, None)
    # one step of SGD from the start, by hand
    model = network(told, digits)
    before = whole(model, digits.train)[1]
    step = whole(model, digits.train, torch.tensor(next(iter(Order(32, told, 0)))))[1]
    place = 0
    for p in model.parameters():
        p.data -= told.lr * step[place : place + p.numel()].view_as(p)
        place += p.numel()
    loss, gradient = whole(model, digits.train)
    assert after.loss == pytest.approx(loss.item(), rel=1e-5)
    assert after.square_gradient == pytest.approx(gradient.square().sum().item(), rel=1e-3)
    assert after.secant == pytest.approx(((gradient - before).norm() / (told.lr * step.norm())).item(), rel=1e-2)
    assert after.second_moment == after.square_gradient + after.noise
    assert after.lipschitz == after.secant
    assert start.lipschitz == start.smoothness


class PowerCut(Exception):
    pass


class Stop(pl.Callback):
    """A training that ends before a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            raise PowerCut


@pytest.mark.parametrize("stop", [2, 4, 6])
def test_an_interrupted_training_has_the_same_records(digits: Images, tmp_path: Path, stop: int) -> None:
    def watch(name: str) -> Recorder:
        return Recorder(digits.train, {0, 1, 3, 4, 7}, {1, 4}, tmp_path / name)

    train(recipe(), digits, tmp_path / "whole", device="cpu", callbacks=[watch("whole.json")])
    with pytest.raises(PowerCut):
        train(recipe(), digits, tmp_path / "part", device="cpu", callbacks=[watch("part.json"), Stop(stop)])
    assert not (tmp_path / "part.json").exists()
    train(recipe(), digits, tmp_path / "part", device="cpu", callbacks=[watch("part.json")])
    assert (tmp_path / "part.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_a_damaged_file_of_records_is_named(tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    for text in ("", "{}", *(json.dumps(sealed(told)) for told in ({}, {"records": [{"step": 1}]}, {"records": [1]}))):
        file.write_text(text)
        with pytest.raises(InputError, match="expected the records of a training"):
            recorder.load(file)
    assert Record(0, 1.0, 2.0, 3.0, None, None).lipschitz == 0
