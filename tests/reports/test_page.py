"""The page stands alone: one well-formed file without network that holds everything the folder does, script or not."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reports import page, published
from reports.bench.result import PUBLISHED, Result
from reports.cnn import detectors, nec, parity, rate_result, routing
from reports.ledger import LedgerRow
from reports.plots import rate_plots
from reports.study import Study
from reports.verdict import STATUSES, Verdict
from sim import Run

from .html import Page

SPEEDS = published.kept(PUBLISHED, Result.load)
PARITIES = published.kept(parity.PUBLISHED, parity.Parity.load)
ROUTINGS = published.kept(routing.PUBLISHED, routing.RoutingStudy.load)
NECS = published.kept(nec.PUBLISHED, nec.Nec.load)
DETECTORS = published.kept(detectors.PUBLISHED, detectors.Detectors.load)
RATES = published.kept(rate_result.PUBLISHED, rate_result.RateResult.load)


@pytest.fixture(scope="module")
def written(folder: Path) -> Page:
    return Page((folder / page.PAGE_FILE).read_text(encoding="utf-8"))


def rendered(study: Study, rows: Sequence[LedgerRow], runs: list[Run], verdicts: list[Verdict]) -> Page:
    """The page of other verdicts, without figures."""
    return Page(page.render(study, rows, runs, verdicts, []))


# --- Form ---


def test_tags_nest_and_ids_are_unique(written: Page) -> None:
    assert written.open == []
    assert written.tags[:2] == ["html", "head"]
    assert len(set(written.ids)) == len(written.ids)


def pictures(page: Page) -> list[str]:
    """What the page shows, links to its own parts left out."""
    return [loaded for loaded in page.loaded if not loaded.startswith("#")]


def test_nothing_is_loaded_and_nothing_runs_but_the_script_that_the_policy_names(written: Page) -> None:
    (script,) = written.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in written.policy.split(";"))
    assert rules.pop("script-src") == f"'sha256-{digest}'"
    assert rules.pop("style-src") == "'unsafe-inline'"
    assert rules.pop("img-src") == "data:"
    assert {"default-src", "base-uri", "form-action"} == rules.keys()
    assert set(rules.values()) == {"'none'"}
    assert written.tags.count("script") == 1
    assert len(script.splitlines()) < 100
    assert not re.search(r"fetch|XMLHttp|WebSocket|import\b|eval|innerHTML|https?:", script)
    assert not {"link", "iframe", "object", "embed", "base", "form", "foreignobject"} & set(written.tags)
    assert written.loaded
    assert all(loaded.startswith(("data:image/", "#")) for loaded in written.loaded)
    assert {loaded[1:] for loaded in written.loaded if loaded.startswith("#")} <= set(written.ids)
    for style in written.styles:
        assert not re.search(r"@import|url\s*\(", style)


def test_embedded_figures_load_nothing_either(written: Page) -> None:
    for loaded in pictures(written):
        head, _, body = loaded.partition(",")
        assert head == "data:image/svg+xml;base64"
        svg = base64.b64decode(body).decode()
        assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", svg) == []
        assert "<script" not in svg
        assert "@import" not in svg
        assert not re.search(r"url\((?!#)", svg)


# --- Content ---


def test_every_claim_of_the_ledger_is_there(
    written: Page, rows: tuple[LedgerRow, ...], verdicts: list[Verdict]
) -> None:
    for row in rows:
        assert {row.id, row.title} <= set(written.texts)
    assert {f"rate-{verdict.claim}" for verdict in verdicts} <= set(written.ids)


def test_every_figure_is_there_as_it_was_drawn(
    written: Page, folder: Path, study: Study, runs: list[Run], verdicts: list[Verdict]
) -> None:
    embedded = [base64.b64decode(loaded.partition(",")[2]) for loaded in pictures(written)]
    drawn = [(folder / "figures" / f"{plot.name}.svg").read_bytes() for plot in rate_plots(study, runs, verdicts)]
    # those of real CNNs come after them, then that of the speeds
    assert embedded[: len(drawn)] == drawn
    real = sum(len(each.figures) + 1 for each in RATES) + len(PARITIES) + len(NECS) + len(DETECTORS)
    real += 2 * len(ROUTINGS)
    assert len(embedded) == len(drawn) + real + len(SPEEDS)


def test_every_row_and_every_command_is_there(written: Page, study: Study, verdicts: list[Verdict]) -> None:
    for cell in study.cells:
        assert f"{cell.command} --level {study.level:g}" in written.texts
    for verdict in verdicts:
        numbers = (verdict.measured, verdict.lower, verdict.upper, verdict.bound, verdict.tightness, verdict.power)
        told = " ".join("–" if number is None else f"{number:.4g}" for number in numbers)
        engine = "exact" if verdict.engine == "exact" else f"{verdict.trials} trials"
        row = f"{verdict.claim} {verdict.problem} {verdict.method} {engine} {verdict.horizon} {told} {verdict.status}"
        assert row in written.text


def test_accuracies_of_real_cnns_are_there(written: Page) -> None:
    assert PARITIES
    for found in PARITIES:
        assert found.command in written.texts
        for row in found.rows():
            difference = "–" if row.difference is None else f"{row.difference:.2%}"
            interval = "" if row.lower is None else f"[{row.lower:.2%}, {row.upper:.2%}]"
            assert f"{row.head} {row.seeds} {row.accuracy:.2%}" in written.text
            assert f"{difference} {interval}".strip() in written.text
    assert any(found.gpu for found in PARITIES) or "On a GPU: not measured." in written.text


def test_routing_of_real_cnns_is_there(written: Page) -> None:
    assert ROUTINGS
    for found in ROUTINGS:
        assert found.command in written.texts
        for row in found.rows():
            assert f"{row.meaning} {row.head} {row.value:.4g} [{row.lower:.4g}, {row.upper:.4g}]" in written.text
            if row.claim:
                assert f"{row.claim} {row.head} {row.meaning}" in written.text
                assert f"{row.level:.4g} {row.status}" in written.text
            if row.difference is not None:
                interval = f"[{row.difference_lower:.4g}, {row.difference_upper:.4g}]"
                assert f"{row.difference:.4g} {interval}" in written.text


def test_counts_are_those_of_the_rows(written: Page, rows: tuple[LedgerRow, ...], verdicts: list[Verdict]) -> None:
    assert {verdict.status for verdict in verdicts} == {"holds", "void"}
    judged = [*verdicts, *(v for found in RATES for v in found.verdicts)]
    judged += [row for found in (*PARITIES, *ROUTINGS, *DETECTORS) for row in found.rows()]
    shown = Counter(row.status for row in judged)
    assert " · ".join(f"{shown[status]} {status}" for status in STATUSES if shown[status]) in written.text
    for status, count in Counter(row.status for row in rows).items():
        assert f"{count} {status}" in written.texts


def test_void_rows_say_why(written: Page, verdicts: list[Verdict]) -> None:
    reasons = {verdict.reason for verdict in verdicts if verdict.status == "void"}
    assert reasons
    assert all(reason in written.text for reason in reasons)


@pytest.mark.parametrize(("row", "status"), [(0, "violated"), (1, "void"), (2, "undecided")])
def test_a_row_that_does_not_hold_is_explained_at_whichever_horizon(
    row: int, status: str, study: Study, rows: tuple[LedgerRow, ...], runs: list[Run], verdicts: list[Verdict]
) -> None:
    assert len({(v.claim, v.problem, v.method) for v in verdicts[:3]}) == 1
    changed = list(verdicts)
    changed[row] = replace(verdicts[row], status=status, reason="because of the weather")
    text = rendered(study, rows, runs, changed).text
    assert "because of the weather" in text
    assert re.search(rf"on monotone/tiny, {verdicts[0].method}: [a-z ,]*{status}", text)


def test_a_refused_proof_is_shown_with_its_reason(
    study: Study, rows: tuple[LedgerRow, ...], runs: list[Run], verdicts: list[Verdict]
) -> None:
    refused = replace(rows[0], status="refused", residual="x**2", reason="a residual is left")
    html = rendered(study, [refused, *rows[1:]], runs, verdicts)
    assert "1 refused" in html.texts
    assert "a residual is left" in html.text


def test_names_of_data_are_escaped(
    study: Study, rows: tuple[LedgerRow, ...], runs: list[Run], verdicts: list[Verdict]
) -> None:
    name = "<script>alert('&')</script>"
    changed = [replace(verdict, problem=name, command=f"aat verify --data {name}") for verdict in verdicts]
    html = rendered(study, rows, runs, changed)
    assert html.tags.count("script") == 1
    assert all("alert" not in script for script in html.scripts)
    assert html.open == []
    assert name in html.text


def test_a_study_without_cells_has_a_page(rows: tuple[LedgerRow, ...]) -> None:
    html = rendered(Study(()), rows, [], [])
    assert html.open == []
