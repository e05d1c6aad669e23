"""The proof book: every symbol, assumption, claim and proof step on one page, and what needs what as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from aat.files import write_whole
from reports import graph, html
from reports.ledger import LedgerRow
from reports.plots import STYLE
from theory import Rate, claims
from theory.assumptions import Assumption
from theory.claim import Refuted
from theory.ledger import SECTIONS
from theory.symbols import GLOSSARY, latex

BOOK_FILE = "book.html"


@dataclass(frozen=True)
class Entry:
    """An assumption, and the ids of the claims that make it."""

    assumption: Assumption
    used_by: tuple[str, ...]


def write_book(rows: Sequence[LedgerRow], folder: Path) -> Path:
    """Write the book of ``rows`` into ``folder``; returns its path.

    Raises:
        OSError: the folder cannot be written.
    """
    book = folder / BOOK_FILE
    write_whole(book, render(rows))
    return book


def render(rows: Sequence[LedgerRow]) -> str:
    """The book as HTML."""
    known = {row.id: row for row in rows}
    sections = {title: [claim.id for claim in entries if claim.id in known] for title, entries in SECTIONS.items()}
    return html.render(
        "book.html.j2",
        claims=claims,
        rows=known,
        sections=sections,
        counts=Counter(row.status for row in rows),
        mutants=sum(row.mutants_total for row in rows),
        glossary=GLOSSARY,
        assumptions=assumptions(known),
        picture=_svg(graph.draw(rows, sections)),
        ratio=_svg(graph.draw_ratio()),
        is_rate=lambda claim: isinstance(claim, Rate),
        is_refuted=lambda claim: isinstance(claim, Refuted),
        latex=latex,
    )


def assumptions(ids: Sequence[str] | dict[str, LedgerRow]) -> list[Entry]:
    """Every assumption of the claims ``ids``, each once, in the order in which they are first made."""
    used: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Assumption] = {}
    for id in ids:
        for assumption in claims[id].assumptions:
            key = (assumption.id, assumption.statement)
            first.setdefault(key, assumption)
            used.setdefault(key, []).append(id)
    return [Entry(first[key], tuple(by)) for key, by in used.items()]


def _svg(figure: Figure) -> bytes:
    stream = BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
