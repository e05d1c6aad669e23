"""Figures are the verdicts: traces carry their numbers, axes show the traces, files repeat to the byte."""

import math
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from reports import plots
from reports.cell import Cell
from reports.plots import RatePlot, Trace, draw, rate_plots, save
from reports.study import Study
from reports.verdict import Verdict
from sim import Run


@pytest.fixture
def drawn(study: Study, runs: list[Run], verdicts: list[Verdict]) -> list[RatePlot]:
    return rate_plots(study, runs, verdicts)


def trace(**changes: object) -> Trace:
    """A hard head at two horizons, with a bound."""
    plain = Trace(
        "hard AAT-SGD, K=2", "holds", "monte_carlo", (1, 10), (0.4, 0.2), (0.3, 0.1), (0.5, 0.3), (1.0, 0.5), None, None
    )
    return replace(plain, **changes)


# --- Traces ---


def test_traces_are_the_verdicts_and_nothing_else(drawn: list[RatePlot], verdicts: list[Verdict]) -> None:
    told = [
        (plot.claim, plot.problem, trace.method, trace.engine, T, measured, lower, upper)
        for plot in drawn
        for trace in plot.traces
        for T, measured, lower, upper in zip(trace.horizons, trace.measured, trace.lower, trace.upper, strict=True)
    ]
    meant = [(v.claim, v.problem, v.method, v.engine, v.horizon, v.measured, v.lower, v.upper) for v in verdicts]
    assert sorted(told) == sorted(meant)


def test_bounds_are_drawn_where_they_apply(drawn: list[RatePlot], verdicts: list[Verdict]) -> None:
    for plot in drawn:
        for trace in plot.traces:
            rows = [v for v in verdicts if (v.claim, v.problem, v.method) == (plot.claim, plot.problem, trace.method)]
            assert trace.status == " / ".join(dict.fromkeys(v.status for v in rows))
            void = any(v.status == "void" for v in rows)
            assert trace.bound == (() if void else tuple(v.bound for v in rows))
            assert (trace.bound_slope is None) == void
    assert {len(trace.bound) > 0 for plot in drawn for trace in plot.traces} == {True, False}


def test_slopes_are_fitted_to_what_is_drawn(drawn: list[RatePlot]) -> None:
    for trace in (trace for plot in drawn for trace in plot.traces):
        for curve, slope in ((trace.measured, trace.slope), (trace.bound, trace.bound_slope)):
            if curve and min(curve) > 0:
                logs = np.log(trace.horizons), np.log(curve)
                assert slope is not None
                assert slope.value == pytest.approx(np.polynomial.Polynomial.fit(*logs, 1).convert().coef[1])


def test_one_figure_a_claim_and_problem_with_the_dense_head_first(drawn: list[RatePlot]) -> None:
    assert [(plot.claim, plot.problem) for plot in drawn] == [("R1", "monotone/tiny"), ("R6", "logistic/tiny")]
    heads = [[trace.method.split()[0] for trace in plot.traces] for plot in drawn]
    assert heads == [["dense", "hard", "quadratic"], ["dense", "hard", "entropic"]]
    assert [plot.name for plot in drawn] == ["R1-monotone-tiny-exact", "R6-logistic-tiny"]


def test_exact_and_sampled_runs_of_one_problem_go_to_files_of_their_own() -> None:
    tiny = Cell("R1", "monotone", "tiny", 2, exact=True, horizons=(1, 2))
    study = Study((tiny, replace(tiny, exact=False, trials=2), replace(tiny, ridge=0.5)))
    runs = [cell.run() for cell in study.cells]
    assert len({plot.name for plot in rate_plots(study, runs, study.judge(runs))}) == 3


# --- Figures ---


