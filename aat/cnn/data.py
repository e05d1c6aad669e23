"""Data sets by name or by folder."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

import torch
from jaxtyping import Int, UInt8
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torchvision.datasets import CIFAR10, FashionMNIST, ImageFolder
from torchvision.datasets.utils import download_url

from aat.cnn.splits import Augmentation, InMemory, OnDisk, Split, decode, middle
from aat.errors import InputError
from aat.progress import watched
from aat.typed import typed

CACHE = Path.home() / ".cache" / "aat"
# Where packages of a system put data sets.
_SYSTEM = Path("/usr/share/datasets")
_MEMORY = 4 * 2**30
# Mean and spread of ImageNet, per channel, as models for it are trained with.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class About:
    """What a network has to know of the images it is for.

    Attributes:
        name: of the data set, in results.
        classes: their names, in the order of the labels.
        shape: channels, height, width.
        mean, std: of the training images, per channel, in [0, 1].
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Images(About):
    """A data set.

    Attributes:
        train, test: the images.
        augmentation: what training may do to them; None: nothing.
    """

    train: Split
    test: Split
    augmentation: Augmentation | None

    @typed
    def subset(self, train: int | None = None, test: int | None = None) -> Images:
        """So many images of training and test, the first of each class in turn; all of them where None."""
        told = [f"{count} {part}" for count, part in ((train, "train"), (test, "test")) if count is not None]
        return replace(
            self,
            name=f"{self.name} ({', '.join(told)})" if told else self.name,
            train=_first(self.train, train),
            test=_first(self.test, test),
        )


@typed
def load(data: str, root: Path = CACHE, size: int | None = None, memory: int = _MEMORY) -> Images:
    """A data set by name (``digits``, ``fashion-mnist``, ``cifar10``, ``scenes``) or a folder.

    A folder holds ``train`` and either ``test`` or ``val``, each with a folder of images for every class. If all of
    them, cut to ``size``, fit into ``memory``, they are decoded once; otherwise whenever they are needed.

    Args:
        data: a name, or the path of a folder.
        root: where files are that were downloaded, or will be.
        size: pixels a side to which images of a folder are cut; by default the size of the first one, 224 if it is not
            square. Named data sets are as they are.
        memory: bytes that images may take.

    Raises:
        InputError: there is no such data set, it cannot be had, or a file of it is damaged.
    """
    if data in _NAMED:
        return _NAMED[data](root)
    folder = Path(data)
    if not folder.is_dir():
        names = ", ".join(_NAMED)
        raise InputError(f"--data {data}; expected one of {names}, or a folder with train/ and test/; try digits")
    return _folder(folder, size, memory)


def in_memory(
    name: str,
    classes: Sequence[str],
    train: tuple[UInt8[Tensor, "N C H W"], Int[Tensor, " N"]],
    test: tuple[UInt8[Tensor, "M C H W"], Int[Tensor, " M"]],
    augmentation: Augmentation,
) -> Images:
    """A data set of two pairs of tensors."""
    mean, std = moments(train[0])
    C, H, W = train[0].shape[1:]
    return Images(name, tuple(classes), (C, H, W), mean, std, InMemory(*train), InMemory(*test), augmentation)


