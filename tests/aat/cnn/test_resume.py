"""A training that is interrupted anywhere and taken up again ends as one in one go; what is damaged is said to be."""

import contextlib
import dataclasses
import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from aat import InputError, saved
from aat.cnn import Result, checkpoint, load_network, models
from tests.aat.cnn.toy import BATCHES, EPOCHS, Break, Interrupted, digits, recipe, trained

# Batches of a whole training, with one of the test after each epoch.
STEPS = EPOCHS * (BATCHES + 1)
ENTRIES = {
    "small": {},
    "linear, drawn": {"arch": "linear", "order": "uniform", "optimizer": "AdamW", "lr": 0.01},
    "bf16": {"precision": "bf16"},
    "dropout": {"arch": "dropout"},
}


@pytest.fixture(scope="module", autouse=True)
def _network_with_dropout() -> Iterator[None]:
    """An architecture of ours with dropout and with batch statistics."""

    def make(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
        body = [nn.Conv2d(shape[0], 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5), nn.Flatten()]
        return nn.Sequential(*body, nn.Linear(288, classes))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(models._OWN, "dropout", make)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """In one go."""
    known: dict[str, Result] = {}

    def of(name: str) -> Result:
        if name not in known:
            known[name] = trained(tmp_path_factory.mktemp("whole"), **ENTRIES[name])
        return known[name]

    return of


def timeless(result: Result) -> Result:
    return dataclasses.replace(result, seconds_per_epoch=0)


def seconds_of(folder: Path) -> list[float]:
    return list(torch.load(folder / "last.ckpt", weights_only=True)["seconds"])


@settings(max_examples=20)
@given(name=st.sampled_from(list(ENTRIES)), moments=st.lists(st.integers(1, STEPS), min_size=1, max_size=3))
def test_interrupted_at_any_batches_it_ends_as_in_one_go(
    name: str, moments: list[int], tmp_path_factory: pytest.TempPathFactory, whole: Callable[[str], Result]
) -> None:
    folder, left = tmp_path_factory.mktemp("parts"), STEPS
    for moment in moments:
        if moment > left:
            continue
        with pytest.raises(Interrupted):
            trained(folder, Break(moment), **ENTRIES[name])
        assert not (folder / "result.json").exists()
        # the last batch of an epoch comes before its checkpoint
        left -= (moment - 1) // (BATCHES + 1) * (BATCHES + 1)
    found = trained(folder, **ENTRIES[name])
    assert timeless(found) == timeless(whole(name))
    assert len(seconds_of(folder)) == EPOCHS
    assert timeless(Result.load(folder)) == timeless(found)


def test_a_network_of_torchvision_with_dropout(tmp_path: Path) -> None:
    entries = {"arch": "mobilenet_v3_small", "stem": "small", "epochs": 2, "batch": 16}
    images = digits().subset(train=32, test=10)
    expected = trained(tmp_path / "whole", images=images, **entries)
    with pytest.raises(Interrupted):
        trained(tmp_path / "parts", Break(4), images=images, **entries)
    assert trained(tmp_path / "parts", images=images, **entries).digest == expected.digest


def test_interrupted_before_the_result_it_is_not_trained_again(tmp_path: Path, whole: Callable[[str], Result]) -> None:
    first = trained(tmp_path)
    for name in ("result.json", "weights.pt"):
        (tmp_path / name).unlink()
    assert trained(tmp_path, Break(1)) == first
    assert timeless(first) == timeless(whole("small"))
    load_network(tmp_path / "weights.pt")


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = trained(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert trained(tmp_path, Break(1)) == first
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_interrupt_and_are_heard_again_afterwards(
    number: signal.Signals, tmp_path: Path, whole: Callable[[str], Result]
) -> None:
    class Kill(Break):
        def on_train_batch_end(self, *_: object) -> None:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), number)

    # a process in the background of a shell is deaf to SIGINT
    inherited = signal.getsignal(number)
    before = signal.default_int_handler if number == signal.SIGINT else inherited
    signal.signal(number, before)
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path, Kill(BATCHES + 2))
        assert signal.getsignal(number) == before
    finally:
        signal.signal(number, inherited)
    assert trained(tmp_path).digest == whole("small").digest


# --- Other recipes ---


@pytest.mark.parametrize("finished", [True, False])
def test_a_folder_of_another_recipe(finished: bool, tmp_path: Path) -> None:
    if finished:
        trained(tmp_path)
    else:
        with pytest.raises(Interrupted):
            trained(tmp_path, Break(STEPS - 1))
    for damage in (lambda: None, (tmp_path / "recipe.json").unlink):
        damage()
        with pytest.raises(InputError, match=r"^.* holds a training by another recipe; expected this one or none; try"):
            trained(tmp_path, seed=1)


