"""Routing in numbers: against plain loops and SciPy; how often the intervals cover."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jaccard
from torch import Tensor, nn

from aat import AATLinear, InputError
from aat.estimate import Estimate, jackknife, mean
from aat.overlap import overlap
from aat.routing import carriers, contributions, effective_number, shares
from aat.routing_statistics import NAMES, Routing, statistics
from aat.seeds import generator, key

CLASSES, UNITS = 4, 6
LISTS = st.lists(st.tuples(st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 3)), min_size=1, max_size=9)


def make(count: int, k: int | None = 3) -> tuple[nn.Linear, Tensor, Tensor]:
    """A head, and rectified features put in the classes 0, 1 and 3."""
    randomness = generator("routing statistics", count, k)
    head = nn.Linear(UNITS, CLASSES) if k is None else AATLinear(UNITS, CLASSES, k=k)
    nn.init.uniform_(head.weight, -1, 1, generator=randomness)
    x = torch.randn(count, UNITS, generator=randomness).relu()
    return head, x, torch.tensor([0, 1, 3])[torch.randint(3, (count,), generator=randomness)]


@given(LISTS, st.integers(1, 100))
def test_overlap_is_the_mean_over_all_pairs(images: list[tuple[list[bool], int]], pairs: int) -> None:
    sets, classes = np.array([units for units, _ in images]), [label for _, label in images]
    expected: dict[bool, list[float]] = {True: [], False: []}
    for a, b in combinations(range(len(images)), 2):
        expected[classes[a] == classes[b]].append(1 - float(jaccard(sets[a], sets[b])))
    within, between = overlap(torch.tensor(sets), torch.tensor(classes), pairs)
    for found, same in ((within, True), (between, False)):
        assert found.value == (pytest.approx(np.mean(expected[same]), abs=1e-12) if expected[same] else None)


@given(LISTS)
def test_the_jackknife_leaves_each_image_out(images: list[tuple[list[bool], int]]) -> None:
    def of(chosen: list[tuple[list[bool], int]]) -> list[float | None]:
        sets, classes = torch.tensor([units for units, _ in chosen]), torch.tensor([label for _, label in chosen])
        return [found.value for found in overlap(sets, classes)]

    found = overlap(*(torch.tensor(list(part)) for part in zip(*images, strict=True)))
    count = len(images)
    without = [of(images[:i] + images[i + 1 :]) for i in range(count)] if count > 1 else [[None, None]]
    for estimate, *left in zip(found, *without, strict=True):
        if estimate.value is None or None in left:
            assert estimate.lower is estimate.upper is None
        else:
            error = np.sqrt((count - 1) * np.var(np.array(left, float)))
            reach = stats.t.ppf(0.975, count - 1) * error
            assert (estimate.lower, estimate.upper) == pytest.approx(
                (estimate.value - reach, estimate.value + reach), abs=1e-9
            )


@given(st.lists(st.floats(-10, 10, width=16), min_size=2, max_size=9))
def test_of_a_mean_the_interval_is_students(values: list[float]) -> None:
    found = mean(torch.tensor(values, dtype=torch.float64))
    if np.std(values) > 1e-3:
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert (found.lower, found.upper) == pytest.approx(tuple(expected), abs=1e-9)
    assert found.value == pytest.approx(np.mean(values), abs=1e-12)


def test_what_is_not_defined_has_no_value() -> None:
    assert overlap(torch.ones(1, 3, dtype=torch.bool), torch.tensor([0])) == (Estimate(None), Estimate(None))
    # the only pair goes with either of its images
    assert overlap(torch.ones(2, 3, dtype=torch.bool), torch.tensor([0, 0])) == (Estimate(1.0), Estimate(None))
    assert mean(torch.tensor([2.0])) == Estimate(2.0)
    assert Estimate(2.0, 1.0, 4.0).under(8) == Estimate(4.0, 2.0, 8.0)
    assert Estimate(0.0, 0.0, 0.0).under(8) == Estimate(None)
    assert Estimate(1.0, -1.0, 3.0).under(8) == Estimate(8.0)
    assert jackknife(torch.zeros(2), torch.zeros(2), degree=2) == Estimate(None)


def test_intervals_cover() -> None:
    """Null: an interval of overlap misses more often than 1 in 12.5 (it is made for 1 in 20). 400 samples of 40 images.

    Passes falsely with probability at most 1e-6 where it misses in more than 1 of 6. An image's class is one of three,
    uneven, and its units are heard independently with probabilities of that class, so the truth is a finite sum.
    """
    classes = np.array([0.5, 0.3, 0.2])
    heard = np.array([[0.9, 0.8, 0.2, 0.1], [0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.3, 0.9]])
    every = np.array(list(product([0, 1], repeat=4)))
    chance = np.prod(np.where(every, heard[:, None], 1 - heard[:, None]), axis=2)
    alike = np.array([[1 - jaccard(a, b) for b in every] for a in every])
    overlaps = chance @ alike @ chance.T
    weights = classes[:, None] * classes
    same = np.eye(3, dtype=bool)
    truth = [(weights * overlaps)[kind].sum() / weights[kind].sum() for kind in (same, ~same)]
    rng = np.random.default_rng(key("intervals cover"))
    missed = np.zeros(2, int)
    for _ in range(400):
        labels = rng.choice(3, 40, p=classes)
        sets = rng.random((40, 4)) < heard[labels]
        found = overlap(torch.from_numpy(sets), torch.from_numpy(labels))
        for place, estimate in enumerate(found):
            assert estimate.lower is not None
            assert estimate.upper is not None
            missed[place] += not estimate.lower <= truth[place] <= estimate.upper
    assert (missed <= stats.binom.isf(1e-6, 400, 0.08)).all()
    # an interval that always covers is too wide to tell anything
    assert (missed >= stats.binom.isf(1 - 1e-6, 400, 0.02)).all()


@pytest.mark.parametrize("k", [3, None])
@pytest.mark.parametrize("votes", [1, 25, 10**6])
def test_statistics_are_those_of_plain_loops(k: int | None, votes: int) -> None:
    count, share = 30, 0.8
    head, x, target = make(count, k)
    found = statistics(head, x, target, share, votes)
    heard = contributions(head, x.double(), target)
    sets = [set(units.nonzero().flatten().tolist()) for units in carriers(heard, share)]
    classes = sorted(set(target.tolist()))
    of = {label: [i for i in range(count) if target[i] == label] for label in classes}
    uses = {label: set().union(*(sets[i] for i in of[label])) for label in classes}
    needs = {label: np.mean([len(sets[i]) for i in of[label]]) for label in classes}
    pooled = {label: int(carriers(shares(heard[of[label]]).sum(0), share).sum()) for label in classes}
    used, image = set().union(*uses.values()), np.mean([len(units) for units in sets])
    alike = {
        (a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) if sets[a] | sets[b] else 1.0
        for a, b in combinations(range(count), 2)
    }
    expected = {
        "heard": np.mean([sum(vote != 0 for vote in row) for row in heard.tolist()]),
        "units": image,
        "effective": effective_number(heard).mean().item(),
        "pooled": np.mean(list(pooled.values())),
        "within": np.mean([value for (a, b), value in alike.items() if target[a] == target[b]]),
        "between": np.mean([value for (a, b), value in alike.items() if target[a] != target[b]]),
        "used": len(used),
        "unused": 1 - len(used) / UNITS,
        "dynamic": len(used) / image,
        "dynamic_class": np.mean([len(uses[label]) / needs[label] for label in classes]),
        "pooled_class": np.mean([pooled[label] / needs[label] for label in classes]),
    }
    assert list(found.statistics) == list(expected) == list(NAMES)
    assert {name: estimate.value for name, estimate in found.statistics.items()} == pytest.approx(expected, abs=1e-12)
    assert found.images.tolist() == [len(of.get(label, ())) for label in range(CLASSES)]
    assert found.units.tolist() == [sum(len(units) == n for units in sets) for n in range(UNITS + 1)]
    for label, unit in product(range(CLASSES), range(UNITS)):
        assert found.carries[label, unit] == sum(unit in sets[i] for i in of.get(label, ()))


def test_a_census_has_no_interval_and_a_mean_has() -> None:
    found = statistics(*make(30)).statistics
    without = {name for name, estimate in found.items() if estimate.lower is None}
    assert without == {"pooled", "used", "unused", "dynamic_class", "pooled_class"}
    for name in found.keys() - without:
        value, lower, upper = found[name]
        assert value is not None
        assert lower is not None
        assert upper is not None
        assert lower <= value <= upper


def test_classes_with_fixed_units_are_not_dynamic() -> None:
    """Every class hears two units of its own of every image: as many as an image needs, and none alike between."""
    head = AATLinear(UNITS, 3, bias=False, k=2)
    weight = torch.zeros(3, UNITS)
    for label in range(3):
        weight[label, 2 * label : 2 * label + 2] = 1
    head.weight = nn.Parameter(weight)
    x = torch.ones(12, UNITS)
    found = statistics(head, x, torch.arange(12) % 3).statistics
    assert {name: estimate.value for name, estimate in found.items()} == pytest.approx({
        "heard": 2, "units": 2, "effective": 2, "pooled": 2, "within": 1, "between": 0, "used": 6, "unused": 0,
        "dynamic": 3, "dynamic_class": 1, "pooled_class": 1,
    })  # fmt: skip


def test_images_that_hear_nothing_have_no_say_where_units_are_divided_by() -> None:
    head = AATLinear(UNITS, CLASSES, k=2)
    found = statistics(head, torch.zeros(5, UNITS), torch.tensor([0, 0, 1, 1, 2]))
    values = {name: estimate.value for name, estimate in found.statistics.items()}
    assert values == {
        "heard": 0, "units": 0, "effective": 0, "pooled": 0, "within": 1, "between": 1, "used": 0, "unused": 1,
        "dynamic": None, "dynamic_class": None, "pooled_class": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("x", "said"), [(torch.ones(0, UNITS), "no images"), (torch.full((2, UNITS), torch.nan), "not finite")]
)
def test_what_has_no_statistics_is_refused(x: Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        statistics(nn.Linear(UNITS, CLASSES), x, torch.zeros(len(x), dtype=torch.long))


def test_the_order_of_images_changes_nothing() -> None:
    head, x, target = make(30)

    def values(found: Routing) -> list[float]:
        return [end for estimate in found.statistics.values() for end in estimate if end is not None]

    again = statistics(head, x.flip(0), target.flip(0))
    assert values(again) == pytest.approx(values(statistics(head, x, target)), abs=1e-12)


def test_ten_thousand_images_fit() -> None:
    """All 50 million pairs, in blocks that are far smaller."""
    randomness = generator("ten thousand images")
    sets, classes = torch.rand(10_000, 4, generator=randomness) < 0.5, torch.arange(10_000) % 10
    within, between = overlap(sets, classes)
    every = np.array(list(product([0, 1], repeat=4)))
    truth = np.mean([1 - jaccard(a, b) for a in every for b in every])
    assert within.value == pytest.approx(truth, abs=0.02)
    assert between.value == pytest.approx(truth, abs=0.02)
