"""The ``tally.csv`` of NetDissect-Lite (github.com/CSAILVision/NetDissect-Lite), driven by its header.

Columns: ``unit``, ``category``, ``label``, ``score``; then for every category C ``C-label``, ``C-truth``,
``C-activation``, ``C-intersect``, ``C-iou``. Units count from 1, and come by falling score; counts are floats.
Published files have other categories, orders and more columns: a category is one whose label and three counts have
columns, its name without spaces around; other columns are left alone. Whatever follows from the counts is computed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aat.concepts.annotated import NAMELESS
from aat.concepts.tally import Match, Tally, Unit
from aat.errors import InputError
from aat.files import write_whole

_COUNTS = ("truth", "activation", "intersect")
_NOTHING = NAMELESS[-1]
# Files may round to four decimals, and add 1e-10 to the union.
_RELATIVE, _ABSOLUTE = 1e-4, 5.1e-5
# Units that a complaint names.
_NAMED = 5


def write(tally: Tally, file: Path) -> None:
    """Write the tally, whole or not at all; where there is nothing, as Lite does: label ``-`` and zeros."""
    rows: list[tuple[float, list[Any]]] = []
    for unit in tally.units:
        best = tally.best(unit)
        of, score = (best[0], best[1].iou) if best else ((tally.categories[0], _NOTHING), 0.0)
        matches = [match or Match(_NOTHING, 0, 0, 0) for match in unit.matches]
        told = ((m.label, float(m.truth), float(m.activation), float(m.intersect), m.iou) for m in matches)
        rows.append((score, [unit.number, *of, score, *(cell for cells in told for cell in cells)]))
    columns = (f"{name}-{what}" for name in tally.categories for what in ("label", *_COUNTS, "iou"))
    with io.StringIO(newline="") as text:
        lines = csv.writer(text)
        lines.writerow(["unit", "category", "label", "score", *columns])
        lines.writerows(cells for _, cells in sorted(rows, key=lambda row: -row[0]))
        write_whole(file, text.getvalue())


def read(file: Path, complain: Callable[[str], object]) -> Tally:
    """Read a tally; of a unit that is there twice, the first row.

    Args:
        file: the table.
        complain: told in one line, once for each kind of disagreement of the file with itself.

    Raises:
        InputError: it is no such table.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text)
            lines.fieldnames = columns = [name.strip() for name in lines.fieldnames or ()]
            rows = list(lines)
    except (OSError, ValueError, csv.Error) as error:
        raise _wrong(file, str(error)) from None
    labels = [column.removesuffix("-label") for column in columns if column.endswith("-label")]
    categories = tuple(name for name in labels if name and all(f"{name}-{what}" in columns for what in _COUNTS))
    if "unit" not in columns or not categories:
        raise _wrong(file, f"columns {', '.join(columns[:8]) or 'none'}")
    if len(set(columns)) < len(columns):
        raise _wrong(file, "a column that is there twice")
    first: dict[int, dict[str, str]] = {}
    twice = []
    units = []
    for line, row in enumerate(rows, start=2):
        told = {column: row[column] or "" for column in columns}
        try:
            unit = Unit(_whole("unit", told), tuple(_match(name, told) for name in categories))
        except ValueError as error:
            raise _wrong(file, f"row {line}: {error}") from None
        if unit.number in first:
            twice.append(unit.number)
        else:
            first[unit.number] = told
            units.append(unit)
    tally = Tally(categories, tuple(sorted(units, key=lambda unit: unit.number)))
    found = {what: [u.number for u in tally.units if odd(tally, u, first[u.number])] for what, odd in _ODD.items()}
    for what, numbers in (*found.items(), ("more than one row; the first one counts", sorted(set(twice)))):
        if numbers:
            complain(f"{file}: {_units(numbers)}: {what}")
    return tally


def _whole(column: str, told: dict[str, str]) -> int:
    """A count, which may be written as a float."""
    try:
        value = float(told[column])
    except ValueError:
        value = math.nan
    if not (value >= 0 and value.is_integer()):
        raise ValueError(f"{column} = {told[column]!r}")
    return int(value)


def _match(category: str, told: dict[str, str]) -> Match | None:
    """None where no concept is named."""
    label = told[f"{category}-label"]
    return (
        None if label.strip() in NAMELESS else Match(label, *(_whole(f"{category}-{what}", told) for what in _COUNTS))
    )


def _differs(told: str | None, value: float) -> bool:
    """Whether a number is told that is not this one."""
    if not told:
        return False
    try:
        return not math.isclose(float(told), value, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    except ValueError:
        return True


def _odd_score(tally: Tally, unit: Unit, told: dict[str, str]) -> bool:
    best = tally.best(unit)
    return _differs(told.get("score"), best[1].iou if best else 0.0)


def _odd_iou(tally: Tally, unit: Unit, told: dict[str, str]) -> bool:
    pairs = zip(tally.categories, unit.matches, strict=True)
    return any(match and _differs(told.get(f"{name}-iou"), match.iou) for name, match in pairs)


def _odd_label(tally: Tally, unit: Unit, told: dict[str, str]) -> bool:
    """Neither the best concept, nor one as good."""
    best, category, label = tally.best(unit), told.get("category"), told.get("label")
    if best is None or best[1].iou == 0:
        return False
    fit = [
        (name, match.label)
        for name, match in zip(tally.categories, unit.matches, strict=True)
        if match and not _differs(str(match.iou), best[1].iou)
    ]
    return not any(category in (None, name) and label in (None, named) for name, named in fit)


def _odd_counts(tally: Tally, unit: Unit, told: dict[str, str]) -> bool:
    return any(match and match.intersect > min(match.truth, match.activation) for match in unit.matches)


_ODD = {
    "the score is not the best IoU": _odd_score,
    "an IoU is not that of its counts, which are what counts": _odd_iou,
    "category or label is not the best one": _odd_label,
    "an intersection is larger than what intersects": _odd_counts,
}


def _units(numbers: Iterable[int]) -> str:
    every = [str(number) for number in numbers]
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return f"unit {', '.join(every[:_NAMED])}{more}"


def _wrong(file: Path, given: str) -> InputError:
    return InputError(f"{file}: {given}; expected the tally.csv of a dissection; try that of aat concepts dissect")
