"""The page: what was claimed, proved, measured and found, in one file that needs no network and no script.

One inline script, which the page's own policy names by its hash, only adds: tables that sort and filter, and the
values of figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import joblib

from aat.files import write_whole
from reports import html, ledger, plots
from reports.bench import result
from reports.cnn import detectors_figure, nec_figure, parity, path, rate_result, routing_figures
from reports.findings import count_of, finding
from reports.ledger import LedgerRow
from reports.plots import RatePlot, rate_plots
from reports.points import Overlay, overlay
from reports.shortfalls import shortfalls
from reports.shown import Shown
from reports.study import Study
from reports.tightness import tightest
from reports.verdict import STATUSES, Verdict
from sim import Run
from sim.results import versions
from theory import Rate

PAGE_FILE = "index.html"
SCRIPT = "page.js"


class Drawn(NamedTuple):
    """A rate figure: its data, its SVG, and where its points are."""

    plot: RatePlot
    svg: Path | bytes
    overlay: Overlay


def write_page(folder: Path, workers: int = 1) -> Path:
    """Rebuild figures and page from the saved ledger and runs of ``folder``; returns the page's path.

    Raises:
        InputError: the folder lacks a study, a run or a ledger.
    """
    study = Study.load(folder)
    rows = ledger.load(folder, study.claims)
    runs = study.runs(folder)
    verdicts = study.judge(runs)
    page = folder / PAGE_FILE
    write_whole(page, render(study, rows, runs, verdicts, draw_all(study, runs, verdicts, folder, workers)))
    return page


def draw_all(
    study: Study, runs: Sequence[Run], verdicts: Sequence[Verdict], folder: Path, workers: int = 1
) -> list[Drawn]:
    """Draw every figure of a study into ``folder/figures``; returns each with its SVG."""
    wanted = rate_plots(study, runs, verdicts)
    busy = min(workers, max(len(wanted), 1))
    return joblib.Parallel(n_jobs=busy)(joblib.delayed(_saved)(plot, folder / "figures") for plot in wanted)


def _saved(plot: RatePlot, folder: Path) -> Drawn:
    figure = plots.draw(plot)
    svg, _ = plots.write(figure, folder, plot.name)
    return Drawn(plot, svg, overlay(plot, figure))


def render(
    study: Study,
    rows: Sequence[LedgerRow],
    runs: Sequence[Run],
    verdicts: Sequence[Verdict],
    figures: Sequence[Drawn],
) -> str:
    """The page as HTML."""
    shown = Shown.published()
    judged = {verdict.claim for verdict in verdicts}
    rates = [claim for claim in study.claims.values() if isinstance(claim, Rate)]
    tightness = tightest(rates, verdicts, shown.searches)
    every = [*verdicts, *shown.verdicts]
    counts = Counter(verdict.status for verdict in verdicts) + shown.counts
    return html.render(
        "page.html.j2",
        script=html.script(SCRIPT),
        claims=study.claims,
        rates=[claim for claim in rates if claim.id in judged],
        ledger=rows,
        proofs=Counter(row.status for row in rows),
        mutants=sum(row.mutants_total for row in rows),
        mutants_refused=sum(row.mutants_refused for row in rows),
        counts={status: counts[status] for status in STATUSES},
        own=count_of(verdict.status for verdict in verdicts),
        real=count_of(shown.counts.elements()),
        groups=[(key, list(group)) for key, group in groupby(every, lambda v: (v.claim, v.problem, v.method))],
        figures=figures,
        shown=shown,
        finding=finding,
        tightness=tightness,
        shortfalls=shortfalls(rows, every, shown, tightness),
        parity=[(found, plots.svg(parity.draw(found))) for found in shown.parities],
        routing=[(found, routing_figures.drawn(found)) for found in shown.routings],
        nec=[(found, plots.svg(nec_figure.draw(found))) for found in shown.necs],
        detectors=[(found, plots.svg(detectors_figure.draw(found))) for found in shown.detectors],
        columns=result.COLUMNS,
        rate_studies=[(found, _drawn(found), plots.svg(path.draw(found))) for found in shown.rates],
        path_caption=path.CAPTION,
        speeds=[(found, plots.svg(result.draw(found))) for found in shown.speeds],
        level=study.level,
        rate_levels=sorted({found.plan.level for found in shown.rates}),
        versions=runs[0].versions if runs else versions(),
        made_with=_made_with(study, runs, shown),
    )


def _drawn(found: rate_result.RateResult) -> list[Drawn]:
    """The rate figures of a study of real CNNs."""
    drawn = []
    for plot in found.figures:
        figure = plots.draw(plot)
        svg = plots.svg(figure)
        drawn.append(Drawn(plot, svg, overlay(plot, figure)))
    return drawn


def _made_with(study: Study, runs: Sequence[Run], shown: Shown) -> dict[str, dict[str, str]]:
    """The versions of what computed the rows, by the command that reproduces them."""
    own = {study.command(cell): run.versions for cell, run in zip(study.cells, runs, strict=True)}
    return own | {found.plan.command: found.versions for found in shown.rates}
