"""Update rules. A method is two functions over a state of tensors, batched over trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.checks import shown
from aat.typed import typed

# What a method carries from step to step: a NamedTuple of tensors (batch, …), the iterate ``w`` among them, or any
# object with ``w`` and a method ``take(rows)``.
State = Any


class Method(Protocol):
    """An update rule. One that has ``constants`` declares them to the claims, e.g. ``{"beta": 0.9}``."""

    @property
    def name(self) -> str:
        """What it is called."""

    def start(self, w: Float[Tensor, "batch dim"]) -> State:
        """The state at w_0."""

    def update(self, state: State, gradient: Float[Tensor, "batch dim"], eta: float) -> State:
        """The state after one step of size ``eta``."""


def take(state: State, rows: Int[Tensor, " rows"]) -> State:
    """The state of some of the trials, which may repeat."""
    if hasattr(state, "take"):
        return state.take(rows)
    return state._replace(**{name: field[rows] for name, field in state._asdict().items()})


class SGDState(NamedTuple):
    """SGD remembers nothing but where it is."""

    w: Float[Tensor, "batch dim"]


class SGD:
    """``w_{t+1} = w_t − η_t g_t``. What makes it AAT-SGD is the head of the problem it runs on."""

    name = "SGD"

    def start(self, w: Float[Tensor, "batch dim"]) -> State:
        """The state at w_0."""
        return SGDState(w)

    def update(self, state: State, gradient: Float[Tensor, "batch dim"], eta: float) -> State:
        """One step."""
        return SGDState(state.w - eta * gradient)


class HeavyBallState(NamedTuple):
    """Where it is, and the sum of the gradients so far, the older the less."""

    w: Float[Tensor, "batch dim"]
    momentum: Float[Tensor, "batch dim"]


@typed
@dataclass(frozen=True)
class HeavyBall:
    """``m_{t+1} = β m_t + g_t``, ``w_{t+1} = w_t − η_t m_{t+1}``, with m_0 = 0: claim R9.

    Attributes:
        beta: β, 0 < β < 1; InputError otherwise.
    """

    beta: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.beta < 1:
            raise InputError(f"beta = {shown(self.beta)}; expected a number between 0 and 1; try beta=0.9")

    @property
    def name(self) -> str:
        """With its β."""
        return f"SGD+momentum {self.beta:g}"

    @property
    def constants(self) -> dict[str, float]:
        """β."""
        return {"beta": self.beta}

    def start(self, w: Float[Tensor, "batch dim"]) -> State:
        """The state at w_0."""
        return HeavyBallState(w, torch.zeros_like(w))

    def update(self, state: State, gradient: Float[Tensor, "batch dim"], eta: float) -> State:
        """One step."""
        momentum = self.beta * state.momentum + gradient
        return HeavyBallState(state.w - eta * momentum, momentum)
