"""Quantiles of a stream: within the stated error of the definition's, at an exactly known rank, however it is cut."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import Tensor

from aat import InputError
from aat.concepts.sketch import Sketch
from aat.seeds import generator

SINGLE = st.floats(width=32, allow_nan=False)
# numbers that tie, among all kinds of others
NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0, 6.0, math.inf, -math.inf, 1e-45, -1e-45]), SINGLE)
VALUES = arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=7), elements=NUMBERS)
SHARES = st.one_of(st.sampled_from([0.0, 0.005, 0.1, 0.25, 0.5, 0.9]), st.integers(0, 999).map(lambda i: i / 1000))
BITS = st.integers(0, 12)


def sketch(values: Tensor, bits: int = 8) -> Sketch:
    found = Sketch(values.shape[1], bits)
    found.add(values)
    return found


def by_unit(values: Tensor) -> np.ndarray:
    """The numbers of each unit, in float64."""
    return values.double().transpose(0, 1).flatten(1).numpy()


def within(exact: float, threshold: float, bits: int) -> bool:
    """Whether the threshold is above the exact one by no more than is stated."""
    if math.isinf(exact):
        return threshold == exact or (exact < 0 and threshold < 0)
    top = float(np.finfo(np.float32).max)
    return exact <= threshold and min(threshold, 2 * top) - exact <= 2.0**-bits * abs(exact) + 2.0 ** (-126 - bits)


@given(VALUES, SHARES, BITS)
def test_thresholds_are_those_of_numpy_within_the_stated_error(x: np.ndarray, share: float, bits: int) -> None:
    values = torch.from_numpy(x)
    thresholds, exceeding = sketch(values, bits).threshold(share)
    for numbers, threshold, above in zip(by_unit(values), thresholds.tolist(), exceeding.tolist(), strict=True):
        # the definition: the least number that at most this share exceeds
        allowed = math.floor(Fraction(str(share)) * len(numbers))
        exact = np.sort(numbers)[::-1][allowed]
        assert above == (numbers > threshold).sum() <= allowed
        assert within(exact, threshold, bits)


@given(arrays(np.float64, st.tuples(st.integers(1, 40), st.just(1)), elements=st.floats(-1e6, 1e6)), st.integers(1, 63))
def test_numpys_quantile_lies_in_the_same_bucket(x: np.ndarray, eighth: int) -> None:
    share = eighth / 64  # exact, so that NumPy's rank is too
    exact = np.quantile(x[:, 0], 1 - share, method="inverted_cdf")
    threshold = sketch(torch.from_numpy(x), 12).threshold(share)[0].item()
    assert exact <= threshold
    # one more for rounding to float32
    assert threshold - exact <= (2.0**-12 + 2.0**-23) * abs(exact) + 2.0**-138


@pytest.mark.parametrize(("kind", "bits"), [(torch.bfloat16, 7), (torch.float16, 10)])
def test_thresholds_of_short_numbers_exceed_the_same_numbers_as_the_exact_ones(kind: torch.dtype, bits: int) -> None:
    values = torch.randn(40, 3, 5, 5, generator=generator("short numbers")).to(kind)
    thresholds, exceeding = sketch(values, bits).threshold(0.1)
    for numbers, threshold, above in zip(by_unit(values), thresholds.tolist(), exceeding.tolist(), strict=True):
        exact = np.quantile(numbers, 0.9, method="inverted_cdf")
        assert above == (numbers > exact).sum() == (numbers > threshold).sum()


@given(arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.floats(-1e300, 1e300)), SHARES)
def test_the_rank_is_exact_in_double_precision(x: np.ndarray, share: float) -> None:
    thresholds, exceeding = sketch(torch.from_numpy(x)).threshold(share)
    assert exceeding.tolist() == (x > thresholds.double().numpy()).sum(0).tolist()


def test_double_precision_is_rounded_up_not_to_the_nearest() -> None:
    # rounded to the nearest, the larger one would be the end of its bucket
    end = np.nextafter(np.float32(2), np.float32(0))
    values = torch.tensor([[1.0], [float(end) + 1e-9]], dtype=torch.float64)
    threshold, exceeding = sketch(values, 0).threshold(0.5)
    assert threshold.item() == end
    assert exceeding.tolist() == [1]
    assert (values > threshold.double()).sum() == 1


@given(VALUES, SHARES, st.integers(1, 7))
def test_neither_cuts_nor_order_nor_merging_matter(x: np.ndarray, share: float, size: int) -> None:
    values = torch.from_numpy(x)
    whole = sketch(values).threshold(share)
    parts = [sketch(part) for part in values.flip(0).split(size)]
    first = parts.pop()
    for part in parts:
        first.merge(part)
    stream = Sketch(values.shape[1])
    for part in values.split(size):
        stream.add(part)
    for other in (first, stream):
        assert all(map(torch.equal, whole, other.threshold(share)))


def test_a_share_is_the_decimal_number_that_is_written() -> None:
    # as a binary number 0.29 is a little less
    assert sketch(torch.arange(100.0)[:, None]).threshold(0.29)[1].item() == 29


def test_a_unit_that_is_constant_never_exceeds_its_threshold() -> None:
    values = torch.tensor([0.0, -0.0, 6.0, -3.0, 1e-40]).repeat(500, 1)
    thresholds, exceeding = sketch(values).threshold(0.005)
    assert not (values > thresholds).any()
    assert not exceeding.any()


def test_a_unit_that_is_mostly_zero_is_active_where_it_is_positive() -> None:
    values = torch.zeros(1000, 1)
    values[:3] = torch.tensor([[1e-30], [1.0], [2.0]])
    threshold, exceeding = sketch(values).threshold(0.005)
    assert (values > threshold).sum() == exceeding.item() == 3
    assert 0 <= threshold.item() < 2.0**-126


def test_the_state_does_not_grow_with_the_stream() -> None:
    randomness = generator("a long stream")
    found = Sketch(4)
    sizes = []
    for _ in range(60):
        found.add(torch.randn(50, 4, 6, 6, generator=randomness).relu())
        sizes.append(found.bytes)
    assert found.total.tolist() == [60 * 50 * 36] * 4
    # columns: a few of the 2⁹⁺⁸ buckets
    assert sizes[-1] <= sizes[9] * 1.1
    assert found.bytes <= 8 * (2**17 + 1) * (2 + 4)


def test_mistakes_are_one_line() -> None:
    for bits in (-1, 13):
        with pytest.raises(InputError, match="expected 0 to 12"):
            Sketch(1, bits)
    empty = Sketch(2)
    with pytest.raises(InputError, match="quantiles of no numbers"):
        empty.threshold(0.1)
    for values in (torch.zeros(2, 3), torch.zeros(2)):
        with pytest.raises(InputError, match=r"expected \(B, 2, \.\.\.\)"):
            empty.add(values)
    with pytest.raises(InputError, match="an activation is nan"):
        empty.add(torch.tensor([[0.0, math.nan]]))
    with pytest.raises(InputError, match="expected 2 units, 8 bits"):
        empty.merge(Sketch(2, 7))
    empty.add(torch.zeros(1, 2))
    for share in (-0.1, 1.0, math.nan):
        with pytest.raises(InputError, match="expected 0 <= quantile < 1"):
            empty.threshold(share)
