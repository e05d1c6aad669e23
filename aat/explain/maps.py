"""Where units looked: their maps, or the pixels that move them where they have none."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from aat.checks import shown
from aat.errors import InputError
from aat.explain.probe import Heard, Probe
from aat.typed import typed


@typed
def heat(probe: Probe, images: Tensor, heard: Heard, pairs: Sequence[tuple[int, int]]) -> Float[Tensor, "P h w"]:
    """Where the activations of units come from; nonnegative.

    A unit that is the mean of a map has that map, of which the part above zero is shown, at the map's own resolution.
    Others (of VGG, ViT, ...) have |Σ_channels pixel × ∂ activation / ∂ pixel|: a local answer and no exact share.

    Args:
        probe: that has seen the images.
        images: (B, C, H, W) in uint8, or floats in [0, 1].
        heard: what it noted of them.
        pairs: rows of the batch, each with a unit.

    Raises:
        InputError: images that were not heard, or a pair that is not there.
    """
    if images.ndim != 4 or len(images) != len(heard.features):
        given = f"images of shape {tuple(images.shape)} with {len(heard.features)} that were heard"
        raise InputError(f"{given}; expected (B, C, H, W), the same batch; try heat(probe, images, probe(images), ...)")
    found = [tuple(pair) for pair in pairs]
    if any(not (0 <= row < len(images) and 0 <= unit < probe.head.in_features) for row, unit in found):
        raise InputError(f"pairs {shown(found)}; expected rows of the batch, each with a unit; try [(0, 0)]")
    rows, units = torch.tensor(found, dtype=torch.long).view(-1, 2).T
    if heard.maps is not None:
        return heard.maps[rows, units].relu()
    return _saliency(probe, images, rows, units)


def _saliency(probe: Probe, images: Tensor, rows: Tensor, units: Tensor) -> Float[Tensor, "P H W"]:
    """Gradient times input (Shrikumar, Greenside & Kundaje, ICML 2017), summed over channels."""
    pixels = images / 255 if images.dtype == torch.uint8 else images
    pixels = pixels.detach().to(probe.head.weight).requires_grad_()
    heard: list[Tensor] = []
    hook = probe.head.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    try:
        probe.run(pixels)
    finally:
        hook.remove()
    found = pixels.new_empty(len(rows), *pixels.shape[2:])
    turn = torch.tensor([int((rows[:i] == row).sum()) for i, row in enumerate(rows)], dtype=torch.long)
    # images do not touch each other in evaluation mode: one backward pass serves one unit of each
    for now in range(int(turn.max()) + 1 if len(turn) else 0):
        mine = turn == now
        (gradient,) = torch.autograd.grad(heard[0][rows[mine], units[mine]].sum(), pixels, retain_graph=True)
        found[mine] = (pixels * gradient).sum(1).abs().detach()[rows[mine]]
    return found
