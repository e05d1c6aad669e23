"""How one network came to its scores: the sums, where their units looked, and what these units look for elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aat import routing
from aat.cnn import load_network
from aat.cnn.data import About
from aat.cnn.splits import Split
from aat.concepts.tally import Tally
from aat.explain import Examples, Heard, Sum, VoteAttribution, heat, sums
from aat.progress import watched
from aat.recipe import Recipe
from reports.explain.pictures import glow

_BATCH = 64
# Examples of a unit that are shown.
_EXAMPLES = 6


class Concept(NamedTuple):
    """What a unit was found to detect, and how well."""

    category: str
    label: str
    iou: float


@dataclass(frozen=True)
class Network:
    """A network to be explained.

    Attributes:
        name: in words.
        network: from images to scores.
        about: what it knows of images.
        size: pixels a side to which images of a folder are cut; None: as they are.
        concepts: of its units, as far as they are known.
    """

    name: str
    network: nn.Module
    about: About
    size: int | None
    concepts: Mapping[int, Concept]

    @classmethod
    def load(cls, file: Path, tally: Path | None = None) -> Network:
        """The network in ``weights.pt`` of ``aat train``, its units labelled by a ``tally.csv`` if there is one.

        Raises:
            InputError: a file is no such thing.
        """
        network, recipe, about = load_network(file)
        return cls(_name(recipe), network, about, recipe.size, {} if tally is None else _concepts(tally))


def _name(recipe: Recipe) -> str:
    before = f"frozen {recipe.backbone} + " if recipe.backbone else ""
    return f"{before}{recipe.arch}, {recipe.head}, seed {recipe.seed}"


def _concepts(tally: Path) -> dict[int, Concept]:
    """The best concept of each unit that is a detector; a tally counts units from 1."""
    read = Tally.load(tally)
    detectors = {number for numbers in read.detectors().values() for number in numbers}
    best = {unit.number: read.best(unit) for unit in read.units if unit.number in detectors}
    return {number - 1: Concept(*found[0], found[1].iou) for number, found in best.items() if found}


class Looked(NamedTuple):
    """A unit on an image: the image's index, and the heat of where it looked."""

    image: int
    glow: str


class Explained(NamedTuple):
    """A score of an image taken apart, and the heat of each of its units."""

    sum: Sum
    heats: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    """What has been found of a network.

    Attributes:
        name, concepts: the network's.
        units: of its head.
        exact: whether maps are the units' own; otherwise pixels × gradient.
        images: how many it has seen.
        carriers: units that carry 90 % of the evidence for the predicted class, mean over these images.
        effective: effective number of units, likewise.
        used: units that are among the carriers of any image.
        scores: of each image explained, that of the predicted class first.
        examples: of each unit shown, the images that activate it most.
        hearers: of each unit shown, how often each class hears it in the scores shown.
    """

    name: str
    concepts: Mapping[int, Concept]
    units: int
    exact: bool
    images: int
    carriers: float
    effective: float
    used: int
    scores: Mapping[int, tuple[Explained, ...]]
    examples: Mapping[int, tuple[Looked, ...]]
    hearers: Mapping[int, Counter[int]]


def account(
    of: Network, split: Split, chosen: Sequence[int], searched: int, targets: Sequence[int], most: int
) -> Account:
    """Take scores of a network apart.

    Args:
        of: the network.
        split: images.
        chosen: those whose scores are explained.
        searched: among the first so many, and the chosen ones, examples are found.
        targets: classes whose scores are explained besides the predicted one.
        most: units shown for a score.
    """
    attribution = VoteAttribution(of.network)
    probe = attribution.probe
    examples = Examples(probe.head.in_features, _EXAMPLES)
    wanted, exact = set(chosen), True
    carriers: list[Tensor] = []
    effective: list[Tensor] = []
    scores: dict[int, list[Explained]] = {}
    for indices, pixels in _batches(split, sorted({*range(searched), *chosen}), of.name):
        heard = probe(pixels)
        examples.see(heard.features, torch.tensor(indices))
        contributions = attribution.votes(heard).contributions
        carriers.append(routing.carriers(contributions).cpu())
        effective.append(routing.effective_number(contributions).cpu())
        exact = heard.maps is not None
        rows = [row for row, index in enumerate(indices) if index in wanted]
        told = list(_sums(attribution, heard, rows, targets, most))
        heats = map(glow, heat(probe, pixels, heard, [(row, unit) for row, one in told for unit in one.units]))
        for row, one in told:
            scores.setdefault(indices[row], []).append(Explained(one, tuple(next(heats) for _ in one.units)))
    hearers: dict[int, Counter[int]] = {}
    for one in (explained.sum for all_of in scores.values() for explained in all_of):
        for unit in one.units:
            hearers.setdefault(unit, Counter())[one.target] += 1
    carrying = torch.cat(carriers)
    return Account(
        name=of.name,
        concepts=of.concepts,
        units=probe.head.in_features,
        exact=exact,
        images=len(carrying),
        carriers=carrying.sum(1).double().mean().item(),
        effective=torch.cat(effective).mean().item(),
        used=int(carrying.any(0).sum()),
        scores={index: tuple(scores[index]) for index in chosen},
        examples=_looked(attribution, split, {unit: examples.of(unit) for unit in sorted(hearers)}, of.name),
        hearers=hearers,
    )


def _sums(
    attribution: VoteAttribution, heard: Heard, rows: Sequence[int], targets: Sequence[int], most: int
) -> Iterator[tuple[int, Sum]]:
    """The scores of these rows: of the predicted class, then of the others asked for."""
    found: set[tuple[int, int]] = set()
    for target in (None, *targets) if rows else ():
        for row, one in zip(rows, sums(attribution.votes(heard.at(rows), target), most), strict=True):
            if (row, one.target) not in found:
                found.add((row, one.target))
                yield row, one


def _looked(
    attribution: VoteAttribution, split: Split, examples: Mapping[int, Sequence[int]], name: str
) -> dict[int, tuple[Looked, ...]]:
    """Where each unit looked on its examples."""
    units: dict[int, list[int]] = {}
    for unit, images in examples.items():
        for image in images:
            units.setdefault(image, []).append(unit)
    heats: dict[tuple[int, int], str] = {}
    for indices, pixels in _batches(split, sorted(units), f"examples of {name}"):
        pairs = [(row, unit) for row, index in enumerate(indices) for unit in units[index]]
        found = heat(attribution.probe, pixels, attribution.probe(pixels), pairs)
        for (row, unit), one in zip(pairs, found, strict=True):
            heats[unit, indices[row]] = glow(one)
    return {unit: tuple(Looked(image, heats[unit, image]) for image in images) for unit, images in examples.items()}


def _batches(split: Split, indices: Sequence[int], what: str) -> Iterator[tuple[list[int], Tensor]]:
    batches = [indices[at : at + _BATCH] for at in range(0, len(indices), _BATCH)]
    for batch in watched(batches, what):
        yield list(batch), split.batch(batch)
