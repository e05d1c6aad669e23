"""What a study of the rates of real CNNs runs: claims × heads × seeds, with constant steps and with a schedule."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch

from aat import InputError
from aat.recipe import Recipe, Schedule
from aat.seeds import generator


@dataclass(frozen=True)
class Series:
    """One way to train, on every seed.

    Attributes:
        claim: whose method it is.
        k: votes that a class hears; None: dense.
        lr: η.
        schedule: ``constant``, as the claims have it, or ``steps``, of which none of them speaks.
    """

    claim: str
    k: int | None
    lr: float
    schedule: Schedule = "constant"

    @property
    def name(self) -> str:
        """For folders."""
        head = "dense" if self.k is None else f"k{self.k}"
        return f"{self.claim}-{head}-{self.schedule}"


@dataclass(frozen=True)
class Plan:
    """A study, as far as its numbers depend on it.

    Attributes:
        data: name or folder of the images; ``train_images``: how many of them, None: all that fill whole batches.
        arch, width: of the network, see :class:`aat.recipe.Recipe`.
        k: votes that a class of the AAT head hears; a dense head is trained beside it.
        batch: B.
        steps: T at most.
        every: out of so many steps one is measured.
        looks: records of a training at which smoothness is measured.
        seeds: trainings of each series.
        lr_sgd, lr_momentum, lr_blocks, lr_scheduled: η of the series of R6, R9 and R12, and of the scheduled one.
        momentum: β of R9.
        level: family-wise, of the verdicts.

    Raises:
        InputError: from the constructor, if it cannot be run.
    """

    data: str = "digits"
    train_images: int | None = 256
    arch: str = "small-gn"
    width: float = 0.25
    k: int = 5
    batch: int = 32
    steps: int = 128
    every: int = 8
    looks: int = 3
    seeds: int = 32
    lr_sgd: float = 0.012
    lr_momentum: float = 0.0012
    lr_blocks: float = 0.001
    lr_scheduled: float = 0.1
    momentum: float = 0.9
    level: float = 1e-3

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("every", 1), ("looks", 1), ("seeds", 2), ("steps", 2 * self.every)):
            if getattr(self, name) < least:
                raise InputError(f"{name} = {getattr(self, name)}; expected at least {least}; try {least}")
        if not 0 < self.momentum < 1:
            raise InputError(f"momentum = {self.momentum}; expected a number in (0, 1): R9 is about it; try 0.9")
        if not 0 < self.level < 1:
            raise InputError(f"level = {self.level}; expected a probability in (0, 1); try 1e-3")

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """From what :func:`dataclasses.asdict` gave; ValueError if it is of another version."""
        if told.keys() != {entry.name for entry in fields(cls)}:
            raise ValueError("a plan of another version")
        return cls(**told)

    @property
    def command(self) -> str:
        """Runs it again, whatever the defaults are by then."""
        told = asdict(self) | ({"train_images": "all"} if self.train_images is None else {})
        options = (f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in told.items())
        return " ".join(["aat study rate", *options])

    @property
    def series(self) -> tuple[Series, ...]:
        """All of it, on both heads."""
        found = []
        for claim, lr in (("R6", self.lr_sgd), ("R9", self.lr_momentum), ("R12", self.lr_blocks)):
            found += [Series(claim, k, lr) for k in (None, self.k)]
        return (*found, *(Series("R6", k, self.lr_scheduled, "steps") for k in (None, self.k)))

    def images(self, available: int) -> int:
        """How many images are trained on: whole batches, at least two.

        Raises:
            InputError: there are not as many.
        """
        wanted = available if self.train_images is None else self.train_images
        if wanted > available:
            raise InputError(f"--train-images {wanted}; expected at most {available}")
        whole = wanted - wanted % self.batch
        if whole < 2 * self.batch:
            raise InputError(f"{wanted} images in batches of {self.batch}; expected two batches; try a smaller --batch")
        return whole

    def recipe(self, series: Series, seed: int, data: str, images: int) -> Recipe:
        """Of one training; heads and schedules differ in nothing else, so that they see the same batches."""
        terms = images // self.batch
        return Recipe(
            data=data, arch=self.arch, width=self.width, k=series.k, batch=self.batch, seed=seed, lr=series.lr,
            epochs=-(-self.steps // terms), momentum=self.momentum if series.claim == "R9" else 0.0, weight_decay=0.0,
            schedule=series.schedule, order="blocks" if series.claim == "R12" else "uniform", augment=False,
        )  # fmt: skip

    def stride(self, series: Series, images: int) -> tuple[int, int]:
        """Steps from one iterate that the claim speaks of to the next, and how many of these one record stands for."""
        unit = images // self.batch if series.claim == "R12" else 1
        return unit, max(1, self.every // unit)

    def horizons(self, series: Series, images: int) -> tuple[int, ...]:
        """The T: powers of 2 times the steps that one record stands for.

        Raises:
            InputError: there is not one.
        """
        unit, every = self.stride(series, images)
        first = 2 * unit * every
        found = tuple(first * 2**j for j in range(32) if first * 2**j <= self.steps)
        if not found:
            raise InputError(f"--steps {self.steps}; expected at least {first}, two epochs; try --steps {4 * first}")
        return found

    def recorded(self, series: Series, seed: int, images: int) -> tuple[int, ...]:
        """The steps to measure at: one of each ``every``, drawn uniformly, the same for both heads.

        So the plain mean over those before T is an unbiased estimate of the mean over all steps before T (over all
        epochs, for R12). Step 0, where F(w_0) is measured, is one more unless it was drawn.
        """
        unit, every = self.stride(series, images)
        count = self.horizons(series, images)[-1] // (unit * every)
        drawn = torch.randint(every, (count,), generator=generator("record", unit, seed))
        return tuple(((torch.arange(count) * every + drawn) * unit).tolist())

    def looked(self, recorded: tuple[int, ...]) -> tuple[int, ...]:
        """The steps at which smoothness is measured, evenly among the recorded, with the last."""
        last = len(recorded) - 1
        places = {round(last * i / (self.looks - 1)) for i in range(self.looks)} if self.looks > 1 else {last}
        return tuple(recorded[place] for place in sorted(places))
