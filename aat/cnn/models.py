"""Networks: torchvision's classifiers by name, a small CNN and a linear one, with the head of one's choice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from aat.checks import SmoothingName, within_memory
from aat.cnn.data import About
from aat.convert import convert
from aat.errors import InputError
from aat.recipe import Recipe
from aat.seeds import key
from aat.typed import typed

# Channels, kernel and stride of the small CNN's convolutions, and the groups that GroupNorm normalises together.
_STAGES, _GROUPS = ((32, 4, 2), (64, 4, 2), (128, 3, 1)), 8


class Prepare(nn.Module):
    """Pixels as a network wants them: in [0, 1], resized if asked to, less the mean, over the standard deviation.

    Args:
        mean, std: per channel.
        size: pixels a side; None: as they come.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], size: int | None = None) -> None:
        super().__init__()
        self.size = size
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Float[Tensor, "B C H W"]:
        """Images in uint8, or floats that are in [0, 1] already."""
        x = x.to(self.mean.dtype) / 255 if x.dtype == torch.uint8 else x
        if self.size is not None and x.shape[-2:] != (self.size, self.size):
            x = nn.functional.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
        return (x - self.mean) / self.std

    def extra_repr(self) -> str:
        """The numbers."""
        return f"mean={self.mean.flatten().tolist()}, std={self.std.flatten().tolist()}, size={self.size}"


def names() -> list[str]:
    """Every architecture: ours, then torchvision's classifiers."""
    return [*_OWN, *torchvision.models.list_models(module=torchvision.models)]


def build(
    arch: str,
    shape: tuple[int, int, int],
    classes: int,
    *,
    k: int | None,
    smoothing: SmoothingName | None = None,
    mu: float | None = None,
    stem: str = "standard",
    width: float = 1.0,
) -> nn.Module:
    """A network with random weights: the same ones, under one seed, at every K and with a dense head.

    Args:
        arch: one of :func:`names`.
        shape: channels, height and width of its images.
        classes: how many.
        k: votes that a class hears; None: the dense head that the architecture has.
        smoothing: of the head, see :class:`aat.AATLinear`.
        mu: how much.
        stem: ``standard``, or ``small`` for images of 28 to 32 pixels: the first convolution becomes 3×3 without a
            stride, and pooling before the second one is left out (He et al., CVPR 2016, section 4.2).
        width: factor of the number of channels, for torchvision's ResNets and the small CNN.

    Raises:
        InputError: there is no such architecture, it has no such stem or width, or its classifier cannot be an AAT
            head with this k, smoothing and mu.
    """
    if arch in _OWN:
        if stem != "standard":
            raise InputError(
                f"--stem {stem} for {arch}; expected standard: its images are small anyway; try --stem standard"
            )
        model = _OWN[arch](shape, classes, width)
    else:
        model = _torchvision(arch, classes, width)
        if stem == "small":
            _small_stem(model)
        elif stem != "standard":
            raise InputError(f"--stem {stem}; expected standard or small; try small for images of 28 to 32 pixels")
        if shape[0] != 3:
            _widen(model, *_convolutions(model)[0], in_channels=shape[0])
    return _headed(model, arch, k, smoothing, mu)


@typed
def network(recipe: Recipe, about: About) -> nn.Module:
    """The network of a recipe before training: images, in uint8, to scores.

    Its random numbers do not depend on the head: with one seed every head starts from the same weights.

    Raises:
        InputError: as :func:`build` does; or it takes no such images, or no memory holds it.
    """
    # a backbone has had the size: what comes from it are features
    size = None if recipe.backbone else recipe.size
    shape = (about.shape[0], *(2 * (size,) if size else about.shape[1:]))
    with within_memory(f"{recipe.arch} of width {recipe.width:g}"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(key("weights", recipe.seed))
        model = build(recipe.arch, shape, len(about.classes), k=None, stem=recipe.stem, width=recipe.width)
    _check_takes(model, recipe, shape)
    model = _headed(model, recipe.arch, recipe.k, recipe.smoothing, recipe.mu)
    return nn.Sequential(Prepare(about.mean, about.std, size), model)


def _headed(model: nn.Module, arch: str, k: int | None, smoothing: SmoothingName | None, mu: float | None) -> nn.Module:
    if k is None:
        return model
    if not any(isinstance(module, nn.Linear) for module in model.modules()):
        raise InputError(
            f"--arch {arch} has no linear classifier; expected one, for K = {k}; try --k dense, or resnet18"
        )
    return convert(model, k, smoothing, mu)


def _check_takes(model: nn.Module, recipe: Recipe, shape: tuple[int, ...]) -> None:
    """InputError unless the network takes images of this shape: tried without numbers, on the meta device."""
    state = {name: value.to("meta") for name, value in [*model.named_parameters(), *model.named_buffers()]}
    try:
        with torch.no_grad(), warnings.catch_warnings(action="ignore"):
            torch.func.functional_call(model, state, torch.empty(min(recipe.batch, 2), *shape, device="meta"))
    except (RuntimeError, ValueError, AssertionError) as error:
        said = (str(error).splitlines() or ["it fails"])[0]
        wanted = "×".join(str(extent) for extent in shape)
        raise InputError(
            f"--arch {recipe.arch}: {said}; expected one for batches of {recipe.batch} images of {wanted}; "
            "try --size 224, or --arch small"
        ) from None


def _small(
    shape: tuple[int, int, int], classes: int, width: float, normalise: Callable[[int], nn.Module] = nn.BatchNorm2d
) -> nn.Module:
    """Three convolutions, the means of their maps, and a head: minutes on two cores."""
    layers: list[nn.Module] = []
    channels = shape[0]
    for full, kernel, stride in _STAGES:
        out = _GROUPS * max(1, round(full * width / _GROUPS))
        convolution = nn.Conv2d(channels, out, kernel, stride, padding=1, bias=False)
        layers += [convolution, normalise(out), nn.ReLU()]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def _linear(shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    """No more than a head: for features that somebody else has computed."""
    if width != 1:
        raise InputError(f"--width {width} for linear; expected 1; try small")
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))


