"""The detectors study: its rows, its file, its section of the page, and the whole of it at toy size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aat import InputError, saved
from aat.cnn import data
from aat.concepts import Tally, scenes
from aat.concepts.folder import Folder
from aat.recipe import Recipe
from reports import html
from reports.cli import main
from reports.cnn.detectors import ACCURACY, ALL, DETECTORS, FILE, UNIQUE, Detectors, DetectorsRow, Dissected
from reports.cnn.detectors_figure import draw
from reports.findings import finding
from reports.plots import svg

from .html import Page

CONCEPTS = {"object": 10, "texture": 7}
counts = st.integers(0, 7)


def study(unique: dict[str, list[tuple[int, int]]], level: float = 0.05) -> Detectors:
    """Numbers of unique detectors of objects and textures, by head and seed; each has two units."""
    networks = [
        Dissected(head, seed, 0.8 + seed / 100, 32, {"object": 2 * a, "texture": 2 * b}, {"object": a, "texture": b})
        for head, pairs in unique.items()
        for seed, (a, b) in enumerate(pairs)
    ]
    return Detectors(
        "aat study detectors", Recipe("scenes (synthetic)"), CONCEPTS, 0.005, 0.04, False, level, 12_000, 3_000, 3_000,
        "here", {"python": "3"}, tuple(networks),
    )  # fmt: skip


def row(found: Detectors, head: str, measure: str = UNIQUE, category: str = ALL) -> DetectorsRow:
    (one,) = [r for r in found.rows() if (r.head, r.measure, r.category) == (head, measure, category)]
    return one


THREE = {
    "K = 5": [(6, 2), (7, 3), (9, 3)],
    "K = 1": [(0, 1), (1, 1), (2, 1)],
    "K = 9": [(3, 2), (5, 4), (4, 1)],
    "dense": [(3, 1), (4, 2), (5, 3)],
}


# --- Rows ---


def test_what_is_judged_is_the_difference_seed_by_seed() -> None:
    found = study(THREE)
    assert found.heads == ["K = 5", "K = 1", "K = 9", "dense"]
    verdicts = {head: row(found, head) for head in found.heads}
    assert {head: verdict.status for head, verdict in verdicts.items()} == {
        "K = 5": "holds", "K = 1": "violated", "K = 9": "undecided", "dense": "–"
    }  # fmt: skip
    assert verdicts["K = 9"].reason == "0 lies inside the confidence interval"
    differences = np.array([8 - 4, 10 - 6, 12 - 8]), np.array([1 - 4, 2 - 6, 3 - 8]), np.array([5 - 4, 9 - 6, 5 - 8])
    for head, expected in zip(found.heads, differences, strict=False):
        assert verdicts[head].difference == pytest.approx(expected.mean())
        # three heads share the level
        assert verdicts[head].level == pytest.approx(0.05 / 3)
        if expected.std() > 1:
            given = stats.ttest_1samp(expected, 0).confidence_interval(1 - 2 * 0.05 / 3)
            assert (verdicts[head].lower, verdicts[head].upper) == pytest.approx((given.low, given.high))
    assert (verdicts["dense"].difference, verdicts["dense"].lower) == (None, None)


@settings(max_examples=20)
@given(st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=5))
def test_categories_add_up_and_only_the_claim_is_judged(values: list[tuple[int, int, int, int]]) -> None:
    found = study({"K = 5": [(a, b) for a, b, _, _ in values], "dense": [(a, b) for _, _, a, b in values]})
    rows = found.rows()
    assert len(rows) == len({(r.measure, r.category, r.head) for r in rows}) == 2 * (2 * 3 + 1)
    assert rows[0].status in ("holds", "violated", "undecided")
    assert {r.status for r in rows[1:]} == {"–"}
    for head in found.heads:
        for measure, each in ((UNIQUE, 1), (DETECTORS, 2)):
            parts = [row(found, head, measure, category).value for category in CONCEPTS]
            assert row(found, head, measure).value == pytest.approx(sum(parts))
            assert row(found, head, measure).value == pytest.approx(each * row(found, head).value)
    lower, mean, upper = rows[0].lower, rows[0].difference, rows[0].upper
    assert (lower is None or upper is None) == (len(values) == 1)
    if lower is not None and upper is not None and mean is not None:
        assert lower < mean < upper


def test_accuracy_is_told_beside() -> None:
    told = row(study(THREE), "K = 5", ACCURACY)
    assert (told.value, told.difference) == (pytest.approx(0.81), pytest.approx(0))
    assert told.lower is not None
    # all seeds agree: what is left is that of counting 3,000 images
    assert -0.01 < told.lower < 0


def test_seeds_that_agree_by_chance_are_not_certain() -> None:
    same = row(study({"K = 5": [(3, 2)] * 3, "dense": [(3, 2)] * 3}), "K = 5")
    assert same.lower is not None
    assert same.lower < -0.4
    assert same.status == "undecided"


def test_one_seed_is_undecided() -> None:
    one = row(study({"K = 5": [(9, 7)], "dense": [(0, 0)]}), "K = 5")
    assert (one.status, one.lower) == ("undecided", None)
    assert "one seed" in one.reason


# --- File, figure, page ---


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=4))
def test_a_file_is_read_as_it_was_written(pairs: list[tuple[int, int]]) -> None:
    from tempfile import TemporaryDirectory

    found = study({"K = 5": pairs, "dense": pairs[::-1]})
    with TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        found.save(file)
        assert Detectors.load(file) == found


@pytest.mark.parametrize("damage", ["", "{", "[]", "no dense", "a seed less", "another category", "another version"])
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    file = tmp_path / FILE
    found = study({"K = 5": [(9, 7), (8, 7)], "dense": [(9, 7), (8, 7)]})
    other = replace(found.networks[0], unique={"object": 3})
    parts = {
        "no dense": found.networks[:2], "a seed less": found.networks[:3],
        "another category": (other, *found.networks[1:]),
    }  # fmt: skip
    replace(found, networks=parts.get(damage, found.networks)).save(file)
    if damage == "another version":
        saved.save(file, json.loads(json.dumps(saved.load(file)).replace('"arch"', '"architecture"')))
    elif damage not in parts:
        file.write_text(damage)
    with pytest.raises(InputError, match="expected a result of aat study detectors") as error:
        Detectors.load(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_is_the_same_every_time(seeds: int) -> None:
    found = study({head: pairs[:seeds] for head, pairs in THREE.items()})
    assert svg(draw(found)) == svg(draw(found))


def test_the_section_of_the_page() -> None:
    found = study(THREE)
    page = Page(html.render("detectors.html.j2", detectors=[(found, svg(draw(found)))], finding=finding))
    assert page.open == []
    assert "synthetic scenes" in page.text
    assert found.command in page.texts
    assert finding(found) in page.texts
    for r in found.rows():
        assert f"{r.measure} {r.category} {r.head} {r.seeds}" in page.text
    assert "unique detectors all K = 5 3 10 [5.032, 14.97] 4 [" in page.text
    assert "test accuracy all K = 5 3 81.00%" in page.text
    assert "K = 9, undecided: 0 lies inside the confidence interval" in page.text


# --- Commands ---


@pytest.fixture
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits as objects, few scenes."""
    monkeypatch.setitem(data._NAMED, "fashion-mnist", data._digits)
    monkeypatch.setattr(scenes, "IMAGES", {"train": 60, "test": 40})


