"""What the classifier of a network hears, as data."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from aat import InputError
from aat.cnn import evaluate, features, network, save_features
from sim import problems
from tests.aat.cnn.toy import digits, recipe


def untrained(**entries: Any) -> nn.Module:
    return network(recipe(**entries), digits()).eval()


@pytest.mark.parametrize("k", [None, 5])
def test_features_and_classifier_are_the_network(k: int | None) -> None:
    whole = untrained(arch="resnet18", k=k, stem="small", width=0.125)
    split = digits().test
    heard = features(whole, split)
    assert heard.shape == (len(split.labels), 64)
    with torch.inference_mode():
        right = whole.get_submodule("1.fc")(heard).argmax(1) == split.labels
    assert torch.equal(right, evaluate(whole, split)[1])


def test_all_images_are_heard_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, split = untrained(arch="linear"), digits().test
    together = features(whole, split)
    monkeypatch.setattr(sys.modules["aat.cnn.features"], "_BATCH", 30)
    assert torch.equal(features(whole, split), together)


def test_nothing_is_left_on_the_network() -> None:
    whole = untrained(arch="linear")
    features(whole, digits().test)
    assert not any(module._forward_pre_hooks for module in whole.modules())


def test_a_network_without_a_classifier() -> None:
    with pytest.raises(InputError, match=r"no nn\.Linear"):
        features(nn.Flatten(), digits().test)


def test_a_problem_runs_on_the_file(tmp_path: Path) -> None:
    whole, split = untrained(arch="linear"), digits().test
    save_features(tmp_path / "pooled.npz", whole, split)
    problem = problems.make("softmax", str(tmp_path / "pooled.npz"), k=5, smoothing="entropic", mu=0.1)
    assert problem.samples == len(split.labels)
    np.testing.assert_array_equal(problem.x, features(whole, split).double())
    np.testing.assert_array_equal(problem.y, split.labels)
