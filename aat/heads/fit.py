"""Train a head on features that lie in memory: one loop for all heads, so that what their training costs compares."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from aat.checks import shown
from aat.errors import InputError
from aat.seeds import generator, key
from aat.typed import typed

Loss = Callable[[Tensor, Tensor, float], Tensor]


def cross_entropy(scores: Float[Tensor, "B O"], labels: Int[Tensor, " B"], progress: float) -> Tensor:
    """Mean cross-entropy, the same at all times."""
    return nn.functional.cross_entropy(scores, labels)


@typed
def fit(
    make: Callable[[], nn.Module],
    x: Float[Tensor, "N n"],
    labels: Int[Tensor, " N"],
    *names: object,
    epochs: int,
    lr: float,
    batch: int = 128,
    loss: Loss = cross_entropy,
    advance: Callable[[], object] = lambda: None,
) -> tuple[nn.Module, float]:
    """A head, trained by Adam with a step that falls linearly to zero, in evaluation mode; and the seconds it took.

    Initial weights and the order of the samples, new in every epoch, come from ``names`` alone.

    Args:
        make: gives the head with random weights, from features (B, n) to scores (B, O).
        x: all samples.
        labels: of them.
        names: of the seed.
        epochs: passes over the samples.
        lr: the first step (Kingma & Ba, ICLR 2015: α).
        batch: samples per step.
        loss: of scores, labels and how much of the training is over, 0 to 1.
        advance: called after each epoch.

    Raises:
        InputError: there are no samples or no labels that fit them, a number is out of range, or the loss became
            infinite or no number.
    """
    check(x, labels, epochs=epochs, batch=batch, lr=lr)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key("head", *names))
        made = make()
        if not isinstance(made, nn.Module):
            raise InputError(
                f"make() = {shown(made)} is a {type(made).__name__}; expected a head; try lambda: nn.Linear"
            )
        head = made.to(x.device, x.dtype)
    order = generator("order", *names)
    optimizer = torch.optim.Adam(head.parameters(), lr=lr)
    steps = epochs * math.ceil(len(x) / batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    begin, step = time.perf_counter(), 0
    for epoch in range(epochs):
        for chosen in torch.randperm(len(x), generator=order).split(batch):
            optimizer.zero_grad()
            value = loss(head(x[chosen]), labels[chosen], step / steps)
            value.backward()
            optimizer.step()
            schedule.step()
            step += 1
        if not math.isfinite(value.item()):
            raise InputError(
                f"the loss is {value.item()} in epoch {epoch + 1}; expected a number; try an lr below {lr:g}"
            )
        advance()
    return head.eval(), time.perf_counter() - begin


def check(x: Tensor, labels: Tensor, **numbers: float) -> None:
    """InputError unless there are samples with a label each, and the numbers are in range."""
    if x.ndim != 2 or not len(x) or labels.shape != x.shape[:1] or labels.is_floating_point():
        given = f"features {tuple(x.shape)} with labels {tuple(labels.shape)} of {labels.dtype}"
        raise InputError(f"{given}; expected (N, n) with N >= 1 and N integers; try x.flatten(1)")
    if not x.is_floating_point() or x.is_meta:
        raise InputError(f"features of {x.dtype} on {x.device}; expected floating numbers; try x.float()")
    if int(labels.min()) < 0:
        raise InputError(f"label {int(labels.min())}; expected classes from 0; try their indices")
    for name, number in numbers.items():
        if not 0 < number < math.inf or (name != "lr" and number < 1):
            raise InputError(f"{name} = {number}; expected at least 1, for lr a finite number > 0")
