"""Any ``torch.optim.Optimizer`` class as a method, unchanged.

All trials are rows of one parameter, so that a step of all of them is one call. That is right only for an optimiser
that treats every number alone, as SGD and Adam do. Whether this one does is tried out when the method is made: three
trials together against each alone. One that mixes numbers (a norm over the parameter, say) is run trial by trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import Parameter

from aat import InputError
from aat.checks import shown
from aat.seeds import generator
from sim.problems.loss import numbered

_TRIALS, _SIZE, _STEPS = 3, 5, 4


@dataclass(frozen=True)
class Memory:
    """What an optimiser remembers of one parameter: its state and its group, which may count steps too."""

    state: dict[str, Any] = field(default_factory=dict)
    group: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OptimizerState:
    """Where the trials are, and what the optimiser remembers: once for all of them, or once for each."""

    w: Float[Tensor, "batch dim"]
    memories: tuple[Memory, ...]
    together: bool

    def take(self, rows: Int[Tensor, " rows"]) -> OptimizerState:
        """The state of some of the trials, which may repeat."""
        if not self.together:
            return OptimizerState(self.w[rows], tuple(self.memories[row] for row in rows.tolist()), together=False)
        (memory,) = self.memories
        picked = {name: _rows(value, rows, self.w.shape) for name, value in memory.state.items()}
        return OptimizerState(self.w[rows], (Memory(picked, memory.group),), together=True)


def _rows(value: Any, rows: Tensor, shape: torch.Size) -> Any:
    return value[rows] if isinstance(value, Tensor) and value.shape == shape else value


@dataclass(frozen=True)
class OptimizerMethod:
    """An optimiser class as an update rule; the step size is the learning rate.

    Attributes:
        make: from parameters and a learning rate to the optimiser.
        name: the class and its options.
        constants: what the claims call its options, e.g. ``beta``.
        together: whether all trials are one parameter, or each its own.
    """

    make: Callable[..., torch.optim.Optimizer]
    name: str
    constants: dict[str, float]
    together: bool

    def start(self, w: Float[Tensor, "batch dim"]) -> OptimizerState:
        """The state at w_0: nothing is remembered."""
        return OptimizerState(w, (Memory(),) * (1 if self.together else len(w)), self.together)

    def update(self, state: OptimizerState, gradient: Float[Tensor, "batch dim"], eta: float) -> OptimizerState:
        """One step of learning rate ``eta``; the state given stays as it is."""
        if self.together:
            w, memory = _step(self.make, state.w, gradient, eta, state.memories[0])
            return OptimizerState(w, (memory,), together=True)
        rows = zip(state.w, gradient, state.memories, strict=True)
        moved = [_step(self.make, w, g, eta, memory) for w, g, memory in rows]
        return OptimizerState(torch.stack([w for w, _ in moved]), tuple(memory for _, memory in moved), together=False)


def from_optimizer(
    cls: type[torch.optim.Optimizer],
    *,
    name: str | None = None,
    constants: Mapping[str, float] | None = None,
    **options: Any,
) -> OptimizerMethod:
    """The method that steps as ``cls(parameters, lr=η_t, **options)`` does.

    Args:
        cls: a class of ``torch.optim``, or one's own.
        name: what to call it; the class and its options if omitted.
        constants: that claims ask for; β (``beta``) is the option ``momentum`` unless given.
        options: of its constructor, without ``lr``, which is set to the step size of the claim at every step.

    Raises:
        InputError: it cannot be made or stepped like this, or draws random numbers.

    >>> from_optimizer(torch.optim.SGD, momentum=0.9).constants
    {'beta': 0.9}
    """
    if name is not None and not isinstance(name, str):
        raise InputError(f"name = {shown(name)}; expected a text; try {getattr(cls, '__name__', 'SGD')!r}")
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        raise InputError(f"{shown(cls)} is no optimizer class; expected a subclass of torch.optim.Optimizer")
    called = cls.__name__ + (
        f"({', '.join(f'{key}={_told(value)}' for key, value in options.items())})" if options else ""
    )

    def make(parameters: list[Parameter], lr: float) -> torch.optim.Optimizer:
        return cls(parameters, lr=lr, **options)  # type: ignore[call-arg]

    together = _is_elementwise(make, called)
    momentum = options.get("momentum")
    beta = {"beta": float(momentum)} if isinstance(momentum, int | float) and momentum else {}
    return OptimizerMethod(make, name or called, {**beta, **numbered(constants)}, together)


def _told(value: object) -> str:
    return (
        str(value)
        if isinstance(value, float | bool | None) or (isinstance(value, int) and abs(value) < 2**63)
        else shown(value)
    )


def _step(make: Callable[..., torch.optim.Optimizer], w: Tensor, gradient: Tensor, eta: float, memory: Memory
          ) -> tuple[Tensor, Memory]:  # fmt: skip
    parameter = Parameter(w.detach().clone())
    optimiser = make([parameter], lr=eta)
    (group,) = optimiser.param_groups
    group.update(deepcopy(memory.group) | {"lr": eta})
    if memory.state:
        optimiser.state[parameter] = deepcopy(memory.state)
    parameter.grad = gradient.detach().clone()
    optimiser.step()
    kept = {key: value for key, value in group.items() if key not in ("params", "lr")}
    return parameter.detach(), Memory(dict(optimiser.state.get(parameter, {})), kept)


def _is_elementwise(make: Callable[..., torch.optim.Optimizer], name: str) -> bool:
    """Whether rows of one parameter move as each would alone; InputError if it cannot be stepped at all."""
    random = generator("optimizer")
    w = torch.randn(_TRIALS, _SIZE, dtype=torch.float64, generator=random)
    # rows of very different sizes: a norm over all of them would tell
    scales = torch.tensor([1.0, 1e-3, 1e3], dtype=torch.float64)[:, None]
    gradients = scales * torch.randn(_STEPS, _TRIALS, _SIZE, dtype=torch.float64, generator=random)

    def run(start: Tensor, drawn: Tensor) -> tuple[Tensor, Memory]:
        memory = Memory()
        for t, gradient in enumerate(drawn):
            start, memory = _step(make, start, gradient, _rate(t), memory)
        return start, memory

    try:
        alone = torch.stack([run(w[i], gradients[:, i])[0] for i in range(_TRIALS)])
        again = torch.stack([run(w[i], gradients[:, i])[0] for i in range(_TRIALS)])
    except Exception as error:
        raise InputError(
            f"{name} cannot step one flat float64 parameter ({' '.join(str(error).split())[:120]}); expected a "
            "torch.optim.Optimizer that takes lr and steps without a closure; try torch.optim.SGD"
        ) from None
    if not torch.equal(alone, again):
        raise InputError(f"{name} moves differently each time; expected an optimiser that draws no random numbers")
    if not torch.allclose(alone, torch.stack([_lived(make, w[i], gradients[:, i]) for i in range(_TRIALS)]), rtol=1e-9):
        raise InputError(
            f"{name} remembers more than its state and its group, so that it cannot be taken up again between steps; "
            "expected all memory there; try self.state[p] in place of an attribute"
        )
    try:
        together, memory = run(w, gradients)
    except Exception:  # it takes a vector only
        return False
    shaped = all(v.shape in (w.shape, torch.Size()) for v in memory.state.values() if isinstance(v, Tensor))
    nested = any(isinstance(v, dict | list | tuple) for v in memory.state.values())
    grouped = any(isinstance(v, Tensor) and v.ndim for v in memory.group.values())
    return shaped and not nested and not grouped and torch.allclose(together, alone, rtol=1e-12, atol=1e-300)


def _rate(t: int) -> float:
    return 0.1 / (t + 1)


def _lived(make: Callable[..., torch.optim.Optimizer], start: Tensor, gradients: Tensor) -> Tensor:
    """Where one optimiser ends that lives through all steps, as in a plain loop."""
    parameter = Parameter(start.clone())
    optimiser = make([parameter], lr=_rate(0))
    for t, gradient in enumerate(gradients):
        optimiser.param_groups[0]["lr"] = _rate(t)
        parameter.grad = gradient.clone()
        optimiser.step()
    return parameter.detach()
