"""The L1 path: optimal by its own conditions, on digits; sparse, and undone standardisation."""

from functools import cache

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from aat import InputError
from aat.heads.sparse import Sparse, path
from aat.seeds import generator


@cache
def digits() -> tuple[Tensor, Tensor]:
    found = load_digits()
    return torch.from_numpy(found.data)[:400], torch.from_numpy(found.target)[:400].long()


@cache
def heads() -> tuple[Sparse, ...]:
    return tuple(path(*digits(), "digits", most=4, ratio=0.6))


def test_the_path_grows_from_few_weights_and_ends_past_the_most() -> None:
    numbers = [torch.count_nonzero(found.head.weight).item() / 10 for found in heads()]
    assert numbers[0] < 2.5
    assert all(number <= 4 for number in numbers[:-1])
    assert numbers[-1] > 4
    assert [found.penalty for found in heads()] == pytest.approx([0.6**point for point in range(1, len(numbers) + 1)])
    seconds = [found.seconds for found in heads()]
    assert seconds == sorted(seconds)
    x, labels = digits()
    right = [(found.head(x).argmax(1) == labels).double().mean().item() for found in heads()]
    assert right[-1] > 0.85 > right[0]


def test_every_head_is_optimal() -> None:
    """By autograd: ∂loss/∂w = −λ sign(w) where w ≠ 0, and at most λ in size elsewhere."""
    x, labels = digits()
    spread, mean = x.std(0, correction=0), x.mean(0)
    spread = torch.where(spread > 0, spread, 1.0)
    standard = (x - mean) / spread
    residual = torch.nn.functional.one_hot(labels).double()
    largest = (standard.T @ (residual - residual.mean(0))).abs().max()
    for found in heads():
        assert found.converged
        weight = (found.head.weight * spread).requires_grad_()
        bias = (found.head.bias + found.head.weight @ mean).requires_grad_()
        torch.testing.assert_close(standard @ weight.T + bias, found.head(x))
        loss = torch.nn.functional.cross_entropy(standard @ weight.T + bias, labels, reduction="sum")
        of_weight, of_bias = torch.autograd.grad(loss, (weight, bias))
        slope = of_weight / (largest * found.penalty)
        heard = weight.detach() != 0
        torch.testing.assert_close(slope[heard], -weight.detach()[heard].sign(), rtol=0, atol=0.05)
        assert slope[~heard].abs().max() <= 1.05
        assert of_bias.abs().max() < 0.05 * largest * found.penalty


def test_under_the_largest_penalty_nothing_is_heard() -> None:
    x, labels = digits()
    (found,) = path(x, labels, most=0, ratio=0.999999, least=0.9999985)
    assert found.head.weight.abs().max() < 1e-6
    (below,) = path(x, labels, most=99, ratio=0.97, least=0.95)
    assert below.head.weight.abs().max() > 1e-3


def test_the_names_determine_it() -> None:
    first, again = (next(iter(path(*digits(), "one", most=1, ratio=0.3))) for _ in range(2))
    assert torch.equal(first.head.weight, again.head.weight)
    assert torch.equal(first.head.bias, again.head.bias)


def test_two_classes() -> None:
    x = torch.rand(60, 3, generator=generator("two"))
    labels = (x[:, 1] > 0.5).long()
    *_, last = path(x, labels, most=0.99, ratio=0.5)
    assert last.head.weight.dtype == torch.float32
    assert last.head.weight.shape == (2, 3)
    assert (last.head(x).argmax(1) == labels).float().mean() > 0.9


@pytest.mark.parametrize(
    ("x", "labels"),
    [(torch.rand(4, 3), [0, 0, 2, 2]), (torch.rand(4, 3), [0] * 4), (torch.ones(4, 3), [0, 1, 0, 1])],
    ids=["a class without samples", "one class", "features that tell nothing"],
)
def test_a_mistake_is_one_line(x: Tensor, labels: list[int]) -> None:
    with pytest.raises(InputError, match="expected some") as error:
        next(iter(path(x, torch.tensor(labels), most=1)))
    assert "\n" not in str(error.value)
