"""``aat doctor``: what is installed and works here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from reports.cli.common import console, json_option, write_json
from reports.doctor import examine


@click.command()
@json_option
def doctor(json_file: Path | None) -> None:
    """Say what is installed, which backends work and why one does not; exit 1 if something required does not."""
    found = examine()
    table = Table("", "what", "", box=None)
    for each in found:
        mark = "[green]works[/green]" if each.works else "[red]missing[/red]" if each.required else "[dim]absent[/dim]"
        table.add_row(mark, f"{each.kind} {escape(each.name)}", escape(each.told))
    console.print(table)
    if json_file:
        write_json(json_file, map(asdict, found))
    if not all(each.works for each in found if each.required):
        raise SystemExit(1)
