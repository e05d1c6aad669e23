"""Saved results: what was written comes back, and nothing else does."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat import saved

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"))


def objects(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(texts.filter(lambda name: name not in ("schema", "checksum")), values)


contents = st.recursive(st.none() | st.booleans() | numbers | texts, lambda part: st.lists(part) | objects(part))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved") / "told.json"


@given(told=objects(contents), schema=st.integers(1, 9))
def test_what_was_saved_comes_back(told: dict[str, object], schema: int, place: Path) -> None:
    saved.save(place, told, schema)
    found = saved.load(place, schema)
    assert repr(found) == repr(told)
    assert list(found) == list(told)


@given(told=objects(contents), data=st.data())
def test_a_flipped_bit_is_seen_or_changes_nothing(told: dict[str, object], data: st.DataObject, place: Path) -> None:
    saved.save(place, told)
    content = bytearray(place.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    place.write_bytes(content)
    try:
        found = saved.load(place)
    except ValueError:
        return
    # a space that became another one, or 1e5 that became 1E5
    assert repr(found) == repr(told)


@given(told=objects(contents), kept=st.floats(0, 1, exclude_max=True))
def test_a_part_of_a_file_is_none(told: dict[str, object], kept: float, place: Path) -> None:
    saved.save(place, told)
    content = place.read_bytes()
    place.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=r"^."):
        saved.load(place)


def test_the_layout_is_free(tmp_path: Path) -> None:
    told = {"b": [1.0, 1e-300, -0.0], "a": "η"}
    (tmp_path / "told.json").write_text(json.dumps(saved.sealed(told), sort_keys=True, indent=7))
    assert saved.load(tmp_path / "told.json") == told


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_version_is_named_before_the_checksum(schema: object, tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text(json.dumps({"schema": schema, "checksum": "", "a": 1}))
    with pytest.raises(ValueError, match=f"schema {schema}; expected 1"):
        saved.load(tmp_path / "told.json")


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000, '{"schema": 1, "a": "\\ud800"}', "\x00", '"a"'])
def test_a_strange_text_is_a_value_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "told.json").write_text(text)
    with pytest.raises(ValueError, match=r"^."):
        saved.load(tmp_path / "told.json")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_not_written(number: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        saved.save(tmp_path / "told.json", {"a": number})
    assert list(tmp_path.iterdir()) == []
