"""``aat falsify``: the search for the instance on which a claim is worst."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
from rich.table import Table

from reports import falsify as worst
from reports.cli.common import (
    Place,
    coloured,
    console,
    file_among,
    ids_argument,
    json_option,
    progress,
    take,
    write_json,
)
from reports.falsify import Instance, searched
from sim.results import versions


@click.command()
@ids_argument
@click.option("--rounds", type=click.IntRange(min=1), default=4, show_default=True, help="The longer, the worse.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the search.")
@click.option("--method", help="An optimizer of the file.")
@click.option("--replay", type=click.Path(path_type=Path), help="Judge a saved instance instead of searching.")
@click.option("--out", type=Place(folder=True), default=Path("out/falsify"), show_default=True,
              help="Folder for the instances.")  # fmt: skip
@json_option
def falsify(
    ids: tuple[str, ...],
    rounds: int,
    seed: int,
    method: str | None,
    replay: Path | None,
    out: Path,
    json_file: Path | None,
) -> None:
    """Search the instance on which a claim is worst: the largest measured/bound, over all sample paths.

    Every rate that can be run, if no IDS are given; one of them may be a Python file with a claim or an optimizer of
    your own. An interrupted search goes on where it stopped.
    """
    if replay:
        rows = [worst.found(Instance.load(replay), replay)]
    else:
        given = (*ids, "--rounds", str(rounds), "--seed", str(seed), *(("--method", method) if method else ()))
        ids, file = file_among(ids)
        searches = worst.searches(ids, out, rounds=rounds, seed=seed, file=file, method=method)
        take(out)
        rows = []
        with progress() as bar:
            for search in searches:
                task = bar.add_task(f"searching {search.claim}", total=search.total)
                rows.append(search.run(partial(bar.advance, task)))
                bar.update(task, completed=search.total)
        found = searched.Searched(shlex.join(["aat", "falsify", *given]), versions(), tuple(rows))
        found.save(out / searched.FILE)
    table = Table("claim", "problem", "method", "T", "η", "measured/bound", "worst case", "verdict", box=None)
    for row in rows:
        numbers = (f"{row.horizon:,}", f"{row.eta:.4g}", f"{row.tightness:.4f}")
        limit = "–" if row.worst_case is None else f"{row.worst_case:.4f}"
        table.add_row(row.claim, row.problem, row.method, *numbers, limit, coloured(row.status))
    console.print(table)
    for row in rows:
        console.print(row.replay, highlight=False, markup=False, soft_wrap=True)
    if json_file:
        write_json(json_file, map(asdict, rows))
    if any(row.status == "violated" for row in rows):
        raise SystemExit(1)