def test_a_folder_where_nothing_was_kept_is_free_for_another_recipe(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        trained(tmp_path, Break(1))
    assert trained(tmp_path, seed=1).recipe == recipe(seed=1)


def test_a_checkpoint_of_another_recipe(tmp_path: Path) -> None:
    for seed in (0, 1):
        with pytest.raises(Interrupted):
            trained(tmp_path / str(seed), Break(STEPS - 1), seed=seed)
    (tmp_path / "1/last.ckpt").replace(tmp_path / "0/last.ckpt")
    with pytest.raises(InputError, match=r"^the checkpoint is of another recipe; expected .*; try another --out$"):
        trained(tmp_path / "0")


def test_a_checkpoint_of_more_devices(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        trained(tmp_path, Break(STEPS - 1))
    file = tmp_path / "last.ckpt"
    told = torch.load(file, weights_only=True)
    torch.save(told | {"devices": 2}, file)
    with pytest.raises(InputError, match=r"^--devices 1; expected 2, as it was begun with; try --devices 2$"):
        trained(tmp_path)


# --- Damage ---

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "text": lambda content: b"not\nthis",
    "a list": lambda content: b"[1, 2]",
    "no bytes of a text": lambda content: b"\xff\xfe\x00",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    trained(folder)
    return folder


def copied(finished: Path, folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes((finished / name).read_bytes())


def refused(file: Path, act: Callable[[], object]) -> None:
    with pytest.raises(InputError) as caught:
        act()
    said = str(caught.value)
    assert said.startswith(f"{file}: ")
    assert "; expected " in said
    assert "; try " in said
    assert "\n" not in said


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(damage: str, finished: Path, tmp_path: Path) -> None:
    copied(finished, tmp_path, "recipe.json", "last.ckpt")
    for name, act in {
        "last.ckpt": lambda: trained(tmp_path),
        "result.json": lambda: trained(tmp_path),
        "weights.pt": lambda: load_network(tmp_path / "weights.pt"),
    }.items():
        (tmp_path / name).write_bytes(DAMAGES[damage]((finished / name).read_bytes()))
        refused(tmp_path / name, act)


def test_a_result_that_lacks_something(finished: Path, tmp_path: Path) -> None:
    told = saved.load(finished / "result.json")
    for changed in (
        {"recipe": "nope"}, {"recipe": {"data": "d"}}, {"nope": 1}, {"recipe": told["recipe"] | {"lr": -1}},
    ):  # fmt: skip
        saved.save(tmp_path / "result.json", told | changed)
        refused(tmp_path / "result.json", lambda: Result.load(tmp_path))


def test_a_result_of_another_recipe_is_not_believed(finished: Path, tmp_path: Path) -> None:
    copied(finished, tmp_path, "recipe.json", "result.json")
    assert trained(tmp_path) == Result.load(finished)
    told = saved.load(finished / "result.json")
    saved.save(tmp_path / "result.json", told | {"recipe": told["recipe"] | {"lr": 0.5}})
    refused(tmp_path / "result.json", lambda: trained(tmp_path))


def test_files_that_torch_saved_for_something_else(finished: Path, tmp_path: Path) -> None:
    copied(finished, tmp_path, "recipe.json")
    for content in ({"recipe": 1}, [1], torch.zeros(2)):
        for name in ("last.ckpt", "weights.pt"):
            torch.save(content, tmp_path / name)
        refused(tmp_path / "last.ckpt", lambda: trained(tmp_path))
        refused(tmp_path / "weights.pt", lambda: load_network(tmp_path / "weights.pt"))


def test_weights_that_have_changed(finished: Path, tmp_path: Path) -> None:
    told = torch.load(finished / "weights.pt", weights_only=True)
    next(iter(told["state"].values())).view(-1)[0] += 1e-3
    torch.save(told, tmp_path / "weights.pt")
    refused(tmp_path / "weights.pt", lambda: load_network(tmp_path / "weights.pt"))
    refused(tmp_path / "none", lambda: load_network(tmp_path / "none"))


@pytest.mark.parametrize("name", ["recipe.json", "last.ckpt", "weights.pt", "result.json"])
def test_a_full_disk_leaves_nothing_that_could_be_taken_for_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Callable[[str], Result]
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if name not in path.name:
            return write(path, content)
        write(path, bytes(content)[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left") as caught:
            trained(tmp_path)
    assert caught.value.filename == str(tmp_path / name)
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "result.json").exists()
    assert not list(tmp_path.rglob("*.part"))
    assert trained(tmp_path).digest == whole("small").digest
    load_network(tmp_path / "weights.pt")


def same(one: object, other: object) -> bool:
    """Bit for bit, through whatever a checkpoint holds."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[n], other[n]) for n in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


@pytest.mark.parametrize("name", ["last.ckpt", "weights.pt"])
@given(data=st.data())
def test_a_flipped_bit_of_what_torch_saved_is_seen_or_changes_nothing(
    name: str, finished: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file, content = tmp_path_factory.getbasetemp() / name, bytearray((finished / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with contextlib.suppress(*checkpoint.UNREADABLE):
        assert same(checkpoint.load(file), checkpoint.load(finished / name))


def test_versions_are_told(finished: Path) -> None:
    assert Result.load(finished).versions["torchvision"] == torchvision.__version__
