"""The study of few units: its averages, its file, its figure and section, and the whole of it at toy size."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aat import InputError, heads, saved
from aat.recipe import Recipe
from reports import page, published
from reports.cli import main
from reports.cli.nec import study_nec
from reports.cnn import nec, nec_figure
from reports.cnn.nec import FILE, LEVELS, METHODS, Nec, Point, anec_5, anec_avg, at_most, total_seconds
from reports.cnn.nec_plan import Plan
from reports.plots import svg
from reports.study import Study

from .html import Page


def point(accuracy: float, necs: float, method: str = nec.AAT, seed: int = 0, seconds: float | None = 1.0) -> Point:
    return Point(method, seed, necs, necs + 1, necs / 2, accuracy, seconds, 0.5, 2.0)


def study(**curves: dict[float, float]) -> Nec:
    """Two seeds, the second one lower by a hundredth; of methods that are not given one head that hears all units."""
    named = {method: curves.get(method.split()[0].strip(",").lower(), {128.0: 0.91}) for method in METHODS}
    named[nec.CUT], named[nec.OWN] = curves.get("cut", {5.0: 0.7}), curves.get("own", {128.0: 0.91})
    points = [
        point(accuracy - 0.01 * seed, necs, method, seed)
        for method, curve in named.items()
        for seed in (0, 1)
        for necs, accuracy in curve.items()
    ]
    return Nec("aat study nec", Recipe("digits"), 128, 1437, 360, "here", "there", {"python": "3"}, tuple(points))


AHEAD = {"aat": {1.0: 0.6, 5.0: 0.9, 30.0: 0.93}, "sparse": {4.5: 0.8, 14.0: 0.86, 40.0: 0.9}}


@given(st.dictionaries(st.floats(0.5, 60), st.floats(0, 1), max_size=8))
def test_between_two_heads_accuracy_is_interpolated(curve: dict[float, float]) -> None:
    points = [point(accuracy, necs) for necs, accuracy in curve.items()]
    told = []
    for level in LEVELS:
        below, above = (sorted(n for n in curve if n <= level), sorted(n for n in curve if n > level))
        found = at_most(points, level)
        assert (found.nec if found else None) == (below[-1] if below else None)
        if below and above:
            share = (level - below[-1]) / (above[0] - below[-1])
            told.append((1 - share) * curve[below[-1]] + share * curve[above[0]])
        elif below:
            told.append(curve[below[-1]])
    if min(curve, default=99) <= 5:
        assert anec_5(points) == pytest.approx(told[0])
        assert anec_avg(points) == pytest.approx(sum(told) / 6)
    else:
        assert anec_5(points) is anec_avg(points) is None


def test_levels_are_those_of_the_paper() -> None:
    assert LEVELS == (5, 10, 15, 20, 25, 30)


def test_a_summary_by_hand() -> None:
    rows = {row.method: row for row in study(**AHEAD).summaries()}
    ours, sparse = rows[nec.AAT], rows[nec.SPARSE]
    assert list(rows) == list(METHODS)
    assert ours.anec_5
    assert ours.anec_5.value == pytest.approx(0.895)
    assert ours.anec_avg
    # from 0.9 at 5 to 0.93 at 30
    assert ours.anec_avg.value == pytest.approx(0.9 + 0.03 * (0 + 5 + 10 + 15 + 20 + 25) / 25 / 6 - 0.005)
    assert sparse.anec_avg
    # from 0.8 at 4.5 to 0.86 at 14, and on to 0.9 at 40
    low, high = (0.8 + 0.06 * (level - 4.5) / 9.5 for level in (5, 10))
    rest = [0.86 + 0.04 * (level - 14) / 26 for level in (15, 20, 25, 30)]
    assert sparse.anec_avg.value == pytest.approx((low + high + sum(rest)) / 6 - 0.005)
    assert sparse.accuracy.value == pytest.approx(0.895)
    assert sparse.ahead
    assert sparse.ahead.value == pytest.approx(ours.anec_avg.value - sparse.anec_avg.value)
    assert ours.ahead is None
    # the differences of both seeds agree but for rounding, and are not taken to be certain
    assert sparse.ahead.lower is not None
    assert sparse.ahead.lower < sparse.ahead.value - 1e-3
    assert (ours.nec, ours.used, sparse.nec, sparse.used) == (5, 6, 4.5, 5.5)
    assert (rows[nec.EM].anec_5, rows[nec.EM].anec_avg, rows[nec.EM].nec) == (None, None, 128)


def test_training_along_a_path_is_told_from_its_beginning() -> None:
    assert total_seconds([point(0, 1, seconds=2), point(0, 2, seconds=3)]) == 5
    assert total_seconds([point(0, 1, nec.SPARSE, seconds=2), point(0, 2, nec.SPARSE, seconds=3)]) == 3
    assert total_seconds([point(0, 1, nec.CUT, seconds=None)]) is None


def test_the_verdict_is_honest() -> None:
    ahead = study(**AHEAD).verdict()
    assert ahead.startswith("AAT has the highest ANEC-avg. AAT's ANEC-avg less that of sparse (L1): +")
    behind = study(aat={5.0: 0.6}, sparse={5.0: 0.8}).verdict()
    assert study(**AHEAD).status == "holds"
    assert study(aat={5.0: 0.6}, sparse={5.0: 0.8}).status == "violated"
    assert study(aat={5.0: 0.8}, sparse={5.0: 0.8}).status == study(aat={10.0: 0.9}).status == "undecided"
    assert behind.startswith("AAT does not win: sparse (L1) is not behind it.")
    assert "-20.00 points [" in behind
    assert behind.endswith("leaves out 0.")
    assert "holds 0: no difference is shown." in study(aat={5.0: 0.8}, sparse={5.0: 0.8}).verdict()
    assert "there is no ANEC to compare" in study(aat={10.0: 0.9}).verdict()
    # the own head of an AAT network hears few units as well: it is no rival
    own = replace(study(aat={5.0: 0.7}, sparse={5.0: 0.6}, own={5.0: 0.9}), recipe=Recipe("digits", k=5))
    assert own.verdict().startswith("AAT has the highest ANEC-avg")
    assert own.name == "digits, features of small trained with an AAT head, K = 5"
    alone = study(**AHEAD)
    alone = replace(alone, points=tuple(each for each in alone.points if each.seed == 0))
    assert "one seed tells nothing" in alone.verdict()


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = study(**AHEAD)
    found.save(tmp_path / FILE)
    assert Nec.load(tmp_path / FILE) == found


@pytest.mark.parametrize("damage", ["", "{", "[]", "a method less", "a seed less", "another version"])
def test_a_damaged_file_is_one_line(damage: str, tmp_path: Path) -> None:
    file, found = tmp_path / FILE, study(**AHEAD)
    parts = {"a method less": lambda p: p.method != nec.EM, "a seed less": lambda p: (p.method, p.seed) != (nec.EM, 1)}
    replace(found, points=tuple(filter(parts.get(damage), found.points))).save(file)
    if damage == "another version":
        saved.save(file, json.loads(json.dumps(saved.load(file)).replace('"arch"', '"architecture"')))
    elif damage not in parts:
        file.write_text(damage)
    with pytest.raises(InputError, match="expected a result of aat study nec") as error:
        Nec.load(file)
    assert "\n" not in str(error.value)


def test_the_figure_is_the_same_every_time_and_shows_every_method() -> None:
    found = study(**AHEAD)
    assert svg(nec_figure.draw(found)) == svg(nec_figure.draw(found))
    left, right = nec_figure.draw(found).axes
    for axes, shift in ((left, 0), (right, 1)):
        lines = {str(line.get_label()): line for line in axes.get_lines()}
        assert set(METHODS) - {nec.OWN, nec.DENSE} < set(lines)
        assert list(lines[nec.SPARSE].get_xdata()) == [necs + shift for necs in AHEAD["sparse"]]
        assert list(lines[nec.AAT].get_ydata()) == pytest.approx([0.595, 0.895, 0.925])
        assert list(lines["own head of the network: dense"].get_ydata()) == pytest.approx([0.905] * 2)


def test_the_page_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = study(aat={5.0: 0.6}, sparse={5.0: 0.8})
    found.save(tmp_path / "cnn_nec_toy.json")
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    html = Page(page.render(Study(()), [], [], [], []))
    assert html.open == []
    assert "nec" in html.ids
    assert found.command in html.texts
    assert found.verdict() in html.text
    for row in found.summaries():
        share = f"{row.anec_5.value:.2%} [" if row.anec_5 else "– –"
        assert f"{row.method} {share}" in html.text


TOY = [
    *("study", "nec", "--device", "cpu", "--width", "0.25", "--epochs", "1", "--train-images", "200"),
    *("--test-images", "100", "--nec", "2", "--nec", "7", "--head-epochs", "1", "--em-epochs", "1"),
    *("--ratio", "0.1", "--rounds", "1"),
]


def timeless(found: Nec) -> list[dict[str, object]]:
    clocks = ("train_seconds", "ms_per_1000", "ratio")
    return [{name: value for name, value in row.items() if name not in clocks} for row in found.rows()]


def test_the_whole_study(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, rows = tmp_path / "first", tmp_path / "second", tmp_path / "rows.json"
    assert main([*TOY, "--seeds", "1", "--out", str(first), "--json", str(rows)]) == 0
    assert "ANEC-avg" in capsys.readouterr().out
    assert {path.name for path in first.iterdir()} == {FILE, "nec.svg", "nec.png", "heads", "dense-seed0"}
    found = Nec.load(first / FILE)
    assert json.loads(rows.read_text()) == found.rows()
    assert [p.nec for p in found.of(nec.AAT, 0)] == [p.nec for p in found.of(nec.CUT, 0)] == [2, 7]
    assert all(p.nec <= p.used <= 32 for p in found.of(nec.AAT, 0))
    assert all(p.nec == p.used for p in found.of(nec.SPARSE, 0))
    assert found.of(nec.SPARSE, 0)[-1].nec > 10
    (own,), (dense,) = found.of(nec.OWN, 0), found.of(nec.DENSE, 0)
    assert own.nec == dense.nec == 32
    assert own.train_seconds is None
    assert dense.train_seconds
    trained = json.loads((first / "dense-seed0" / "result.json").read_text())
    assert own.accuracy == pytest.approx(trained["test_accuracy"])

    # interrupted, it goes on, repeats no finished head, and ends alike
    fit, calls = heads.fit, iter(range(2))

    def tire(*given: Any, **named: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return fit(*given, **named)

    again = [*found.command.split()[1:], "--out", str(second)]
    with monkeypatch.context() as patch:
        patch.setattr(heads, "fit", tire)
        assert main(again) == 130
    kept = {file: file.read_bytes() for file in (second / "heads").rglob("*.json")}
    assert {file.stem for file in kept} == {"own", "dense", "cut", "sparse", "em"}
    assert main(again) == 0
    assert all(file.read_bytes() == content for file, content in kept.items())
    assert timeless(Nec.load(second / FILE)) == timeless(found)

    # heads by another plan, or damaged ones, are refused
    capsys.readouterr()
    assert main([*again, "--head-lr", "0.5"]) == 2
    assert "another network or plan; expected this one" in capsys.readouterr().err
    (second / "heads" / "dense-seed0" / "em.json").write_text("{")
    assert main(again) == 2
    assert "expected heads of aat study nec" in capsys.readouterr().err


def test_features_of_an_aat_network(tmp_path: Path) -> None:
    assert main([*TOY, "--k", "7", "--seeds", "1", "--out", str(tmp_path)]) == 0
    found = Nec.load(tmp_path / FILE)
    ((own,), (cut, same)) = found.of(nec.OWN, 0), found.of(nec.CUT, 0)
    assert [own.nec, cut.nec, same.nec] == [7, 2, 7]
    assert own.accuracy == same.accuracy
    assert (tmp_path / "k7-seed0" / "weights.pt").exists()


def test_more_units_than_there_are_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TOY, "--arch", "linear", "--width", "1", "--nec", "99", "--seeds", "1", "--out", str(tmp_path)]) == 2
    assert "--nec 99 of 64 units; expected no more" in capsys.readouterr().err


def test_the_options_are_the_plan() -> None:
    shown = CliRunner().invoke(study_nec, ["--help"]).output
    assert all(f"--{option}" in shown for option in ("head-epochs", "head-lr", "em-epochs", "em-lr", "pose", "ratio"))
    assert Plan().nec == (1, 2, 5, 10, 15, 20, 25, 30)
