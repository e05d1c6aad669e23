"""Update rules. A method is two functions over a state of tensors, batched over trials."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from jaxtyping import Float
from torch import Tensor

# What a method carries from step to step: a NamedTuple of tensors (batch, …), the iterate ``w`` among them.
State = Any


class Method(Protocol):
    """An update rule."""

    name: str

    def start(self, w: Float[Tensor, "batch dim"]) -> State:
        """The state at w_0."""

    def update(self, state: State, gradient: Float[Tensor, "batch dim"], eta: float) -> State:
        """The state after one step of size ``eta``."""


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
