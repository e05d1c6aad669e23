"""Trainings of a study dissected: what their units detect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from aat import InputError
from aat.cnn import Images, load_network, models
from aat.concepts.annotated import Annotated
from aat.concepts.dissect import dissect
from aat.recipe import Recipe
from reports.cnn.detectors import Detectors, Dissected
from reports.cnn.trainings import trained


def detectors(
    recipe: Recipe,
    images: Images,
    annotated: Annotated,
    heads: Sequence[int | None],
    seeds: Sequence[int],
    folder: Path,
    *,
    quantile: float,
    limit: float,
    inclusive: bool,
    level: float,
    command: str,
    advance: Callable[[], object] = lambda: None,
    **machine: object,
) -> Detectors:
    """Train every head under every seed, dissect each network, and put the counts together.

    Beside the weights of each training its ``tally.csv`` is left.

    Args:
        recipe: see :func:`reports.cnn.trainings.trained`, as the next ones.
        images: to train on.
        annotated: images with masks, to dissect on.
        heads: numbers of votes; None for the dense head, which must be among them.
        seeds: of the trainings.
        folder: for the trainings.
        quantile: share of positions at which a unit is active.
        limit: of the IoU, see :meth:`aat.concepts.tally.Tally.detectors`.
        inclusive: whether a unit at the limit is a detector.
        level: probability of any wrong verdict.
        command: that makes the study again.
        advance: called after each training, and after each dissection.
        machine: for :func:`aat.cnn.train`.

    Raises:
        InputError: a network that cannot be dissected, before any is trained.
    """
    if recipe.backbone is not None:
        raise InputError(f"--backbone {recipe.backbone}; expected a network that is trained as a whole; try without it")
    first = _First(annotated)
    for k in heads:
        dissect(models.network(replace(recipe, k=k), images), first, quantile).detectors(limit, inclusive)
    networks = []
    found = trained(recipe, images, heads, seeds, folder, advance, **machine)
    for result, weights in found.values():
        tally = dissect(load_network(weights)[0], annotated, quantile)
        tally.save(weights.with_name("tally.csv"))
        units = dict.fromkeys(tally.categories, 0)
        for concept, numbers in tally.detectors(limit, inclusive).items():
            units[concept.category] += len(numbers)
        unique = tally.unique(limit, inclusive)
        of = result.recipe
        networks.append(Dissected(of.head, of.seed, result.test_accuracy, len(tally.units), units, unique))
        advance()
    return Detectors(
        command=command,
        recipe=replace(recipe, k=None),
        concepts={category.name: len(category.concepts) for category in annotated.categories},
        quantile=quantile,
        limit=limit,
        inclusive=inclusive,
        level=level,
        images=result.images,
        test_images=result.test_images,
        dissected=len(annotated),
        device=result.device,
        versions=result.versions,
        networks=tuple(networks),
    )


class _First:
    """The first two images of a set."""

    def __init__(self, of: Annotated) -> None:
        self.categories, self.batch, self._of = of.categories, of.batch, of

    def __len__(self) -> int:
        return min(2, len(self._of))
