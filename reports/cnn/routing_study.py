"""Trains the networks of a routing study, and looks at how each routes the test images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from rich.progress import track
from torch import Tensor

from aat.cnn import Images
from aat.cnn.splits import Split
from aat.cnn.train import load_trained
from aat.explain.probe import Probe
from aat.recipe import Recipe
from aat.routing_statistics import statistics
from reports.cnn.routing import Map, Network, RoutingStudy
from reports.cnn.trainings import trained


def run(
    recipe: Recipe,
    images: Images,
    heads: Sequence[int | None],
    seeds: Sequence[int],
    folder: Path,
    *,
    level: float,
    times: float,
    command: str,
    advance: Callable[[], object] = lambda: None,
    **machine: object,
) -> RoutingStudy:
    """Train every head under every seed, and put the statistics of the networks together.

    Args:
        recipe: see :func:`reports.cnn.trainings.trained`, as the next ones.
        images: to train on, and to test.
        heads: numbers of votes; None for the dense head, which must be among them.
        seeds: of the trainings; the first one's maps are kept.
        folder: for the trainings.
        level: probability of any wrong verdict.
        times: see :class:`RoutingStudy`.
        command: that makes the study again.
        advance: called after each training.
        machine: for :func:`aat.cnn.train`.
    """
    found = trained(recipe, images, heads, seeds, folder, advance, **machine)
    networks: list[Network] = []
    maps: dict[str, Map] = {}
    for (_, seed), (result, weights) in track(found.items(), "routing", transient=True):
        probe = Probe(load_trained(weights)[0])
        routing = statistics(probe.head, *heard(probe, images.test))
        head = result.recipe.head
        networks.append(Network(head, seed, routing.statistics, routing.units.tolist()))
        maps.setdefault(head, Map(routing.images.tolist(), routing.carries.tolist()))
    last = next(reversed(found.values()))[0]
    return RoutingStudy(
        command, replace(recipe, k=None), level, times, last.test_images, last.device, last.versions,
        list(images.classes), maps, tuple(networks),
    )  # fmt: skip


def heard(probe: Probe, split: Split, batch: int = 256) -> tuple[Float[Tensor, "N n"], Int[Tensor, " N"]]:
    """What the head hears of each image, and the class that the network puts it in."""
    features, classes = [], []
    for indices in torch.arange(len(split.labels)).split(batch):
        found = probe(split.batch(indices.tolist()))
        features.append(found.features.cpu())
        classes.append(found.scores.argmax(1).cpu())
    return torch.cat(features), torch.cat(classes)
