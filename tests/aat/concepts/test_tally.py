"""Tallies: what is a detector, by hand, and files whoever wrote them."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat import InputError
from aat.concepts import Match, Tally, Unit

# IoU by hand: 10/(50 + 60 − 10) = 0.1, 4/(4 + 100 − 4) = 0.04, 1/(26 + 25 − 1) = 0.02, 30/(40 + 50 − 30) = 0.5,
# 6/(50 + 16 − 6) = 0.1
HAND = Tally(
    ("object", "texture"),
    (
        Unit(1, (Match("cup", 50, 60, 10), Match("dotted", 26, 25, 1))),
        Unit(2, (Match("lamp", 4, 100, 4), Match("dotted", 26, 25, 1))),
        Unit(3, (None, Match("striped", 40, 50, 30))),
        Unit(4, (None, None)),
        Unit(5, (Match("cup", 50, 16, 6), Match("striped", 50, 16, 6))),
    ),
)
FILE = """\
unit,category,label,score,object-label,object-truth,object-activation,object-intersect,object-iou,\
texture-label,texture-truth,texture-activation,texture-intersect,texture-iou
3,texture,striped,0.5,-,0.0,0.0,0.0,0.0,striped,40.0,50.0,30.0,0.5
1,object,cup,0.1,cup,50.0,60.0,10.0,0.1,dotted,26.0,25.0,1.0,0.02
5,object,cup,0.1,cup,50.0,16.0,6.0,0.1,striped,50.0,16.0,6.0,0.1
2,object,lamp,0.04,lamp,4.0,100.0,4.0,0.04,dotted,26.0,25.0,1.0,0.02
4,object,-,0.0,-,0.0,0.0,0.0,0.0,-,0.0,0.0,0.0,0.0
"""


def refuse(complaint: str) -> None:
    raise AssertionError(complaint)


def load(file: Path) -> Tally:
    """A file that agrees with itself."""
    return Tally.load(file, refuse)


def test_detectors_by_hand() -> None:
    cup, lamp, striped = ("object", "cup"), ("object", "lamp"), ("texture", "striped")
    assert HAND.detectors() == {cup: (1, 5), striped: (3,)}
    assert HAND.detectors(inclusive=True) == {cup: (1, 5), lamp: (2,), striped: (3,)}
    assert HAND.detectors(0.1) == {striped: (3,)}
    assert HAND.detectors(0.1, inclusive=True) == {cup: (1, 5), striped: (3,)}
    assert HAND.unique() == {"object": 1, "texture": 1}
    assert HAND.unique(inclusive=True) == {"object": 2, "texture": 1}
    assert HAND.only(["texture"]).detectors() == {striped: (3, 5)}
    assert list(HAND.detectors(inclusive=True)) == [cup, lamp, striped]


def test_the_file_is_that_of_netdissect_lite(tmp_path: Path) -> None:
    HAND.save(tmp_path / "tally.csv")
    assert (tmp_path / "tally.csv").read_bytes() == FILE.replace("\n", "\r\n").encode()


names = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=5).filter(lambda name: name != "-")
counts = st.integers(0, 2**40)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    both, truth, activation = draw(counts), draw(counts), draw(counts)
    return Match(draw(names), both + truth, both + activation, both)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    categories = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    rows = st.tuples(*[st.none() | matches() for _ in categories])
    numbers = draw(st.lists(st.integers(1, 3000), max_size=4, unique=True).map(sorted))
    return Tally(tuple(categories), tuple(Unit(number, draw(rows)) for number in numbers))


def shuffled(file: Path, draw: st.DataObject) -> None:
    """Columns and rows in another order, and a column that is nobody's."""
    with file.open(newline="") as text:
        columns, *rows = list(csv.reader(text))
    order = draw.draw(st.permutations(range(len(columns))))
    rows = draw.draw(st.permutations(rows))
    with file.open("w", newline="", encoding="utf-8-sig") as text:
        lines = csv.writer(text)
        for row in ([*columns], *rows):
            lines.writerow([*(row[place] for place in order), "top1-iou" if row == columns else "x"])


