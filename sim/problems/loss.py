"""A problem of your own: a loss in PyTorch over N samples, with the constants that you declare.

``F(w) = (1/N) Σ f_i(w)``. The loss is a function of the parameters and of one sample's part of each array, with
gradients by autograd and batches by ``torch.func.vmap``; or, if it says that it is batched, of whole batches.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from aat.checks import shown
from aat.typed import check_fields
from sim.problems.base import Problem, checked
from sim.problems.data import tensor_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Loss(Problem):
    """A loss of your own; see :func:`loss` for how to make one."""

    family: ClassVar[str] = "loss"

    function: Callable[..., Tensor]
    arrays: tuple[Tensor, ...]
    shape: torch.Size
    declared: Mapping[str, float] = field(default_factory=dict)
    is_convex: bool = False
    least: float = -math.inf
    batched: bool = False

    def _check_target(self) -> None:
        """Of what :func:`loss` has not checked."""
        check_fields(self, "is_convex", "batched")

    @property
    def heads(self) -> int:
        return 1

    def _losses(self, w: Float[Tensor, "*batch 1 dim"], index: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        batch = torch.broadcast_shapes(w.shape[:-2], index.shape)
        points = w.squeeze(-2).expand(*batch, -1).reshape(-1, *self.shape)
        drawn = index.expand(batch).flatten()
        parts = [array[drawn] for array in self.arrays]
        function = self.function if self.batched else torch.func.vmap(self.function)
        return function(points, *parts).reshape(batch)

    @property
    def lower_bound(self) -> float:
        return self.least

    @property
    def convex(self) -> bool:
        return self.is_convex

    @property
    def smooth(self) -> bool:
        return "L" in self.declared

    @property
    def _norms(self) -> Float[Tensor, " N"]:
        return torch.full((self.samples,), self.declared.get("G", math.nan), dtype=torch.float64)

    @property
    def _outer_curvature(self) -> Float[Tensor, " N"]:
        return torch.full((self.samples,), self.declared.get("L", math.nan), dtype=torch.float64)

    def _default_comparator(self) -> Float[Tensor, " dim"]:
        # where no comparator is given, claims against one are against the start
        return self.w0

    def constants(self) -> dict[str, float]:
        """What was declared; D from the comparator and Δ from the lower bound, where they are given."""
        known = dict(self.declared)
        if self.comparator is not None:
            known.setdefault("D", (self.w0 - self.u).norm().item())
        if math.isfinite(self.least):
            known.setdefault("Delta", (self.objective(self.w0[None]) - self.least).item())
        return known

    def vote_scale(self, w: Float[Tensor, "batch dim"]) -> float:
        """How large the numbers are that make up F: the values, and what a gradient of size G adds up to on the way."""
        size = self.declared.get("G", 1.0)
        return self.objective(w).abs().max().item() + size * (w.norm(dim=-1).max() + self.w0.norm()).item()

    def gradient_size(self, w: Float[Tensor, "batch dim"]) -> float:
        """The G that is declared, or else how large the samples' gradients are at ``w``."""
        if "G" in self.declared:
            return self.declared["G"]
        index = torch.arange(self.samples)
        return max(self.gradients(point.expand(self.samples, -1), index).norm(dim=-1).max().item() for point in w)

    @property
    def name(self) -> str:
        """What it was called."""
        return self.data

    def method_name(self, rule: str) -> str:
        """The rule: the head is inside the loss, if there is one."""
        return rule


