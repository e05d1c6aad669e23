"""Dissection is what the paper defines, in loops; whatever the batch, in memory that does not grow with the images."""

import gc
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor, nn

from aat import InputError
from aat.concepts import Category, Match, Tally, dissect
from aat.concepts.dissect import Counts, count, thresholds
from aat.explain.probe import Probe
from aat.seeds import generator
from tests.aat.concepts.annotations import CATEGORIES, Net, Toy, toy


def scaled(image: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation between the centres of pixels, by SciPy."""
    sides = [(np.arange(size) + 0.5) * old / size - 0.5 for old in image.shape]
    return ndimage.map_coordinates(image, np.meshgrid(*sides, indexing="ij"), order=1, mode="nearest")


def by_definition(network: Net, data: Toy, threshold: np.ndarray) -> dict[tuple[int, str, str], tuple[int, int, int]]:
    """Truth, activation and intersection by unit, category and concept: sums over images, one after the other."""
    found: dict[tuple[int, str, str], tuple[int, int, int]] = {}
    with torch.no_grad():
        maps = network.maps(data.images.double() / 255).numpy()
    for k, (i, category) in product(range(maps.shape[1]), enumerate(data.categories)):
        for c, concept in enumerate(category.concepts):
            truth = activation = intersect = 0
            for image in range(len(data)):
                labels = data.masks[image, i].numpy()
                if not labels.any():
                    continue
                active = scaled(maps[image, k], labels.shape[0]) > threshold[k]
                truth += int((labels == c + 1).sum())
                activation += int(active.sum())
                intersect += int((active & (labels == c + 1)).sum())
            found[k + 1, category.name, concept] = truth, activation, intersect
    return found


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("quantile", [0.005, 0.2])
def test_it_is_the_definition(rectified: bool, quantile: float) -> None:
    network, data = Net(rectified=rectified), toy()
    with torch.no_grad():
        maps = network.maps(data.images.double() / 255)
    exact = np.quantile(maps.transpose(0, 1).flatten(1).numpy(), 1 - quantile, axis=1, method="inverted_cdf")
    found = thresholds(Probe(network), data, quantile, bits=12).double().numpy()
    assert (exact <= found).all()
    assert (found - exact <= 2.0**-12 * np.abs(exact) + 1e-30).all()
    reference = by_definition(network, data, found)
    tally = dissect.dissect(network, data, quantile, bits=12)
    assert tally.categories == ("object", "texture")
    assert [unit.number for unit in tally.units] == [1, 2, 3, 4, 5]
    met = 0
    for unit, (i, category) in product(tally.units, enumerate(CATEGORIES)):
        fits = {c: Match(c, *reference[unit.number, category.name, c]) for c in category.concepts}
        best = max(fits.values(), key=lambda match: match.iou)
        assert unit.matches[i] == (best if best.intersect else None)
        met += unit.matches[i] is not None
    assert met >= 2


@pytest.mark.parametrize("batch", [1, 2, 4, 9, 64])
def test_the_batch_does_not_matter(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dissect.dissect(Net(), toy(), 0.1)
    # nor how many images are scaled at a time
    monkeypatch.setattr(dissect, "_AT_A_TIME", batch * 5 * 100)
    sizes, really = [], Counts.add
    monkeypatch.setattr(Counts, "add", lambda self, on, masks: (sizes.append(on.numel()), really(self, on, masks))[1])
    assert dissect.dissect(Net(), toy(), 0.1, batch=9) == whole
    assert max(sizes) <= batch * 5 * 100
    assert dissect.dissect(Net(), toy(), 0.1, batch=batch) == whole


def test_short_maps_count_as_long_ones_of_the_same_numbers() -> None:
    data = toy()
    short, long = Net(kind=torch.bfloat16), Net()
    with torch.no_grad():
        maps = short.maps(data.images.bfloat16() / 255)
    threshold = torch.full((5,), 0.2)

    class Given(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps, self.head = nn.Identity(), long.head

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.maps(maps.double()[x[:, 0, 0, 0].long()]).mean((-2, -1)))

    numbered = Toy(torch.arange(len(data), dtype=torch.uint8).view(-1, 1, 1, 1), data.masks)
    assert count(Probe(short), data, threshold).units == count(Probe(Given()), numbered, threshold).units


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**30))
def test_counts_are_those_of_loops(images: int, units: int, seed: int) -> None:
    randomness = generator("counts", seed)
    active = torch.rand(images, units, 3, 4, generator=randomness) < 0.4
    masks = torch.stack([torch.randint(0, n + 1, (images, 3, 4), generator=randomness) for n in (3, 2)], 1)
    masks[torch.rand(images, 2, generator=randomness) < 0.4] = 0
    counts = Counts(CATEGORIES, units)
    for one, mask in zip(active.split(2), masks.split(2), strict=True):
        counts.add(one, mask)
    on, starts = active.numpy(), (0, 3)
    for k, i in product(range(units), range(2)):
        labels = masks[:, i].numpy()
        labelled = labels.any((1, 2))
        assert counts.activation[k, i] == on[labelled, k].sum()
        for c in range(len(CATEGORIES[i].concepts)):
            assert counts.truth[starts[i] + c] == (labels == c + 1).sum()
            assert counts.intersect[k, starts[i] + c] == (on[:, k] & (labels == c + 1)).sum()


def test_a_unit_is_active_where_it_exceeds_its_threshold_not_where_it_meets_it() -> None:
    network, data, zero = Net(), toy(), torch.zeros(5)
    reference = by_definition(network, data, zero.numpy())
    for unit, (i, category) in product(count(Probe(network), data, zero).units, enumerate(CATEGORIES)):
        match = unit.matches[i]
        assert match is None or match == Match(match.label, *reference[unit.number, category.name, match.label])
    assert len({reference[unit, "object", "cup"][1] for unit in range(1, 6)}) > 2


def test_a_unit_that_is_never_active_fits_nothing() -> None:
    network = Net()
    with torch.no_grad():
        network.maps[0].bias[2] = -1e3  # type: ignore[index]
    tally = dissect.dissect(network, toy(), 0.1)
    assert tally.units[2].matches == (None, None)
    assert tally.best(tally.units[2]) is None
    assert all(3 not in numbers for numbers in tally.detectors(0.0, inclusive=True).values())


def test_of_concepts_that_tie_the_first_is_best() -> None:
    counts = Counts((Category("half", ("left", "right")),), 1)
    counts.add(torch.ones(1, 1, 2, 2, dtype=torch.bool), torch.tensor([[[[2, 1], [2, 1]]]]))
    assert counts.tally() == Tally(("half",), tuple(counts.tally().units))
    assert counts.tally().units[0].matches == (Match("left", 2, 4, 2),)


def test_a_unit_that_looks_at_one_concept_is_its_detector() -> None:
    """Images whose first channel is the mask of a concept: a unit that copies it has its IoU, by hand."""
    masks = torch.zeros(2, 1, 8, 8, dtype=torch.int64)
    masks[0, 0, :4, :4] = 2
    masks[1, 0, 4:, 4:] = 1
    images = (masks == 2).expand(-1, 3, -1, -1).to(torch.uint8) * 255

    class Copy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps, self.head = nn.AvgPool2d(1), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.maps(x.float()).mean((-2, -1)))

    data = Toy(images, masks, (Category("object", ("cup", "table")),))
    tally = dissect.dissect(Copy(), data, 0.2)
    assert [unit.matches for unit in tally.units] == [(Match("table", 16, 16, 16),)] * 3
    assert tally.detectors(0.5) == {("object", "table"): (1, 2, 3)}


class Endless:
    """The same few images again and again; at the end of each pass it weighs all tensors that live."""

    categories = CATEGORIES

    def __init__(self, count: int) -> None:
        self.count, self.few = count, toy()
        self.bytes: list[int] = []

    def __len__(self) -> int:
        return self.count

    def batch(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        if self.count - 1 in indices:
            gc.collect()
            self.bytes.append(sum(found.nbytes for found in gc.get_objects() if type(found) is Tensor))
        return self.few.batch([index % len(self.few) for index in indices])


def test_what_lives_on_between_batches_is_the_same_for_any_number_of_images() -> None:
    found = []
    for images in (18, 360):
        data = Endless(images)
        dissect.dissect(Net(), data, 0.1, batch=6)
        found.append(data.bytes)
    assert len(found[0]) == 2
    assert found[0] == found[1]


def test_mistakes_are_one_line() -> None:
    data = toy()

    class Flat(nn.Sequential):
        pass

    with pytest.raises(InputError, match="Flat: its head hears no means of maps; expected a CNN that pools"):
        dissect.dissect(Flat(nn.Flatten(), Scale(), nn.Linear(3 * 12 * 12, 2)), data)
    empty = Toy(data.images[:0], data.masks[:0])
    for wrong in (empty, Toy(data.images, data.masks, ()), Toy(data.images, data.masks, (Category("object", ()),))):
        with pytest.raises(InputError, match="expected some of each"):
            dissect.dissect(Net(), wrong)
    for masks in (data.masks + 2, data.masks - 1, data.masks[:, :1]):
        with pytest.raises(InputError, match=r"expected 2 categories of \[3, 2\] concepts"):
            dissect.dissect(Net(), Toy(data.images, masks))
    for concepts in (("cup", "cup"), ("",), ("-",)):
        with pytest.raises(InputError, match="expected names, every concept once"):
            Category("object", concepts)


class Scale(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float() / 255
