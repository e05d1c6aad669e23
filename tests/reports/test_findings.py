"""What the page says in one sentence is what its studies' rows say; what is wanting is said too, all of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aat import InputError
from reports.falsify.searched import Searched
from reports.findings import count_of, finding
from reports.ledger import LedgerRow
from reports.shortfalls import shortfalls
from reports.shown import Shown
from reports.tightness import tightest
from reports.verdict import Verdict
from theory import Rate, claims

SHOWN = Shown.published()
RATES = [claim for claim in claims.values() if isinstance(claim, Rate)]


@pytest.mark.parametrize("kind", ["parities", "routings", "detectors"])
def test_every_verdict_of_a_study_is_in_its_finding(kind: str) -> None:
    assert getattr(SHOWN, kind)
    for study in getattr(SHOWN, kind):
        told = finding(study)
        for row in study.rows():
            assert row.status == "–" or row.status in told
        assert told.count("\n") == 0


def test_an_accuracy_below_the_margin_reads_as_violated() -> None:
    study = SHOWN.parities[0]
    worse = replace(
        study, scores=tuple(replace(s, accuracy=s.accuracy - 0.2 * (s.head != "dense")) for s in study.scores)
    )
    rows = [row for row in worse.rows() if row.difference is not None]
    assert {row.status for row in rows} == {"violated"}
    for row in rows:
        assert f"{row.head}: −{-100 * row.difference:.2f} [" in finding(worse)


def test_rates_and_speeds_are_counted() -> None:
    for study in SHOWN.rates:
        assert count_of(row.status for row in study.verdicts) in finding(study)
    for speed in SHOWN.speeds:
        for direction in ("forward", "forward+backward"):
            best = min(m for (_, _, way), m in speed.multiples(direction).items() if way != "definition")
            assert f"{direction}: {best:.3g}" in finding(speed)


def test_what_is_no_study_has_no_finding() -> None:
    with pytest.raises(TypeError, match="int is no study"):
        finding(3)


def test_counts_of_studies_are_those_of_their_rows() -> None:
    assert SHOWN.counts.total() == len(SHOWN.verdicts) + len(SHOWN.judged)
    assert len(SHOWN.judged) == sum(
        row.status != "–" for s in (*SHOWN.parities, *SHOWN.routings, *SHOWN.detectors) for row in s.rows()
    )


# --- Tightness ---


def test_the_tightest_row_is_the_largest_that_is_not_void(verdicts: list[Verdict]) -> None:
    (first,) = (each for each in tightest(RATES, verdicts, []) if each.claim == "R1")
    assert first.run is not None
    assert first.run.tightness == max(v.tightness for v in verdicts if v.claim == "R1" and v.status != "void")
    without = [replace(v, status="void", tightness=9.0) if v == first.run else v for v in verdicts]
    (second,) = (each for each in tightest(RATES, without, []) if each.claim == "R1")
    assert second.run is not None
    assert second.run.tightness < first.run.tightness
    assert [each.claim for each in tightest(RATES, verdicts, [])] == [rate.id for rate in RATES]


def test_published_searches_hold_and_come_back_from_their_file(tmp_path: Path) -> None:
    assert SHOWN.searches
    for search in SHOWN.searches:
        assert all(row.status != "violated" for row in search.rows)
        search.save(tmp_path / "again.json")
        assert Searched.load(tmp_path / "again.json") == search
    found = {each.claim: each.found for each in tightest(RATES, [], SHOWN.searches)}
    assert {row.claim for search in SHOWN.searches for row in search.rows} == {id for id, row in found.items() if row}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command": "a", "versions": {}, "rows": [{"claim": "R1"}]}'])
def test_what_is_no_search_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match="expected a result of aat falsify"):
        Searched.load(tmp_path / "bad.json")
    assert text == "" or json.loads(text) is not None


# --- Shortfalls ---


def test_everything_that_does_not_hold_is_named(rows: tuple[LedgerRow, ...], verdicts: list[Verdict]) -> None:
    changed = [replace(verdicts[0], status="violated"), replace(verdicts[1], status="undecided"), *verdicts[2:]]
    named = shortfalls(rows, changed, SHOWN, tightest(RATES, changed, SHOWN.searches))
    kinds = [each.kind for each in named]
    assert kinds == sorted(kinds, key=("refuted", "violated", "undecided", "void", "not measured").index)
    told = {(each.kind, each.about) for each in named}
    assert ("violated", "R1 on monotone/tiny: 1 row") in told
    assert ("undecided", "R1 on monotone/tiny: 1 row") in told
    assert {("refuted", f"{row.id}: {row.title}") for row in rows if row.status == "refuted"} < told
    wanting = [row for row in SHOWN.judged if row.status != "holds"]
    assert wanting
    assert all(any(kind == row.status and row.study in about for kind, about in told) for row in wanting)


def test_what_was_not_measured_is_named_as_long_as_it_was_not(rows: tuple[LedgerRow, ...]) -> None:
    silent = {each.about for each in shortfalls(rows, [], SHOWN, tightest(RATES, [], SHOWN.searches))}
    assert any("CUDA" in about for about in silent)
    assert any(about.startswith("rates without a row in this study: R1, R2") for about in silent)
    gpu = replace(SHOWN, parities=[replace(study, device="an accelerator") for study in SHOWN.parities])
    later = {each.about for each in shortfalls(rows, [], gpu, tightest(RATES, [], SHOWN.searches))}
    assert silent - later == {"accuracy of CNNs trained on a GPU (CUDA)"}
