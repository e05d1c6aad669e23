"""All heads of the study of few units on the features of one network; each that is finished is kept in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from aat import AATLinear, InputError, heads, saved
from aat.cnn import Images, Result, features
from aat.cnn.train import load_trained
from aat.convert import classifier_of
from aat.device import device_name
from aat.recipe import Recipe
from reports.bench.contest import Contender, medians
from reports.cnn import nec, trainings
from reports.cnn.nec import Point
from reports.cnn.nec_plan import Plan

FOLDER = "heads"
_BATCH, _TIMED = 500, 1000


class Given(NamedTuple):
    """What heads hear of images of training and test, the labels, the network's own head, and that as a dense one."""

    x: Float[Tensor, "N n"]
    labels: Int[Tensor, " N"]
    test_x: Float[Tensor, "M n"]
    test_labels: Int[Tensor, " M"]
    own: nn.Linear
    dense: nn.Linear


Fitted = Iterator[tuple[nn.Module, float | None]]


def study(
    recipe: Recipe,
    images: Images,
    seeds: Sequence[int],
    folder: Path,
    plan: Plan,
    *,
    command: str,
    advance: Callable[[], object] = lambda: None,
    **machine: object,
) -> nec.Nec:
    """Train the network under every seed, fit all heads on its features, and put the points together.

    Args:
        recipe: of the networks, but for the seed.
        images: to train on.
        seeds: of the networks.
        folder: for networks and heads; what is finished there is not repeated.
        plan: for the heads.
        command: that makes the study again.
        advance: called after each network and each head.
        machine: for :func:`aat.cnn.train`.

    Raises:
        InputError: the folder holds other trainings or other heads; or something is wrong with recipe or plan.
    """
    points: list[Point] = []
    for seed in seeds:
        ((result, weights),) = trainings.trained(
            recipe, images, [recipe.k], [seed], folder, advance, **machine
        ).values()
        network, _, _ = load_trained(weights)
        units = classifier_of(network).in_features
        points += _of_network(network, images, result, plan, folder / FOLDER / weights.parent.name, advance)
    return nec.Nec(
        command, recipe, units, result.images, result.test_images, result.device, device_name("cpu"), result.versions,
        tuple(points),
    )  # fmt: skip


def count(plan: Plan) -> int:
    """Calls of ``advance`` for one seed."""
    return 1 + len(_jobs(plan))


def _of_network(
    network: nn.Module, images: Images, result: Result, plan: Plan, folder: Path, advance: Callable[[], object]
) -> list[Point]:
    own, given, points = classifier_of(network), None, []
    if max(plan.nec) > own.in_features:
        raise InputError(f"--nec {max(plan.nec)} of {own.in_features} units; expected no more; try --nec 5")
    for name, (method, make) in _jobs(plan).items():
        file, of = folder / f"{name}.json", {"network": result.digest, "plan": json.loads(json.dumps(asdict(plan)))}
        found = _read(file, of)
        if found is None:
            # features are computed when the first head needs them
            given = given or _given(network, images)
            seed = result.recipe.seed
            found = [_measured(head, seconds, given, method, seed, plan.rounds) for head, seconds in make(given, seed)]
            saved.save(file, of | {"points": [asdict(point) for point in found]})
        points += found
        advance()
    return points


def _read(file: Path, of: dict[str, object]) -> list[Point] | None:
    if not file.exists():
        return None
    try:
        told = saved.load(file)
        points = [Point(**point) for point in told.pop("points")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: {error}; expected heads of aat study nec; try to delete it") from None
    if told != of:
        raise InputError(f"{file} is of another network or plan; expected this one; try another --out")
    return points


def _given(network: nn.Module, images: Images) -> Given:
    own = classifier_of(network).float().requires_grad_(False)
    dense = nn.Linear(own.in_features, own.out_features, device="meta")
    dense.weight, dense.bias = own.weight, own.bias
    train, test = (features(network, split).float() for split in (images.train, images.test))
    return Given(train, images.train.labels, test, images.test.labels, own, dense)


def _jobs(plan: Plan) -> dict[str, tuple[str, Callable[[Given, int], Fitted]]]:
    """What is fitted, each kept in a file of this name: the method, and what gives heads and seconds."""
    return {
        "own": (nec.OWN, lambda given, seed: iter([(given.own, None)])),
        "dense": (nec.DENSE, partial(_dense, plan)),
        "cut": (nec.CUT, partial(_cut, plan)),
        "sparse": (nec.SPARSE, partial(_sparse, plan)),
        "em": (nec.EM, partial(_em, plan)),
        **{f"aat{k}": (nec.AAT, partial(_aat, plan, k)) for k in plan.nec},
    }


def _dense(plan: Plan, given: Given, seed: int) -> Fitted:
    make = partial(nn.Linear, *given.own.weight.T.shape)
    yield heads.fit(make, given.x, given.labels, "nec", "dense", seed, epochs=plan.epochs, lr=plan.lr)


def _cut(plan: Plan, given: Given, seed: int) -> Fitted:
    for m in plan.nec:
        yield AATLinear.from_linear(given.own, m), None


def _sparse(plan: Plan, given: Given, seed: int) -> Fitted:
    for found in heads.path(given.x, given.labels, "nec", seed, most=nec.LEVELS[-1], ratio=plan.ratio):
        yield found.head, found.seconds


def _em(plan: Plan, given: Given, seed: int) -> Fitted:
    make = partial(heads.EMRouting, *given.own.weight.T.shape, pose=plan.pose, iterations=plan.iterations)
    yield heads.fit(make, given.x, given.labels, "nec", "em", seed, epochs=plan.em_epochs, lr=plan.em_lr)


def _aat(plan: Plan, k: int, given: Given, seed: int) -> Fitted:
    def make() -> nn.Module:
        # begun from the network's own head: from random weights AAT heads end lower
        head = AATLinear(*given.own.weight.T.shape, k=k)
        head.load_state_dict(given.own.state_dict())
        return head

    yield heads.fit(make, given.x, given.labels, "nec", "aat", k, seed, epochs=plan.epochs, lr=plan.lr)


def _measured(head: nn.Module, seconds: float | None, given: Given, method: str, seed: int, rounds: int) -> Point:
    some = given.test_x[:_TIMED]
    with torch.inference_mode():
        scores = torch.cat([head(part) for part in given.test_x.split(_BATCH)])
        turns = {"head": head, "dense": given.dense}
        ms = medians({name: Contender(len(some) / _TIMED, partial(one, some)) for name, one in turns.items()}, rounds)
    accuracy = (scores.argmax(1) == given.test_labels).double().mean().item()
    return Point(
        method, seed, *heads.units(head, given.test_x), accuracy, seconds, ms["head"], ms["head"] / ms["dense"]
    )
