"""Training of heads: that it learns, that its names determine it, and the loss of EM routing."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from aat import AATLinear, InputError
from aat.heads import EMRouting, fit
from aat.heads.spread_loss import margin, spread_loss
from aat.seeds import generator

HEADS: dict[str, Callable[[], nn.Module]] = {
    "dense": partial(nn.Linear, 6, 3),
    "aat": partial(AATLinear, 6, 3, k=2),
    "em": partial(EMRouting, 6, 3, pose=2),
}


def blobs(count: int = 240) -> tuple[Tensor, Tensor]:
    """Three classes, each with two strong units of its own."""
    labels = torch.arange(count) % 3
    x = 0.3 * torch.rand(count, 6, generator=generator("blobs"))
    x[torch.arange(count), 2 * labels] += 1
    x[torch.arange(count), 2 * labels + 1] += 0.5
    return x, labels


@pytest.mark.parametrize("name", HEADS)
def test_every_head_learns(name: str) -> None:
    x, labels = blobs()
    head, seconds = fit(HEADS[name], x, labels, name, epochs=6, lr=0.05, batch=16)
    assert (head(x).argmax(1) == labels).float().mean() > 0.98
    assert seconds > 0
    assert not head.training


def test_em_routing_learns_by_its_own_loss() -> None:
    x, labels = blobs()
    # at a temperature at which activations can come apart by the margin
    made = partial(EMRouting, 6, 3, pose=2, final=10.0)
    head, _ = fit(made, x, labels, "spread", epochs=6, lr=0.05, batch=16, loss=spread_loss)
    assert (head(x).argmax(1) == labels).float().mean() > 0.98


def test_the_names_determine_everything() -> None:
    x, labels = blobs(60)

    def weights(*names: object) -> Tensor:
        torch.rand(1)  # the global stream is somewhere else each time
        return fit(HEADS["aat"], x, labels, *names, epochs=2, lr=0.01)[0].weight  # type: ignore[return-value]

    with torch.random.fork_rng():
        assert torch.equal(weights("a", 0), weights("a", 0))
        assert not torch.equal(weights("a", 0), weights("a", 1))
        state = torch.get_rng_state()
        fit(HEADS["aat"], x, labels, epochs=1, lr=0.01)
        assert torch.equal(torch.get_rng_state(), state)


def test_steps_are_those_of_adam_and_fall_to_zero() -> None:
    """Two steps on one sample of weight 0: Adam's first step is lr against the sign, its second half of that."""
    x, labels = torch.ones(1, 1), torch.zeros(1, dtype=torch.long)
    seen: list[float] = []

    def note(scores: Tensor, labels: Tensor, progress: float) -> Tensor:
        seen.append(scores.item())
        return scores.sum()

    def zero() -> nn.Module:
        head = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(head.weight)
        return head

    head, _ = fit(zero, x, labels, epochs=2, lr=0.1, loss=note)
    assert seen == pytest.approx([0, -0.1])
    assert head.weight.item() == pytest.approx(-0.15)


def test_progress_is_told() -> None:
    x, labels = blobs(60)
    told, epochs = [], []

    def loss(scores: Tensor, labels: Tensor, progress: float) -> Tensor:
        told.append(progress)
        return scores.sum()

    fit(HEADS["dense"], x, labels, epochs=2, lr=0.01, batch=30, loss=loss, advance=lambda: epochs.append(len(told)))
    assert told == [0, 0.25, 0.5, 0.75]
    assert epochs == [2, 4]


MISTAKES = {
    "no samples": (torch.zeros(0, 6), torch.zeros(0, dtype=torch.long), {}),
    "no labels": (torch.zeros(4, 6), torch.zeros(3, dtype=torch.long), {}),
    "labels that are no integers": (torch.zeros(4, 6), torch.zeros(4), {}),
    "epochs": (*blobs(9), {"epochs": 0}),
    "lr": (*blobs(9), {"lr": float("nan")}),
    "the loss is": (torch.full((4, 6), torch.inf), torch.zeros(4, dtype=torch.long), {}),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line(case: str) -> None:
    x, labels, numbers = MISTAKES[case]
    with pytest.raises(InputError, match="expected") as error:
        fit(HEADS["dense"], x, labels, **({"epochs": 1, "lr": 0.1} | numbers))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@given(st.integers(2, 4), st.integers(1, 3), st.floats(0, 1))
def test_the_spread_loss_is_its_definition(classes: int, samples: int, progress: float) -> None:
    scores = torch.randn(samples, classes, generator=generator("spread", classes, samples), dtype=torch.float64)
    labels = torch.arange(samples) % classes
    a = scores.sigmoid().tolist()
    expected = sum(
        max(0.0, 0.2 + 0.7 * progress - (a[s][y] - a[s][j])) ** 2
        for s, y in enumerate(labels.tolist())
        for j in range(classes)
        if j != y
    )
    assert spread_loss(scores, labels, progress).item() == pytest.approx(expected / samples)
    assert margin(0) == 0.2
    assert margin(1) == pytest.approx(0.9)
