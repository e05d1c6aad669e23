"""The path of the trainings of a study of rates, as a figure: loss, ‖∇F‖², noise and smoothness against steps."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports import plots
from reports.cnn.rate_result import Curve, Found, RateResult

_PANELS = {
    "loss": "loss F",
    "square_gradient": "‖∇F‖²",
    "noise": "noise E‖g − ∇F‖²",
    "smoothness": "largest |eigenvalue| of ∇²F",
}
CAPTION = (
    "Measured along the trainings, over the seeds: solid, the mean; dotted, the largest. The constants of the bounds "
    "are the largest of all; L may also be a secant, and any may be of step 0, which are not drawn. R12: noise over "
    "the fixed batches, and the largest eigenvalue of any batch. Grey: the largest L that the claim allows at the "
    "step that was taken, 1/η for R6 and 1/(2ηN) for R12; R9 has no such cap."
)


def draw(result: RateResult) -> Figure:
    """One line of panels for each claim, and one for the scheduled runs; without touching global state."""
    kinds = list(dict.fromkeys((each.series.claim, each.series.schedule) for each in result.found))
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(11, 0.6 + 2.1 * len(kinds)), layout="constrained")
        lines = figure.subplots(len(kinds), len(_PANELS), sharex=True, squeeze=False)
        for panels, (claim, schedule) in zip(lines, kinds, strict=True):
            alike = [e for e in result.found if (e.series.claim, e.series.schedule) == (claim, schedule)]
            for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
                _panel(axes, alike, name)
                axes.set_title(title, loc="left", fontsize=9)
            panels[0].set_ylabel(claim if schedule == "constant" else f"{claim}'s, scheduled", fontweight="bold")
            cap = _cap(alike[0], result.terms)
            if cap:
                panels[-1].axhline(cap, color="#777777", lw=1, ls=(0, (5, 2)))
        for axes in lines[-1]:
            axes.set_xlabel("step")
        heads = {"dense": None, f"hard, K={result.plan.k}": result.plan.k}
        handles = [Line2D([], [], color=_look(k)[0], marker=_look(k)[1], ms=3, label=told) for told, k in heads.items()]
        figure.legend(handles=handles, loc="outside lower left", fontsize=8, ncols=len(handles))
    return figure


def _panel(axes: Axes, alike: Sequence[Found], name: str) -> None:
    for found in alike:
        curve: Curve = found.curves[name]
        colour, marker = _look(found.series.k)
        axes.plot(curve.step, curve.mean, color=colour, lw=1.2, marker=marker, ms=2.5)
        axes.plot(curve.step, curve.most, color=colour, lw=0.9, ls=":")
    if name != "loss" and all(value > 0 for found in alike for value in found.curves[name].mean):
        axes.set_yscale("log")


def _look(k: int | None) -> tuple[str, str]:
    return plots.LOOK["dense" if k is None else "hard"]


def _cap(found: Found, terms: int) -> float | None:
    """The largest L that the claim allows at this step; None: it has no cap, or is not about these runs."""
    if found.series.schedule != "constant":
        return None
    share = {"R6": 1, "R12": 2 * terms}.get(found.series.claim)
    return None if share is None else 1 / (found.series.lr * share)
