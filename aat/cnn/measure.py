"""What the rates speak of, measured on a real network: ∇F over all images, gradient noise, and smoothness.

F is the mean cross-entropy of a network over a set of images, for which no sample's loss may depend on the others:
:func:`check` refuses what would make it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from aat.cnn.splits import Split
from aat.errors import InputError
from aat.recipe import Recipe
from aat.seeds import generator

# Layers under which a sample's loss depends on its batch, or on chance.
_COUPLED = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd, StochasticDepth)
_TOLERANCE, _MOST = 1e-3, 100


def check(recipe: Recipe, network: nn.Module) -> None:
    """See that training by this recipe is SGD on a finite sum F, and F what :func:`gradient` gives.

    Raises:
        InputError: the recipe or the network makes it something else.
    """
    asked = (
        (recipe.optimizer == "SGD" and not recipe.options, f"optimizer = {recipe.optimizer} {recipe.options}", "SGD"),
        (recipe.weight_decay == 0, f"weight_decay = {recipe.weight_decay:g}", "0: F has no such term"),
        (not recipe.augment, "augment = True", "False: F is of the images as they are"),
        (recipe.precision == "float32", f"precision = {recipe.precision}", "float32"),
        (recipe.order != "reshuffled", "order = reshuffled", "uniform, or blocks: no claim is about new batches"),
    )
    for fine, given, expected in asked:
        if not fine:
            raise InputError(f"{given} in a study of rates; expected {expected}")
    for module in network.modules():
        if isinstance(module, _COUPLED):
            kind = type(module).__name__
            raise InputError(
                f"{recipe.arch} has {kind}: a sample's loss depends on its batch, or on chance; expected a network "
                "whose mean loss is a finite sum; try --arch small-gn"
            )


@dataclass(frozen=True)
class Parts:
    """Images parted into batches of one size, to be taken one after the other.

    Attributes:
        split: of which they are.
        indices: of each part.
        device: where a network wants them.
    """

    split: Split
    indices: Sequence[Tensor]
    device: torch.device

    @classmethod
    def at_random(cls, split: Split, batch: int, device: torch.device, *names: object) -> Parts:
        """All images, in a partition that is determined by the names."""
        order = torch.randperm(len(split.labels), generator=generator("parts", *names))
        return cls(split, order.split(batch), device)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for part in self.indices:
            pixels = self.split.batch(part.tolist())
            yield pixels.to(self.device), self.split.labels[part].to(self.device)

    def single(self) -> Iterator[Parts]:
        """Each part as a set of its own."""
        return (Parts(self.split, [part], self.device) for part in self.indices)


class Gradient(NamedTuple):
    """F and ∇F at one point.

    Attributes:
        loss: F.
        vector: ∇F, in float64, on the CPU.
        spread: mean over the parts of ‖∇F_part − ∇F‖².
    """

    loss: float
    vector: Float[Tensor, " d"]
    spread: float


def gradient(network: nn.Module, parts: Parts) -> Gradient:
    """One pass over all parts; what they give is summed in float64. The parameters' ``grad`` stay as they are.

    Raises:
        InputError: the parts differ in size, so that their mean is not F.
    """
    if len({len(part) for part in parts.indices}) != 1:
        sizes = sorted({len(part) for part in parts.indices})
        raise InputError(f"batches of {sizes} images; expected one size, a divisor of the number of images")
    parameters = _parameters(network)
    losses, squares, count = 0.0, 0.0, len(parts.indices)
    total = torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64)
    for x, y in parts:
        loss = _loss(network, x, y)
        one = _flat(torch.autograd.grad(loss, parameters, materialize_grads=True)).to("cpu", torch.float64)
        losses += loss.item()
        total += one
        squares += one.square().sum().item()
    mean = total / count
    return Gradient(losses / count, mean, max(0.0, squares / count - mean.square().sum().item()))


def uniform_noise(spread: float, images: int, batch: int) -> float:
    """E‖g_B − ∇F‖² of a minibatch that is drawn with replacement, from the spread of a random partition.

    With V = mean over the n images of ‖∇f_i − ∇F‖², such a minibatch has variance V/B (R11r). A part of a random
    partition is B images drawn without replacement, so its expected square distance from ∇F is V/B·(n − B)/(n − 1)
    (R11), and so is that of the mean over all parts, the spread. Hence spread·(n − 1)/(n − B) is unbiased for V/B.

    Raises:
        InputError: there is one part only.
    """
    if batch >= images:
        raise InputError(f"batch = {batch} of {images} images; expected at least two batches; try a smaller --batch")
    return spread * (images - 1) / (images - batch)


def smoothness(network: nn.Module, parts: Parts, *names: object, tolerance: float = _TOLERANCE) -> float:
    """The largest |eigenvalue| of the Hessian of F, by power iteration from a random vector determined by the names.

    ‖Hv‖ at a unit vector v never exceeds it and does not fall from one iteration to the next, so this is an estimate
    from below; it is taken when it rises by no more than ``tolerance`` of itself, or after 100 products. Products with
    H are by differentiating twice. A network with ReLU, pooling or a hard head has its Hessian almost everywhere: that
    of the piece it is on, with masks held fixed; what happens between pieces only the secants of ∇F can show.
    """
    parameters = _parameters(network)
    start = torch.randn(sum(p.numel() for p in parameters), generator=generator("power", *names))
    vector = (start / start.norm()).to(parameters[0])
    product = _Hessian(network, parts)
    size = 0.0
    for _ in range(_MOST):
        image = product @ vector
        before, size = size, image.double().norm().item()
        if size == 0 or size - before <= tolerance * size:
            break
        vector = image / size
    return size


class _Hessian:
    """Of F, as what it does to a vector; the graph of the gradient is kept if there is but one part."""

    def __init__(self, network: nn.Module, parts: Parts) -> None:
        self._network, self._parts, self._parameters = network, parts, _parameters(network)
        self._kept = [self._slope(x, y) for x, y in parts] if len(parts.indices) == 1 else None

    def __matmul__(self, vector: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
        slopes = self._kept or (self._slope(x, y) for x, y in self._parts)
        total = torch.zeros_like(vector)
        for slope in slopes:
            along = slope @ vector
            if along.requires_grad:
                total += _flat(torch.autograd.grad(along, self._parameters, retain_graph=True, materialize_grads=True))
        return total / len(self._parts.indices)

    def _slope(self, x: Tensor, y: Tensor) -> Float[Tensor, " d"]:
        loss = _loss(self._network, x, y)
        return _flat(torch.autograd.grad(loss, self._parameters, create_graph=True, materialize_grads=True))


def point(network: nn.Module) -> Float[Tensor, " d"]:
    """All parameters as one vector, in float64, on the CPU."""
    return _flat([p.detach() for p in _parameters(network)]).to("cpu", torch.float64)


def _parameters(network: nn.Module) -> list[nn.Parameter]:
    return [p for p in network.parameters() if p.requires_grad]


def _loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.enable_grad():
        return nn.functional.cross_entropy(network(x), y)


def _flat(tensors: Sequence[Tensor]) -> Float[Tensor, " d"]:
    return torch.cat([tensor.flatten() for tensor in tensors])
