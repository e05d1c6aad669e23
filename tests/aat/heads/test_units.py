"""Numbers of units, against their definitions by loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from aat import AATLinear, InputError
from aat.heads import EMRouting, units
from aat.seeds import generator


def number(evidence: list[float]) -> float:
    """Effective number of units, by its definition."""
    total = sum(evidence)
    return math.exp(-sum(e / total * math.log(e / total) for e in evidence if e))


def linear(n: int, classes: int, k: int | None) -> tuple[nn.Linear, Tensor]:
    source = generator("units", n, classes, k)
    head = nn.Linear(n, classes) if k is None else AATLinear(n, classes, k=k)
    with torch.no_grad():
        head.weight.copy_(torch.randn(classes, n, generator=source))
        head.bias.copy_(torch.randn(classes, generator=source))
    return head.double(), torch.rand(7, n, generator=source, dtype=torch.float64)


@given(st.integers(1, 6), st.integers(1, 3), st.data())
def test_an_aat_head(n: int, classes: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    head, x = linear(n, classes, k)
    weight = head.weight.tolist()
    ever: set[tuple[int, int]] = set()
    effective = 0.0
    for row, scores in zip(x.tolist(), head(x).tolist(), strict=True):
        votes = [[w * value for w, value in zip(each, row, strict=True)] for each in weight]
        heard = [sorted(range(n), key=lambda i: -of[i])[:k] for of in votes]
        ever |= {(j, i) for j in range(classes) for i in heard[j]}
        j = scores.index(max(scores))
        effective += number([abs(votes[j][i]) for i in heard[j]])
    assert units(head, x) == pytest.approx((k, len(ever) / classes, effective / len(x)))


@given(st.integers(2, 6), st.integers(1, 3))
def test_a_linear_head_uses_its_weights(n: int, classes: int) -> None:
    head, x = linear(n, classes, None)
    with torch.no_grad():
        head.weight[0, 0] = 0.0
    heard = n - 1 / classes
    found = units(head, x)
    assert (found.nec, found.used) == pytest.approx((heard, heard))
    chosen = head(x).argmax(1).tolist()
    votes = [(head.weight[j] * row).abs().tolist() for j, row in zip(chosen, x, strict=True)]
    assert found.effective == pytest.approx(sum(map(number, votes)) / len(x))


def test_em_routing() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = EMRouting(5, 3).double()
    x = 4 * torch.rand(6, 5, generator=generator("em"), dtype=torch.float64)
    heard = head.heard(x).tolist()
    chosen = head(x).argmax(1).tolist()
    nec = [number(of) for sample in heard for of in sample]
    used = [number([sum(sample[j][i] for sample in heard) for i in range(5)]) for j in range(3)]
    effective = [number(sample[j]) for sample, j in zip(heard, chosen, strict=True)]
    means = [sum(each) / len(each) for each in (nec, used, effective)]
    assert units(head, x) == pytest.approx(means)


def test_batches_change_nothing() -> None:
    head, _ = linear(6, 3, 2)
    x = torch.rand(1203, 6, generator=generator("many"), dtype=torch.float64)
    assert units(head, x).used == max(units(head, part).used for part in (x, x[:400]))
    assert units(head, x.flip(0)) == pytest.approx(units(head, x))


@pytest.mark.parametrize(
    ("head", "count"),
    [(nn.ReLU(), 2), (AATLinear(4, 2, k=2, smoothing="entropic", mu=0.1), 2), (nn.Linear(4, 2), 0)],
    ids=["no head", "smoothed", "no samples"],
)
def test_a_mistake_is_one_line(head: nn.Module, count: int) -> None:
    with pytest.raises(InputError, match="expected"):
        units(head, torch.zeros(count, 4))
