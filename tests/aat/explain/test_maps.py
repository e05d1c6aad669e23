"""Where units look: found by numbers, for networks that pool, rectify, or do neither."""

import pytest
import torch
from torch import Tensor, nn

from aat.cnn import network
from aat.explain import Examples, Probe, heat
from aat.seeds import generator
from tests.aat.cnn.toy import digits, recipe


class Rectified(nn.Module):
    """Like DenseNet: what is pooled is rectified by a function, no module."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(1, 6, 3), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).relu().mean((2, 3)))


class Noisy(nn.Module):
    """Whose head hears something else than the mean of a map."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(1, 6, 3), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).amax((2, 3)))


def images(*names: object, size: int = 8) -> Tensor:
    return torch.rand(4, 1, size, size, generator=generator("maps", *names))


@pytest.mark.parametrize("arch", ["small", "small-gn", "resnet18"])
def test_maps_have_the_features_as_their_means(arch: str) -> None:
    told = {"stem": "small", "width": 0.125} if arch == "resnet18" else {}
    probe = Probe(network(recipe(arch=arch, **told), digits()))
    for turn in range(2):
        heard = probe(images(arch, turn, size=32))
        assert heard.maps is not None
        assert heard.maps.shape[:2] == heard.features.shape
        torch.testing.assert_close(heard.maps.mean((2, 3)), heard.features)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in probe.network.modules())


def test_maps_that_a_function_rectifies() -> None:
    probe = Probe(Rectified())
    heard = probe(images())
    assert heard.maps is not None
    assert torch.equal(heard.maps, probe.network.features(images()).relu().detach())


@pytest.mark.parametrize("whole", [Noisy(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3))])
def test_no_map_is_made_up(whole: nn.Module) -> None:
    assert Probe(whole)(images()).maps is None


def test_a_map_of_one_position_tells_nothing() -> None:
    deep = network(recipe(arch="resnet18", stem="small", width=0.125), digits())
    assert Probe(deep)(images(size=8)).maps is None
    assert Probe(deep)(images(size=16)).maps is not None


def test_heat_is_the_map() -> None:
    probe = Probe(Rectified())
    heard = probe(images())
    found = heat(probe, images(), heard, [(0, 5), (3, 1), (0, 2)])
    assert heard.maps is not None
    assert torch.equal(found, torch.stack([heard.maps[0, 5], heard.maps[3, 1], heard.maps[0, 2]]))
    assert heat(probe, images(), heard, []).shape[0] == 0


def test_heat_without_a_map_is_gradient_times_input() -> None:
    probe, x = Probe(Noisy()), images()
    pairs = [(0, 5), (3, 1), (0, 2), (0, 0)]
    found = heat(probe, x, probe(x), pairs)
    for (row, unit), one in zip(pairs, found, strict=True):
        alone = x[row : row + 1].clone().requires_grad_()
        probe.network.features(alone).amax((2, 3))[0, unit].backward()
        torch.testing.assert_close(one, (alone * alone.grad).sum(1).abs()[0].detach())


def test_heat_of_pixels_in_bytes() -> None:
    probe, x = Probe(network(recipe(arch="linear"), digits())), digits().test.batch([0, 1])
    assert heat(probe, x, probe(x), [(1, 20)]).shape == (1, 8, 8)


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_examples_are_the_largest_of_all(batch: int) -> None:
    values = torch.randint(0, 20, (50, 4), generator=generator("examples")).float()
    examples = Examples(units=4, most=6)
    for indices in torch.arange(50).split(batch):
        examples.see(values[indices], indices)
    for unit in range(4):
        ranked = sorted(range(50), key=lambda image: (-values[image, unit].item(), image))
        assert examples.of(unit) == [image for image in ranked[:6] if values[image, unit] > 0]


def test_a_unit_that_nothing_activates_has_no_examples() -> None:
    examples = Examples(units=2, most=3)
    examples.see(torch.tensor([[0.0, 1.0], [-1.0, 2.0]]), torch.tensor([7, 8]))
    assert (examples.of(0), examples.of(1)) == ([], [8, 7])
