"""The hard head as an operator of PyTorch: autograd to any order, ``torch.compile``, ``vmap``, half precision.

There are three ways in. Compilers and tracers see the custom operators ``aat::head`` and ``aat::head_backward``. The
transforms of ``torch.func``, which cannot differentiate custom operators, see a ``torch.autograd.Function`` round each.
Plain eager calls pass both by, which saves a tenth of a millisecond.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from aat.kernels import BACKENDS
from aat.kernels.votes import count_type, kept, parts

Scores = tuple[Tensor, Tensor, Tensor]
Gradients = tuple[Tensor, Tensor, Tensor]


@torch.library.custom_op("aat::head", mutates_args=())
def head(x: Tensor, w: Tensor, bias: Tensor | None, k: int, backend: str) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, thresholds and kept ties: (B, n), (O, n) -> three of (B, O); see :mod:`aat.kernels`."""
    return _forward(x, w, bias, k, backend)


@torch.library.custom_op("aat::head_backward", mutates_args=())
def head_backward(
    g: Tensor, x: Tensor, w: Tensor, threshold: Tensor, ties: Tensor, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in x, w and the bias: (B, n), (O, n) and (O,)."""
    return _backward(g, x, w, threshold, ties, backend)


def _forward(x: Tensor, w: Tensor, bias: Tensor | None, k: int, backend: str) -> Scores:
    found: Scores = BACKENDS[backend].forward(x, w, bias, k)
    return found


def _backward(g: Tensor, x: Tensor, w: Tensor, threshold: Tensor, ties: Tensor, backend: str) -> Gradients:
    found: Gradients = BACKENDS[backend].backward(g, x, w, threshold, ties)
    return found


@head.register_fake
def _(x: Tensor, w: Tensor, bias: Tensor | None, k: int, backend: str) -> Scores:
    z = x.new_empty(x.shape[0], w.shape[0])
    return z, torch.empty_like(z), torch.empty_like(z, dtype=count_type(k))


@head_backward.register_fake
def _(g: Tensor, x: Tensor, w: Tensor, threshold: Tensor, ties: Tensor, backend: str) -> Gradients:
    return x.new_empty(x.shape), w.new_empty(w.shape), w.new_empty(len(w))


# --- Derivatives ---


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None, int, str], output: Scores) -> None:
    x, w, bias, _, ctx.backend = inputs
    ctx.biased = bias is not None
    _, threshold, ties = output
    ctx.mark_non_differentiable(threshold, ties)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(x, w, threshold, ties)


def _differentiate(
    ctx: Any, g: Tensor | None, *_: Any, by: Callable[..., Gradients] = head_backward
) -> tuple[Tensor | None, ...]:
    if g is None:
        return (None,) * 5
    dx, dw, db = by(g, *ctx.saved_tensors, ctx.backend)
    return dx, dw, db if ctx.biased else None, None, None


def _keep_all(ctx: Any, inputs: tuple[Any, ...], output: Gradients) -> None:
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs[:-1])


def _differentiate_again(
    ctx: Any, ddx: Tensor | None, ddw: Tensor | None, ddb: Tensor | None
) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None]:
    """The masks stay, so ``dx = Σ_o g m w`` and ``dw = Σ_b g m x`` are bilinear: differentiate them as such."""
    g, x, w, threshold, ties = ctx.saved_tensors
    if not g.numel():
        return torch.zeros_like(g), torch.zeros_like(x), torch.zeros_like(w), None, None, None
    of_x = torch.zeros_like(x) if ddx is None else ddx
    of_w = torch.zeros_like(w) if ddw is None else ddw
    rows, columns = parts(x, w)
    dg, dx, dw = [], torch.zeros_like(x), torch.zeros_like(w)
    for row in rows:
        along = []
        for column in columns:
            mask = kept(x[row].detach(), w[column].detach(), threshold[row, column], ties[row, column])
            heard = torch.where(mask, g[row, column].unsqueeze(-1), 0.0)
            votes = of_x[row].unsqueeze(1) * w[column] + x[row].unsqueeze(1) * of_w[column]
            along.append(torch.where(mask, votes, 0.0).sum(-1))
            dx = dx.index_add(0, _indices(row, x), (heard * of_w[column]).sum(1))
            dw = dw.index_add(0, _indices(column, w), (heard * of_x[row].unsqueeze(1)).sum(0))
        dg.append(torch.cat(along, 1))
    of_g = torch.cat(dg)
    return of_g if ddb is None else of_g + ddb, dx, dw, None, None, None


def _indices(part: slice, of: Tensor) -> Tensor:
    return torch.arange(part.start, part.stop, device=of.device)


head.register_autograd(_differentiate, setup_context=_keep)
head_backward.register_autograd(_differentiate_again, setup_context=_keep_all)


# --- Batches of calls ---


def _vmapped(call: Callable[..., Scores], info: Any, in_dims: Sequence[int | None], *inputs: Any) -> tuple[Any, Any]:
    if in_dims[0] is not None and in_dims[1] is None and in_dims[2] is None:
        # samples of samples are more samples
        samples = inputs[0].movedim(in_dims[0], 0)
        found = call(samples.flatten(0, 1), *inputs[1:])
        return tuple(part.unflatten(0, samples.shape[:2]) for part in found), (0, 0, 0)
    return _in_turn(call, info, in_dims, *inputs)


def _in_turn(call: Callable[..., Any], info: Any, in_dims: Sequence[int | None], *inputs: Any) -> tuple[Any, Any]:
    """Call by call."""
    slices = (
        [given if dim is None else given.select(dim, i) for given, dim in zip(inputs, in_dims, strict=True)]
        for i in range(info.batch_size)
    )
    each = [call(*given) for given in slices]
    return tuple(map(torch.stack, zip(*each, strict=True))), (0, 0, 0)


head.register_vmap(partial(_vmapped, head))
head_backward.register_vmap(partial(_in_turn, head_backward))


# --- Transforms ---


class _Transformed(torch.autograd.Function):
    """The operator, for ``torch.func``."""

    forward = staticmethod(head)
    setup_context = staticmethod(_keep)

    @staticmethod
    def backward(ctx: Any, *g: Any) -> tuple[Tensor | None, ...]:
        return _differentiate(ctx, *g, by=_TransformedBackward.apply)

    @staticmethod
    def vmap(*given: Any) -> tuple[Any, Any]:
        return _vmapped(_Transformed.apply, *given)


class _TransformedBackward(torch.autograd.Function):
    forward = staticmethod(head_backward)
    setup_context = staticmethod(_keep_all)
    backward = staticmethod(_differentiate_again)

    @staticmethod
    def vmap(*given: Any) -> tuple[Any, Any]:
        return _in_turn(_TransformedBackward.apply, *given)


# --- Eager calls ---


class _Head(torch.autograd.Function):
    """z + bias alone. Without setup_context, for which PyTorch inspects signatures at each call."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        x, w, bias, _, ctx.backend = inputs
        z, threshold, ties = _forward(*inputs)
        ctx.biased = bias is not None
        ctx.save_for_backward(x, w, threshold, ties)
        return z

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        return _differentiate(ctx, g, by=_TransformedBackward.apply if torch.is_grad_enabled() else _backward)


def linear(
    x: Float[Tensor, "*batch n"], w: Float[Tensor, "O n"], bias: Float[Tensor, " O"] | None, k: int, backend: str
) -> Float[Tensor, "*batch O"]:
    """``s_K(w_j ⊙ x) + b_j`` for each output j; half precision is selected and added in float32; unchecked.

    Under autocast the inputs are rounded as those of ``torch.nn.functional.linear`` are.
    """
    kind = x.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind) and x.dtype != torch.float64:
        low = torch.get_autocast_dtype(kind)
        x, w, bias = x.to(low), w.to(low), None if bias is None else bias.to(low)
    samples = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    if x.dtype in (torch.float32, torch.float64):
        z = _scores(samples, w, bias, k, backend)
    else:
        z = _scores(samples.float(), w.float(), None if bias is None else bias.float(), k, backend).to(x.dtype)
    return z if x.ndim == 2 else z.reshape(*x.shape[:-1], len(w))


def _scores(x: Tensor, w: Tensor, bias: Tensor | None, k: int, backend: str) -> Tensor:
    if torch._C._are_functorch_transforms_active():
        z: Tensor = _Transformed.apply(x, w, bias, k, backend)[0]
    elif type(x) in (Tensor, torch.nn.Parameter) and not torch.compiler.is_compiling():
        z = _Head.apply(x, w, bias, k, backend)
    else:
        z = head(x, w, bias, k, backend)[0]
    return z
