"""The operator of PyTorch around the backends: derivatives, tracing, transforms, half precision."""

import copy
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._inductor import config
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, jacrev, vmap

import aat
from aat.kernels import cpu, operator, votes


def definition(x: Tensor, w: Tensor, bias: Tensor | None, k: int) -> Tensor:
    """What autograd differentiates by itself."""
    z = (x.unsqueeze(-2) * w).topk(k).values.sum(-1)
    return z if bias is None else z + bias


def drawn(samples: int, outputs: int, units: int, bias: bool = True, dtype: torch.dtype = torch.float64) -> list[Any]:
    """Features, weights and bias, away from ties."""
    shapes = [(samples, units), (outputs, units), (outputs,)]
    tensors: list[Any] = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
    return tensors if bias else [*tensors[:2], None]


def gradients(z: Tensor, inputs: list[Any]) -> list[Tensor]:
    wanted = [one for one in inputs if one is not None]
    return list(torch.autograd.grad((z * torch.arange(1.0, z.numel() + 1).reshape(z.shape)).sum(), wanted))


def same(found: Any, wanted: Any, **tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, **tolerance)


# --- The operators themselves ---


@pytest.mark.parametrize(("bias", "dtype"), [(True, torch.float32), (False, torch.float64)])
@pytest.mark.parametrize(("samples", "outputs", "units", "k"), [(3, 4, 6, 2), (1, 1, 1, 1), (0, 3, 4, 2)])
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_the_operators_keep_their_promises(
    backend: str, samples: int, outputs: int, units: int, k: int, bias: bool, dtype: torch.dtype
) -> None:
    inputs = drawn(samples, outputs, units, bias, dtype)
    torch.library.opcheck(operator.head, (*inputs, k, backend))
    _, threshold, ties = (part.detach() for part in operator.head(*inputs, k, backend))
    g = torch.randn(samples, outputs, dtype=dtype, requires_grad=True)
    torch.library.opcheck(operator.head_backward, (g, *inputs[:2], threshold, ties, backend))


