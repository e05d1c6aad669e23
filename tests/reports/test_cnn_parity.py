"""The parity study: its statistics, its file, and the whole of it at toy size."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aat import InputError, saved
from aat.recipe import Recipe
from aat.seeds import key
from reports.cli import main
from reports.cnn.parity import FILE, Parity, Score, draw, student, verdict
from reports.plots import svg

accuracies = st.floats(0, 1, width=32)


def study(scores: dict[str, list[float]], margin: float = 0.01, level: float = 0.05) -> Parity:
    found = [Score(head, seed, value, 2.0) for head, values in scores.items() for seed, value in enumerate(values)]
    return Parity("aat study parity", Recipe("digits"), margin, level, 1437, 360, "here", {"python": "3"}, tuple(found))


@given(st.lists(accuracies, min_size=2, max_size=9), st.floats(0.001, 0.4))
def test_the_bounds_are_those_of_students_test(values: list[float], level: float) -> None:
    differences = np.array(values)
    lower, upper = student(differences, level)
    assert lower is not None
    assert upper is not None
    if differences.std() > 1e-6:
        given = stats.ttest_1samp(differences, 0).confidence_interval(1 - 2 * level)
        assert (lower, upper) == pytest.approx((given.low, given.high), abs=1e-9)
        p = stats.ttest_1samp(differences, lower, alternative="greater").pvalue
        assert p == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize(
    ("lower", "upper", "status"),
    [(-0.009, 0.2, "holds"), (-0.3, -0.011, "violated"), (-0.02, 0.0, "undecided"), (None, None, "undecided")],
)
def test_a_verdict_is_where_the_margin_lies(lower: float | None, upper: float | None, status: str) -> None:
    assert verdict(lower, upper, 0.01)[0] == status


def test_a_head_on_the_margin_rarely_passes() -> None:
    """Null: the mean difference is −margin. 2,000 studies of 3 seeds at level 0.05, refused above the 1e-6 quantile."""
    rng = np.random.default_rng(key("a head on the margin rarely passes"))
    differences = rng.normal(-0.01, 0.004, (2000, 3))
    passed = sum(verdict(*student(values, 0.05), 0.01)[0] == "holds" for values in differences)
    assert passed <= stats.binom.isf(1e-6, 2000, 0.05)
    # power: a head that loses nothing passes nearly always
    gained = sum(verdict(*student(values + 0.02, 0.05), 0.01)[0] == "holds" for values in differences)
    assert gained >= 1900


def test_rows_compare_each_seed_with_its_own() -> None:
    rows = study({"K = 5": [0.90, 0.80, 0.70], "dense": [0.901, 0.801, 0.701], "K = 1": [0.80, 0.70, 0.60]}).rows()
    assert [row.head for row in rows] == ["K = 5", "K = 1", "dense"]
    assert [row.status for row in rows] == ["holds", "violated", "–"]
    assert rows[0].difference == pytest.approx(-0.001)
    assert rows[0].level == pytest.approx(0.025)
    assert rows[2].difference is None
    assert rows[2].accuracy == pytest.approx(0.801)


def test_seeds_that_agree_by_chance_are_not_certain() -> None:
    lower, upper = student(np.array([0.0, 0.0, 0.0]), 0.05, step=1 / 360)
    assert lower is not None
    assert upper is not None
    assert upper == -lower > 0.001


def test_one_seed_is_undecided() -> None:
    row = study({"K = 5": [0.9], "dense": [0.9]}).rows()[0]
    assert (row.status, row.lower) == ("undecided", None)
    assert "one seed" in row.reason


@given(st.lists(st.tuples(accuracies, accuracies), min_size=1, max_size=4))
def test_a_file_is_read_as_it_was_written(pairs: list[tuple[float, float]]) -> None:
    from tempfile import TemporaryDirectory

    found = study({"K = 5": [a for a, _ in pairs], "dense": [b for _, b in pairs]})
    with TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        found.save(file)
        assert Parity.load(file) == found


@pytest.mark.parametrize("damage", ["", "{", "[]", "no dense", "a seed less", "another version"])
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    file = tmp_path / FILE
    found = study({"K = 5": [0.9, 0.8], "dense": [0.9, 0.8]})
    parts = {"no dense": found.scores[:2], "a seed less": found.scores[:3]}
    replace(found, scores=parts.get(damage, found.scores)).save(file)
    if damage == "another version":
        saved.save(file, json.loads(json.dumps(saved.load(file)).replace('"arch"', '"architecture"')))
    elif damage not in parts:
        file.write_text(damage)
    with pytest.raises(InputError, match="expected a result of aat study parity") as error:
        Parity.load(file)
    assert "\n" not in str(error.value)


def test_the_figure_is_the_same_every_time() -> None:
    found = study({"K = 5": [0.9, 0.8], "dense": [0.91, 0.8]})
    assert svg(draw(found)) == svg(draw(found))


def test_the_whole_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["study", "parity", "--arch", "linear", "--k", "3", "--seeds", "2", "--epochs", "1", "--margin", "60"]
    told = [*command, "--option", "nesterov=true", "--no-augment", "--device", "cpu"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*told, "--out", str(first), "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row["head"] for row in rows] == ["K = 3", "dense"]
    assert {path.name for path in first.iterdir()} == {
        FILE, "parity.svg", "parity.png", *(f"{head}-seed{seed}" for head in ("k3", "dense") for seed in (0, 1))
    }  # fmt: skip
    found = Parity.load(first / FILE)
    # the command in the file makes the same study; one of its trainings is there already, and is not repeated
    (first / "dense-seed1").rename(tmp_path / "kept")
    second.mkdir()
    (tmp_path / "kept").rename(second / "dense-seed1")
    marked = second / "dense-seed1" / "result.json"
    result = saved.load(marked)
    saved.save(marked, result | {"seconds_per_epoch": 1000 + result["seconds_per_epoch"]})
    again = found.command.split()[1:]
    assert main([*again, "--out", str(second)]) == 0
    repeated = Parity.load(second / FILE)
    assert [score.accuracy for score in repeated.scores] == [score.accuracy for score in found.scores]
    assert [score.seconds_per_epoch > 1000 for score in repeated.scores].count(True) == 1
    capsys.readouterr()
    # the same folder with another recipe is refused
    assert main([*told, "--lr", "0.2", "--out", str(first)]) == 2
    assert "another recipe" in capsys.readouterr().err
