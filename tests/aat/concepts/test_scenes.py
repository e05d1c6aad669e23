"""Scenes: every mask against the definition, what they are determined by, and that no concept gives the label away."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from torch import Tensor

from aat import InputError
from aat.cnn import data
from aat.cnn.splits import InMemory
from aat.concepts import scenes
from aat.concepts.colours import COLOURS, HUE_JITTER, paint
from aat.concepts.compose import SILHOUETTE
from aat.concepts.kinds import CHANCES, KINDS, ODD
from aat.concepts.plan import MOST, SIDE, Plan, plan
from aat.concepts.textures import TEXTURES, Box, shades

# Shades that are so near a threshold that another order of rounding may move them over it.
_ROUNDING = 1e-5
_COUNT = 40


@cache
def found(part: str = "test", seed: int = 0, images: int = _COUNT) -> scenes.Scenes:
    return scenes.annotated(part, seed, images, data.load("digits"))


@cache
def painted(part: str = "test") -> tuple[Tensor, Tensor, Plan]:
    return *found(part).batch(range(_COUNT)), plan(part, 0, range(_COUNT))


# --- Masks ---


def placed(plan: Plan, scene: int, j: int, split: InMemory) -> np.ndarray:
    """The j-th object's shade in every pixel, by SciPy: linear between the pixels of its image, zero around."""
    concept = int(plan.concept[scene, j])
    mine = [index for index, label in enumerate(split.labels.tolist()) if label == concept]
    pixels = split.pixels[mine[int(float(plan.item[scene, j]) * len(mine))], 0].numpy() / 255
    top, left, side = plan.box[scene, j].tolist()
    rows, columns = ((np.arange(SIDE) + 0.5 - start) / side for start in (top, left))
    columns = 1 - columns if plan.turned[scene, j] else columns
    at = np.meshgrid(rows * pixels.shape[0] - 0.5, columns * pixels.shape[1] - 0.5, indexing="ij")
    wide = np.pad(pixels, 1)
    return map_coordinates(wide, [axis + 1 for axis in at], order=1, mode="constant")


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_object_is_where_its_image_is_bright_and_nothing_lies_before_it(part: str) -> None:
    _, masks, drawn = painted(part)
    split = getattr(data.load("digits"), part)
    for scene in range(12):
        thing, colour = np.zeros((SIDE, SIDE), int), np.full((SIDE, SIDE), int(drawn.wall[scene]) + 1)
        unsure = np.zeros((SIDE, SIDE), bool)
        for j in range(MOST):
            if drawn.there[scene, j]:
                shade = placed(drawn, scene, j, split)
                seen = shade > SILHOUETTE
                unsure |= np.abs(shade - SILHOUETTE) < _ROUNDING
                thing[seen], colour[seen] = int(drawn.concept[scene, j]) + 1, int(drawn.colour[scene, j]) + 1
        texture = np.where(thing > 0, 0, int(drawn.texture[scene]) + 1)
        kind = np.full((SIDE, SIDE), int(drawn.kind[scene]) + 1)
        for mask, expected in zip(masks[scene].numpy(), (thing, texture, colour, kind), strict=True):
            assert ((mask == expected) | unsure).all()
        assert unsure.mean() < 0.01


def test_a_pixel_has_the_colour_that_the_mask_says() -> None:
    images, masks, _ = painted()
    hsv = matplotlib.colors.rgb_to_hsv(images.permute(0, 2, 3, 1).numpy() / 255)
    hue, saturation, value = hsv[..., 0] * 360, hsv[..., 1], hsv[..., 2]
    met = set()
    for number, (name, colour) in enumerate(COLOURS.items(), start=1):
        mine = masks[:, 2].numpy() == number
        met |= {name} if mine.any() else set()
        assert (
            np.abs(value[mine] - (colour.dark + colour.light) / 2) <= (colour.light - colour.dark) / 2 + 0.003
        ).all()
        if colour.saturation:
            away = np.abs((hue[mine] - colour.hue + 180) % 360 - 180)
            # of three bytes hue is known to one or two degrees
            assert (away <= HUE_JITTER + 2).all()
            assert (saturation[mine] > 0.4).all()
        else:
            assert (saturation[mine] == 0).all()
    assert met == set(COLOURS)