# --- Derivatives ---


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_derivatives_of_both_orders(backend: str, k: int, bias: bool) -> None:
    inputs = tuple(one for one in drawn(3, 2, 6, bias) if one is not None)

    def head(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
        return operator.linear(x, w, b, k, backend)

    assert gradcheck(head, inputs)
    assert gradgradcheck(head, inputs)


@pytest.mark.parametrize("at_once", [1, 20, 2**20])
@pytest.mark.parametrize("traced", [True, False])
def test_the_second_derivative_is_the_bilinear_one(
    backend: str, at_once: int, traced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(votes, "AT_ONCE", at_once)
    inputs = drawn(4, 3, 7)
    directions = [torch.randn_like(one, requires_grad=True) for one in inputs]

    def second(z: Tensor) -> list[Tensor]:
        first = torch.autograd.grad((z**2).sum(), inputs, create_graph=True)
        along = sum((one * direction).sum() for one, direction in zip(first, directions, strict=True))
        return list(torch.autograd.grad(along, [*inputs, *directions]))

    def head() -> Tensor:
        return operator.head(*inputs, 3, backend)[0] if traced else operator.linear(*inputs, 3, backend)

    same(second(head()), second(definition(*inputs, 3)))


def test_third_derivatives(backend: str) -> None:
    inputs = drawn(2, 2, 5)

    def third(z: Tensor) -> Tensor:
        (first,) = torch.autograd.grad((z**3).sum(), inputs[0], create_graph=True)
        (second,) = torch.autograd.grad((first**2).sum(), inputs[1], create_graph=True)
        return torch.autograd.grad((second**2).sum(), inputs[0])[0]

    same(third(operator.linear(*inputs, 2, backend)), third(definition(*inputs, 2)))


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_one_gradient_alone(backend: str, wanted: int) -> None:
    inputs = drawn(4, 3, 7)
    for i, one in enumerate(inputs):
        one.requires_grad_(i == wanted)
    found = torch.autograd.grad(operator.linear(*inputs, 3, backend).sum(), inputs[wanted])
    same(found, torch.autograd.grad(definition(*inputs, 3).sum(), inputs[wanted]))


# --- Tracing ---


def model(backend: str | None = None) -> nn.Sequential:
    return nn.Sequential(nn.Linear(9, 8), nn.ReLU(), aat.AATLinear(8, 5, k=3, backend=backend))


def trained(run: Callable[[Tensor], Tensor], of: nn.Module, x: Tensor) -> list[Tensor]:
    """Output and gradients."""
    z = run(x)
    return [z, *torch.autograd.grad((z**2).sum(), list(of.parameters()))]


def compiles(engine: str, backend: str | None) -> None:
    torch._dynamo.reset()
    plain = model(backend)
    x = torch.randn(6, 9)
    same(trained(torch.compile(plain, fullgraph=True, backend=engine), plain, x), trained(plain, plain, x))


def test_it_compiles_as_one_graph(backend: str) -> None:
    compiles("aot_eager", backend)


def test_it_compiles_with_the_backend_chosen_for_it() -> None:
    compiles("aot_eager", None)


def test_it_compiles_where_there_was_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "library", lambda: None)
    compiles("aot_eager", None)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_it_compiles_to_machine_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    # what takes long beside the test: trying vector instructions, headers, a pool of workers
    with config.patch({"cpp.vec_isa_ok": False, "cpp_cache_precompile_headers": False, "compile_threads": 1}):
        compiles("inductor", None)


def test_batches_of_any_size_compile_once() -> None:
    torch._dynamo.reset()
    plain = model()
    fast = torch.compile(plain, fullgraph=True, backend="aot_eager", dynamic=True)
    for samples in (2, 5, 7):
        x = torch.randn(samples, 9)
        same(fast(x), plain(x))


def test_export(backend: str) -> None:
    plain = model(backend)
    x = torch.randn(6, 9)
    exported = torch.export.export(plain, (x,), dynamic_shapes=({0: torch.export.Dim("samples")},))
    for samples in (6, 3):
        x = torch.randn(samples, 9)
        same(exported.module()(x), plain(x))


def test_shapes_without_data() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    layer = aat.AATLinear(8, 5, k=3, device="meta")
    assert layer(torch.empty(4, 8, device="meta")).shape == (4, 5)
    assert "backend=" in repr(layer)
    with FakeTensorMode():
        layer = aat.AATLinear(8, 5, k=3)
        x = torch.empty(2, 3, 8, requires_grad=True)
        z = layer(x)
        z.sum().backward()
        assert z.shape == (2, 3, 5)
        assert x.grad.shape == (2, 3, 8)


# --- Transforms ---


@pytest.mark.parametrize(
    "over", [(1, None, None), (None, 0, 0), (0, 0, 0), (0, 0, None), (None, None, 0), (1, 2, None)]
)
def test_vmap_is_a_loop(backend: str, over: tuple[int | None, ...]) -> None:
    shapes = [(2, 7), (3, 7), (3,)]
    sizes = (shape if dim is None else (*shape[:dim], 4, *shape[dim:]) for shape, dim in zip(shapes, over, strict=True))
    inputs = [torch.randn(size) for size in sizes]

    def slices(i: int) -> list[Tensor]:
        return [one if dim is None else one.select(dim, i) for one, dim in zip(inputs, over, strict=True)]

    def head(*given: Tensor) -> Tensor:
        return operator.linear(*given, 3, backend)

    def squares(*given: Tensor) -> Tensor:
        return (head(*given) ** 2).sum()

    same(vmap(head, over)(*inputs), torch.stack([head(*slices(i)) for i in range(4)]))
    first = grad(squares, (0, 1, 2))
    each = [first(*slices(i)) for i in range(4)]
    same(vmap(first, over)(*inputs), tuple(map(torch.stack, zip(*each, strict=True))))


def test_a_gradient_for_each_sample(backend: str) -> None:
    plain = model(backend)
    parameters = {name: one.detach() for name, one in plain.named_parameters()}
    x, y = torch.randn(6, 9), torch.randn(6, 5)

    def loss(values: dict[str, Tensor], sample: Tensor, target: Tensor) -> Tensor:
        return ((functional_call(plain, values, sample) - target) ** 2).sum()

    found = vmap(grad(loss), (None, 0, 0))(parameters, x, y)
    for i in range(6):
        wanted = torch.autograd.grad(((plain(x[i]) - y[i]) ** 2).sum(), list(plain.parameters()))
        same([one[i] for one in found.values()], list(wanted))


def test_jacobians_and_hessians(backend: str) -> None:
    x, w, bias = (one.detach() for one in drawn(1, 3, 7))

    def head(sample: Tensor) -> Tensor:
        return operator.linear(sample, w, bias, 3, backend)

    def wanted(sample: Tensor) -> Tensor:
        return definition(sample, w, bias, 3)

    same(jacrev(head)(x[0]), torch.autograd.functional.jacobian(wanted, x[0]))
    found = jacrev(jacrev(lambda sample: (head(sample) ** 2).sum()))(x[0])
    same(found, torch.autograd.functional.hessian(lambda sample: (wanted(sample) ** 2).sum(), x[0]))


# --- Half precision ---


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("given", [torch.float32, torch.float64, torch.bfloat16])
def test_autocast_is_that_of_the_dense_layer(backend: str, low: torch.dtype, given: torch.dtype) -> None:
    layer, dense = aat.AATLinear(8, 5, k=3, backend=backend, dtype=given), nn.Linear(8, 5, dtype=given)
    x = torch.randn(4, 8, dtype=given)
    with torch.autocast("cpu", low):
        z = layer(x)
        assert z.dtype == dense(x).dtype
    if given == torch.float64:
        assert torch.equal(z, layer(x))
        return
    rounded = [one.to(low).float() for one in (x, layer.weight, layer.bias)]
    same(z, definition(*rounded, 3).to(low), rtol=0, atol=0)
    z.float().sum().backward()
    assert layer.weight.grad.dtype == given


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
def test_half_precision_layers(backend: str, low: torch.dtype) -> None:
    layer = aat.AATLinear(8, 5, k=3, backend=backend, dtype=low)
    x = torch.randn(4, 8, dtype=low, requires_grad=True)
    z = layer(x)
    exact = [one.detach().float().requires_grad_() for one in (x, layer.weight, layer.bias)]
    wanted = definition(*exact, 3)
    same(z, wanted.to(low), rtol=0, atol=0)
    z.float().sum().backward()
    wanted.sum().backward()
    same([x.grad, layer.weight.grad, layer.bias.grad], [one.grad.to(low) for one in exact])


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
def test_autocast_compiles(low: torch.dtype) -> None:
    torch._dynamo.reset()
    plain = model()
    x = torch.randn(4, 9)
    with torch.autocast("cpu", low):
        same(torch.compile(plain, fullgraph=True, backend="aot_eager")(x), plain(x))


# --- Inputs of every form ---


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (0,), (2, 0), (1, 1, 2)])
@pytest.mark.parametrize("smoothing", [None, "entropic"])
def test_leading_dimensions(backend: str, leading: tuple[int, ...], smoothing: Any) -> None:
    mu = None if smoothing is None else 0.5
    layer = aat.AATLinear(8, 5, k=3, smoothing=smoothing, mu=mu, backend=backend, dtype=torch.float64)
    x = torch.randn(*leading, 8, dtype=torch.float64, requires_grad=True)
    inputs = [x, layer.weight, layer.bias]
    z = layer(x)
    wanted = aat.topk_sum(x.unsqueeze(-2) * layer.weight, 3, smoothing, mu) + layer.bias
    assert z.shape == (*leading, 5)
    same(z, wanted)
    same(gradients(z, inputs), gradients(wanted, inputs))


