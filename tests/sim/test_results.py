"""Runs on disk: bit for bit, whole or not at all, and never another file taken for one."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat import InputError
from aat.files import write_whole
from aat.saved import load, sealed
from aat.seeds import generator
from sim import Horizon, Run, enumerate_paths, simulate
from sim.problems import Logistic
from sim.results import SCHEMA, fingerprint, versions

usual = settings(deadline=None, max_examples=60)

numbers = st.floats(allow_nan=False)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
constants = st.dictionaries(names, numbers, max_size=3)
runs = st.builds(
    Run,
    problem=names,
    method=names,
    metric=names,
    engine=st.sampled_from(["exact", "monte_carlo"]),
    samples=st.integers(1),
    seed=st.integers(),
    constants=constants,
    convex=st.booleans(),
    horizons=st.lists(
        st.builds(
            Horizon,
            T=st.integers(1),
            eta=numbers,
            values=st.lists(numbers, min_size=1, max_size=4).map(tuple),
            rounding=numbers,
            audit=constants,
            low=numbers,
            high=numbers,
            looks=st.lists(st.integers(), max_size=3).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    key=names,
    versions=st.dictionaries(names, names, max_size=3),
)
TINY = Logistic(x=torch.eye(2), y=torch.tensor([-1.0, 1.0]), k=1)


def halves(horizon: int) -> list[float]:
    return [0.5] * horizon


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    enumerate_paths(TINY, halves, [1, 2, 3], "last_gap").save(path)
    return path


# --- Round trip ---


@usual
@given(run=runs)
def test_a_saved_run_is_loaded_bit_for_bit(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.json"
    run.save(path)
    loaded = Run.load(path)
    assert loaded == run
    for one, other in zip(loaded.horizons, run.horizons, strict=True):
        assert [value.hex() for value in one.values] == [value.hex() for value in other.values]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1])
def test_a_run_that_diverged_can_be_saved_too(tmp_path: Path, value: float) -> None:
    run = Run("p", "m", "x", "exact", 1, 0, {"G": value}, True, (Horizon(1, 0.5, (value, 1.0), 0.0, {}),))
    run.save(tmp_path / "run.json")
    (row,) = Run.load(tmp_path / "run.json").horizons
    assert [number.hex() for number in row.values] == [value.hex(), (1.0).hex()]


@pytest.mark.parametrize("engine", [enumerate_paths, simulate])
def test_what_an_engine_returns_can_be_saved(tmp_path: Path, engine: Callable[..., Run]) -> None:
    run = engine(TINY, halves, [1, 3], "mean_square_gradient")
    run.save(tmp_path / "deep" / "folder" / "run.json")
    assert Run.load(tmp_path / "deep" / "folder" / "run.json") == run
    assert (run.schema, run.versions) == (SCHEMA, versions())
    assert run.versions["torch"] == torch.__version__


def test_horizons_and_step_scales_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    run = enumerate_paths(TINY, halves, 2 ** np.arange(3), "last_gap", eta=lambda T: np.float32(0.5))
    run.save(tmp_path / "run.json")
    assert [row.T for row in Run.load(tmp_path / "run.json").horizons] == [1, 2, 4]


# --- Other files ---


def refused(path: Path, given: str) -> None:
    with pytest.raises(InputError, match=given) as error:
        Run.load(path)
    assert "\n" not in str(error.value)


def test_every_truncation_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in range(0, len(whole), 7):
        saved.write_bytes(whole[:length])
        refused(saved, "run.json is not a saved run")


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1", '"run"', "{}", f'{{"schema": {SCHEMA}}}', "not JSON", "\ufeff{}"]
)
def test_other_text_is_refused(saved: Path, text: str) -> None:
    saved.write_text(text, encoding="utf-8")
    refused(saved, "run.json is not a saved run")


def test_other_bytes_are_refused(saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(b"\xff\xfe\x00\x01")
    refused(saved, "run.json is not a saved run")
    refused(tmp_path / "absent.json", "absent.json is not a saved run")
    refused(tmp_path, "is not a saved run")


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, str(SCHEMA), None])
def test_another_schema_is_refused(saved: Path, schema: object) -> None:
    saved.write_text(json.dumps(json.loads(saved.read_text()) | {"schema": schema}))
    refused(saved, f"schema {schema}; expected {SCHEMA}")


@pytest.mark.parametrize("field", ["problem", "method", "metric", "engine", "samples", "seed", "constants", "horizons"])
def test_missing_and_unknown_fields_are_refused(saved: Path, field: str) -> None:
    fields = load(saved, SCHEMA)
    value = fields.pop(field)
    saved.write_text(json.dumps(sealed(fields, SCHEMA)))
    refused(saved, "run.json is not a saved run")
    saved.write_text(json.dumps(sealed(fields | {field: value, f"{field}_too": value}, SCHEMA)))
    refused(saved, "run.json is not a saved run")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizons", []),
        ("horizons", 3),
        ("horizons", ["row"]),
        ("engine", "guess"),
        ("constants", {"G": "1"}),
        ("constants", []),
        ("T", 0),
        ("T", "1"),
        ("eta", None),
        ("values", []),
        ("values", ["0.5"]),
        ("values", 0.5),
        ("rounding", "0"),
        ("audit", {"G": [1]}),
    ],
)
def test_values_of_another_kind_are_refused(saved: Path, field: str, value: object) -> None:
    fields = load(saved, SCHEMA)
    changed = fields if field in fields else fields["horizons"][1]
    assert field in changed
    changed[field] = value
    saved.write_text(json.dumps(sealed(fields, SCHEMA)))
    refused(saved, "run.json is not a saved run")


# --- Whole or not at all ---


def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(saved, "new")
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_text_that_cannot_be_written_leaves_the_old_file_and_nothing_else(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(UnicodeEncodeError):
        write_whole(saved, "a" * 2**20 + "\ud800")
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_reader_meets_the_old_file_until_the_new_one_is_whole(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, replace = saved.read_bytes(), Path.replace
    seen: list[tuple[bytes, str]] = []

    def watched(part: Path, target: Path) -> Path:
        seen.append((saved.read_bytes(), part.read_text(encoding="utf-8")))
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_whole(saved, "η = 1")
    assert seen == [(before, "η = 1")]
    assert saved.read_text(encoding="utf-8") == "η = 1"
    assert list(saved.parent.iterdir()) == [saved]


# --- Names ---


@usual
@given(one=st.lists(names | st.integers(), max_size=3), other=st.lists(names | st.integers(), max_size=3))
def test_fingerprints_tell_requests_apart(one: list[object], other: list[object]) -> None:
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_seeds_come_from_names() -> None:
    def first(*parts: object) -> float:
        return torch.rand((), generator=generator(*parts), dtype=torch.float64).item()

    assert first("samples", 0, "softmax/digits", 8) == first("samples", 0, "softmax/digits", 8)
    assert len({first("samples", seed, "softmax/digits", 8) for seed in range(100)}) == 100
    assert first("samples", 0) != first("looks", 0)


def test_seeds_are_the_same_on_every_machine() -> None:
    assert generator("samples", 0).initial_seed() == 2148792588486573222
