"""What commands share: options, the console, progress, and files of rows."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aat import InputError
from aat.files import write_whole

# Output that is no terminal has no width: names stay whole.
console = Console(width=None if sys.stdout.isatty() else 400)

CORES = os.cpu_count() or 1
ids_argument = click.argument("ids", nargs=-1)
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), default=CORES, help="Processes; every core by default."
)
json_option = click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write the rows to this file."
)
folder_argument = click.argument("folder", type=click.Path(path_type=Path))
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


def write_json(path: Path, rows: Iterable[dict[str, object]]) -> None:
    """Write the rows as a JSON list, whole or not at all."""
    write_whole(path, json.dumps(list(rows), indent=1, ensure_ascii=False, allow_nan=False))
