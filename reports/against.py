"""What a user's file defines, against the built-in others: the cells of claims × problems × methods."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from aat import InputError
from reports import own
from reports.cell import Cell
from reports.runner import lacks
from reports.settings import Setting, setting_of
from sim import SGD, Method, Problem, problems
from sim.results import declared
from theory import Rate, claims


def heads(k: int) -> tuple[dict[str, Any], ...]:
    """The heads with which a family is posed where no problem is named: hard and smoothed with K = ``k``, and dense."""
    return (
        {"k": k, "smoothing": None, "mu": None},
        {"k": k, "smoothing": "entropic", "mu": 0.05},
        {"k": None, "smoothing": None, "mu": None},
    )


def grid(exact: bool) -> tuple[int, ...]:
    """The horizons of a run for which none are named."""
    return (1, 2, 4) if exact else (64, 256, 1024)


def fitting(claim: Rate, method: Method | None = None, data: str = "tiny", k: int = 2) -> list[Problem]:
    """The built-in problems on which a claim says something about a method, ``None`` for the claim's own."""
    found = []
    for family, head in product(problems.FAMILIES, heads(k)):
        try:
            problem = problems.make(family, data, **head)
        except InputError:  # a family without this head
            continue
        if silent(claim, problem, setting_of(claim.id), method) is None:
            found.append(problem)
    return found


def silent(claim: Rate, problem: Problem, setting: Setting, rule: Method | None = None) -> str | None:
    """Why a claim says nothing about a method on a problem, by what is declared; ``None`` if it says something."""
    if lack := lacks(claim, problem, setting, rule):
        return lack
    has = declared(problem, rule or setting.method or SGD(), setting.draws, setting.oracle)
    absent = [constant.name for constant in claim.constants if constant.name not in has]
    if absent:
        return f"{problem.name} declares no {', '.join(absent)}"
    if not problem.convex and any(assumption.id == "convex" for assumption in claim.assumptions):
        return f"{problem.name} is not convex"
    try:
        claim.best_eta(1, has)
    except ZeroDivisionError:
        return f"no step suits a constant of 0, which {problem.name} declares"
    return None


def own_cells(file: Path, ids: Sequence[str] = (), problem: str | None = None, method: str | None = None,
              **options: Any) -> tuple[Cell, ...]:  # fmt: skip
    """What a user's file defines against the built-in others: claims × problems × methods.

    Args:
        file: see :mod:`reports.own`.
        ids: claims, of the file or the ledger; all of the file's if omitted, and all rates of the ledger that fit if it
            has none.
        problem: one problem, of the file or built in; all of the file's if omitted, and the built-in families if it
            has none.
        method: one method; all of the file's if omitted, and the claim's own if it has none.
        options: of every :class:`Cell`; those that pose a problem are for a built-in ``problem``.

    Raises:
        InputError: as :func:`reports.own.load`, or nothing fits together; then with what is missing.
    """
    found = own.load(file)
    wanted = list(dict.fromkeys(ids)) or list(found.claims)
    known = wanted or [id for id, claim in claims.items() if isinstance(claim, Rate)]
    posed = [problem] if problem else list(found.problems) or list(problems.FAMILIES)
    rules: list[str | None] = [method] if method else [*found.methods] or [None]
    cells: list[Cell] = []
    missing: dict[str, str] = {}
    for id, name, rule in product(known, posed, rules):
        posings: Sequence[dict[str, Any]] = [{}]
        if name in found.problems:
            posings = [{"data": "own", "k": None, "smoothing": None, "mu": None, "ridge": 0.0}]
        elif not problem:
            posings = [{"data": "synthetic", **head} for head in heads(5)]
        for posing in posings:
            cell = Cell(**{"claim": id, "problem": name, "file": str(file), "method": rule, **options, **posing})
            lack = _unfit(cell, asked=bool(wanted), named=name in (problem, *found.problems))
            if lack is None:
                cells.append(cell)
            else:
                missing.setdefault(id, f"{id} cannot be run: {lack}")
    for id in wanted:
        if not any(cell.claim == id for cell in cells):
            raise InputError(f"{missing[id]}; expected constants={{…}} of the problem; try another problem or claim")
    if not cells:
        raise InputError(f"{file}: no claim fits; {next(iter(missing.values()), 'none is known')}")
    return tuple(cells)


def _unfit(cell: Cell, asked: bool, named: bool) -> str | None:
    """Why a cell is not worth a row: it cannot be run, or nobody has asked for it and it is void by declaration."""
    claim, rule = cell.rate, cell.rule
    # one with momentum is not judged by the claims of SGD, and not with the smoothing of another algorithm's claim
    foreign = getattr(rule, "constants", {}).keys() - {constant.name for constant in claim.constants}
    if not asked and (foreign or (rule is not None and cell.setting.method is None and cell.setting != Setting())):
        return f"it is about another method than {rule.name if rule else SGD.name}"
    try:
        problem = cell.make()
    except InputError as error:
        if named:
            raise
        return str(error)
    return (lacks if named else silent)(claim, problem, cell.setting, rule)
