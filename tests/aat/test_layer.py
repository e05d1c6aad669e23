"""AATLinear against nn.Linear and against the definition, one sample and one class at a time."""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import aat

quick = settings(deadline=None, max_examples=50)


@st.composite
def heads(draw: st.DrawFn) -> tuple[aat.AATLinear, Tensor]:
    """Return a float64 layer with small integer weights (so that votes tie) and an input for it."""
    n, outputs = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    k, bias = draw(st.integers(1, n)), draw(st.booleans())
    layer = aat.AATLinear(n, outputs, bias, dtype=torch.float64, k=k)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-2, 3, layer.weight.shape, generator=generator))
    leading = draw(st.sampled_from([(), (0,), (3,), (2, 3)]))
    return layer, torch.randint(-2, 3, (*leading, n), generator=generator).double()


@quick
@given(heads())
def test_outputs_are_the_definition_class_by_class(case: tuple[aat.AATLinear, Tensor]) -> None:
    layer, x = case
    z = layer(x)
    assert z.shape == (*x.shape[:-1], layer.out_features)
    assert layer.votes(x).shape == (*x.shape[:-1], layer.out_features, layer.in_features)
    for j, weight in enumerate(layer.weight):
        expected = (weight * x).topk(layer.k).values.sum(-1)
        if layer.bias is not None:
            expected = expected + layer.bias[j]
        torch.testing.assert_close(z[..., j], expected, rtol=1e-14, atol=1e-14)


@quick
@given(heads())
def test_gradients_flow_through_the_kept_votes_only(case: tuple[aat.AATLinear, Tensor]) -> None:
    layer, x = case
    x.requires_grad_()
    layer(x).sum().backward()
    kept = aat.mask(layer.votes(x), layer.k)
    weight_grad = (kept * x.detach().unsqueeze(-2)).reshape(-1, *layer.weight.shape).sum(0)
    torch.testing.assert_close(layer.weight.grad, weight_grad)
    torch.testing.assert_close(x.grad, (kept * layer.weight.detach()).sum(-2))
    if layer.bias is not None:
        assert (layer.bias.grad == x.shape[:-1].numel()).all()


@pytest.mark.parametrize(("smoothing", "mu"), [(None, None), ("entropic", 0.3)])
@pytest.mark.parametrize("bias", [True, False])
def test_full_width_is_the_dense_layer_bit_for_bit(smoothing, mu, bias: bool) -> None:
    dense = nn.Linear(33, 7, bias)
    layer = aat.AATLinear(33, 7, bias, k=33, smoothing=smoothing, mu=mu)
    layer.load_state_dict(dense.state_dict())
    x = torch.randn(5, 33)
    assert torch.equal(layer(x), dense(x))


def test_full_width_with_the_quadratic_smoothing_is_dense_less_a_constant() -> None:
    layer = aat.AATLinear(6, 2, k=6, smoothing="quadratic", mu=0.5, dtype=torch.float64)
    x = torch.randn(4, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias) - 0.5 * 6 / 2)


@pytest.mark.parametrize("smoothing", ["entropic", "quadratic"])
def test_smoothing_reaches_the_outputs_and_the_weights(smoothing: str) -> None:
    layer = aat.AATLinear(6, 3, k=2, smoothing=smoothing, mu=0.3, dtype=torch.float64)
    x = torch.randn(6, dtype=torch.float64)
    z = layer(x)
    z[1].backward()
    votes = layer.votes(x).detach()
    torch.testing.assert_close(z, aat.topk_sum(votes, 2, smoothing, 0.3) + layer.bias)
    assert not torch.allclose(z, aat.topk_sum(votes, 2) + layer.bias)
    torch.testing.assert_close(layer.weight.grad[1], x * aat.multipliers(votes[1], 2, smoothing, 0.3))
    assert not layer.weight.grad[[0, 2]].any()


def test_drop_in_arguments_initialisation_and_state() -> None:
    torch.manual_seed(0)
    dense = nn.Linear(12, 4, True, "cpu", torch.float64)
    torch.manual_seed(0)
    layer = aat.AATLinear(12, 4, True, "cpu", torch.float64, k=5)
    assert isinstance(layer, nn.Linear)
    assert layer.state_dict().keys() == dense.state_dict().keys()
    assert torch.equal(layer.weight, dense.weight)
    assert torch.equal(layer.bias, dense.bias)
    assert aat.AATLinear(512, 365, k=5).weight.shape == (365, 512)
    assert aat.AATLinear(4, 2, bias=False, k=1).bias is None


def test_repr_tells_the_routing() -> None:
    hard = "AATLinear(in_features=8, out_features=2, bias=False, k=3, backend='reference')"
    soft = "AATLinear(in_features=8, out_features=2, bias=True, k=3, smoothing='entropic', mu=0.1, backend='chunked')"
    assert repr(aat.AATLinear(8, 2, bias=False, k=3, backend="reference")) == hard
    assert "backend='dense'" in repr(aat.AATLinear(8, 2, k=8))
    assert repr(aat.AATLinear(8, 2, k=3, smoothing="entropic", mu=0.1)) == soft


def test_copies_and_pickles() -> None:
    layer = aat.AATLinear(8, 2, k=3, smoothing="quadratic", mu=0.1)
    x = torch.randn(4, 8)
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    for twin in (copy.deepcopy(layer), torch.load(file, weights_only=False)):
        assert torch.equal(twin(x), layer(x))
        assert repr(twin) == repr(layer)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_from_linear_shares_the_parameters(bias: bool, training: bool) -> None:
    dense = nn.Linear(8, 2, bias, dtype=torch.float64).train(training)
    dense.weight.requires_grad_(False)
    layer = aat.AATLinear.from_linear(dense, 3, "entropic", 0.2)
    assert layer.weight is dense.weight
    assert layer.bias is dense.bias
    assert layer.training is training
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in dense.named_parameters()]
    assert (layer.in_features, layer.out_features) == (8, 2)
    assert (layer.k, layer.smoothing, layer.mu) == (3, "entropic", 0.2)


def test_from_linear_refuses_a_computed_weight() -> None:
    dense = nn.utils.parametrizations.weight_norm(nn.Linear(8, 2))
    with pytest.raises(aat.InputError, match=r"^ParametrizedLinear computes its weight; .*try [^\n]*$"):
        aat.AATLinear.from_linear(dense, 3)


@pytest.mark.parametrize("shape", [(5, 7), (8, 1), (), (8, 0)])
@pytest.mark.parametrize("k", [3, 8])
def test_a_wrong_input_is_one_clear_line(shape: tuple[int, ...], k: int) -> None:
    layer = aat.AATLinear(8, 2, k=k)
    with pytest.raises(aat.InputError, match=r"^input of shape \(.*; expected \(\*batch, 8\); try [^\n]*$"):
        layer(torch.zeros(shape))
    with pytest.raises(aat.InputError, match=r"^input of shape"):
        layer.votes(torch.zeros(shape))


@pytest.mark.parametrize(
    "wrong",
    [{"k": 0}, {"k": 9}, {"k": 2.0}, {"k": 2, "mu": 0.1}, {"k": 2, "smoothing": "entropic"}],
    ids=str,
)
def test_wrong_arguments_are_found_when_the_layer_is_made(wrong: dict[str, object]) -> None:
    with pytest.raises(aat.InputError, match="expected"):
        aat.AATLinear(8, 2, **wrong)
