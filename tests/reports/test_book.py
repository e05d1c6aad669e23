"""The book and the documentation say what the ledger says, all of it, and nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from reports import book, graph, ledger
from reports.ledger import LedgerRow
from theory import claims
from theory.claim import Refuted
from theory.ledger import SECTIONS
from theory.symbols import GLOSSARY

from .html import Page

LEDGER = Path(__file__).parents[2] / "docs" / "ledger.md"


@pytest.fixture(scope="module")
def written(rows: tuple[LedgerRow, ...]) -> Page:
    return Page(book.render(rows))


def test_the_book_stands_alone(written: Page) -> None:
    assert written.open == []
    assert len(set(written.ids)) == len(written.ids)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(written.tags)
    assert all(loaded.startswith(("data:image/svg+xml;base64,", "#")) for loaded in written.loaded)


def test_every_claim_has_its_place_and_every_link_leads_somewhere(written: Page) -> None:
    assert set(claims) <= set(written.ids)
    assert {loaded[1:] for loaded in written.loaded if loaded.startswith("#")} <= set(written.ids)


def test_every_step_symbol_and_reference_is_there(written: Page, rows: tuple[LedgerRow, ...]) -> None:
    for row in rows:
        assert f"{row.id} · {row.title}" in written.texts
        assert claims[row.id].source in written.text
        assert {text for step in row.steps for text in (step.label, step.rule)} <= set(written.texts)
    assert {symbol.meaning for symbol in GLOSSARY.values()} <= set(written.texts)
    assert {assumption.id for claim in claims.values() for assumption in claim.assumptions} <= set(written.texts)


def test_an_assumption_names_the_claims_that_make_it() -> None:
    found = {entry.assumption.id: entry.used_by for entry in book.assumptions(["R1", "R3", "R6"])}
    assert found["convex"] == ("R1", "R3")
    assert found["unbiased"] == ("R1", "R3", "R6")
    assert found["smooth"] == ("R6",)


def test_a_refused_proof_says_why(rows: tuple[LedgerRow, ...]) -> None:
    html = Page(book.render([replace(rows[0], status="refused", reason="a residual is left"), *rows[1:]]))
    assert "a residual is left" in html.texts
    assert "1 refused" in html.texts


def test_the_picture_has_a_label_for_each_claim_and_an_arrow_for_each_need(rows: tuple[LedgerRow, ...]) -> None:
    (axes,) = graph.draw(rows, {title: [c.id for c in entries] for title, entries in SECTIONS.items()}).axes
    assert {text.get_text() for text in axes.texts} == {*claims, *SECTIONS}
    assert len(axes.patches) == sum(len(row.needs) for row in rows)


def test_what_is_needed_is_in_the_ledger(rows: tuple[LedgerRow, ...]) -> None:
    assert {id for row in rows for id in row.needs} <= set(claims)


def test_statuses_are_what_the_claims_say_of_themselves(rows: tuple[LedgerRow, ...]) -> None:
    for row in rows:
        refuted = isinstance(claims[row.id], Refuted)
        assert row.status == ("refuted" if refuted else "conditional" if row.rests_on else "proved"), row.reason


def test_the_documentation_has_the_claims_of_the_ledger(rows: tuple[LedgerRow, ...]) -> None:
    """If this fails: put what `aat claims --markdown` prints between the two marks."""
    told = re.search(
        r"<!-- aat claims --markdown -->\n(.*?)<!-- end -->", LEDGER.read_text(encoding="utf-8"), re.DOTALL
    )
    assert told
    assert told[1].strip() == ledger.markdown(rows)
