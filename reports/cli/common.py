"""What commands share: options, the console, progress, and files of rows."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from aat import InputError
from aat.files import alone, check_place, write_whole

# Output that is no terminal has no width: names stay whole.
console = Console(width=None if sys.stdout.isatty() else 400)

CORES = os.cpu_count() or 1
# more would only be in each other's way, and fill the memory
MOST_WORKERS = 8 * CORES


class Place(click.Path):
    """A file to write, or a folder of files: an OSError before anything is computed, where it could not be written."""

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(path_type=Path)
        self.folder = folder

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """The path."""
        path = Path(str(super().convert(value, parameter, context)))
        check_place(path, folder=self.folder)
        return path


ids_argument = click.argument("ids", nargs=-1)
workers_option = click.option(
    "--workers", type=click.IntRange(1, MOST_WORKERS), default=CORES, help="Processes; every core by default."
)
json_option = click.option("--json", "json_file", type=Place(), help="Also write the rows to this file.")
folder_argument = click.argument("folder", type=Place(folder=True))
_COLOURS = {"holds": "green", "proved": "green", "violated": "red", "refused": "red", "undecided": "yellow"}


def coloured(status: str) -> str:
    """The status in its colour, as markup."""
    colour = _COLOURS.get(status)
    return f"[{colour}]{status}[/{colour}]" if colour else status


def progress() -> Progress:
    """A progress bar, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def file_among(ids: Sequence[str]) -> tuple[tuple[str, ...], Path | None]:
    """The ids that are claims, and the Python file among them, if there is one."""
    files = [id for id in ids if id.endswith(".py")]
    if len(files) > 1:
        raise InputError(f"{', '.join(files)}; expected one file; try one that imports the others")
    return tuple(id for id in ids if id not in files), Path(files[0]) if files else None


def take(folder: Path) -> None:
    """Have the folder alone until the command ends: of two at once, one waits, and says so."""

    def busy() -> None:
        print(f"aat: {folder}: another aat writes there; waiting until it ends", file=sys.stderr, flush=True)

    click.get_current_context().with_resource(alone(folder, busy))


def write_json(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write the rows as a JSON list, whole or not at all."""
    write_whole(path, json.dumps(list(rows), indent=1, ensure_ascii=False, allow_nan=False))


def conclude(table: Table, rows: Iterable[dict[str, object]], json_file: Path | None) -> None:
    """Show what was judged and write it down; exit code 1 where a row is violated."""
    console.print(table)
    listed = list(rows)
    if json_file:
        write_json(json_file, listed)
    if any(row["status"] == "violated" for row in listed):
        raise SystemExit(1)
