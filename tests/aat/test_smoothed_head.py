"""Smoothed heads a part at a time: the same numbers and derivatives, in bounded memory."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

import aat
from aat.kernels import votes


def gradients(z: Tensor, inputs: list[Any]) -> tuple[Tensor, ...]:
    return torch.autograd.grad((z * torch.arange(1.0, z.numel() + 1).reshape(z.shape)).sum(), inputs)


class _Largest(TorchDispatchMode):
    """The most numbers in any tensor that is made inside."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, Tensor):
                # what is expanded takes no memory
                self.numbers = max(self.numbers, one.untyped_storage().nbytes() // one.element_size())
        return made


@pytest.mark.parametrize("smoothing", ["entropic", "quadratic"])
@pytest.mark.parametrize("at_once", [1, 50, 300])
def test_smoothed_heads_in_parts(smoothing: Any, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = aat.AATLinear(10, 21, k=3, smoothing=smoothing, mu=0.4, dtype=torch.float64)
    x = torch.randn(5, 10, dtype=torch.float64, requires_grad=True)
    inputs = [x, layer.weight, layer.bias]
    wanted = layer(x)
    whole = gradients(wanted, inputs)
    monkeypatch.setattr(votes, "AT_ONCE", at_once)
    found = layer(x)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(gradients(found, inputs), whole)


@pytest.mark.parametrize("smoothing", ["entropic", "quadratic"])
def test_smoothed_heads_in_parts_have_two_derivatives(smoothing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes, "AT_ONCE", 12)
    layer = aat.AATLinear(5, 3, k=2, smoothing=smoothing, mu=0.4, dtype=torch.float64)
    x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)

    def head(sample: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(layer, {"weight": weight, "bias": bias}, sample)

    inputs = (x, layer.weight.detach().requires_grad_(), layer.bias.detach().requires_grad_())
    assert gradcheck(head, inputs)
    assert gradgradcheck(head, inputs)


@pytest.mark.parametrize("smoothing", [None, "entropic", "quadratic"])
@pytest.mark.parametrize("order", [1, 2])
def test_memory_is_bounded(smoothing: Any, order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes, "AT_ONCE", 400)
    mu = None if smoothing is None else 0.5
    layer = aat.AATLinear(20, 60, k=3, smoothing=smoothing, mu=mu, backend="chunked" if mu is None else None)
    x = torch.randn(30, 20, requires_grad=True)
    with _Largest() as largest:
        (first,) = torch.autograd.grad((layer(x) ** 2).sum(), x, create_graph=order == 2)
        if order == 2:
            (first**2).sum().backward()
    # scores and weights; all votes would be 36 000
    assert largest.numbers <= 1800
