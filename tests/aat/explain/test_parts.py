"""Decimals that add up, and a score taken apart."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from aat import AATLinear
from aat.explain import VoteAttribution, decimals, sums
from aat.seeds import generator

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


def read(shown: str) -> Fraction:
    return Fraction(shown.replace("−", "-"))


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_decimals_add_up_and_are_near(values: list[float]) -> None:
    shown, total = decimals(values)
    assert sum(map(read, shown)) == read(total)
    unit = Fraction(1, 10 ** len(total.partition(".")[2]))
    for value, text in zip(values, shown, strict=True):
        assert abs(read(text) - Fraction(value)) < unit
        assert read(text) or not text.startswith("−")
    assert abs(read(total) - sum(map(Fraction, values))) <= unit / 2


@given(st.lists(NUMBERS, min_size=1, max_size=30).filter(lambda values: max(map(abs, values)) > 1e-300))
def test_decimals_have_three_digits_of_the_largest(values: list[float]) -> None:
    shown, _ = decimals(values)
    places = max(0, 2 - math.floor(math.log10(max(map(abs, values)))))
    assert all(len(text.partition(".")[2]) == places for text in shown)


def test_decimals_of_nothing_but_zeros() -> None:
    assert decimals([0.0, -0.0]) == (["0.00", "0.00"], "0.00")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_decimals_of_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        decimals([1.0, value])


def network(k: int | None, **told: float | str) -> nn.Module:
    torch.manual_seed(1)
    head = nn.Linear(12, 3) if k is None else AATLinear(12, 3, k=k, **told)
    return nn.Sequential(nn.Flatten(), head)


@pytest.mark.parametrize(
    ("k", "more"), [(3, []), (6, ["2 more units"]), (5, ["1 more unit"]), (None, ["8 more units"])]
)
def test_what_is_shown_of_a_score(k: int | None, more: list[str]) -> None:
    whole = network(k)
    attribution = VoteAttribution(whole)
    images = torch.rand(6, 12, 1, 1, generator=generator("parts"))
    told = sums(attribution.votes(attribution.probe(images)), most=4)
    for one, scores in zip(told, whole(images), strict=True):
        assert one.target == scores.argmax()
        assert one.score == pytest.approx(scores.max().item(), rel=1e-6)
        assert sum(read(part.shown) for part in one.parts) == read(one.shown)
        assert math.fsum(part.value for part in one.parts) == one.score
        assert [part.name for part in one.parts if part.unit is None] == [*more, "bias"]
        assert math.fsum(part.share for part in one.parts if part.share is not None) == pytest.approx(1)
        sizes = [abs(part.value) for part in one.parts if part.unit is not None]
        assert sizes == sorted(sizes, reverse=True)
        assert len(one.units) == min(k or 12, 4)


def test_smoothing_is_a_part_of_its_own() -> None:
    whole = network(3, smoothing="entropic", mu=0.2)
    attribution = VoteAttribution(whole)
    images = torch.rand(2, 12, 1, 1, generator=generator("smooth"))
    for one, scores in zip(sums(attribution.votes(attribution.probe(images)), 12), whole(images), strict=True):
        assert [part.name for part in one.parts][-2:] == ["smoothing", "bias"]
        assert one.score == pytest.approx(scores.max().item(), rel=1e-6)
