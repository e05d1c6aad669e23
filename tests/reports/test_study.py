"""A study on disk: saved, interrupted, taken up again, by one worker or several, and always the same bytes."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat import InputError
from reports.cell import Cell
from reports.profiles import profile
from reports.runner import run_claim, verify
from reports.study import STUDY_FILE, Study
from sim import Run, problems
from theory import Rate, claims
from theory.ledger import UnknownClaim

TINY = Cell("R1", "monotone", "tiny", 2, exact=True, horizons=(1, 2))
STUDY = Study(
    (TINY, replace(TINY, k=None), Cell("R6", "logistic", "tiny", 2, "entropic", 0.1, horizons=(2,), trials=2))
)

positive = st.floats(1e-3, 1e3)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    smoothing = draw(st.sampled_from([None, "entropic", "quadratic"]))
    exact = draw(st.booleans())
    return Cell(
        claim=draw(st.sampled_from(["R1", "R3", "R6"])),
        problem=draw(st.sampled_from(sorted(problems.FAMILIES))),
        data=draw(st.sampled_from(["tiny", "synthetic"])),
        k=draw(st.none() | st.integers(1, 4)),
        smoothing=smoothing,
        mu=smoothing and draw(positive),
        ridge=draw(st.just(0.0) | positive),
        exact=exact,
        horizons=tuple(sorted(draw(st.sets(st.integers(1, 4 if exact else 10**6), min_size=1)))),
        trials=draw(st.integers(2, 99)),
        looks=draw(st.integers(1, 9)),
        step=draw(st.none() | positive),
        seed=draw(st.integers()),
        sampling=draw(st.sampled_from([None, "with replacement", "without replacement", "reshuffling"])),
        batch=draw(st.none() | st.integers(1, 9)),
        beta=draw(st.none() | st.floats(0.1, 0.9)),
        gradient=draw(st.sampled_from([None, "own", "hard"])),
        density=draw(st.none() | positive),
        anneal=draw(st.none() | positive),
    )


def saved(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "runs").iterdir()}


def finish(study: Study, folder: Path, workers: int = 1) -> dict[str, bytes]:
    assert sorted(map(repr, study.run(folder, workers))) == sorted(map(repr, study.cells))
    return saved(folder)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return finish(STUDY, tmp_path_factory.mktemp("uninterrupted"))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Cell]]:
    """The cells that are really run."""
    really_run, ran = Cell.run, []
    monkeypatch.setattr(Cell, "run", lambda cell: (ran.append(cell), really_run(cell))[1])
    yield ran
    monkeypatch.undo()


# --- Save and load ---


@settings(max_examples=30)
@given(st.lists(cells(), max_size=3).map(tuple), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_study_comes_back_from_its_folder(
    tmp_path_factory: pytest.TempPathFactory, planned: tuple[Cell, ...], level: float
) -> None:
    folder = tmp_path_factory.getbasetemp() / "back"
    Study(planned, level).save(folder)
    assert Study.load(folder) == Study(planned, level)


def test_a_folder_is_enough_without_the_data_that_it_was_computed_from(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, x=np.eye(3), y=np.array([0, 1, 0]))
    study = Study((replace(TINY, data=str(path)),))
    study.save(tmp_path)
    finish(study, tmp_path)
    path.unlink()
    again = Study.load(tmp_path)
    assert again.judge(again.runs(tmp_path))[0].status == "holds"


def test_the_plan_is_strict_json(tmp_path: Path) -> None:
    STUDY.save(tmp_path)
    plan = json.loads((tmp_path / STUDY_FILE).read_text(), parse_constant=pytest.fail)
    assert plan["cells"][0]["claim"] == "R1"


# --- Resume ---


def test_an_interrupted_study_goes_on_where_it_stopped(
    tmp_path: Path, uninterrupted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    really_run, ran = Cell.run, []

    def tire(cell: Cell) -> Run:
        if ran:
            raise KeyboardInterrupt
        ran.append(cell)
        return really_run(cell)

    with monkeypatch.context() as patch:
        patch.setattr(Cell, "run", tire)
        with pytest.raises(KeyboardInterrupt):
            list(STUDY.run(tmp_path))
    assert list(saved(tmp_path)) == [f"{ran[0].name}.json"]

    monkeypatch.setattr(Cell, "run", lambda cell: (ran.append(cell), really_run(cell))[1])
    assert finish(STUDY, tmp_path) == uninterrupted
    assert sorted(cell.name for cell in ran) == sorted(cell.name for cell in STUDY.cells)


@pytest.mark.parametrize("damage", ["deleted", "empty", "cut", "binary", "another key", "another schema"])
def test_only_a_damaged_run_is_computed_again(
    damage: str, tmp_path: Path, uninterrupted: dict[str, bytes], computed: list[Cell]
) -> None:
    (tmp_path / "runs").mkdir()
    for name, content in uninterrupted.items():
        (tmp_path / "runs" / name).write_bytes(content)
    path = tmp_path / "runs" / f"{TINY.name}.json"
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        damaged = {
            "empty": b"",
            "cut": content[: len(content) // 2],
            "binary": b"\xff\x00" + content,
            "another key": content.replace(TINY.key.encode(), b"0123456789abcdef"),
            "another schema": re.sub(rb'"schema": \d+', b'"schema": 0', content),
        }
        assert damaged[damage] != content
        path.write_bytes(damaged[damage])
    assert finish(STUDY, tmp_path) == uninterrupted
    assert computed == [TINY]


def test_an_interruption_while_a_run_is_written_leaves_no_half_of_it(
    tmp_path: Path, uninterrupted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda part, target: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            list(STUDY.run(tmp_path))
    assert saved(tmp_path) == {}
    assert finish(STUDY, tmp_path) == uninterrupted


def test_runs_are_refused_until_all_of_them_are_there(tmp_path: Path, computed: list[Cell]) -> None:
    with pytest.raises(InputError, match=TINY.name):
        STUDY.runs(tmp_path)
    finish(STUDY, tmp_path)
    runs = STUDY.runs(tmp_path)
    assert [run.key for run in runs] == [cell.key for cell in STUDY.cells]
    assert len(computed) == len(STUDY.cells)


def test_several_workers_give_the_same_bytes(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    assert finish(STUDY, tmp_path, workers=2) == uninterrupted


# --- Names and keys ---

CHANGES = {
    "claim": "R3",
    "problem": "routing",
    "data": "synthetic",
    "k": 3,
    "smoothing": "entropic",
    "mu": 0.25,
    "ridge": 0.5,
    "exact": False,
    "horizons": (1, 2, 3),
    "trials": 33,
    "looks": 2,
    "step": 0.1,
    "seed": 1,
    "most": 99,
    "stop": 0.25,
    "file": __file__,
    "method": "Adam",
    "sampling": "without replacement",
    "batch": 2,
    "beta": 0.5,
    "gradient": "hard",
    "density": 1.0,
    "anneal": 0.1,
}


def test_whatever_changes_in_a_cell_changes_its_name_and_its_key() -> None:
    assert set(CHANGES) == {field.name for field in fields(Cell)}
    changed = [TINY, *(replace(TINY, **{name: value}) for name, value in CHANGES.items())]
    assert len({cell.name for cell in changed}) == len({cell.key for cell in changed}) == len(changed)


def test_other_versions_of_the_libraries_change_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = TINY.key
    monkeypatch.setattr("reports.cell.versions", lambda: {"numpy": "0.0"})
    assert TINY.key != before


def test_a_run_on_a_file_that_has_changed_since_is_not_taken_up(tmp_path: Path, computed: list[Cell]) -> None:
    path = tmp_path / "features.npz"
    study = Study((replace(TINY, data=str(path)),))
    values = []
    for scale in (1.0, 2.0):
        np.savez(path, x=scale * np.eye(3), y=np.array([0, 1, 0]))
        finish(study, tmp_path)
        values.append(study.runs(tmp_path)[0].horizons[0].values)
    assert len(computed) == 2
    assert values[0] != values[1]


# --- Profiles ---


@pytest.mark.parametrize("name", ["quick", "full"])
def test_profile_runs_every_rate_on_real_data_with_hard_smoothed_and_dense_heads(name: str) -> None:
    cells = profile(name)
    assert len({cell.name for cell in cells}) == len(cells)
    assert {cell.claim for cell in cells} == {id for id, claim in claims.items() if isinstance(claim, Rate)}
    assert {cell.claim for cell in cells if cell.exact} == {cell.claim for cell in cells}
    assert {cell.problem for cell in cells} == set(problems.FAMILIES)
    assert {cell.smoothing for cell in cells} == {None, "entropic", "quadratic"}
    for claim in ("R1", "R6"):
        for data in ("synthetic", "digits"):
            on_data = [cell for cell in cells if cell.claim == claim and cell.data == data]
            assert {cell.smoothing for cell in on_data} >= {None, "entropic"}
            assert {cell.k is None for cell in on_data} == {True, False}
            assert all(len(cell.horizons) >= 3 and not cell.exact for cell in on_data)
        assert any(cell.exact for cell in cells if cell.claim == claim)
    assert all(cell.horizons == tuple(sorted(set(cell.horizons))) for cell in cells)


def test_full_profile_goes_further_than_the_quick_one() -> None:
    quick, full = profile("quick"), profile("full")
    sampled = [(q, f) for q, f in zip(quick, full, strict=True) if not q.exact]
    assert all(f.horizons[-1] > q.horizons[-1] and f.trials > q.trials for q, f in sampled)


def test_profile_can_be_narrowed_to_some_claims() -> None:
    assert profile("quick", ["R6"]) == tuple(cell for cell in profile("quick") if cell.claim == "R6")
    with pytest.raises(InputError, match="quick, full"):
        profile("nope")
    with pytest.raises(UnknownClaim):
        profile("quick", ["R99"])
    with pytest.raises(InputError, match="without a rate"):
        profile("quick", ["O1"])


def test_every_cell_of_the_profiles_that_is_exact_can_be_enumerated() -> None:
    Study(tuple(cell for cell in profile("full") if cell.exact)).check()


# --- Running a claim ---


@pytest.mark.parametrize("family", [f for f in problems.FAMILIES if f not in ("bilinear", "quadratic", "polyak")])
@pytest.mark.parametrize("id", ["R1", "R6"])
def test_a_rate_can_be_run_on_every_hard_problem_if_only_to_be_void(id: str, family: str) -> None:
    problem = problems.make(family, "tiny", k=2)
    (row,) = verify(claims[id], problem, [2], exact=True)
    assert math.isfinite(row.measured)
    needs_l, needs_d = id == "R6", id != "R6" and not problem.convex
    assert row.status == ("void" if needs_l or needs_d else "holds")


def test_step_is_the_tuned_one_unless_it_is_given() -> None:
    problem = problems.make("monotone", "tiny", k=2)
    constants = problem.constants()
    tuned = run_claim(claims["R1"], problem, [1, 4], exact=True)
    expected = [constants["D"] / constants["G"], constants["D"] / constants["G"] / 2]
    assert [row.eta for row in tuned.horizons] == pytest.approx(expected)
    given_step = run_claim(claims["R1"], problem, [1, 4], exact=True, step=0.25)
    assert [row.eta for row in given_step.horizons] == [0.25, 0.25]


@pytest.mark.parametrize("step", [0.0, -1.0, math.inf, math.nan])
def test_step_must_be_a_positive_number(step: float) -> None:
    with pytest.raises(InputError, match="step"):
        run_claim(claims["R1"], problems.make("monotone", "tiny", k=2), [1], exact=True, step=step)


def test_a_claim_that_cannot_be_run_is_answered_with_what_is_missing() -> None:
    problem = problems.make("monotone", "tiny", k=2)
    for id, missing in (("R4", "declares no modulus"), ("R10", "declares no rho")):
        with pytest.raises(InputError, match=missing):
            run_claim(claims[id], problem, [1], exact=True)
