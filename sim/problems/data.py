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
from sim.seeds import generator

MOST_CLASSES = 2**16


class Labelled(NamedTuple):
    """Features x, shape (N, n), with classes y, shape (N,), and a name."""

    name: str
    x: Float[Tensor, "N n"]
    y: Int[Tensor, " N"]


def class_indices(y: Tensor, samples: int) -> Int[Tensor, " N"]:
    """``y`` as int64; InputError unless it holds one index of a class for each sample."""
    y = torch.as_tensor(y)
    if y.shape != (samples,) or y.dtype.is_floating_point or y.dtype.is_complex or y.dtype == torch.bool:
        raise InputError(f"y of {y.dtype}, shape {tuple(y.shape)}; expected {samples} class indices as integers")
    if int(y.min()) < 0:
        raise InputError(f"y has the class {int(y.min())}; expected indices ≥ 0")
    if int(y.max()) >= MOST_CLASSES:
        raise InputError(f"y has the class {int(y.max())}; expected indices below {MOST_CLASSES}: each has a head")
    return y.to(torch.int64)


def synthetic(samples: int = 64, features: int = 32, classes: int = 4, name: str = "synthetic") -> Labelled:
    """Non-negative features with a class-dependent mean, like a ReLU network's; always the same ones."""
    random = generator("synthetic", samples, features, classes)
    centres = torch.randn(classes, features, dtype=torch.float64, generator=random)
    y = torch.arange(samples) % classes
    noise = torch.randn(samples, features, dtype=torch.float64, generator=random)
    return Labelled(name, (centres[y] + noise).relu() / 2, y)


def tiny() -> Labelled:
    """Three synthetic samples of four features in two classes: every sample path can be enumerated."""
    return synthetic(samples=3, features=4, classes=2, name="tiny")


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
    """Data by name (``synthetic``, ``tiny``, ``digits``), or by the path of an ``.npz`` file."""
    named = {"synthetic": synthetic, "tiny": tiny, "digits": digits}
    if name in named:
        return named[name]()
    if not name.endswith(".npz"):
        raise InputError(f"unknown data {name!r}; expected {', '.join(named)} or the path of an .npz file")
    return from_file(Path(name))
