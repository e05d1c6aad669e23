"""Run a study of rates: train every series on every seed, measure along the way, and put the numbers together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import joblib
import torch

from aat import InputError
from aat.cnn import Images, Result, load, measure, network, recorder, train
from aat.cnn.recorder import Record, Recorder
from reports.cnn.rate_plan import Plan, Series
from reports.cnn.rate_result import Curve, Found, Measured, RateResult

# Of each training, in its folder.
_RECORDS = "records.json"


def images_of(plan: Plan, root: Path | None = None) -> Images:
    """The images of a plan, in whole batches.

    Raises:
        InputError: there are too few, or the network of the plan cannot be measured on them.
    """
    every = load(plan.data) if root is None else load(plan.data, root)
    images = every.subset(plan.images(len(every.train.labels)))
    for series in plan.series:
        plan.horizons(series, len(images.train.labels))
        recipe = plan.recipe(series, 0, images.name, len(images.train.labels))
        measure.check(recipe, network(recipe, images))
    # what is not trained on has no part in the study
    return replace(images, test=every.subset(test=len(every.classes)).test)


def run(plan: Plan, images: Images, folder: Path, device: str = "auto", workers: int = 1) -> Iterator[str]:
    """Train what ``folder`` does not hold yet; yields the name of each training when it is there.

    Raises:
        InputError: the folder holds another study's trainings, or one of them diverged.
    """
    todo = [(series, seed) for seed in range(plan.seeds) for series in plan.series]
    jobs = (joblib.delayed(_trained)(plan, series, seed, images, folder, device) for series, seed in todo)
    yield from joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)


def collect(plan: Plan, images: Images, folder: Path) -> RateResult:
    """The study's result, from its finished trainings.

    Raises:
        InputError: one is missing.
    """
    count = len(images.train.labels)
    found = []
    for series in plan.series:
        records = [recorder.load(_place(folder, series, seed) / _RECORDS) for seed in range(plan.seeds)]
        drawn = []
        for seed, each in enumerate(records):
            steps = plan.recorded(series, seed, count)
            drawn.append([record for record in each if record.step in set(steps)])
            looked = tuple(record.step for record in each if record.smoothness is not None)
            if tuple(record.step for record in drawn[-1]) != steps or looked != plan.looked(steps):
                place = _place(folder, series, seed)
                raise InputError(f"{place} was measured at other steps than this study's; try another --out")
        found.append(_found(series, plan.horizons(series, count), records, drawn))
    one = Result.load(_place(folder, plan.series[0], 0))
    return RateResult(plan, images.name, count, one.device, one.versions, tuple(found))


def _place(folder: Path, series: Series, seed: int) -> Path:
    return folder / "trainings" / f"{series.name}-{seed}"


def _trained(plan: Plan, series: Series, seed: int, images: Images, folder: Path, device: str) -> str:
    place, count = _place(folder, series, seed), len(images.train.labels)
    recorded = plan.recorded(series, seed, count)
    watch = Recorder(images.train, {0, *recorded}, plan.looked(recorded), place / _RECORDS)
    with _one_thread():
        train(plan.recipe(series, seed, images.name, count), images, place, device=device, callbacks=[watch])
    return place.name


@contextmanager
def _one_thread() -> Iterator[None]:
    """A small network is fastest so, and ends the same on every number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _found(
    series: Series, horizons: Sequence[int], records: Sequence[Sequence[Record]], drawn: Sequence[Sequence[Record]]
) -> Found:
    """The numbers of one series, from the records of every seed, and from those of them that averages are over."""
    measured = []
    for T in horizons:
        values = [[record.square_gradient for record in each if record.step < T] for each in drawn]
        # constants are of everything that was measured before T, step 0 too
        every = [record for each in records for record in each if record.step < T]
        measured.append(
            Measured(
                T=T,
                values=tuple(math.fsum(each) / len(each) for each in values),
                L=max(record.lipschitz for record in every),
                sigma=math.sqrt(max(record.noise for record in every)),
                G=math.sqrt(max(record.second_moment for record in every)),
            )
        )
    looks = [[record for record in each if record.smoothness is not None] for each in drawn]
    curves = {name: _curve(drawn, name) for name in ("loss", "square_gradient", "noise", "secant")}
    curves["smoothness"] = _curve(looks, "smoothness")
    return Found(series, max(each[0].loss for each in records), tuple(measured), curves)


def _curve(records: Sequence[Sequence[Record]], name: str) -> Curve:
    """A quantity over the seeds, record by record; what the first one cannot have is 0 there."""
    steps, values, most = [], [], []
    for alike in zip(*records, strict=True):
        numbers = [getattr(record, name) or 0.0 for record in alike]
        steps.append(math.fsum(record.step for record in alike) / len(alike))
        values.append(math.fsum(numbers) / len(alike))
        most.append(max(numbers))
    return Curve(tuple(steps), tuple(values), tuple(most))