def test_axes_show_the_traces(drawn: list[RatePlot]) -> None:
    for plot in drawn:
        (axes,) = draw(plot).axes
        assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylabel()) == ("log", "log", plot.metric)
        assert plot.claim in axes.get_title("left")
        assert plot.problem in axes.get_title("left")
        lines = [(tuple(line.get_xdata()), tuple(line.get_ydata())) for line in axes.get_lines()]
        for trace in plot.traces:
            measured = tuple(value if value > 0 else math.nan for value in trace.measured)
            assert any(xs == trace.horizons and np.array_equal(ys, measured, equal_nan=True) for xs, ys in lines)
            assert not trace.bound or (trace.horizons, trace.bound) in lines


def test_heads_keep_their_colour_and_marker_in_every_figure(drawn: list[RatePlot]) -> None:
    looks: dict[str, set[tuple[str, str]]] = {}
    for plot in drawn:
        (axes,) = draw(plot).axes
        for line in axes.get_lines():
            label = str(line.get_label())
            if "SGD" in label:
                looks.setdefault(label.split()[0], set()).add((line.get_color(), line.get_marker()))
    assert set(looks) == {"dense", "hard", "quadratic", "entropic"}
    assert all(len(look) == 1 for look in looks.values())
    assert len(set.union(*looks.values())) == len(looks)


NAN, INF = (math.nan,) * 2, (math.inf,) * 2
BELOW = trace(measured=(-0.4, -0.2), lower=(-0.5, -0.3), upper=(-0.3, -0.1))
ODD = {
    "nothing positive, and void": (replace(BELOW, bound=()),),
    "nothing finite": (trace(measured=NAN, lower=NAN, upper=NAN, bound=INF), trace(measured=INF, lower=INF, upper=INF)),
    "hardly finite": (trace(measured=(1e300, 1e-300), bound=(1e308, 1e308)),),
    "among others": (
        trace(),
        BELOW,
        trace(measured=(0.0, 0.0), lower=(0.0, 0.0), upper=(0.0, 0.0)),
        trace(measured=(0.4, math.nan), lower=(0.3, math.nan), upper=(0.5, math.nan), bound=(math.nan, math.inf)),
        trace(horizons=(1,), measured=(0.4,), lower=(0.3,), upper=(0.5,), bound=(1.0,)),
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_numbers_are_drawn_all_the_same(case: str, tmp_path: Path) -> None:
    svg, png = save(RatePlot("R1", "made up", "gap", ODD[case]), tmp_path)
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert png.stat().st_size > 0


def test_names_of_data_are_not_read_as_formulas() -> None:
    draw(RatePlot("R1", r"routing/$a_$ $\x$ <&>", "gap", (trace(),))).draw_without_rendering()


# --- Files ---


def test_files_are_a_picture_and_an_xml_document_that_repeat_to_the_byte(
    drawn: list[RatePlot], folder: Path, tmp_path: Path
) -> None:
    for plot in drawn:
        svg, png = save(plot, tmp_path)
        assert png.read_bytes().startswith(b"\x89PNG\r\n")
        assert ElementTree.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        for path in (svg, png):
            assert path.stem == plot.name
            assert path.read_bytes() == (folder / "figures" / path.name).read_bytes()
    assert len(list((folder / "figures").iterdir())) == 2 * len(drawn)


# --- State ---


def test_settings_of_the_caller_are_left_as_they_were_and_do_not_reach_the_figures(tmp_path: Path) -> None:
    plot = RatePlot("R1", "made up", "gap", (trace(),))
    settings = sorted(set(mpl.rcParams) - {"backend"})  # which is only chosen when it is looked up
    plain, _ = save(plot, tmp_path / "plain")
    with mpl.rc_context({"font.size": 30.0, "svg.hashsalt": "other", "axes.grid": False}):
        before = {name: mpl.rcParams[name] for name in settings}
        among_others, _ = save(plot, tmp_path / "among others")
        assert {name: mpl.rcParams[name] for name in settings} == before
    assert among_others.read_bytes() == plain.read_bytes()


def test_pyplot_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    runpy.run_path(plots.__file__, run_name=plots.__name__)
    draw(RatePlot("R1", "made up", "gap", (trace(),)))