@pytest.mark.usefixtures("_toy")
def test_the_whole_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy = ["study", "detectors", "--k", "3", "--seeds", "2", "--epochs", "1", "--batch", "32", "--width", "0.25"]
    told = [*toy, "--quantile", "0.02", "--device", "cpu"]
    first, second = tmp_path / "first", tmp_path / "second"
    # a study may find that its claim is violated
    assert main([*told, "--out", str(first), "--json", str(tmp_path / "rows.json")]) in (0, 1)
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert len(rows) == 2 * (2 * 5 + 1)
    assert {r["data"] for r in rows} == {"scenes (synthetic)"}
    trainings = {f"{head}-seed{seed}" for head in ("k3", "dense") for seed in (0, 1)}
    assert {path.name for path in first.iterdir()} == {FILE, "detectors.svg", "detectors.png", *trainings}
    found = Detectors.load(first / FILE)
    assert (found.concepts, found.dissected) == ({"object": 10, "texture": 7, "color": 9, "scene": 12}, 40)
    for network in found.networks:
        place = "dense" if network.head == "dense" else "k3"
        tally = Tally.load(first / f"{place}-seed{network.seed}" / "tally.csv")
        assert (network.unique, network.units) == (tally.unique(0.04), 32)
        assert sum(network.detectors.values()) == sum(map(len, tally.detectors(0.04).values()))
        assert all(network.unique[name] <= network.detectors[name] for name in found.concepts)
    # the command in the file makes the same study, of trainings that are there already
    second.mkdir()
    for name in trainings:
        (first / name).rename(second / name)
    marked = second / "dense-seed1" / "result.json"
    told = saved.load(marked)
    saved.save(marked, told | {"test_accuracy": 7 + told["test_accuracy"]})
    assert main([*found.command.split()[1:], "--out", str(second)]) in (0, 1)
    again = Detectors.load(second / FILE)
    assert [n.accuracy >= 7 for n in again.networks].count(True) == 1
    assert [(n.head, n.seed, n.unique) for n in again.networks] == [(n.head, n.seed, n.unique) for n in found.networks]


@pytest.mark.usefixtures("_toy")
@pytest.mark.parametrize(
    "arguments", ["--data digits", "--arch linear", "--backbone efficientnet-lite0", "--quantile 0", "--k 500"]
)
def test_a_mistake_is_one_line_and_trains_nothing(
    arguments: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aat.cnn import backbone

    monkeypatch.setattr(backbone, "through", lambda images, name: images)
    assert main(["study", "detectors", "--device", "cpu", *arguments.split(), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("aat: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_toy")
def test_scenes_as_files_are_the_scenes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["concepts", "scenes", "--images", "12", "--seed", "3", "--out", str(tmp_path)]) == 0
    assert "12 scenes (synthetic), test" in capsys.readouterr().out
    kept, made = Folder(tmp_path), scenes.annotated(seed=3, images=12)
    assert kept.categories == made.categories
    assert len(kept) == 12
    for read, drawn in zip(kept.batch(range(12)), made.batch(range(12)), strict=True):
        assert torch.equal(read, drawn)
