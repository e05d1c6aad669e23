"""Many trainings of one study, each in a folder of its own: finished ones are not repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from aat.cnn import Images, Result, train
from aat.cnn.train import WEIGHTS
from aat.recipe import Recipe
from reports.cnn.parity import Parity, Score


def trained(
    recipe: Recipe,
    images: Images,
    heads: Sequence[int | None],
    seeds: Sequence[int],
    folder: Path,
    advance: Callable[[], object] = lambda: None,
    **machine: object,
) -> dict[tuple[int | None, int], tuple[Result, Path]]:
    """Train every head under every seed: result and weights of each.

    Args:
        recipe: of all trainings, but for K and the seed.
        images: to train on.
        heads: numbers of votes; None for the dense head.
        seeds: of the trainings.
        folder: for the trainings; studies that share it share their trainings.
        advance: called after each training.
        machine: for :func:`aat.cnn.train`: device, devices, workers.
    """
    found = {}
    for seed in seeds:
        for k in heads:
            one, place = replace(recipe, k=k, seed=seed), folder / f"{'dense' if k is None else f'k{k}'}-seed{seed}"
            found[k, seed] = train(one, images, place, **machine), place / WEIGHTS  # type: ignore[arg-type]
            advance()
    return found


def parity(
    recipe: Recipe,
    images: Images,
    heads: Sequence[int | None],
    seeds: Sequence[int],
    folder: Path,
    *,
    margin: float,
    level: float,
    command: str,
    advance: Callable[[], object] = lambda: None,
    **machine: object,
) -> Parity:
    """Train every head under every seed, and put the scores together.

    Args:
        recipe: see :func:`trained`, as the next ones.
        images: to train on.
        heads: numbers of votes; None for the dense head, which must be among them.
        seeds: of the trainings.
        folder: for the trainings.
        margin: by how much accuracy may be lower.
        level: probability of any wrong verdict.
        command: that makes the study again.
        advance: called after each training.
        machine: for :func:`aat.cnn.train`.
    """
    results = [result for result, _ in trained(recipe, images, heads, seeds, folder, advance, **machine).values()]
    scores = [Score(r.recipe.head, r.recipe.seed, r.test_accuracy, r.seconds_per_epoch) for r in results]
    last = results[-1]
    return Parity(
        command, replace(recipe, k=None), margin, level, last.images, last.test_images, last.device, last.versions,
        tuple(scores),
    )  # fmt: skip
