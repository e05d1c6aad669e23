"""Votes and bias are the score: for any head, for many images, for every family of torchvision."""

from typing import Any

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from aat import AATLinear, InputError, convert
from aat.convert import classifier_of
from aat.explain import VoteAttribution
from aat.seeds import generator

# The smallest of each family of torchvision that has a linear classifier, and the least pixels a side that it takes.
FAMILIES = {
    "alexnet": 64, "convnext_tiny": 32, "densenet121": 32, "efficientnet_b0": 32, "efficientnet_v2_s": 32,
    "googlenet": 64, "inception_v3": 80, "maxvit_t": 224, "mnasnet0_5": 32, "mobilenet_v2": 32,
    "mobilenet_v3_small": 32, "regnet_y_400mf": 32, "resnet18": 32, "resnext50_32x4d": 32, "shufflenet_v2_x0_5": 32,
    "swin_t": 32, "swin_v2_t": 64, "vgg11": 32, "vit_b_16": 224, "wide_resnet50_2": 32,
}  # fmt: skip


def head_on(features: int, **told: Any) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), AATLinear(features, 4, **told))


def rounding(network: nn.Module, images: Tensor) -> Tensor:
    """What rounding in float32 may make of a score: its summands' sizes, over their number, in units of 2^-24."""
    head = network[-1]
    size = (images.flatten(1).abs() @ head.weight.abs().T).max(1).values + head.bias.abs().max()
    return size.double() * head.in_features * 2**-24


def by_name(*names: object, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=generator(*names))


@pytest.mark.parametrize("told", [{"k": 5}, {"k": 64}, {"k": 5, "smoothing": "entropic", "mu": 0.1},
                                  {"k": 5, "smoothing": "quadratic", "mu": 0.1}])  # fmt: skip
def test_votes_and_bias_are_the_score_of_many_images(told: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network, images = head_on(64, **told), by_name("many", shape=(10_000, 1, 8, 8))
    attribution = VoteAttribution(network)
    votes = attribution.votes(attribution.probe(images))
    assert (votes.delta.abs() <= rounding(network, images)).all()
    total = votes.contributions.sum(1) + votes.regulariser + votes.bias
    torch.testing.assert_close(total, network(images).max(1).values.detach().double(), rtol=1e-5, atol=1e-5)
    if "smoothing" not in told:
        assert not votes.regulariser.any()
        assert ((votes.contributions != 0).sum(1) <= told["k"]).all()


@given(st.integers(1, 8), st.data())
def test_contributions_are_the_largest_votes(k: int, data: st.DataObject) -> None:
    torch.manual_seed(k)
    network = head_on(8, k=k)
    images = by_name("largest", data.draw(st.integers(0, 999)), shape=(3, 8, 1, 1))
    target = data.draw(st.integers(0, 3))
    contributions, delta = VoteAttribution(network).attribute(images, target)
    votes = images.flatten(1).double() * network[1].weight[target].detach().double()
    for heard, all_of in zip(contributions, votes, strict=True):
        assert sorted(heard[heard != 0].tolist()) == sorted(all_of.tolist())[8 - k :]
    assert (delta.abs() <= rounding(network, images)).all()


def test_a_dense_head_hears_all() -> None:
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Flatten(), nn.Linear(6, 4, bias=False))
    images = by_name("dense", shape=(5, 6, 1, 1))
    contributions, _ = VoteAttribution(dense).attribute(images, torch.tensor([0, 1, 2, 3, 0]))
    expected = images.flatten(1).double() * dense[1].weight[[0, 1, 2, 3, 0]].detach().double()
    assert torch.equal(contributions, expected)


@pytest.mark.parametrize("arch", FAMILIES)
def test_every_family(arch: str) -> None:
    extra = {"aux_logits": False, "init_weights": False} if arch in ("googlenet", "inception_v3") else {}
    torch.manual_seed(0)
    model = torchvision.models.get_model(arch, weights=None, num_classes=7, **extra)
    network, size = convert(model, k=3).eval(), FAMILIES[arch]
    # some start with a head of zeros
    nn.init.normal_(classifier_of(network).weight, std=0.05)
    contributions, delta = VoteAttribution(network).attribute(torch.rand(2, 3, size, size, generator=generator(arch)))
    assert ((contributions != 0).sum(1) == 3).all()
    assert (delta.abs() <= 1e-6 * (1 + contributions.abs().sum(1))).all()


@pytest.mark.parametrize(
    ("target", "message"),
    [(4, r"target \[4, 4\]; expected classes 0 to 3"), (-1, "expected classes 0 to 3"),
     (torch.tensor([0.5, 1.0]), "integers"), (torch.tensor([0]), r"expected \(2,\) integers")],
)  # fmt: skip
def test_classes_that_there_are_not(target: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        VoteAttribution(head_on(6, k=2)).attribute(torch.ones(2, 6, 1, 1), target)


def test_a_head_that_does_not_give_the_scores() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.Unflatten(1, (2, 2)))
    with pytest.raises(InputError, match=r"expected those of the last nn\.Linear"):
        VoteAttribution(network).attribute(torch.ones(2, 6, 1, 1))


def test_a_head_that_is_called_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(6, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x) + self.head(-x)

    with pytest.raises(InputError, match="expected one vector for each image"):
        VoteAttribution(Twice()).attribute(torch.ones(2, 6))
