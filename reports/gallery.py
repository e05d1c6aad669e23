"""The gallery: every rate figure of a study under its claim, on one page without network or script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aat.files import write_whole
from reports import html
from reports.page import Drawn
from reports.study import Study
from theory import Rate

FILE = "gallery.html"


def write_gallery(study: Study, figures: Sequence[Drawn], folder: Path) -> Path:
    """Write the gallery of ``figures`` into ``folder``; returns its path."""
    page = folder / FILE
    write_whole(page, render(study, figures))
    return page


def render(study: Study, figures: Sequence[Drawn]) -> str:
    """The gallery as HTML; a rate that was not run is named as such."""
    rates = [claim for claim in study.claims.values() if isinstance(claim, Rate)]
    drawn = {rate.id: [each for each in figures if each.plot.claim == rate.id] for rate in rates}
    return html.render(
        "gallery.html.j2",
        rates=[rate for rate in rates if drawn[rate.id]],
        silent=[rate.id for rate in rates if not drawn[rate.id]],
        drawn=drawn,
    )
