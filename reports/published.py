"""Files of finished studies and comparisons: what made them, then one result a line; the page shows those kept here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aat import InputError, saved
from aat.files import write_whole

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

FOLDER = Path(__file__).parent / "results"


def write(file: Path, head: Mapping[str, object], name: str, results: Iterable[DataclassInstance]) -> None:
    """Write the head and, under ``name``, the results, whole or not at all."""
    told = saved.sealed({**head, name: [asdict(each) for each in results]})
    rows = ",\n".join(map(_line, told.pop(name)))
    write_whole(file, f'{_line(told)[:-1]}, "{name}": [\n{rows}\n]}}\n')


def read(file: Path, make: Callable[[dict[str, Any]], T], command: str) -> T:
    """What ``make`` makes of a file's content.

    Raises:
        InputError: it is no file that ``command`` wrote; ``make`` may say so by any error that wrong content gives.
    """
    try:
        return make(saved.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: {error}; expected a result of {command}; try to run it again") from None


def kept(pattern: str, load: Callable[[Path], T]) -> list[T]:
    """All that the page shows, by the pattern of their file names."""
    return [load(file) for file in sorted(FOLDER.glob(pattern))]


def _line(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, allow_nan=False)
