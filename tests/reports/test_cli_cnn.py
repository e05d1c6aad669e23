"""`aat train`: what it prints and leaves, how it ends, and how it goes on."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fsspec.implementations.local import LocalFileSystem
from torch import Tensor, nn

from aat.cnn import Result, backbone, load_network
from aat.cnn.module import Classifier
from reports.cli import main

ROOT = Path(__file__).parents[2]
TOY = ["train", "--device", "cpu", "--width", "0.25", "--epochs", "3", "--batch", "64", "--train-images", "200",
       "--test-images", "100"]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, finding this source."""
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", said)
    return said


def test_it_trains_and_says_how_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TOY, "--option", "nesterov=true", "--json", "rows.json", "--out", "here"]) == 0
    said, told = capsys.readouterr()
    assert re.fullmatch(
        r"digits \(200 train, 100 test\), small, K = 5: test accuracy [\d.]+%, [\d.e-]+ s per epoch; weights in here\n",
        said,
    )
    assert not told
    found = Result.load(Path("here"))
    assert json.loads(Path("rows.json").read_text()) == [found.as_row()]
    assert (found.recipe.options, found.recipe.width, found.recipe.lr) == ({"nesterov": True}, 0.25, 0.1)
    assert load_network(Path("here/weights.pt"))[1] == found.recipe


def test_a_dense_head_and_the_default_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TOY, "--k", "dense", "--epochs", "1", "--no-augment", "--precision", "bf16"]) == 0
    assert "small, dense: test accuracy" in capsys.readouterr().out
    found = Result.load(Path("out/train")).recipe
    assert (found.k, found.augment, found.precision) == (None, False, "bf16")


MISTAKES = {
    "data": "--data nope",
    "arch": "--arch nope",
    "k": "--k 33",
    "k = 0": "--k 0",
    "k is a word": "--k few",
    "squeezenet": "--arch squeezenet1_0 --size 64 --width 1",
    "images too small": "--arch vit_b_32 --width 1",
    "mu without smoothing": "--mu 0.1",
    "smoothing without mu": "--smoothing entropic",
    "smoothing of a dense head": "--smoothing entropic --mu 0.1 --k dense",
    "optimizer": "--optimizer Nope",
    "option": "--option nope=1",
    "option without a value": "--option nesterov",
    "option in no JSON": "--option nesterov=True",
    "width is no number": "--width nan",
    "lr is infinite": "--lr inf",
    "too many images": "--train-images 5000",
    "backbone": "--backbone nope",
    "device": "--device mps",
    "epochs": "--epochs 0",
    "out is a file": "--out file",
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    if arguments == "--device mps" and torch.backends.mps.is_available():
        pytest.skip("it is there")
    Path("file").touch()
    said = mistake(capsys, *TOY, *arguments.split())
    assert "expected" in said or "Invalid value" in said
    assert {file.name for file in Path().iterdir()} <= {"file", "out"}
    assert not list(Path().rglob("*.pt"))


def test_divergence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the loss is nan at epoch 1, step" in mistake(capsys, *TOY, "--arch", "small-gn", "--lr", "1e9")


@pytest.mark.parametrize(
    ("name", "kind", "method"),
    [
        ("last.ckpt", Path, "write_bytes"),
        ("weights.pt", Path, "write_bytes"),
        ("metrics.csv", LocalFileSystem, "_open"),
    ],
)
def test_a_full_disk_is_one_line(
    name: str, kind: type, method: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = getattr(kind, method)

    def full(*given: Any, **named: Any) -> Any:
        if any(name in str(value) for value in given):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        return really(*given, **named)

    monkeypatch.setattr(kind, method, full)
    said = mistake(capsys, *TOY)
    assert f"{name}: No space left on device; expected a place that can be written" in said
    assert not Path("out/train/result.json").exists()


def test_interrupted_by_the_keyboard_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([*TOY, "--out", "whole"]) == 0
    with monkeypatch.context() as patch:
        step, left = Classifier.training_step, iter(range(5))

        def tire(*given: Any) -> Tensor:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return step(*given)

        patch.setattr(Classifier, "training_step", tire)
        assert main([*TOY, "--out", "parts"]) == 130
    assert main([*TOY, "--out", "parts"]) == 0
    assert Result.load(Path("parts")).digest == Result.load(Path("whole")).digest


def test_two_devices_share_each_batch() -> None:
    Path("command.py").write_text("import sys\nfrom reports.cli import main\nsys.exit(main())\n")
    # statistics of batches would be those of halves
    arguments = [*TOY, "--arch", "small-gn", "--batch", "32", "--order", "uniform", "--no-augment"]
    found = run("command.py", *arguments, "--devices", "2", "--out", "two", "--json", "rows.json")
    assert found.returncode == 0, found.stderr
    assert not found.stderr
    assert len(found.stdout.splitlines()) == 1
    assert "weights in two" in found.stdout
    assert main([*arguments, "--batch", "64", "--out", "one"]) == 0
    one, two = (Result.load(Path(folder)) for folder in ("one", "two"))
    assert two.device.startswith("2 × ")
    # the mean of two halves' means is that of the batch
    assert two.test_loss == pytest.approx(one.test_loss, rel=1e-4)
    assert two.train_loss == pytest.approx(one.train_loss, rel=1e-4)
    assert json.loads(Path("rows.json").read_text()) == [two.as_row()]


def test_features_of_a_backbone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Rows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.float().mean((1, 2)) / 255

    monkeypatch.setattr(backbone, "make", lambda name: Rows())
    arguments = [*TOY, "--arch", "linear", "--width", "1", "--backbone", "efficientnet-lite0", "--size", "16"]
    assert main([*arguments, "--features", "pooled.npz"]) == 0
    assert np.load("pooled.npz")["x"].shape[1] == 8
    assert "linear, K = 5" in capsys.readouterr().out
    network, _, about = load_network(Path("out/train/weights.pt"))
    assert about.shape == (8, 1, 1)
    assert network(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape == (2, 10)