@given(tallies(), st.data())
def test_a_file_is_read_as_it_was_written_in_any_order_of_columns(tally: Tally, draw: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tally.csv"
        tally.save(file)
        assert load(file) == tally
        first = file.read_bytes()
        load(file).save(file)
        assert file.read_bytes() == first
        shuffled(file, draw)
        again = load(file)
    assert sorted(again.categories) == sorted(tally.categories)
    places = [again.categories.index(name) for name in tally.categories]
    units = (Unit(unit.number, tuple(unit.matches[place] for place in places)) for unit in again.units)
    assert Tally(tally.categories, tuple(units)) == tally


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "tally.csv"
    file.write_text(text)
    return file


def test_categories_and_columns_may_be_missing(tmp_path: Path) -> None:
    only = "texture-label, unit ,texture-truth,texture-activation,texture-intersect,part-label,part-iou\n"
    found = load(written(tmp_path, only + "striped,3,40,50.0,30,wheel,0.9\n,4,,,,,\ndotted,7.0,26,25,1"))
    assert found.categories == ("texture",)
    assert [unit.number for unit in found.units] == [3, 4, 7]
    assert found.detectors() == {("texture", "striped"): (3,)}
    assert found.units[1].matches == (None,)


def test_numbers_may_be_rounded(tmp_path: Path) -> None:
    load(written(tmp_path, FILE.replace(",0.04,", ",0.04004,")))


DISAGREEMENTS = {
    "score": (("cup,0.1,cup,50.0,60.0", "cup,0.2,cup,50.0,60.0"), "unit 1: the score is not the best IoU"),
    "score is a word": (("cup,0.1,cup,50.0,60.0", "cup,no,cup,50.0,60.0"), "unit 1: the score is not the best IoU"),
    "score of nothing": (("4,object,-,0.0", "4,object,-,0.5"), "unit 4: the score is not the best IoU"),
    "iou": (("1.0,0.02\n5", "1.0,0.03\n5"), "unit 1: an IoU is not that of its counts, which are what counts"),
    "iou is nan": (("1.0,0.02\n5", "1.0,nan\n5"), "unit 1: an IoU is not that of its counts, which are what counts"),
    "category": (("2,object,lamp", "2,texture,lamp"), "unit 2: category or label is not the best one"),
    "label": (("3,texture,striped", "3,texture,dotted"), "unit 3: category or label is not the best one"),
    "unit twice": (("\n4,", "\n3,"), "unit 3: more than one row; the first one counts"),
}


@pytest.mark.parametrize(("change", "complaint"), DISAGREEMENTS.values(), ids=DISAGREEMENTS)
def test_a_file_that_disagrees_with_itself(change: tuple[str, str], complaint: str, tmp_path: Path) -> None:
    assert change[0] in FILE
    file = written(tmp_path, FILE.replace(*change))
    told: list[str] = []
    found = Tally.load(file, told.append)
    assert told == [f"{file}: {complaint}"]
    # what follows from counts is computed from them
    assert found == (replace(HAND, units=tuple(u for u in HAND.units if u.number != 4)) if "row" in complaint else HAND)


def test_a_larger_intersection_is_told_with_what_follows(tmp_path: Path) -> None:
    file = written(tmp_path, FILE.replace("40.0,50.0,30.0,0.5", "40.0,20.0,30.0,1.0"))
    told: list[str] = []
    Tally.load(file, told.append)
    whats = ("the score is not the best IoU", "an intersection is larger than what intersects")
    assert told == [f"{file}: unit 3: {what}" for what in whats]


def test_a_disagreement_is_a_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="unit 1: the score is not the best IoU"):
        Tally.load(written(tmp_path, FILE.replace("cup,0.1,", "cup,0.2,", 1)))


def test_a_tie_is_no_disagreement(tmp_path: Path) -> None:
    load(written(tmp_path, FILE.replace("5,object,cup", "5,texture,striped")))


def test_many_units_are_one_complaint(tmp_path: Path) -> None:
    rows = "".join(f"{unit},a,x,0.7,x,4,4,2\n" for unit in range(1, 10))
    told: list[str] = []
    Tally.load(
        written(tmp_path, f"unit,category,label,score,a-label,a-truth,a-activation,a-intersect\n{rows}"), told.append
    )
    assert [one.partition(": ")[2] for one in told] == ["unit 1, 2, 3, 4, 5 and 4 more: the score is not the best IoU"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns none"),
        ("no table\n", "columns no table"),
        (FILE.replace("unit,", "units,"), "columns units"),
        (FILE.replace("-truth", "-pixels"), "columns unit, category"),
        (FILE.replace("texture-", "object-"), "a column that is there twice"),
        (FILE.replace("26.0", "many"), "row 3: texture-truth = 'many'"),
        (FILE.replace("26.0", "1.5"), "row 3: texture-truth = '1.5'"),
        (FILE.replace("26.0", "-1"), "row 3: texture-truth = '-1'"),
        (FILE.replace("26.0", "inf"), "row 3: texture-truth = 'inf'"),
        (FILE.replace("26.0", ""), "row 3: texture-truth = ''"),
        (FILE.replace("\n4", "\nfour"), "row 6: unit = 'four'"),
        (FILE[: FILE.rindex(",26.0")], "row 5: texture-truth = ''"),
    ],
)
def test_what_is_no_tally_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{said}.*; expected the tally\.csv of a dissection") as error:
        load(written(tmp_path, text))
    assert "\n" not in str(error.value)


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"unit,\xff")
    for file in (tmp_path, tmp_path / "none", tmp_path / "latin"):
        with pytest.raises(InputError, match=r"expected the tally\.csv of a dissection"):
            load(file)
    for limit in (-0.1, 1.1, math.nan):
        with pytest.raises(InputError, match="expected 0 to 1"):
            HAND.detectors(limit)
    with pytest.raises(InputError, match="category part; expected some of object, texture"):
        HAND.only(["part"])
