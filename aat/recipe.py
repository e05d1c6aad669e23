"""A recipe: everything that determines a training, so that the same recipe gives the same network."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

import torch

from aat.checks import SmoothingName, check_smoothing, shown
from aat.errors import InputError
from aat.typed import typed

Schedule = Literal["steps", "constant"]
Order = Literal["reshuffled", "uniform", "blocks"]
Precision = Literal["float32", "bf16"]


@typed
@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults are the paper's (Sun et al., ICCV 2019, section 5).

    Attributes:
        data: name of the data set, as its result has it.
        arch: one of :func:`aat.cnn.models.names`.
        k: votes that a class hears; None: a dense head.
        smoothing, mu: of the head.
        stem, width, size: see :func:`aat.cnn.models.build`; ``size`` is what images are resized to, None: as they are.
        backbone: a frozen network before this one, see :mod:`aat.cnn.backbone`, or None.
        epochs, batch: passes over the training images, and images per step (on each device).
        optimizer: a class of ``torch.optim``; ``options`` are more arguments of it.
        lr, momentum, weight_decay: of the optimizer; momentum where it has one.
        schedule: ``steps``: lr is divided by 10 after 1/2, 3/4 and 7/8 of all steps; or ``constant``.
        order: ``reshuffled``: each epoch all images once; ``uniform``: drawn with replacement; ``blocks``: the same
            batches in every epoch, in a new order each.
        augment: whether training images are moved and mirrored.
        precision: ``float32``, or ``bf16``: torch's automatic mixed precision.
        seed: of everything random: weights, order, augmentation, dropout.
    """

    data: str
    arch: str = "small"
    k: int | None = None
    smoothing: SmoothingName | None = None
    mu: float | None = None
    stem: str = "standard"
    width: float = 1.0
    size: int | None = None
    backbone: str | None = None
    epochs: int = 10
    batch: int = 128
    optimizer: str = "SGD"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    options: dict[str, Any] = field(default_factory=dict)
    schedule: Schedule = "steps"
    order: Order = "reshuffled"
    augment: bool = True
    precision: Precision = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; expected at least 1")
        if not 0 < self.lr < math.inf:
            raise InputError(f"lr = {self.lr}; expected a finite number > 0; try 0.1")
        if not 0 < self.width < math.inf:
            raise InputError(f"width = {self.width}; expected a finite number > 0; try 1")
        if self.size is not None and self.size < 1:
            raise InputError(f"size = {self.size}; expected at least 1, or None")
        for name, kinds in (("schedule", Schedule), ("order", Order), ("precision", Precision)):
            told = getattr(self, name)
            if not isinstance(told, str) or told not in get_args(kinds):
                raise InputError(f"{name} = {shown(told)}; expected one of {', '.join(get_args(kinds))}")
        check_smoothing(self.smoothing, self.mu)
        if self.smoothing is not None and self.k is None:
            raise InputError(f"smoothing = {self.smoothing} without k; expected k, which it smooths; try k=5")

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """From what :func:`dataclasses.asdict` gave.

        Raises:
            InputError: it is of another version.
        """
        known = {entry.name for entry in fields(cls)}
        if told.keys() != known:
            odd = ", ".join(sorted(told.keys() ^ known))
            raise InputError(f"a recipe of another version ({odd}); expected {', '.join(sorted(known))}; train again")
        return cls(**told)

    @property
    def head(self) -> str:
        """In words."""
        if self.k is None:
            return "dense"
        return f"K = {self.k}" + (f", {self.smoothing}, μ = {self.mu:g}" if self.smoothing and self.mu else "")

    def make_optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        """The optimizer.

        Raises:
            InputError: torch has no such optimizer, or it does not take the options.
        """
        kind = getattr(torch.optim, self.optimizer, None)
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
            raise InputError(f"--optimizer {self.optimizer}; expected a class of torch.optim; try SGD or AdamW")
        told: dict[str, Any] = {"lr": self.lr, "weight_decay": self.weight_decay}
        if self.optimizer in ("SGD", "RMSprop"):
            told["momentum"] = self.momentum
        try:
            return kind(parameters, **(told | self.options))
        except (TypeError, ValueError) as error:
            raise InputError(f"torch.optim.{self.optimizer}: {error}; try other options") from None

    def milestones(self, steps: int) -> list[int]:
        """Steps after which lr is divided by 10."""
        return [round(steps * share) for share in (0.5, 0.75, 0.875)] if self.schedule == "steps" else []

    def as_row(self) -> dict[str, Any]:
        """All of it, in JSON's types."""
        return asdict(self)
