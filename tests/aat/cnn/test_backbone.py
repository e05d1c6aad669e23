"""Features of a frozen network as a data set."""

import pytest
import torch
from torch import Tensor, nn

from aat import InputError
from aat.cnn import Recipe, backbone, load, network
from aat.cnn.splits import InMemory
from aat.seeds import generator
from tests.aat.cnn.toy import digits


class Rows(nn.Module):
    """The mean of each row, and how many images came at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        return x.float().mean((1, 3)) / 255


def test_the_features_of_all_images_are_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows()
    monkeypatch.setattr(backbone, "make", lambda name: rows)
    images = digits()
    found = backbone.through(images, "rows", batch=64)
    assert rows.batches == [64, 64, 64, 8, 64, 36]
    assert (found.name, found.classes, found.shape) == (images.name, images.classes, (8, 1, 1))
    assert found.augmentation is None
    for part in ("train", "test"):
        before, after = getattr(images, part), getattr(found, part)
        assert isinstance(after, InMemory)
        assert torch.equal(after.labels, before.labels)
        torch.testing.assert_close(after.pixels[..., 0, 0], before.pixels.double().mean((1, 3)).float() / 255)
    # they are trained on as they are
    assert found.train.batch([0], None, torch.Generator()).dtype == torch.float32
    network(Recipe(data="d", arch="linear", k=5), found)(
        found.train.batch([0, 1], None, torch.Generator())
    ).sum().backward()


def test_a_backbone_that_is_not_known() -> None:
    with pytest.raises(InputError, match=r"^--backbone nope; expected efficientnet-lite0; try "):
        backbone.make("nope")


@pytest.fixture(scope="module")
def lite() -> nn.Module:
    return backbone.make("efficientnet-lite0")


def test_efficientnet_lite0_sees_something_in_colours_and_in_grey(lite: backbone.Backbone) -> None:
    for channels in (3, 1):
        x = torch.randint(0, 256, (2, channels, 32, 32), generator=generator("lite", channels), dtype=torch.uint8)
        maps, features = lite.maps(x), lite(x)
        assert features.shape == (2, 1280)
        assert features.isfinite().all()
        torch.testing.assert_close(maps.mean((-2, -1)), features)
        assert not torch.equal(features[0], features[1])
        # whether in bytes or in [0, 1]
        torch.testing.assert_close(lite(x.float() / 255), features)


def test_a_backbone_is_frozen(lite: backbone.Backbone) -> None:
    assert not any(module.training for module in lite.train().modules())
    assert not any(parameter.requires_grad for parameter in lite.parameters())


def test_what_it_gives_does_not_depend_on_who_is_beside(lite: backbone.Backbone) -> None:
    images = load("digits").subset(train=10, test=10)
    together, alone = (backbone._features(images.test, lite, torch.device("cpu"), size) for size in (10, 1))
    torch.testing.assert_close(together.pixels, alone.pixels, atol=1e-4, rtol=1e-4)