def test_colours_have_nothing_in_common() -> None:
    tinted = sorted(colour.hue for colour in COLOURS.values() if colour.saturation)
    gaps = np.diff([*tinted, tinted[0] + 360])
    assert gaps.min() > 2 * (HUE_JITTER + 2)
    grey = sorted((colour.dark, colour.light) for colour in COLOURS.values() if not colour.saturation)
    assert all(lower[1] + 0.01 < upper[0] for lower, upper in pairwise(grey))


@given(st.integers(0, len(COLOURS) - 1), *(st.floats(0, 1, width=32) for _ in range(3)))
def test_paint_is_hsv(colour: int, hue: float, saturation: float, shade: float) -> None:
    told = list(COLOURS.values())[colour]
    rgb = paint(torch.tensor(colour), torch.tensor([hue, saturation]), torch.full((1, 1), shade)).flatten()
    h = (told.hue + HUE_JITTER * (2 * hue - 1)) % 360 / 360
    s = told.saturation + 0.1 * (2 * saturation - 1) if told.saturation else 0
    expected = matplotlib.colors.hsv_to_rgb([h, s, told.dark + (told.light - told.dark) * shade])
    assert rgb.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_wall_is_a_piece_of_its_photograph() -> None:
    images, masks, drawn = painted()
    textures = shades("test")
    for scene in range(_COUNT):
        bare = masks[scene, 1].numpy() > 0
        texture = int(drawn.texture[scene])
        height, width = textures.size[texture].tolist()
        colour = list(COLOURS.values())[drawn.wall[scene]]
        value = images[scene].amax(0).numpy() / 255
        shade = (value - colour.dark) / (colour.light - colour.dark)
        top, left = (
            int(float(u) * (end - SIDE + 1)) for u, end in zip(drawn.place[scene], (height, width), strict=True)
        )
        piece = textures.pixels[texture, top : top + SIDE, left : left + SIDE].numpy()
        piece = piece[:: -1 if drawn.mirrored[scene, 0] else 1, :: -1 if drawn.mirrored[scene, 1] else 1]
        assert np.abs(shade - piece)[bare].max() < 0.5 / 255 / (colour.light - colour.dark) + 1e-5


# --- What they are determined by ---


@settings(max_examples=20)
@given(st.lists(st.integers(0, _COUNT - 1), max_size=6))
def test_a_scene_does_not_depend_on_what_else_is_asked_for(indices: list[int]) -> None:
    images, masks, _ = painted()
    some, theirs = found().batch(indices)
    assert (some.shape, theirs.shape) == ((len(indices), 3, SIDE, SIDE), (len(indices), 4, SIDE, SIDE))
    assert torch.equal(some, images[indices])
    assert torch.equal(theirs, masks[indices])


def test_parts_and_seeds_differ() -> None:
    # not only by what they are made of: each part is drawn anew
    assert not torch.equal(plan("train", 0, range(8)).item, plan("test", 0, range(8)).item)
    assert not torch.equal(found(seed=1).batch([0])[0], found().batch([0])[0])


def test_parts_share_no_pixel_of_a_photograph() -> None:
    def overlap(a: Box, b: Box) -> bool:
        return min(a.bottom, b.bottom) > max(a.top, b.top) and min(a.right, b.right) > max(a.left, b.left)

    for texture in TEXTURES.values():
        assert not overlap(texture.train, texture.test)
    for part in ("train", "test"):
        assert int(shades(part).size.min()) >= SIDE


def test_all_of_them_in_memory_are_those_one_by_one() -> None:
    split = found().split()
    images, _, drawn = painted()
    assert torch.equal(split.pixels, images)
    assert torch.equal(split.labels, drawn.kind)


# --- What is typical ---


