"""One pass of a network, noting what its head hears and where each unit looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from aat.convert import classifier_of
from aat.errors import InputError
from aat.typed import typed

# A mean over positions, computed in another order: what rounding may make of it, in units of its own precision.
_ROUNDING = 64


class Heard(NamedTuple):
    """What a probe notes of a batch.

    Attributes:
        scores: of the network.
        features: what its head was given.
        maps: of every unit, whose mean over positions is the feature; None where units are no means of maps.
    """

    scores: Float[Tensor, "B O"]
    features: Float[Tensor, "B n"]
    maps: Float[Tensor, "B n h w"] | None

    def at(self, rows: Sequence[int]) -> Heard:
        """Of some images of the batch."""
        at = list(rows)
        return Heard(self.scores[at], self.features[at], None if self.maps is None else self.maps[at])


@typed
class Probe:
    """Runs a network, without gradients, in evaluation mode, on its device.

    Where units look is found by numbers, in the first batch: the last output of a module whose mean over positions,
    rectified or not, is what the head hears. So it works for every network that pools its maps before the head.

    Args:
        network: from images to scores; its head is its last nn.Linear.

    Raises:
        InputError: there is no such layer.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()
        self.head = classifier_of(network)
        self._looked = False
        self._maps: tuple[nn.Module, bool] | None = None

    @typed
    def __call__(self, images: Tensor) -> Heard:
        """One batch.

        Raises:
            InputError: the head was not called once, with one vector for each image.
        """
        if images.is_meta:
            raise InputError("images on the meta device; expected numbers; try a tensor with pixels")
        heard: list[Tensor] = []
        outputs: list[tuple[nn.Module, Tensor]] = []

        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[1] == self.head.in_features:
                outputs.append((module, output))

        watched = [self._maps[0]] if self._maps else [] if self._looked else list(self.network.modules())
        hooks = [module.register_forward_hook(note) for module in watched]
        hooks.append(self.head.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0])))
        device = self.head.weight.device
        try:
            with torch.inference_mode():
                scores = self.run(images.to(device))
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(scores, Tensor) or len(heard) != 1 or heard[0].ndim != 2:
            shapes = [tuple(given.shape) for given in heard]
            raise InputError(f"the head hears {shapes}; expected one vector for each image; try a classifier of images")
        if not self._looked:
            self._maps, self._looked = _source(outputs, heard[0]), True
        maps = None
        if self._maps:
            module, rectified = self._maps
            maps = next(output for at, output in reversed(outputs) if at is module)
            maps = maps.relu() if rectified else maps
        return Heard(scores, heard[0], maps)

    def run(self, images: Tensor) -> Any:
        """What the network says; InputError where it does not take such images."""
        try:
            return self.network(images)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            given = f"the network fails on images of {images.dtype}, shape {tuple(images.shape)}: {reason}"
            raise InputError(f"{given}; expected (B, C, H, W) as it takes them; try what it was trained on") from error


def _source(outputs: list[tuple[nn.Module, Tensor]], features: Tensor) -> tuple[nn.Module, bool] | None:
    """The last module whose output, or its positive part, has the features as its mean over positions."""
    for module, output in reversed(outputs):
        for rectified in (False, True):
            maps = output.double().relu() if rectified else output.double()
            reach = _ROUNDING * torch.finfo(features.dtype).eps * maps.abs().mean((-2, -1))
            # a map of one position tells nothing of where
            if output[0, 0].numel() > 1 and bool(((maps.mean((-2, -1)) - features).abs() <= reach).all()):
                return module, rectified
    return None
