"""Any ``torch.optim.Optimizer`` class as a method, unchanged.

All trials are rows of one parameter, where the optimizer treats rows alike and apart, as coordinatewise rules do. One
that mixes rows (by a norm, say) gets a parameter for each trial. Which it is, and whether the optimizer can be stopped
and taken up again at all, is found out by a few steps beside a plain loop before anything is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Optimizer

from aat import InputError
from sim.seeds import generator


class Paused:
    """An optimizer between two steps: the iterates, and what it remembers.

    Attributes:
        w: iterates, shape (batch, dim).
        memory: tensors with a row for each trial.
        shared: what all trials have in common, such as the number of steps.
    """

    def __init__(self, w: Tensor, memory: Mapping[str, Tensor], shared: Mapping[str, Any]) -> None:
        self.w, self.memory, self.shared = w, memory, shared

    def _asdict(self) -> dict[str, Tensor]:
        """The tensors with a row for each trial, as of a NamedTuple."""
        return {"w": self.w, **self.memory}

    def _replace(self, **tensors: Tensor) -> Paused:
        w = tensors.pop("w", self.w)
        return Paused(w, {**self.memory, **tensors}, self.shared)


class FromOptimizer:
    """An update rule made of an optimizer; see :func:`from_optimizer`."""

    def __init__(
        self, cls: type[Optimizer], options: Mapping[str, Any], name: str, constants: Mapping[str, float]
    ) -> None:
        self.cls, self.options, self.name, self.constants = cls, options, name, constants
        self.apart = False

    def start(self, w: Float[Tensor, "batch dim"]) -> Paused:
        """At w_0, with nothing to remember."""
        return Paused(w, {}, {})

    def update(self, state: Paused, gradient: Float[Tensor, "batch dim"], eta: float) -> Paused:
        """One step of the optimizer with learning rate ``eta``."""
        with torch.no_grad():
            rows = list(state.w.clone()) if self.apart else [state.w.clone()]
        parameters = [torch.nn.Parameter(row) for row in rows]
        optimizer = self.cls(parameters, lr=eta, **self.options)  # type: ignore[call-arg]
        for i, parameter in enumerate(parameters):
            parameter.grad = gradient[i].clone() if self.apart else gradient.clone()
            remembered = {name: (rows[i] if self.apart else rows).clone() for name, rows in state.memory.items()}
            shared = {
                name: value.clone() if isinstance(value, Tensor) else value for name, value in state.shared.items()
            }
            if remembered or shared:
                optimizer.state[parameter] = remembered | shared
        optimizer.step()
        return self._paused(parameters, optimizer)

    def _paused(self, parameters: list[torch.nn.Parameter], optimizer: Optimizer) -> Paused:
        kept = [optimizer.state[parameter] for parameter in parameters]
        memory, shared = {}, {}
        for name, value in kept[0].items():
            if self.apart and isinstance(value, Tensor):
                memory[name] = torch.stack([entries[name] for entries in kept])
            elif isinstance(value, Tensor) and value.shape == parameters[0].shape:
                memory[name] = value
            else:
                shared[name] = value
        points = [parameter.detach() for parameter in parameters]
        return Paused(torch.stack(points) if self.apart else points[0], memory, shared)


def from_optimizer(
    cls: type[Optimizer],
    *,
    name: str | None = None,
    constants: Mapping[str, float] | None = None,
    **options: Any,
) -> FromOptimizer:
    """The method that an optimizer class is. Its learning rate at each step is the claim's step size.

    Args:
        cls: a class like ``torch.optim.Adam``: takes parameters and ``lr``, and steps without a closure.
        name: what to call it; the name of the class if omitted.
        constants: that claims about it ask for; β (``beta``) is the option ``momentum`` unless given.
        options: of the class, e.g. ``momentum=0.9``.

    Raises:
        InputError: it cannot be made so, or remembers anything outside of its ``state``.

    >>> from_optimizer(torch.optim.SGD, momentum=0.9).constants
    {'beta': 0.9}
    """
    if not (isinstance(cls, type) and issubclass(cls, Optimizer)):
        raise InputError(f"{cls!r} is no optimizer class; expected a subclass of torch.optim.Optimizer")
    beta = {"beta": float(options["momentum"])} if options.get("momentum") else {}
    rule = FromOptimizer(cls, options, name or cls.__name__, {**beta, **(constants or {})})
    try:
        expected = _loop(cls, options)
        for rule.apart in (False, True):
            if torch.allclose(_resumed(rule), expected, rtol=1e-9, atol=1e-12):
                return rule
    except Exception as error:  # whatever a class that is not ours may raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{cls.__name__} with {options} takes no step ({reason}); expected one that takes lr and needs no closure"
        ) from None
    raise InputError(
        f"{cls.__name__} does not go on as before when its state is put into a fresh one; "
        "expected all memory in optimizer.state; try self.state[p] instead of attributes"
    )


# Enough steps for a memory to show, at sizes and gradients that differ.
_STEPS = (0.25, 0.125, 0.5, 0.25)


def _gradients(w: Tensor, t: int) -> Tensor:
    random = generator("optimizer", t)
    return w + torch.randn(2, 3, dtype=torch.float64, generator=random)


def _started() -> Tensor:
    return torch.randn(2, 3, dtype=torch.float64, generator=generator("optimizer", "start"))


def _loop(cls: type[Optimizer], options: Mapping[str, Any]) -> Tensor:
    """Two trials, each with a parameter and an optimizer of its own that lives through all steps."""
    ends = []
    for trial, start in enumerate(_started()):
        parameter = torch.nn.Parameter(start.clone())
        optimizer = cls([parameter], lr=_STEPS[0], **options)  # type: ignore[call-arg]
        for t, eta in enumerate(_STEPS):
            optimizer.param_groups[0]["lr"] = eta
            here = parameter.detach().expand(2, -1)
            parameter.grad = _gradients(here, t)[trial].clone()
            optimizer.step()
        ends.append(parameter.detach())
    return torch.stack(ends)


def _resumed(rule: FromOptimizer) -> Tensor:
    state = rule.start(_started())
    for t, eta in enumerate(_STEPS):
        state = rule.update(state, _gradients(state.w, t), eta)
        # the same trials in another order, and back: rows must move together
        for _ in range(2):
            state = state._replace(**{name: field.flip(0) for name, field in state._asdict().items()})
    return state.w
