"""The data: synthetic, the digits, and files of every kind of wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from aat import InputError
from sim import problems
from sim.problems import FAMILIES, make

X = np.array([[0.5, -1.0, 2.0], [0.0, 1.0, 0.25], [3.0, 0.0, -0.125], [1.0, 1.0, 1.0]])
Y = np.array([0, 1, 1, 0])


def saved(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)
    return str(path)


def refused(data: str, given: str) -> None:
    for family in FAMILIES:
        with pytest.raises(InputError, match=given) as error:
            make(family, data, k=2)
        assert "\n" not in str(error.value)


def test_synthetic_features_are_like_those_of_a_relu_network() -> None:
    data = problems.synthetic(samples=40, features=6, classes=4)
    assert data.x.shape == (40, 6)
    assert data.x.dtype == torch.float64
    assert data.x.min() == 0
    assert data.y.bincount().tolist() == [10] * 4
    assert torch.equal(data.x, problems.synthetic(samples=40, features=6, classes=4).x)


def test_digits_are_the_images_of_scikit_learn_less_their_mean() -> None:
    data = problems.digits()
    x, y = load_digits(return_X_y=True)
    np.testing.assert_allclose(data.x.numpy(), x / 16 - (x / 16).mean(0), atol=1e-15)
    assert data.y.tolist() == y.tolist()
    assert data.x.shape == (1797, 64)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int8, np.uint8, np.int64])
@pytest.mark.parametrize("classes", [np.int64, np.int8, np.uint8, np.uint32])
def test_a_file_of_real_features_and_integer_classes(tmp_path: Path, kind: type, classes: type) -> None:
    x = np.abs(X).astype(kind)
    problem = make("softmax", saved(tmp_path / "mine.npz", x=x, y=Y.astype(classes)), k=2)
    assert problem.name == "softmax/mine"
    assert problem.x.tolist() == x.tolist()
    assert problem.y.tolist() == Y.tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_without_k_every_vote_is_heard(tmp_path: Path, family: str) -> None:
    assert make(family, saved(tmp_path / "mine.npz", x=X, y=Y)).dense


@pytest.mark.parametrize(
    ("arrays", "given"),
    [
        ({"x": X}, "y is not a file in the archive; expected arrays named x and y"),
        ({"y": Y}, "x is not a file in the archive; expected arrays named x and y"),
        ({}, "expected arrays named x and y"),
        ({"x": X[0], "y": Y}, r"x of float64, shape \(3,\)"),
        ({"x": X[None], "y": Y}, r"x of float64, shape \(1, 4, 3\)"),
        ({"x": X + 0j, "y": Y}, "x of complex128"),
        ({"x": X.astype(str), "y": Y}, "x of <U"),
        ({"x": X > 0, "y": Y}, "x of bool"),
        ({"x": X.astype(object), "y": Y}, "cannot be read"),
        ({"x": X, "y": Y[:3]}, r"y of int64, shape \(3,\)"),
        ({"x": X, "y": Y[:, None]}, r"y of int64, shape \(4, 1\)"),
        ({"x": X, "y": Y.astype(float)}, "y of float64"),
        ({"x": X * np.nan, "y": Y}, "x has 12 value"),
        ({"x": np.full_like(X, np.inf), "y": Y}, "x has 12 value"),
        ({"x": X[:, :1], "y": Y}, "^k = 2 with n = 1"),
    ],
)
def test_a_file_of_wrong_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], given: str) -> None:
    refused(saved(tmp_path / "wrong.npz", **arrays), given)


def test_negative_classes(tmp_path: Path) -> None:
    path = saved(tmp_path / "wrong.npz", x=X, y=Y - 1)
    for family in ("routing", "logistic", "softmax"):
        with pytest.raises(InputError, match="y has the class -1"):
            make(family, path, k=2)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    refused(str(tmp_path / "absent.npz"), "absent.npz cannot be read")
    (tmp_path / "folder.npz").mkdir()
    refused(str(tmp_path / "folder.npz"), "folder.npz cannot be read")


@pytest.mark.parametrize("text", ["", "x, y", "not an archive at all"])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "text.npz"
    path.write_text(text)
    refused(str(path), "text.npz cannot be read")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file(tmp_path: Path, kept: float) -> None:
    path = Path(saved(tmp_path / "short.npz", x=X, y=Y))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    refused(str(path), "short.npz cannot be read")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_damaged_file(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "damaged.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=np.tile(X, (50, 1)), y=np.tile(Y, 50))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 255
    path.write_bytes(whole)
    refused(str(path), "damaged.npz cannot be read")


def test_an_array_that_is_not_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "array.npz"
    with path.open("wb") as file:
        np.save(file, X)
    refused(str(path), "array.npz")


@pytest.mark.parametrize("family", ["routing", "logistic"])
def test_a_file_without_samples(tmp_path: Path, family: str) -> None:
    refused(saved(tmp_path / "empty.npz", x=X[:0], y=Y[:0]), "expected")


def test_more_classes_than_there_can_be_heads(tmp_path: Path) -> None:
    path = tmp_path / "hash.npz"
    np.savez(path, x=np.eye(2), y=np.array([0, 10**12]))
    with pytest.raises(InputError, match=r"y has the class 1000000000000; expected indices below 65536"):
        make("softmax", str(path))
