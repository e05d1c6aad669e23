"""Networks: which layer becomes the head, what they start from, and which images they take."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import regnet

import aat
from aat import AATLinear, InputError
from aat.cnn import Recipe, load, network
from aat.cnn.data import About
from aat.cnn.models import Prepare, build, names
from aat.seeds import generator

COLOURS = About("colours", tuple("abcdefg"), (3, 32, 32), (0.5,) * 3, (0.25,) * 3)
GREY = About("grey", tuple("abcdefg"), (1, 32, 32), (0.5,), (0.25,))
TORCHVISION = torchvision.models.list_models(module=torchvision.models)


def noise(about: About, images: int = 2) -> Tensor:
    return torch.randint(0, 256, (images, *about.shape), generator=generator("noise", *about.shape), dtype=torch.uint8)


def without_numbers(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A device on which networks are built in no time; RegNets compute their sizes by tensors, which need numbers."""
    sizes: Callable[..., Any] = regnet.BlockParams.from_init_params.__func__  # type: ignore[attr-defined]

    def on_the_processor(kind: type, *given: object, **named: object) -> Any:
        with torch.device("cpu"):
            return sizes(kind, *given, **named)

    monkeypatch.setattr(regnet.BlockParams, "from_init_params", classmethod(on_the_processor))
    return torch.device("meta")


# --- The head ---


@pytest.mark.parametrize("arch", TORCHVISION)
def test_the_classifier_of_torchvision_becomes_the_head(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with without_numbers(monkeypatch):
        if arch.startswith("squeezenet"):
            with pytest.raises(InputError, match=f"^--arch {arch} has no linear classifier; .* K = 5; try --k dense"):
                build(arch, (3, 32, 32), 7, k=5)
            assert isinstance(build(arch, (3, 32, 32), 7, k=None), nn.Module)
            return
        model = build(arch, (3, 32, 32), 7, k=5)
    heads = {name: module for name, module in model.named_modules() if isinstance(module, AATLinear)}
    # the only layer in the whole network whose size follows that of the labels
    assert list(heads) == [name for name, module in model.named_modules() if getattr(module, "out_features", 0) == 7]
    assert [head.k for head in heads.values()] == [5]


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_convert_passes_classifiers_of_training_alone(arch: str) -> None:
    with torch.device("meta"):
        model = aat.convert(torchvision.models.get_model(arch, num_classes=7, init_weights=False), k=5)
    assert [name for name, module in model.named_modules() if isinstance(module, AATLinear)] == ["fc"]


@pytest.mark.parametrize("arch", ["vit_b_16", "swin_t", "maxvit_t"])
def test_the_head_of_a_transformer_is_what_gives_its_scores(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with without_numbers(monkeypatch):
        model = build(arch, (3, 224, 224), 7, k=5).eval()
        given: list[Tensor] = []
        head = next(module for module in model.modules() if isinstance(module, AATLinear))
        head.register_forward_hook(lambda module, inputs, output: given.append(output))
        scores = model(torch.empty(2, 3, 224, 224))
    assert len(given) == 1
    assert given[0] is scores


@pytest.mark.parametrize(("arch", "features"), [("small", 128), ("linear", 3072), ("resnet18", 512), ("vit_b_32", 768)])
def test_k_above_the_number_of_features_names_it(arch: str, features: int) -> None:
    said = f"^k = 5000 with n = {features} votes; expected 1 <= k <= n; try k={features}$"
    with torch.device("meta"), pytest.raises(InputError, match=said):
        build(arch, (3, 32, 32), 7, k=5000)


def test_names_are_ours_and_those_of_classifiers() -> None:
    assert names() == ["small", "small-gn", "linear", *TORCHVISION]


# --- They compute ---


@pytest.mark.parametrize("about", [COLOURS, GREY], ids=["colours", "grey"])
@pytest.mark.parametrize(
    "arch", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "regnet_y_400mf"]
)
def test_a_small_stem_and_small_images(arch: str, about: About) -> None:
    model = network(Recipe(data="d", arch=arch, k=5, stem="small"), about)
    conv = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    assert (conv.in_channels, conv.kernel_size, conv.stride) == (about.shape[0], (3, 3), (1, 1))
    scores = model(noise(about))
    assert scores.shape == (2, 7)
    scores.logsumexp(1).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
    assert conv.weight.grad.any()  # type: ignore[union-attr]


def test_a_small_stem_leaves_pooling_before_the_second_convolution_out() -> None:
    for arch, pool in (("resnet18", "maxpool"), ("shufflenet_v2_x0_5", "maxpool"), ("densenet121", "features.pool0")):
        with torch.device("meta"):
            assert isinstance(build(arch, (3, 32, 32), 7, k=None, stem="small").get_submodule(pool), nn.Identity)
            assert isinstance(build(arch, (3, 32, 32), 7, k=None).get_submodule(pool), nn.MaxPool2d)


@pytest.mark.parametrize(
    ("arch", "width"), [("small", 0.25), ("small-gn", 2.0), ("resnet18", 0.25), ("resnext50_32x4d", 0.5)]
)
def test_width_is_a_factor_of_all_channels(arch: str, width: float) -> None:
    with torch.device("meta"):
        full, narrow = (build(arch, (1, 32, 32), 7, k=5, width=factor) for factor in (1, width))
    parts = [[module for module in model.modules() if isinstance(module, nn.Conv2d)] for model in (full, narrow)]
    for before, after in zip(*parts, strict=True):
        assert after.out_channels == width * before.out_channels
        assert after.groups == before.groups
    sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in (full, narrow)]
    # convolutions by the square, everything else by the factor
    assert min(width, width**2) * sizes[0] <= sizes[1] <= max(width, width**2) * sizes[0]
    scores = network(Recipe(data="d", arch=arch, k=5, width=width), GREY)(noise(GREY))
    assert scores.shape == (2, 7)
    assert scores.isfinite().all()


