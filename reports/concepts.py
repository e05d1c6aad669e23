"""What a dissection found, as rows and as a figure: which concepts have detectors, and how many."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from aat.concepts import Concept, Tally
from reports import plots

TALLY = "tally.csv"
FIGURE = "concepts"
_ALL = "all"
# Okabe and Ito's; a hatch tells further categories, and grey prints, apart.
_LOOK = ("#0072B2", ""), ("#E69F00", ""), ("#009E73", "//"), ("#CC79A7", ".."), ("#56B4E9", "\\\\"), ("#D55E00", "xx")
_INCHES = 0.19


@dataclass(frozen=True)
class ConceptRow:
    """Detectors of a category; also the schema of ``--json``.

    Attributes:
        category: its name, or ``all``: the sum.
        units: how many the tally has.
        detectors: how many of them fit a concept of this category best, with an IoU beyond the limit.
        unique: how many concepts they are detectors of.
        limit: of the IoU.
        inclusive: whether an IoU at the limit is beyond it.
        concepts: with the numbers of their detectors, most detectors first.
    """

    category: str
    units: int
    detectors: int
    unique: int
    limit: float
    inclusive: bool
    concepts: str


def rows(tally: Tally, limit: float, inclusive: bool) -> list[ConceptRow]:
    """A row for every category, and the sum."""
    found = _ranked(tally, limit, inclusive)

    def row(name: str) -> ConceptRow:
        mine = [(concept, units) for concept, units in found if name in (concept.category, _ALL)]
        told = "; ".join(f"{concept.label}: {', '.join(map(str, units))}" for concept, units in mine)
        count = sum(len(units) for _, units in mine)
        return ConceptRow(name, len(tally.units), count, len(mine), limit, inclusive, "" if name == _ALL else told)

    return [row(name) for name in (*tally.categories, _ALL)]


def _ranked(tally: Tally, limit: float, inclusive: bool) -> list[tuple[Concept, tuple[int, ...]]]:
    """Concepts with their detectors, category by category, most detectors first."""
    found = tally.detectors(limit, inclusive).items()
    return sorted(found, key=lambda entry: (tally.categories.index(entry[0].category), -len(entry[1]), entry[0]))


def draw(tally: Tally, limit: float, inclusive: bool, name: str = "") -> Figure:
    """Detectors of every concept that has one, coloured by category (Bau, Zhou et al., CVPR 2017, figure 5)."""
    found = _ranked(tally, limit, inclusive)
    unique = tally.unique(limit, inclusive)
    look = {category: _LOOK[place % len(_LOOK)] for place, category in enumerate(tally.categories)}
    with mpl.rc_context(plots.STYLE):
        figure = Figure(figsize=(max(6.4, 1.2 + _INCHES * len(found)), 3.6), layout="constrained")
        axes = figure.add_subplot()
        for place, (concept, units) in enumerate(found):
            colour, hatch = look[concept.category]
            axes.bar(place, len(units), 0.75, color=colour, hatch=hatch, edgecolor="white", lw=0)
        axes.set_xticks(range(len(found)), [_text(concept.label) for concept, _ in found], rotation=90, fontsize=8)
        axes.set(ylabel="detectors (units)", xlim=(-0.6, max(len(found), 8) - 0.4), ylim=(0, None if found else 1))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=False, axis="x")
        if not found:
            axes.text(0.5, 0.5, "no unit is a detector", transform=axes.transAxes, ha="center", color="#777777")
        beyond = f"IoU {'≥' if inclusive else '>'} {limit:g}"
        count = sum(len(units) for _, units in found)
        told = f"unique detectors: {len(found)}, by {count} of {len(tally.units)} units, {beyond}"
        axes.set_title(f"{_text(name)}\n{told}" if name else told, loc="left", fontsize=10, fontweight="bold")
        figure.legend(handles=_legend(tally, unique, look), loc="outside lower left", fontsize=8, ncols=6)
    return figure


def _legend(tally: Tally, unique: dict[str, int], look: dict[str, tuple[str, str]]) -> list[Patch]:
    """Unique detectors by category."""
    told = [(*look[name], _text(f"{name}: {unique[name]}")) for name in tally.categories]
    return [Patch(fc=colour, hatch=hatch, ec="white", lw=0, label=label) for colour, hatch, label in told]


def _text(name: str) -> str:
    """Without formulas."""
    return name.replace("$", r"\$")