def loss(
    function: Callable[..., Tensor],
    *,
    start: Tensor | Sequence[float],
    arrays: Sequence[Tensor] = (),
    constants: Mapping[str, float] | None = None,
    convex: bool = False,
    comparator: Tensor | Sequence[float] | None = None,
    lower_bound: float = -math.inf,
    batched: bool = False,
    name: str = "loss",
) -> Loss:
    """A problem from a loss.

    Args:
        function: ``f(w, x_i, y_i, …)`` ↦ the loss of one sample, a scalar; ``w`` has the shape of ``start``, the rest
            are rows of ``arrays``. With ``batched``, everything has one more leading dimension, the result too.
        start: w_0, of any shape.
        arrays: of length N ≥ 1 each; without any there is one sample, so no noise.
        constants: declared, by the symbols of the theory: ``G``, ``L``, ``sigma``, … . Runs are audited against them: a
            run that exceeds one is void.
        convex: whether F is convex; audited too.
        comparator: u, of the shape of ``start``; gives D.
        lower_bound: of F; gives Delta.
        batched: whether ``function`` takes batches.
        name: for labels and seeds.

    Raises:
        InputError: one of these is not so, or the loss does not give one finite number for each sample.

    >>> import torch
    >>> squares = loss(lambda w, x: (w - x).square().sum() / 2, start=[1.0], arrays=[torch.tensor([[0.0], [2.0]])])
    >>> squares.full_gradient(squares.w0[None])
    tensor([[0.]], dtype=torch.float64)
    """
    if not callable(function):
        raise InputError(
            f"the loss is {shown(function)}; expected a function of w and of a sample's part of each array"
        )
    first = tensor_of("start", start)
    w0 = checked("start", first.flatten(), "dim")
    arrays = _sequence(arrays)
    parts = tuple(_array(i, array) for i, array in enumerate(arrays)) or (torch.zeros(1, 0, dtype=torch.float64),)
    sizes = {len(part) for part in parts}
    if len(sizes) != 1:
        raise InputError(f"arrays of lengths {', '.join(map(str, sorted(sizes)))}; expected one length N for all")
    known = numbered(constants)
    u = None if comparator is None else checked("comparator", tensor_of("comparator", comparator).flatten(), "dim")
    if arrays:
        called, used = function, parts
    else:
        called, used = (lambda w, nothing: function(w)), parts
    (samples,) = sizes
    problem = Loss(
        # no features: a row of ones for each parameter, which takes no memory
        x=torch.ones(1, 1, dtype=torch.float64).expand(samples, len(w0)),
        k=len(w0),
        start=w0,
        comparator=u,
        data=name,
        function=called,
        arrays=used,
        shape=first.shape,
        declared=known,
        is_convex=convex,
        least=_least(lower_bound),
        batched=batched,
    )
    _try(problem)
    return problem


def _array(i: int, array: object) -> Tensor:
    values = tensor_of(f"array {i}", array)
    if values.ndim == 0 or len(values) == 0:
        raise InputError(f"array {i} of shape {tuple(values.shape)}; expected a row for each of N ≥ 1 samples")
    if values.is_floating_point():
        values = values.to(torch.float64)
        if not values.isfinite().all():
            raise InputError(f"array {i} has values that are NaN or infinite; expected finite numbers; clean the data")
    return values


def _sequence(arrays: Sequence[Tensor]) -> Sequence[Tensor]:
    # an array is a sequence of its rows, which are samples and no arrays
    if not isinstance(arrays, list | tuple):
        raise InputError(f"arrays = {shown(arrays)} is a {type(arrays).__name__}; expected a list; try arrays=[x]")
    return arrays


def numbered(constants: Mapping[str, float] | None) -> dict[str, float]:
    """Constants by name; InputError unless each is a finite number ≥ 0."""
    if constants is not None and not isinstance(constants, Mapping):
        raise InputError(f"constants = {shown(constants)}; expected numbers by name; try {{'G': 1.0}}")
    return {str(name): _constant(str(name), value) for name, value in (constants or {}).items()}


def _constant(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise InputError(f"constant {name} = {shown(value)}; expected a finite number ≥ 0")
    return float(value)


def _least(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value <= sys.float_info.max:
        raise InputError(f"lower_bound = {shown(value)}; expected a number, or -inf for none; try 0.0")
    return max(-math.inf, value) if value < -sys.float_info.max else float(value)


def _try(problem: Loss) -> None:
    """InputError unless two trials on the first and the last sample have a loss and a gradient."""
    points, index = problem.w0.expand(2, -1), torch.tensor([0, problem.samples - 1])
    try:
        values = problem.losses(points, index)
        gradients = problem.gradients(points, index)
    except InputError:
        raise
    except Exception as error:  # whatever a loss that is not ours may raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{problem.name}: the loss fails at w_0 ({reason}); expected a scalar for one sample, made by torch; "
            "try f(w0, *(a[0] for a in arrays))"
        ) from None
    if not bool(values.isfinite().all() and gradients.isfinite().all()):
        raise InputError(
            f"{problem.name}: loss or gradient is not finite at w_0; expected numbers there; try another start"
        )
