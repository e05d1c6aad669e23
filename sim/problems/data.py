"""Labelled features: synthetic, real (the digits that scikit-learn ships), or from a file."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from torch import Tensor

from aat import InputError
from aat.checks import shown, within_memory
from aat.seeds import generator
from aat.typed import typed

MOST_CLASSES = 2**16


def tensor_of(name: str, values: object) -> Tensor:
    """``values`` as a tensor that has numbers; InputError if that cannot be."""
    try:
        found = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        given = f"{name} = {shown(values)} is a {type(values).__name__}"
        raise InputError(f"{given}; expected a tensor or an array of numbers; try torch.tensor") from None
    if found.layout is not torch.strided or found.is_meta:
        given = f"{name} of layout {found.layout} on {found.device}"
        raise InputError(f"{given}; expected a dense tensor with numbers; try {name}.to_dense()")
    return found.cpu()


class Labelled(NamedTuple):
    """Features x, shape (N, n), with classes y, shape (N,), and a name; ``start`` is every head's, if they need one."""

    name: str
    x: Float[Tensor, "N n"]
    y: Int[Tensor, " N"]
    start: Float[Tensor, " n"] | None = None


def class_indices(y: Tensor, samples: int) -> Int[Tensor, " N"]:
    """``y`` as int64; InputError unless it holds one index of a class for each sample."""
    y = tensor_of("y", y)
    if y.shape != (samples,) or y.dtype.is_floating_point or y.dtype.is_complex or y.dtype == torch.bool:
        raise InputError(f"y of {y.dtype}, shape {tuple(y.shape)}; expected {samples} class indices as integers")
    if int(y.min()) < 0:
        raise InputError(f"y has the class {int(y.min())}; expected indices ≥ 0")
    if int(y.max()) >= MOST_CLASSES:
        raise InputError(f"y has the class {int(y.max())}; expected indices below {MOST_CLASSES}: each has a head")
    return y.to(torch.int64)


@typed
def synthetic(samples: int = 64, features: int = 32, classes: int = 4, name: str = "synthetic") -> Labelled:
    """Non-negative features with a class-dependent mean, like a ReLU network's; always the same ones."""
    if samples < 1 or features < 1 or not 1 <= classes <= MOST_CLASSES:
        given = f"samples = {samples}, features = {features}, classes = {classes}"
        raise InputError(f"{given}; expected at least 1, and {MOST_CLASSES} classes at most; try synthetic()")
    with within_memory(f"{samples} × {features} numbers"):
        return _synthetic(samples, features, classes, name)


def _synthetic(samples: int, features: int, classes: int, name: str) -> Labelled:
    random = generator("synthetic", samples, features, classes)
    centres = torch.randn(classes, features, dtype=torch.float64, generator=random)
    y = torch.arange(samples) % classes
    noise = torch.randn(samples, features, dtype=torch.float64, generator=random)
    return Labelled(name, (centres[y] + noise).relu() / 2, y)


def tiny() -> Labelled:
    """Three synthetic samples of four features in two classes: every sample path can be enumerated."""
    return synthetic(samples=3, features=4, classes=2, name="tiny")


@typed
def gapped(
    floor: float, spread: float, samples: int = 3, features: int = 4, k: int = 2, name: str = "gapped"
) -> Labelled:
    """Features whose votes at w = 1 have gaps of a chosen distribution, from wide gaps to exact ties.

    The gap between the k-th and the next vote of sample i is ``floor + spread·i/N``, i = 1 … N: none is below the
    floor, and at floor 0 a share of t/spread of them is t or less. The k large features of a sample are anywhere.

    Args:
        floor: smallest gap, ≥ 0.
        spread: ≥ 0; both 0 makes all votes of a sample tie.
        samples: N.
        features: n.
        k: the K at which the gaps are those.
        name: of the data.

    Raises:
        InputError: a negative gap, or a k that is not below n.
    """
    if not (0 <= floor < float("inf") and 0 <= spread < float("inf") and 1 <= k < features and samples >= 1):
        given = f"floor = {floor}, spread = {spread}, samples = {samples}, features = {features}, k = {k}"
        raise InputError(f"{given}; expected gaps ≥ 0, at least one sample and 1 ≤ k < features")
    with within_memory(f"{samples} × {features} numbers"):
        return _gapped(floor, spread, samples, features, k, name)


def _gapped(floor: float, spread: float, samples: int, features: int, k: int, name: str) -> Labelled:
    gaps = floor + spread * torch.arange(1, samples + 1, dtype=torch.float64) / samples
    random = generator("gapped", samples, features, k)
    places = torch.rand(samples, features, dtype=torch.float64, generator=random).argsort(-1)
    large = (torch.arange(features) < k).expand(samples, -1).gather(-1, places)
    x = 0.5 + large * gaps[:, None]
    return Labelled(name, x, torch.arange(samples) % 2, torch.ones(features, dtype=torch.float64))


def digits() -> Labelled:
    """All 1,797 images of 8×8 pixels in ten classes, scaled to [0, 1], less the mean image (Alpaydin, Kaynak 1998)."""
    x, y = load_digits(return_X_y=True)
    return Labelled("digits", torch.from_numpy((x - x.mean(0)) / 16), torch.from_numpy(y).to(torch.int64))


def from_file(path: Path) -> Labelled:
    """Arrays ``x`` (N, n) and ``y`` (N,) of a NumPy ``.npz`` file.

    Raises:
        InputError: the file cannot be read, or lacks an array.
    """
    try:
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            x, y = arrays["x"], arrays["y"]
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]}; expected arrays named x and y") from None
    except (OSError, ValueError, IndexError, EOFError, NotImplementedError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}); expected a NumPy .npz file with arrays x and y") from None
    if x.ndim != 2 or x.size == 0 or x.dtype.kind not in "iuf":
        raise InputError(f"{path}: x of {x.dtype}, shape {x.shape}; expected real numbers of shape (N, n)")
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise InputError(f"{path}: y of {y.dtype}, shape {y.shape}; expected {len(x)} class indices")
    return Labelled(path.stem, torch.from_numpy(x.astype(np.float64)), torch.from_numpy(y.astype(np.int64)))


def load(name: str) -> Labelled:
    """Data by name, or by the path of an ``.npz`` file.

    ``synthetic``, ``tiny``, ``digits``; ``wide``, ``close`` and ``ties``: three samples of four features whose votes at
    the start, for K = 2, have gaps of 2 or more, spread evenly down to 0, or none.
    """
    named = {
        "synthetic": synthetic,
        "tiny": tiny,
        "digits": digits,
        "wide": lambda: gapped(2.0, 0.5, name="wide"),
        "close": lambda: gapped(0.0, 1.0, name="close"),
        "ties": lambda: gapped(0.0, 0.0, name="ties"),
    }
    if name in named:
        return named[name]()
    if not name.endswith(".npz"):
        raise InputError(f"unknown data {name!r}; expected {', '.join(named)} or the path of an .npz file")
    return from_file(Path(name))