def _grouped(channels: int) -> nn.Module:
    """GroupNorm (Wu & He, ECCV 2018), with which the loss of a sample does not depend on its batch."""
    return nn.GroupNorm(_GROUPS, channels)


_OWN: dict[str, Callable[[tuple[int, int, int], int, float], nn.Module]] = {
    "small": _small,
    "small-gn": partial(_small, normalise=_grouped),
    "linear": _linear,
}


def _torchvision(arch: str, classes: int, width: float) -> nn.Module:
    if arch not in names():
        known = ", ".join([*_OWN, "resnet18", "mobilenet_v3_small", "..."])
        raise InputError(f"--arch {arch}; expected one of {known} (torchvision.models.list_models()); try resnet18")
    # without the second classifiers that these two have for training alone
    extra = {"aux_logits": False, "init_weights": True} if arch in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(arch, weights=None, num_classes=classes, **extra)
    if width != 1:
        if not isinstance(model, torchvision.models.ResNet):
            raise InputError(f"--width {width} for {arch}; expected 1; try resnet18 or small")
        model = _narrow_resnet(model, classes, width)
    return model


def _narrow_resnet(model: torchvision.models.ResNet, classes: int, width: float) -> nn.Module:
    """The same network with all channels but the images' scaled."""

    def scaled(channels: int) -> int:
        return max(1, round(channels * width))

    first, _ = _convolutions(model)[0]
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Conv2d):
            inward = module.in_channels if name == first else scaled(module.in_channels)
            if inward % module.groups or scaled(module.out_channels) % module.groups:
                groups = f"expected channels in {module.groups} equal groups; try 0.5, or resnet18"
                raise InputError(f"--width {width} makes {inward} channels of {module.in_channels}; {groups}")
            _widen(model, name, module, in_channels=inward, out_channels=scaled(module.out_channels))
        elif isinstance(module, nn.BatchNorm2d):
            model.set_submodule(name, nn.BatchNorm2d(scaled(module.num_features)))
    model.fc = nn.Linear(scaled(model.fc.in_features), classes)
    return model


def _convolutions(model: nn.Module) -> list[tuple[str, nn.Conv2d]]:
    return [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def _widen(model: nn.Module, name: str, conv: nn.Conv2d, **changed: object) -> None:
    """Put a convolution that differs in ``changed`` in the place of one, initialised as torchvision does."""
    kept = {"in_channels": conv.in_channels, "out_channels": conv.out_channels, "kernel_size": conv.kernel_size,
            "stride": conv.stride, "padding": conv.padding, "groups": conv.groups, "dilation": conv.dilation,
            "bias": conv.bias is not None}  # fmt: skip
    new = nn.Conv2d(**(kept | changed))  # type: ignore[arg-type]
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    model.set_submodule(name, new)


def _small_stem(model: nn.Module) -> None:
    (first, conv), *rest = _convolutions(model)
    if conv.stride == (1, 1) or not rest:
        raise InputError(
            f"--stem small for {type(model).__name__}; expected a first convolution with a stride; try --stem standard"
        )
    modules = dict(model.named_modules())
    order = list(modules)
    for name in order[order.index(first) : order.index(rest[0][0])]:
        if isinstance(modules[name], nn.MaxPool2d):
            model.set_submodule(name, nn.Identity())
    _widen(model, first, conv, kernel_size=3, stride=1, padding=1)