def observers(drawn: Plan) -> Iterator[tuple[str, Tensor, float, float]]:
    """Who knows the chances and some concepts: the log-likelihood of each kind, and bounds of the accuracy."""
    logs = [table.log() for table in CHANCES]
    there = drawn.there[..., None]
    objects = (logs[0].T[drawn.concept] * there).sum(1)
    texture, wall = logs[1].T[drawn.texture], logs[2].T[drawn.wall]
    colours = (logs[3].T[drawn.colour] * there).sum(1)
    yield from (("texture", texture, 0.1, 0.4), ("wall's colour", wall, 0.1, 0.4))
    yield from (("one object", logs[0].T[drawn.concept[:, 0]], 0.1, 0.4), ("all objects", objects, 0.3, 0.7))
    yield from (("their colours", colours, 0.3, 0.7), ("all", objects + texture + wall + colours, 0.95, 0.99))


def test_no_concept_gives_the_kind_away_and_all_of_them_nearly_do() -> None:
    drawn = plan("test", 0, range(2000))
    for name, likelihood, least, most in observers(drawn):
        accuracy = (likelihood.argmax(1) == drawn.kind).double().mean().item()
        assert least < accuracy < most, name


def test_chances_are_those_of_the_table() -> None:
    drawn = plan("train", 0, range(4000))
    frequencies: dict[str, Callable[[Tensor], Tensor]] = {
        "objects": lambda mine: drawn.concept[mine][drawn.there[mine]],
        "textures": lambda mine: drawn.texture[mine],
        "walls": lambda mine: drawn.wall[mine],
        "colours": lambda mine: drawn.colour[mine][drawn.there[mine]],
    }
    for name, of in frequencies.items():
        chances = getattr(CHANCES, name)
        assert torch.allclose(chances.sum(1), torch.ones(len(KINDS), dtype=torch.float64))
        assert chances.min() == pytest.approx(ODD / chances.shape[1])
        for kind in range(len(KINDS)):
            values = of(drawn.kind == kind)
            share = torch.bincount(values, minlength=chances.shape[1]) / len(values)
            # five standard errors, 12·35 times, of scenes that are always the same
            assert ((share - chances[kind]).abs() <= 5 * (chances[kind] / len(values)).sqrt()).all(), (name, kind)


def test_every_typical_thing_is_so_of_several_kinds() -> None:
    for column in ("objects", "textures", "walls", "colours"):
        counts: dict[str, int] = {}
        for kind in KINDS.values():
            for name in getattr(kind, column).split():
                counts[name] = counts.get(name, 0) + 1
        assert min(counts.values()) >= 3


# --- As data ---


def test_categories_name_what_the_masks_number() -> None:
    categories = found().categories
    assert [category.name for category in categories] == ["object", "texture", "color", "scene"]
    _, masks, _ = painted()
    for place, category in enumerate(categories):
        assert int(masks[:, place].max()) <= len(category.concepts)


def test_scenes_as_data_say_that_they_are_synthetic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(data._NAMED, "fashion-mnist", data._digits)
    monkeypatch.setattr(scenes, "IMAGES", {"train": 30, "test": 20})
    images = data.load("scenes", tmp_path)
    assert images.name == "scenes (synthetic)"
    assert (images.shape, images.classes) == ((3, SIDE, SIDE), tuple(KINDS))
    assert (len(images.train.labels), len(images.test.labels)) == (30, 20)
    assert torch.equal(images.test.batch([3, 5]), painted()[0][[3, 5]])
    assert torch.equal(images.train.batch([7]), painted("train")[0][[7]])


@pytest.mark.parametrize(
    "call",
    [
        lambda: found("nope"),
        lambda: found(images=0),
        lambda: found().batch([_COUNT]),
        lambda: found().batch([-1]),
        lambda: scenes.annotated(items=replace(data.load("digits"), shape=(3, 8, 8))),
        lambda: scenes.annotated(items=replace(data.load("digits"), classes=("0", "1"))),
    ],
)
def test_a_mistake_is_one_line(call: Callable[[], object]) -> None:
    with pytest.raises(InputError, match="expected") as error:
        call()
    assert "\n" not in str(error.value)