def test_strides_do_not_matter(backend: str) -> None:
    x, w, bias = (one.detach() for one in drawn(6, 5, 8))
    forms: list[list[Tensor]] = [
        [x.T.contiguous().T, w.T.contiguous().T, bias],
        [torch.cat([x, x], 1)[:, :8], torch.cat([w, w])[::2], torch.stack([bias, bias], 1)[:, 0]],
        [x[:1].expand(6, 8), w[:1].expand(5, 8), bias[:1].expand(5)],
        [x[:, :1].expand(6, 8), w, bias],
    ]
    for form in forms:
        form = [one.requires_grad_() for one in form]
        z, wanted = operator.linear(*form, 3, backend), operator.linear(*(one.contiguous() for one in form), 3, backend)
        assert torch.equal(z, wanted)
        # that of a sum is expanded
        for g in (torch.ones(6, 5), torch.ones(()).expand(6, 5), torch.randn(5, 6).T):
            found, expected = (torch.autograd.grad(y, form, g.double(), retain_graph=True) for y in (z, wanted))
            same(found, expected)


def test_inputs_are_left_alone(backend: str) -> None:
    inputs = drawn(4, 3, 8)
    before = [one.detach().clone() for one in inputs]
    operator.linear(*inputs, 3, backend).sum().backward()
    assert all(map(torch.equal, inputs, before))


def test_two_calls_are_equal_bit_for_bit(backend: str) -> None:
    inputs = drawn(40, 30, 50, dtype=torch.float32)
    torch.use_deterministic_algorithms(True)
    try:
        first, second = ([z := operator.linear(*inputs, 7, backend), *gradients(z, inputs)] for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(map(torch.equal, first, second))


def test_a_part_changed_in_place_is_noticed(backend: str) -> None:
    x, w, bias = drawn(4, 3, 8)
    z = operator.linear(x, w, bias, 3, backend)
    with torch.no_grad():
        w.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


# --- The layer ---


def test_copies_keep_the_backend(backend: str) -> None:
    layer = aat.AATLinear(8, 5, k=3, backend=backend)
    x = torch.randn(4, 8)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.backend == backend
        assert torch.equal(twin(x), layer(x))
    assert layer.state_dict().keys() == nn.Linear(8, 5).state_dict().keys()


def test_a_wrong_backend_is_one_clear_line() -> None:
    with pytest.raises(aat.InputError, match=r"^unknown backend 'fast'; expected [^\n]*; try [^\n]*$"):
        aat.AATLinear(8, 5, k=3, backend="fast")
    with pytest.raises(aat.InputError, match=r"^backend 'cpu' does not fit: [^\n]*; expected [^\n]*; try [^\n]*$"):
        aat.AATLinear(100, 5, k=70, backend="cpu")(torch.zeros(100))
    with pytest.raises(aat.InputError, match=r"^backend 'cpu' does not fit: the tensors are on meta; [^\n]*$"):
        aat.AATLinear(100, 5, k=7, backend="cpu", device="meta")(torch.zeros(100, device="meta"))
