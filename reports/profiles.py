"""The cells of ``aat verify``: every rate of the ledger on its problem families, quickly or fully.

Monte Carlo cells show the rate over horizons, on real data too; exact ones leave no doubt at horizons that can be
enumerated. The quick profile takes the same cells as the full one, to shorter horizons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from aat import InputError
from reports.cell import Cell
from reports.runner import rate
from sim.metrics import metric


class _Grid(NamedTuple):
    """The horizons of a profile, by data and engine, with the trials and looks of Monte Carlo."""

    synthetic: tuple[int, ...]
    digits: tuple[int, ...]
    exact: tuple[int, ...]
    epochs: tuple[int, ...]
    trials: int
    looks: int


_GRIDS = {
    "quick": _Grid((32, 128, 512, 2048), (32, 128, 512), (1, 2, 4, 6), (3, 6, 9), 32, 1),
    "full": _Grid((100, 1000, 10_000), (100, 1000, 10_000, 100_000), (1, 2, 4, 8), (3, 6, 9, 12), 64, 8),
}
_HEADS: dict[str, dict[str, Any]] = {
    "hard": {"k": 5},
    "entropic": {"k": 5, "smoothing": "entropic", "mu": 0.05},
    "quadratic": {"k": 5, "smoothing": "quadratic", "mu": 0.05},
    "dense": {"k": None},
}
# on three samples of four features
_TINY: dict[str, dict[str, Any]] = {
    "hard": {"k": 2},
    "entropic": {"k": 2, "smoothing": "entropic", "mu": 0.1},
    "quadratic": {"k": 2, "smoothing": "quadratic", "mu": 0.5},
    "dense": {"k": None},
}


def profile(name: str, only: Iterable[str] = ()) -> tuple[Cell, ...]:
    """The cells of a profile, ``quick`` or ``full``, for the claims of ``only`` (all if empty)."""
    wanted = {rate(id).id for id in only}
    return tuple(cell for cell in cells(name) if not wanted or cell.claim in wanted)


def cells(name: str) -> Iterator[Cell]:
    """The cells of the profile of that name; InputError if there is none."""
    if name not in _GRIDS:
        raise InputError(f"unknown profile {name!r}; expected one of {', '.join(_GRIDS)}")
    grid = _GRIDS[name]
    yield from _rates_over_horizons(grid)
    yield from _exact(grid)


def _rates_over_horizons(grid: _Grid) -> Iterator[Cell]:
    """The convex and the nonconvex rate on synthetic and real data, with every head; and one problem of each other."""
    plan = {
        ("routing", "hard entropic quadratic"): ("R1", "R3"),
        ("monotone", "hard entropic dense"): ("R1", "R3"),
        ("logistic", "hard entropic quadratic dense"): ("R6",),
        ("softmax", "hard entropic dense"): ("R6",),
    }
    # not convex where votes are dropped, so void: once is enough
    yield _sampled(grid, "R1", "softmax", "synthetic", "hard", grid.synthetic)
    yield _sampled(grid, "R1", "softmax", "synthetic", "dense", grid.synthetic)
    yield _sampled(grid, "R1", "softmax", "digits", "dense", grid.digits)
    for (problem, wanted), ids in plan.items():
        for claim in ids:
            for data, horizons in (("synthetic", grid.synthetic), ("digits", grid.digits)):
                for head in wanted.split():
                    yield _sampled(grid, claim, problem, data, head, horizons)
    short = grid.synthetic[:3]
    for claim, problem, head, ridge in (
        ("R2", "routing", "hard", 0.0),
        ("R4", "monotone", "hard", 0.1),
        ("R4", "routing", "entropic", 0.1),
        ("R5", "monotone", "entropic", 0.0),
        ("R5s", "monotone", "dense", 0.0),
        ("R6", "logcosh", "entropic", 0.0),
        ("R7", "monotone", "entropic", 0.1),
        ("R7", "polyak", "dense", 0.0),
        ("R8", "softmax", "quadratic", 0.0),
        ("R9", "softmax", "entropic", 0.0),
        ("R12", "logistic", "quadratic", 0.0),
    ):
        yield _sampled(grid, claim, problem, "synthetic", head, short, ridge=ridge)


def _sampled(grid: _Grid, claim: str, problem: str, data: str, head: str, horizons: tuple[int, ...],
             **options: Any) -> Cell:  # fmt: skip
    averaged = metric(rate(claim).metric.id).when in ("each", "epochs")
    looks = grid.looks if averaged else 1
    return Cell(claim, problem, data, **_HEADS[head], horizons=horizons, trials=grid.trials, looks=looks, **options)


def _exact(grid: _Grid) -> Iterator[Cell]:
    """Exact expectations: each rate on each of its families, hard, smoothed and dense where they apply."""
    plan: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("R1", "routing", "hard", {}),
        ("R1", "monotone", "hard", {}),
        ("R1", "softmax", "hard", {}),
        ("R1", "softmax", "dense", {}),
        ("R1", "routing", "hard", {"batch": 2, "sampling": "without replacement"}),
        ("R2", "routing", "hard", {}),
        ("R2", "monotone", "hard dense", {}),
        ("R3", "routing", "hard", {}),
        ("R3", "monotone", "hard", {}),
        ("R4", "routing", "hard", {"ridge": 0.1}),
        ("R4", "monotone", "hard entropic dense", {"ridge": 0.1}),
        ("R5", "monotone", "entropic dense", {}),
        ("R5", "logcosh", "dense", {}),
        ("R5s", "routing", "quadratic", {}),
        ("R5s", "monotone", "entropic", {}),
        ("R5s", "quadratic", "dense", {}),
        ("R6", "logistic", "entropic", {}),
        ("R6", "softmax", "entropic", {}),
        ("R6", "logcosh", "quadratic", {}),
        ("R6", "logistic", "entropic", {"batch": 2}),
        ("R6", "logcosh", "entropic dense", {"batch": 2, "sampling": "without replacement"}),
        ("R7", "polyak", "dense", {}),
        ("R7", "quadratic", "dense", {}),
        ("R7", "monotone", "entropic", {"ridge": 0.1}),
        ("R8", "logistic", "quadratic", {}),
        ("R8", "logcosh", "quadratic", {}),
        ("R9", "logistic", "entropic", {}),
        ("R9", "logcosh", "dense", {}),
        ("R10", "bilinear", "hard entropic dense", {"horizons": (1, 2, 4)}),
        ("R12", "logistic", "entropic", {"horizons": grid.epochs}),
        ("R12", "logcosh", "quadratic", {"horizons": grid.epochs}),
        ("R12", "polyak", "dense", {"horizons": grid.epochs}),
    )
    for claim, problem, heads, options in plan:
        for head in heads.split():
            yield Cell(**{"horizons": grid.exact, **options}, claim=claim, problem=problem, data="tiny", exact=True,
                       **_TINY[head])  # fmt: skip
    # gaps from wide to none; where they stay, the hard gradient has no bias
    for data in ("wide", "close", "ties"):
        for problem in ("logistic", "logcosh"):
            yield Cell("R14", problem, data, 2, "quadratic", 1.0, exact=True, horizons=grid.exact)
    for mu in (0.5, 1.0):
        yield Cell("R14.gap", "logistic", "wide", 2, "quadratic", mu, exact=True, horizons=(1, 2, 4))
