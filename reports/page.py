"""The page: ledger, verdicts, figures and how to reproduce them, in one file that needs no network and no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import joblib

from aat.files import write_whole
from reports import html, ledger, plots, published
from reports.bench import result
from reports.cnn import (
    detectors,
    detectors_figure,
    nec,
    nec_figure,
    parity,
    path,
    rate_result,
    routing,
    routing_figures,
)
from reports.ledger import LedgerRow
from reports.plots import RatePlot, rate_plots, save
from reports.study import Study
from reports.verdict import STATUSES, Verdict
from sim import Run
from sim.results import versions

PAGE_FILE = "index.html"


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
) -> list[tuple[RatePlot, Path]]:
    """Draw every figure of a study into ``folder/figures``; returns each with its SVG."""
    plots = rate_plots(study, runs, verdicts)
    saved = joblib.Parallel(n_jobs=workers)(joblib.delayed(save)(plot, folder / "figures") for plot in plots)
    return [(plot, svg) for plot, (svg, _) in zip(plots, saved, strict=True)]


def render(
    study: Study,
    rows: Sequence[LedgerRow],
    runs: Sequence[Run],
    verdicts: Sequence[Verdict],
    figures: Sequence[tuple[RatePlot, Path]],
) -> str:
    """The page as HTML."""
    speeds = published.kept(result.PUBLISHED, result.Result.load)
    accuracies = published.kept(parity.PUBLISHED, parity.Parity.load)
    studies = published.kept(rate_result.PUBLISHED, rate_result.RateResult.load)
    dissections = published.kept(detectors.PUBLISHED, detectors.Detectors.load)
    routings = published.kept(routing.PUBLISHED, routing.RoutingStudy.load)
    necs = published.kept(nec.PUBLISHED, nec.Nec.load)
    judged = {verdict.claim for verdict in verdicts}
    verdicts = [*verdicts, *(verdict for found in studies for verdict in found.verdicts)]
    counts = Counter(verdict.status for verdict in verdicts)
    return html.render(
        "page.html.j2",
        claims=study.claims,
        rates=[claim for id, claim in study.claims.items() if id in judged],
        ledger=rows,
        proofs=Counter(row.status for row in rows),
        mutants=sum(row.mutants_total for row in rows),
        mutants_refused=sum(row.mutants_refused for row in rows),
        counts={status: counts[status] for status in STATUSES},
        groups=[(key, list(group)) for key, group in groupby(verdicts, lambda v: (v.claim, v.problem, v.method))],
        commands=list(dict.fromkeys(verdict.command for verdict in verdicts)),
        figures=figures,
        parity=[(found, plots.svg(parity.draw(found))) for found in accuracies],
        routing=[(found, routing_figures.drawn(found)) for found in routings],
        nec=[(found, plots.svg(nec_figure.draw(found))) for found in necs],
        detectors=[(found, plots.svg(detectors_figure.draw(found))) for found in dissections],
        columns=result.COLUMNS,
        rate_studies=[(found, _drawn(found)) for found in studies],
        speeds=[(found, plots.svg(result.draw(found))) for found in speeds],
        level=study.level,
        rate_levels=sorted({found.plan.level for found in studies}),
        versions=runs[0].versions if runs else versions(),
    )


def _drawn(found: rate_result.RateResult) -> list[tuple[str, str, bytes]]:
    """The figures of a study of real CNNs: id, caption and SVG."""
    told = [(plot.name, plot.caption, plots.svg(plots.draw(plot))) for plot in found.figures]
    return [*told, (f"path-{plots.slug(found.problem)}", path.CAPTION, plots.svg(path.draw(found)))]