def test_images_are_prepared_by_their_moments_and_resized() -> None:
    about = About("d", ("a", "b"), (2, 4, 6), (0.25, 0.5), (0.5, 0.125))
    prepare = Prepare(about.mean, about.std)
    x = noise(about)
    expected = (x.double() / 255 - torch.tensor(about.mean).view(2, 1, 1)) / torch.tensor(about.std).view(2, 1, 1)
    torch.testing.assert_close(prepare(x), expected.float())
    torch.testing.assert_close(prepare(x.float() / 255), prepare(x))
    assert Prepare(about.mean, about.std, 6)(x).shape == (2, 2, 6, 6)
    assert "size=6" in repr(Prepare(about.mean, about.std, 6))
    assert not prepare.state_dict()


def test_features_of_a_backbone_are_not_resized() -> None:
    about = About("d", ("a", "b"), (16, 1, 1), (0.0,), (1.0,))
    model = network(Recipe(data="d", arch="linear", k=5, size=64, backbone="efficientnet-lite0"), about)
    assert model(torch.rand(2, 16, 1, 1, generator=generator("features"))).shape == (2, 2)


# --- What they start from ---


@pytest.mark.parametrize("arch", ["small", "small-gn", "linear", "resnet18", "mobilenet_v3_small"])
def test_one_seed_gives_the_same_weights_to_every_head(arch: str) -> None:
    states = {}
    for k in (None, 5, 25):
        states[k] = network(Recipe(data="d", arch=arch, k=k), GREY).state_dict()
        torch.rand(3)  # what is drawn elsewhere does not matter
    for k in (5, 25):
        assert states[k].keys() == states[None].keys()
        assert all(torch.equal(value, states[None][name]) for name, value in states[k].items())
    other = network(Recipe(data="d", arch=arch, k=5, seed=1), GREY).state_dict()
    assert any(not torch.equal(value, states[5][name]) for name, value in other.items())


def test_building_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    network(Recipe(data="d", arch="small", k=5), GREY)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_full_width_is_the_dense_network() -> None:
    digits = load("digits")
    dense, full = (network(Recipe(data="digits", arch="linear", k=k), digits) for k in (None, 64))
    x = digits.test.batch(range(8), None, torch.Generator())
    assert torch.equal(dense(x), full(x))


# --- What is refused ---

REFUSED = {
    "unknown": ({"arch": "nope"}, "--arch nope; expected one of small, small-gn, linear, resnet18"),
    "a detector": ({"arch": "fasterrcnn_resnet50_fpn"}, "--arch fasterrcnn_resnet50_fpn; expected one of"),
    "unknown stem": ({"arch": "resnet18", "stem": "nope"}, "--stem nope; expected standard or small"),
    "stem of one's own": ({"arch": "small", "stem": "small"}, "--stem small for small; expected standard"),
    "stem without a stride": ({"arch": "vgg11", "stem": "small"}, "--stem small for VGG; expected a first convolution"),
    "stem of patches": ({"arch": "vit_b_32", "stem": "small"}, "--stem small for VisionTransformer; expected"),
    "width of no ResNet": ({"arch": "mnasnet0_5", "width": 0.5}, "--width 0.5 for mnasnet0_5; expected 1"),
    "width of linear": ({"arch": "linear", "width": 0.5}, "--width 0.5 for linear; expected 1"),
    "width of groups": ({"arch": "resnext50_32x4d", "width": 0.3}, "--width 0.3 makes 38 channels of 128; expected"),
    "patches": (
        {"arch": "vit_b_32"},
        "--arch vit_b_32: Wrong image height! Expected 224 but got 32!; expected one for",
    ),
    "windows": ({"arch": "maxvit_t"}, "--arch maxvit_t: .*; expected one for batches of 128 images of 3×32×32"),
    "too small": (
        {"arch": "inception_v3"},
        "--arch inception_v3: .*; expected one for batches of 128 images of 3×32×32",
    ),
    "statistics of one number": ({"arch": "resnet18", "batch": 1}, "--arch resnet18: Expected more than 1 value"),
}


@pytest.mark.parametrize(("entries", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_is_refused_in_a_line(
    entries: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_numbers(monkeypatch), pytest.raises(InputError, match=f"^{said}") as caught:
        network(Recipe(data="d", **({"k": 5} | entries)), COLOURS)
    assert "\n" not in str(caught.value)
    assert "; try " in str(caught.value)
