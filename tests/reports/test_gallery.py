"""The gallery holds every figure under its claim; captions state the setting; what was not run is named."""

from pathlib import Path

import pytest

from reports import gallery, page
from reports.page import Drawn
from reports.study import Study
from reports.verdict import Verdict
from sim import Run
from theory import Rate, claims

from .browser import WIDTHS, needs_chromium, opened, overflow
from .html import Page


@pytest.fixture(scope="module")
def figures(
    study: Study, runs: list[Run], verdicts: list[Verdict], tmp_path_factory: pytest.TempPathFactory
) -> list[Drawn]:
    return page.draw_all(study, runs, verdicts, tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def written(study: Study, figures: list[Drawn]) -> Page:
    return Page(gallery.render(study, figures))


def test_it_stands_alone_and_runs_nothing(written: Page) -> None:
    assert written.open == []
    assert len(set(written.ids)) == len(written.ids)
    assert "script-src" not in written.policy
    assert "default-src 'none'" in written.policy
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(written.tags)
    assert all(loaded.startswith(("data:image/svg+xml;base64,", "#")) for loaded in written.loaded)


def test_every_figure_has_its_caption_and_its_name(written: Page, figures: list[Drawn]) -> None:
    for drawn in figures:
        assert f"{drawn.plot.caption} {drawn.plot.name}" in written.text
        assert f"rate-{drawn.plot.claim}" in written.ids


def test_captions_state_the_setting(figures: list[Drawn]) -> None:
    exact, sampled = (drawn.plot.caption for drawn in figures)
    assert "at T = 1, 2, 4: exact expectation over all sample paths; dashed: the bounds" in exact
    assert "at T = 2, 4: mean and confidence band over 32 independent trials; dashed: the bounds" in sampled


def test_rates_that_were_not_run_are_named(written: Page) -> None:
    silent = [id for id, claim in claims.items() if isinstance(claim, Rate) and id not in ("R1", "R6")]
    assert f"not run in this study: {', '.join(silent)}." in written.text


def test_points_lie_on_the_picture_and_tell_every_positive_value(figures: list[Drawn]) -> None:
    for plot, _, over in figures:
        values = [(trace, i, m) for trace in plot.traces for i, m in enumerate(trace.measured) if m > 0]
        assert len(over.points) == len(values)
        for point, (trace, i, measured) in zip(over.points, values, strict=True):
            assert 0 < point.x < over.width
            assert 0 < point.y < over.height
            assert point.told.startswith(f"{trace.method}, T = {trace.horizons[i]:,}: measured {measured:.4g}")
        # longer horizons are further right, larger values higher
        for a in range(len(values)):
            for b in range(len(values)):
                (first, i, low), (second, j, high) = values[a], values[b]
                if first.horizons[i] < second.horizons[j]:
                    assert over.points[a].x < over.points[b].x
                if low < high:
                    assert over.points[a].y >= over.points[b].y


@needs_chromium
@pytest.mark.parametrize("width", WIDTHS)
def test_in_a_browser(study: Study, figures: list[Drawn], tmp_path: Path, width: int) -> None:
    with opened(gallery.write_gallery(study, figures, tmp_path), width) as (shown, wrong):
        assert overflow(shown) <= 0
        assert wrong == []
