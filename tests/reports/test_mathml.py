"""Formulas and sentences for the page: everything that a claim says converts, and text stays text."""

from html import unescape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from reports.ledger import LedgerRow
from reports.mathml import formula, prose
from theory import Rate, claims

MATH = "{http://www.w3.org/1998/Math/MathML}math"

plain = st.text(st.characters(exclude_characters="$\\", exclude_categories=["Cc", "Cn", "Cs"]))


def check(html: Markup) -> list[ElementTree.Element]:
    """The formulas of a well-formed piece of a page; no LaTeX command and no dollar sign is left in its text."""
    root = ElementTree.fromstring(f"<p>{html}</p>")
    assert not set("\\$") & set("".join(root.itertext()))
    return list(root.iter(MATH))


@pytest.mark.parametrize("id", claims)
def test_what_a_claim_says_is_converted(id: str) -> None:
    claim = claims[id]
    assert len(check(formula(claim.latex()))) == 1
    for sentence in (claim.setting, *(assumption.statement for assumption in claim.assumptions)):
        assert len(check(prose(sentence))) == sentence.count("$") / 2


@pytest.mark.parametrize("id", [id for id, claim in claims.items() if isinstance(claim, Rate)])
def test_the_tuned_step_and_rate_are_converted(id: str) -> None:
    for expression in (claims[id].tuning.eta, claims[id].tuning.rate):
        assert len(check(formula(claims[id].latex_of(expression)))) == 1


def test_every_step_of_every_proof_is_converted(rows: tuple[LedgerRow, ...]) -> None:
    assert {row.id for row in rows} == set(claims)
    for row in rows:
        steps = [step for step in row.steps if step.latex]
        assert steps or row.status == "refuted"
        for step in steps:
            assert len(check(formula(step.latex))) == 1


@given(plain)
def test_a_sentence_without_formulas_is_escaped(text: str) -> None:
    assert not set("<>\"'") & set(prose(text))
    assert unescape(prose(text)) == text


@given(plain, plain)
def test_only_what_stands_between_dollar_signs_is_a_formula(before: str, after: str) -> None:
    (math,) = check(prose(f"{before}$x${after}"))
    assert "".join(math.itertext()) == "x"


def test_a_single_dollar_sign_is_money() -> None:
    assert prose("5 $ & more") == "5 $ &amp; more"