def moments(pixels: UInt8[Tensor, "N C H W"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in [0, 1]: exact, from how often each of the 256 values occurs."""
    values = torch.arange(256, dtype=torch.float64) / 255
    counts = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in pixels.unbind(1)])
    share = counts.double() / counts.sum(1, keepdim=True)
    mean = share @ values
    spread = (share @ values**2 - mean**2).clamp_min(0).sqrt()
    return tuple(mean.tolist()), tuple(torch.where(spread > 0, spread, 1.0).tolist())


def _digits(root: Path) -> Images:
    """1,797 images of 8×8 pixels, of which a fifth of each class is the test."""
    found = load_digits()
    pixels = torch.from_numpy(found.images * (255 / 16)).round().to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(found.target).long()
    train, test = train_test_split(torch.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    classes = [str(digit) for digit in range(10)]
    parts = (pixels[train], labels[train]), (pixels[test], labels[test])
    return in_memory("digits", classes, *parts, Augmentation(shift=1))


def _fashion_mnist(root: Path) -> Images:
    system = _SYSTEM / "fashion-mnist"
    folder = system if system.is_dir() else root / "fashion-mnist"

    def part(name: str) -> tuple[Tensor, Tensor]:
        pixels, labels = (_idx(folder / f"{name}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
        if pixels.ndim != 3 or labels.shape != pixels.shape[:1] or int(labels.max()) >= len(FashionMNIST.classes):
            raise InputError(
                f"{folder}: {name} of shapes {tuple(pixels.shape)} and {tuple(labels.shape)}; expected images and one "
                f"label below {len(FashionMNIST.classes)} for each; try to delete the files and run again"
            )
        return pixels.unsqueeze(1), labels.long()

    if folder != system:
        for file, md5 in FashionMNIST.resources:
            _download(partial(download_url, FashionMNIST.mirrors[0] + file, folder, file, md5), root)
    return in_memory("Fashion-MNIST", FashionMNIST.classes, part("train"), part("t10k"), Augmentation(2, flip=True))


def _cifar10(root: Path) -> Images:
    def part(train: bool) -> tuple[Tensor, Tensor]:
        found = CIFAR10(root / "cifar10", train)
        return torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(found.targets)

    _download(lambda: CIFAR10(root / "cifar10", download=True), root)
    classes = CIFAR10(root / "cifar10").classes
    return in_memory("CIFAR-10", classes, part(True), part(False), Augmentation(4, flip=True))


def _scenes(root: Path) -> Images:
    from aat.concepts import scenes

    return scenes.load(root)


_NAMED: dict[str, Callable[[Path], Images]] = {
    "digits": _digits,
    "fashion-mnist": _fashion_mnist,
    "cifar10": _cifar10,
    "scenes": _scenes,
}


def _download(get: Callable[[], object], root: Path) -> None:
    try:
        get()
    except (URLError, HTTPException, RuntimeError, ConnectionError, TimeoutError) as error:
        raise InputError(f"no download to {root}: {error}; expected a network; try --data DIR, or --root DIR") from None


def _idx(file: Path) -> UInt8[Tensor, ...]:
    """A file in the format of http://yann.lecun.com/exdb/mnist: zeros, type, dimensions, sizes, bytes."""
    try:
        with gzip.open(file) as stream:
            told = stream.read()
        dimensions = told[3]
        sizes = struct.unpack(f">{dimensions}I", told[4 : 4 + 4 * dimensions])
        return torch.frombuffer(bytearray(told[4 + 4 * dimensions :]), dtype=torch.uint8).view(sizes)
    except (OSError, EOFError, zlib.error, IndexError, struct.error, RuntimeError, ValueError) as error:
        raise InputError(f"{file}: {error}; expected a whole idx file; try to delete it and run again") from None


def _folder(folder: Path, size: int | None, memory: int) -> Images:
    if size is not None and size < 1:
        raise InputError(f"size = {size}; expected at least 1; try 32")
    held_out = next((name for name in ("test", "val") if (folder / name).is_dir()), "test")
    train, test = (_files(folder / name) for name in ("train", held_out))
    if train.classes != test.classes:
        lacking = sorted(set(train.classes) ^ set(test.classes))
        raise InputError(
            f"{folder}: {', '.join(lacking)} in one of train/ and {held_out}/; expected the same classes in both; "
            "try to move what only one has"
        )
    side = size or _side(train)
    name = folder.resolve().name
    if 3 * side**2 * (len(train) + len(test)) > memory:
        shape, (mean, std) = (3, side, side), IMAGENET
        parts = _on_disk(train, side), _on_disk(test, side)
        return Images(name, tuple(train.classes), shape, mean, std, *parts, Augmentation(flip=True))
    decoded = (_decoded(train, side), torch.tensor(train.targets)), (_decoded(test, side), torch.tensor(test.targets))
    return in_memory(name, train.classes, *decoded, Augmentation(side // 8, flip=True))


def _files(folder: Path) -> ImageFolder:
    try:
        return ImageFolder(str(folder))
    except OSError as error:
        told = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{told}; expected {folder}/<class>/*.jpg or the like; try --data digits") from None


def _side(images: ImageFolder) -> int:
    """The size that the first image has, if it is square; otherwise what ImageNet is commonly trained with."""
    height, width = decode(Path(images.samples[0][0])).shape[1:]
    return width if height == width else 224


def _on_disk(images: ImageFolder, side: int) -> OnDisk:
    return OnDisk(tuple(Path(file) for file, _ in images.samples), torch.tensor(images.targets), side)


def _decoded(images: ImageFolder, side: int) -> UInt8[Tensor, "N 3 side side"]:
    found = torch.empty(len(images), 3, side, side, dtype=torch.uint8)
    files: Sequence[tuple[str, int]] = images.samples
    for place, (file, _) in enumerate(watched(files, "decoding")):
        found[place] = middle(decode(Path(file)), side)
    return found


def in_turn(labels: Int[Tensor, " N"], count: int) -> Int[Tensor, " count"]:
    """Where the first images of each class are, class by class in turn, so many."""
    # the how-many-th of its class an image is, and then which class
    turn = torch.empty_like(labels)
    for label in labels.unique():
        of = labels == label
        turn[of] = torch.arange(int(of.sum()))
    return (turn * (int(labels.max()) + 1) + labels).argsort()[:count]


def _first(split: Split, count: int | None) -> Split:
    """The first images of each class in turn."""
    if count is None:
        return split
    if not 1 <= count <= len(split.labels):
        raise InputError(f"{count} of {len(split.labels)} images; expected at least 1; try {len(split.labels)} at most")
    labels, chosen = split.labels, in_turn(split.labels, count)
    if isinstance(split, InMemory):
        return InMemory(split.pixels[chosen], labels[chosen])
    assert isinstance(split, OnDisk)
    return OnDisk(tuple(split.files[index] for index in chosen.tolist()), labels[chosen], split.size)
