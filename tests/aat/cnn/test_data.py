"""Data sets: by name, from folders and from idx files; and what is said when one cannot be had."""

import gzip
import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from aat import InputError
from aat.cnn import data, load
from aat.cnn.splits import InMemory, OnDisk
from aat.seeds import key

Sizes = dict[str, int]


def pixels(*names: object, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(key("pixels", *names)).integers(0, 256, shape, dtype=np.uint8)


def write_folder(root: Path, held_out: str = "test", side: tuple[int, int] = (16, 16), each: int = 3) -> Path:
    """Noise as PNG: classes a and b, with ``each`` images to train and one to test; height and width are ``side``."""
    for part, count in (("train", each), (held_out, 1)):
        for label in ("a", "b"):
            (root / part / label).mkdir(parents=True)
            for index in range(count):
                image = Image.fromarray(pixels(part, label, index, shape=(*side, 3)))
                image.save(root / part / label / f"{index}.png")
    return root


def write_idx(file: Path, values: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    file.write_bytes(gzip.compress(header + values.tobytes()))


def write_fashion_mnist(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """20 images to train and 10 to test; those to train and their labels."""
    found = []
    for part, count in (("train", 20), ("t10k", 10)):
        images, labels = pixels(part, shape=(count, 28, 28)), np.arange(count, dtype=np.uint8) % 10
        write_idx(root / f"fashion-mnist/{part}-images-idx3-ubyte.gz", images)
        write_idx(root / f"fashion-mnist/{part}-labels-idx1-ubyte.gz", labels)
        found.append((images, labels))
    return found[0]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the system keeps data sets: nothing there yet."""
    monkeypatch.setattr(data, "_SYSTEM", tmp_path / "system")
    return tmp_path / "system"


def whole(images: data.Images, part: str) -> Tensor:
    split = getattr(images, part)
    return split.batch(range(len(split.labels)), None, torch.Generator())


def refused(*called: object, **named: object) -> str:
    with pytest.raises(InputError) as caught:
        load(*called, **named)  # type: ignore[arg-type]
    said = str(caught.value)
    assert "\n" not in said
    assert "expected" in said
    assert "try" in said
    return said


# --- By name ---


def test_digits_are_all_of_them_a_fifth_for_the_test() -> None:
    digits = load("digits")
    assert (digits.name, digits.shape, digits.classes) == ("digits", (1, 8, 8), tuple("0123456789"))
    assert (len(digits.train.labels), len(digits.test.labels)) == (1437, 360)
    assert digits.train.labels.bincount().min() >= 138
    assert digits.test.labels.bincount().tolist() == [36, 36, 35, 37, 36, 37, 36, 36, 35, 36]
    assert whole(digits, "train").dtype == torch.uint8
    assert whole(digits, "train").max() == 255


def test_fashion_mnist_from_the_files_of_the_system(system: Path) -> None:
    images, labels = write_fashion_mnist(system)
    found = load("fashion-mnist")
    assert (found.name, found.shape, len(found.classes)) == ("Fashion-MNIST", (1, 28, 28), 10)
    assert np.array_equal(whole(found, "train").squeeze(1).numpy(), images)
    assert found.train.labels.tolist() == labels.tolist()
    assert len(found.test.labels) == 10


def test_files_that_were_downloaded_before_are_used(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(data, "download_url", lambda url, folder, file, md5: asked.append((folder, file)))
    images, _ = write_fashion_mnist(tmp_path / "cache")
    assert np.array_equal(whole(load("fashion-mnist", tmp_path / "cache"), "train").squeeze(1).numpy(), images)
    assert [folder for folder, _ in asked] == [tmp_path / "cache/fashion-mnist"] * 4


def test_cifar10_of_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        classes = tuple("abcdefghij")

        def __init__(self, root: Path, train: bool = True, download: bool = False) -> None:
            self.data = pixels("cifar10", train, shape=(10, 32, 32, 3))
            self.targets = list(range(10))

    monkeypatch.setattr(data, "CIFAR10", Fake)
    found = load("cifar10", tmp_path)
    assert (found.shape, found.classes) == ((3, 32, 32), tuple("abcdefghij"))
    assert np.array_equal(whole(found, "test").permute(0, 2, 3, 1).numpy(), Fake(tmp_path, False).data)


# --- Folders ---


@pytest.mark.parametrize("held_out", ["test", "val"])
def test_a_folder_in_memory(held_out: str, tmp_path: Path) -> None:
    found = load(str(write_folder(tmp_path / "mine", held_out)))
    assert (found.name, found.shape, found.classes) == ("mine", (3, 16, 16), ("a", "b"))
    assert isinstance(found.train, InMemory)
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    expected = [pixels("train", label, index, shape=(16, 16, 3)) for label in "ab" for index in range(3)]
    assert np.array_equal(whole(found, "train").permute(0, 2, 3, 1).numpy(), np.stack(expected))
    assert np.array_equal(whole(found, "test")[1].permute(1, 2, 0).numpy(), pixels(held_out, "b", 0, shape=(16, 16, 3)))


@pytest.mark.parametrize("side", [(16, 16), (20, 31)])
@pytest.mark.parametrize("size", [None, 16, 9])
def test_images_are_the_same_from_memory_and_from_disk(side: tuple[int, int], size: int | None, tmp_path: Path) -> None:
    folder = str(write_folder(tmp_path, side=side, each=2))
    kept, read = load(folder, size=size), load(folder, size=size, memory=100)
    assert isinstance(read.train, OnDisk)
    expected = size or (16 if side == (16, 16) else 224)
    for part in ("train", "test"):
        assert whole(read, part).shape[1:] == read.shape == (3, expected, expected)
        assert torch.equal(whole(kept, part), whole(read, part))
        assert torch.equal(getattr(kept, part).labels, getattr(read, part).labels)


def test_memory_is_what_decides(tmp_path: Path) -> None:
    folder, bytes = str(write_folder(tmp_path)), 3 * 16**2 * 8
    assert isinstance(load(folder, memory=bytes).train, InMemory)
    assert isinstance(load(folder, memory=bytes - 1).train, OnDisk)


def test_grey_images_and_those_with_a_palette_become_colours(tmp_path: Path) -> None:
    write_folder(tmp_path)
    grey = pixels("grey", shape=(16, 16))
    Image.fromarray(grey).save(tmp_path / "train/a/0.png")
    Image.fromarray(grey).convert("P").save(tmp_path / "train/a/1.png")
    found = whole(load(str(tmp_path)), "train")
    assert np.array_equal(found[0].numpy(), np.stack([grey] * 3))
    assert torch.equal(found[0], found[1])


# --- Moments and subsets ---


def test_moments_are_those_of_numpy(tmp_path: Path) -> None:
    for images in (load("digits"), load(str(write_folder(tmp_path)))):
        shares = whole(images, "train").numpy() / 255
        np.testing.assert_allclose(images.mean, shares.mean((0, 2, 3)), rtol=1e-12)
        np.testing.assert_allclose(images.std, shares.std((0, 2, 3)), rtol=1e-12)


def test_a_channel_of_one_colour_is_not_divided_by_zero() -> None:
    mean, std = data.moments(torch.full((2, 1, 3, 3), 51, dtype=torch.uint8))
    assert mean == pytest.approx((0.2,))
    assert std == (1.0,)


@pytest.mark.parametrize("memory", [2**30, 100])
def test_a_subset_takes_the_first_of_each_class_in_turn(memory: int, tmp_path: Path) -> None:
    images = load(str(write_folder(tmp_path)), memory=memory)
    some = images.subset(train=3, test=1)
    assert some.name == f"{tmp_path.name} (3 train, 1 test)"
    assert some.train.labels.tolist() == [0, 1, 0]
    assert torch.equal(whole(some, "train"), whole(images, "train")[[0, 3, 1]])
    assert some.test.labels.tolist() == [0]


def test_a_subset_goes_on_where_a_class_has_no_more() -> None:
    split = InMemory(torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1), torch.tensor([1, 1, 1, 0, 1]))
    images = data.Images("d", ("a", "b"), (1, 1, 1), (0.0,), (1.0,), split, split, None)
    assert whole(images.subset(train=4), "train").flatten().tolist() == [3, 0, 1, 2]
    assert images.subset() == images


# --- What cannot be had ---


def test_an_unknown_name() -> None:
    assert "--data nope" in refused("nope")


@pytest.mark.parametrize("count", [0, 1438])
def test_a_subset_of_more_than_there_is(count: int) -> None:
    with pytest.raises(InputError, match=f"^{count} of 1437 images; expected at least 1; try 1437 at most$"):
        load("digits").subset(train=count)


def test_a_folder_without_parts_or_classes_or_images(tmp_path: Path) -> None:
    assert "train" in refused(str(tmp_path))
    (tmp_path / "train").mkdir()
    assert str(tmp_path / "train") in refused(str(tmp_path))
    (tmp_path / "train/a").mkdir()
    assert "classes a" in refused(str(tmp_path))
    Image.new("RGB", (8, 8)).save(tmp_path / "train/a/0.png")
    assert str(tmp_path / "test") in refused(str(tmp_path))
    (tmp_path / "test").write_text("no folder")
    assert str(tmp_path / "test") in refused(str(tmp_path))


def test_a_part_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("no folder")
    assert str(tmp_path / "train") in refused(str(tmp_path))


def test_a_class_that_is_missing_from_the_test(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "test/b").rename(tmp_path / "test/c")
    assert "b, c in one of train/ and test/" in refused(str(tmp_path))


DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "text": lambda content: b"no image\n\nat all",
    "changed": lambda content: content[:60] + bytes(40) + content[100:],
}


@pytest.mark.parametrize("memory", [2**30, 100])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_image_is_named(damage: str, memory: int, tmp_path: Path) -> None:
    file = write_folder(tmp_path) / "train/b/1.png"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    if memory == 100:
        images = load(str(tmp_path), memory=memory)
        with pytest.raises(InputError) as caught:
            images.train.batch([0, 4], images.augmentation, torch.Generator())
        said = str(caught.value)
        assert "\n" not in said
    else:
        said = refused(str(tmp_path), memory=memory)
    assert said.startswith(f"{file}: ")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_idx_file_is_named(damage: str, system: Path) -> None:
    write_fashion_mnist(system)
    file = system / "fashion-mnist/train-images-idx3-ubyte.gz"
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert refused("fashion-mnist").startswith(f"{file}: ")


def test_idx_files_that_do_not_fit_together(system: Path) -> None:
    write_fashion_mnist(system)
    write_idx(system / "fashion-mnist/train-labels-idx1-ubyte.gz", np.zeros(19, dtype=np.uint8))
    assert "(20, 28, 28) and (19,)" in refused("fashion-mnist")


def test_an_idx_file_that_is_missing(system: Path) -> None:
    write_fashion_mnist(system)
    (system / "fashion-mnist/t10k-labels-idx1-ubyte.gz").unlink()
    assert "t10k-labels" in refused("fashion-mnist")


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar10"])
def test_no_network(name: str, system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr(data, "download_url", fail)
    monkeypatch.setattr(data, "CIFAR10", fail)
    assert "no route" in refused(name, tmp_path / "cache")
