"""Network dissection, streamed: thresholds in one pass over the images, counts in another.

For unit k, T_k is the number that its activation exceeds at a share of 0.005 of all positions of all images; M_k is
where its map exceeds T_k, scaled up to the masks bilinearly; IoU_kc = Σ |M_k ∩ L_c| / Σ |M_k ∪ L_c|, sums over the
images that are labelled in the category of c (Bau, Zhou et al., CVPR 2017, section 2). The paper writes M_k ≥ T_k and
P(a > T_k) = 0.005; here both are >, as in its code and NetDissect-Lite: a unit whose T_k is 0 is active where it is
positive, and one that is always 0 is active nowhere. Activation counts are the paper's: Lite's leave out images in
which the activated pixels meet no label of the category.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from aat.concepts.annotated import Annotated, Category
from aat.concepts.sketch import Sketch
from aat.concepts.tally import Match, Tally, Unit
from aat.errors import InputError
from aat.explain.probe import Probe
from aat.progress import watched

QUANTILE = 0.005
# Numbers that scaled maps may take at a time; sums of no more ones than this are exact in float32.
_AT_A_TIME = 2**24


def dissect(
    network: nn.Module, data: Annotated, quantile: float = QUANTILE, *, batch: int = 64, bits: int = 8
) -> Tally:
    """Every unit's best concept of each category.

    The result does not depend on ``batch``, but for what it changes in the rounding of the network itself. Memory is
    that of a batch and of the counts, whatever the number of images.

    Args:
        network: from images to scores; its units are those that its head hears.
        data: images with masks.
        quantile: share of positions at which a unit is active, at most; see :meth:`Sketch.threshold`.
        batch: images at a time.
        bits: of the :class:`Sketch` that finds the thresholds.

    Raises:
        InputError: the head hears no means of maps, there are no images, or a mask has a label without a concept.
    """
    probe = Probe(network)
    return count(probe, data, thresholds(probe, data, quantile, batch=batch, bits=bits), batch=batch)


def thresholds(
    probe: Probe, data: Annotated, quantile: float = QUANTILE, *, batch: int = 64, bits: int = 8
) -> Float[Tensor, " n"]:
    """T_k of every unit, in float32; see :func:`dissect`."""
    sketch = Sketch(probe.head.in_features, bits, probe.head.weight.device)
    for maps, _ in _passes(probe, data, batch, "thresholds"):
        sketch.add(maps)
    return sketch.threshold(quantile)[0]


def count(probe: Probe, data: Annotated, threshold: Float[Tensor, " n"], *, batch: int = 64) -> Tally:
    """The tally of units that are active where their maps exceed these thresholds; see :func:`dissect`."""
    counts = Counts(data.categories, len(threshold), threshold.device)
    for maps, masks in _passes(probe, data, batch, "counts"):
        masks = masks.to(threshold.device)
        # images at a time
        few = max(1, _AT_A_TIME // (len(threshold) * masks[0, 0].numel()))
        for some, labels in zip(maps.split(few), masks.split(few), strict=True):
            counts.add(_scaled(some, labels.shape[-2:]) > threshold[:, None, None], labels)
    return counts.tally()


class Counts:
    """Pixels that are active, labelled, or both.

    Args:
        categories: of the masks.
        units: how many.
        device: where they are counted.
    """

    def __init__(self, categories: tuple[Category, ...], units: int, device: torch.device | str = "cpu") -> None:
        self.categories = categories
        sizes = [len(category.concepts) for category in categories]
        self._sizes = torch.tensor(sizes, device=device)
        self._starts = self._sizes.cumsum(0) - self._sizes
        self._category = torch.arange(len(sizes), device=device).repeat_interleave(self._sizes)
        self.truth = torch.zeros(sum(sizes), dtype=torch.int64, device=device)
        self.intersect = torch.zeros(units, sum(sizes), dtype=torch.int64, device=device)
        self.activation = torch.zeros(units, len(sizes), dtype=torch.int64, device=device)

    def add(self, active: Bool[Tensor, "B n H W"], masks: Int[Tensor, "B K H W"]) -> None:
        """Count a few images.

        Raises:
            InputError: the masks are of other categories, or have a label without a concept.
        """
        masks = masks.flatten(2)
        sizes = self._sizes.tolist()
        if masks.shape[1] != len(sizes) or bool(((masks < 0) | (masks > self._sizes[:, None])).any()):
            given = f"masks of shape {tuple(masks.shape)} with labels {int(masks.min())} to {int(masks.max())}"
            raise InputError(f"{given}; expected {len(sizes)} categories of {sizes} concepts; try 0 for no concept")
        # only concepts that are there
        labels = torch.where(masks > 0, masks - 1 + self._starts[:, None], -1)
        there = labels.unique()
        there = there[there >= 0]
        shown = labels[:, self._category[there]] == there[:, None]
        exact = torch.float32 if len(masks) * masks.shape[2] <= _AT_A_TIME else torch.float64
        on, shown, labelled = (part.to(exact) for part in (active.flatten(2), shown, (masks > 0).any(2)))
        self.truth[there] += shown.sum((0, 2)).long()
        self.activation += torch.einsum("bn,bk->nk", on.sum(2), labelled).long()
        self.intersect[:, there] += torch.einsum("bnp,bcp->nc", on, shown).long()

    def tally(self) -> Tally:
        """Of each category the concept of largest IoU, the first where they tie; none where a unit meets none."""
        category, truth, intersect = self._category.cpu(), self.truth.cpu(), self.intersect.cpu()
        activation = self.activation.cpu()[:, category]
        iou = intersect.double() / (truth + activation - intersect).clamp_min(1)
        parts = zip(self._starts.tolist(), iou.split(self._sizes.tolist(), 1), strict=True)
        # argmax, unlike max, is the first where they tie
        places = torch.stack([start + part.argmax(1) for start, part in parts], 1)
        names = [concept for category in self.categories for concept in category.concepts]
        table = zip(
            places.tolist(),
            truth[places].tolist(),
            activation.gather(1, places).tolist(),
            intersect.gather(1, places).tolist(),
            strict=True,
        )
        units = (
            Unit(number, tuple(Match(names[c], t, a, i) if i else None for c, t, a, i in zip(*row, strict=True)))
            for number, row in enumerate(table, start=1)
        )
        return Tally(tuple(category.name for category in self.categories), tuple(units))


def _passes(probe: Probe, data: Annotated, batch: int, what: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Maps and masks, batch after batch."""
    if not len(data) or not data.categories or not all(category.concepts for category in data.categories):
        told = ", ".join(f"{len(category.concepts)} of {category.name}" for category in data.categories)
        raise InputError(f"{len(data)} images, concepts: {told or 'none'}; expected some of each; try --data scenes")
    for start in watched(range(0, len(data), batch), what):
        images, masks = data.batch(range(start, min(start + batch, len(data))))
        maps = probe(images).maps
        if maps is None:
            kind = type(probe.network).__name__
            raise InputError(f"{kind}: its head hears no means of maps; expected a CNN that pools; try --arch small")
        yield maps, masks


def _scaled(maps: Float[Tensor, "B n h w"], size: torch.Size) -> Float[Tensor, "B n H W"]:
    """Bilinearly, pixels at the centres of their areas; in float32 at least."""
    exact = maps if maps.dtype == torch.float64 else maps.float()
    return nn.functional.interpolate(exact, size=tuple(size), mode="bilinear", align_corners=False)
