"""convert() on networks laid out like the well-known ones."""

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import aat


class Net(nn.Module):
    """A convolution, pooling, and a classifier registered under any dotted name."""

    def __init__(self, name: str, classifier: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.add_module(name, classifier)
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.name)(self.features(x))


class Attention(nn.Module):
    """A block with linear layers of its own, before the head."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.mix = nn.MultiheadAttention(8, 2)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.mix(x, x, x)[0])


def hidden() -> list[nn.Module]:
    return [nn.Linear(8, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3)]


NETS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "resnet": (lambda: Net("fc", nn.Linear(8, 3)), "fc"),
    "densenet": (lambda: Net("classifier", nn.Linear(8, 3)), "classifier"),
    "vgg": (lambda: Net("classifier", nn.Sequential(*hidden())), "classifier.3"),
    "vit": (lambda: Net("heads", nn.Sequential(OrderedDict(head=nn.Linear(8, 3)))), "heads.head"),
    "swin": (lambda: Net("head", Attention(nn.Linear(8, 3))), "head.head"),
    "nested": (
        lambda: nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(64, 5), nn.Sequential(nn.Linear(5, 3)))),
        "1.1.0",
    ),
}
every_net = pytest.mark.parametrize(("make", "path"), NETS.values(), ids=NETS)


@every_net
def test_only_the_classifier_becomes_an_aat_layer(make: Callable[[], nn.Module], path: str) -> None:
    model = make().eval()
    before = dict(model.named_modules())
    parameters = dict(model.named_parameters())
    assert aat.convert(model, k=2, smoothing="entropic", mu=0.5) is model
    after = dict(model.named_modules())
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] is not before[name]] == [path]
    head = model.get_submodule(path)
    assert isinstance(head, aat.AATLinear)
    assert (head.k, head.smoothing, head.mu, head.training) == (2, "entropic", 0.5, False)
    for name, parameter in model.named_parameters():
        assert parameter is parameters[name]


@every_net
def test_the_converted_network_computes_and_trains(make: Callable[[], nn.Module], path: str) -> None:
    model = aat.convert(make().eval(), k=2)
    model(torch.randn(4, 1, 8, 8)).logsumexp(-1).sum().backward()
    assert model.get_submodule(path).weight.grad.any()


@every_net
def test_full_width_changes_no_bit_and_a_state_dict_loads_both_ways(make: Callable[[], nn.Module], path: str) -> None:
    dense, model = make().eval(), make().eval()
    aat.convert(model, k=model.get_submodule(path).in_features)
    model.load_state_dict(dense.state_dict())
    x = torch.randn(4, 1, 8, 8)
    assert torch.equal(model(x), dense(x))
    dense.load_state_dict(model.state_dict())


def test_a_name_comes_before_the_order_of_registration() -> None:
    model = nn.Sequential(OrderedDict(logits=nn.Linear(8, 3), auxiliary=nn.Linear(8, 3)))
    aat.convert(model, k=2, name="logits")
    assert isinstance(model.logits, aat.AATLinear)
    assert type(model.auxiliary) is nn.Linear


def test_a_linear_model_comes_back_as_an_aat_layer() -> None:
    dense = nn.Linear(8, 3)
    for name in (None, ""):
        layer = aat.convert(dense, k=2, name=name)
        assert isinstance(layer, aat.AATLinear)
        assert layer.weight is dense.weight


def test_converting_again_sets_the_new_k() -> None:
    model = aat.convert(Net("fc", nn.Linear(8, 3)), k=2, smoothing="quadratic", mu=0.1)
    weight = model.fc.weight
    aat.convert(model, k=5)
    assert repr(model.fc).startswith("AATLinear(in_features=8, out_features=3, bias=True, k=5, backend=")
    assert model.fc.weight is weight


def test_a_module_with_two_names_stays_one_module() -> None:
    model = Net("fc", nn.Linear(8, 3))
    model.alias = model.fc
    for name in (None, "fc", "alias"):
        aat.convert(model, k=2, name=name)
        assert isinstance(model.fc, aat.AATLinear)
        assert model.alias is model.fc


def test_tied_weights_optimisers_and_parameter_hooks_survive() -> None:
    model = nn.Sequential(OrderedDict(embed=nn.Embedding(5, 8), head=nn.Linear(8, 5, bias=False)))
    model.head.weight = model.embed.weight
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    seen: list[Tensor] = []
    model.head.weight.register_hook(seen.append)
    aat.convert(model, k=3)
    assert model.head.weight is model.embed.weight
    before = model.head.weight.detach().clone()
    model(torch.tensor([0, 1])).square().sum().backward()
    optimiser.step()
    assert len(seen) == 1
    assert not torch.equal(model.head.weight, before)


def test_dtype_and_frozen_parameters_are_kept() -> None:
    model = Net("fc", nn.Linear(8, 3)).to(torch.bfloat16)
    model.fc.requires_grad_(False)
    aat.convert(model, k=2)
    assert model.fc.weight.dtype == torch.bfloat16
    assert not model.fc.weight.requires_grad
    assert model(torch.randn(2, 1, 8, 8, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"k": 9}, "k = 9 with n = 8 votes; expected 1 <= k <= n; try k=8"),
        ({"k": 2, "mu": 0.1}, "mu = 0.1 without smoothing;"),
        ({"k": 2, "name": "head"}, "name = 'head' is no module; expected an nn.Linear; try name='fc'"),
        ({"k": 2, "name": "features"}, "name = 'features' is a Sequential; expected an nn.Linear; try name='fc'"),
    ],
    ids=str,
)
def test_a_wrong_call_is_one_clear_line_and_leaves_the_model_alone(arguments: dict[str, object], said: str) -> None:
    model = Net("fc", nn.Linear(8, 3))
    with pytest.raises(aat.InputError) as error:
        aat.convert(model, **arguments)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)
    assert type(model.fc) is nn.Linear


@pytest.mark.parametrize("name", [None, "0"])
def test_a_model_without_a_linear_layer_is_one_clear_line(name: str | None) -> None:
    with pytest.raises(aat.InputError, match=r"expected .*; try [^\n]*$"):
        aat.convert(nn.Sequential(nn.Conv2d(1, 2, 3)), k=1, name=name)
