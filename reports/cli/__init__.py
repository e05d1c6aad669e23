"""The ``aat`` command.

Exit codes: 0 nothing is violated and every proof holds; 1 a claim is violated or a proof refused; 2 the call or the
input is wrong, said in one line.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence

import click

from aat import InputError
from reports.cli import (
    bench,
    cnn,
    concepts,
    detectors,
    doctor,
    explain,
    nec,
    routing,
    scenes,
    search,
    studies,
    theory,
    verify,
)
from theory.ledger import UnknownClaim
from theory.worst_case import NotInstalled, Unsolved


@click.group(help="Prove, run and judge convergence claims about AAT-SGD.")
def app() -> None:
    """The group of all commands."""


_COMMANDS = (
    *(theory.list_claims, theory.show, theory.prove, theory.worst_cases, theory.write_book),
    *(verify.verify, search.falsify, verify.new_file, verify.plot, verify.report),
    *(cnn.train_one, explain.explain, concepts.concepts, studies.study, bench.bench, doctor.doctor),
)
for _command in _COMMANDS:
    app.add_command(_command)
for _command in (routing.study_routing, nec.study_nec, detectors.study_detectors):
    studies.study.add_command(_command)
concepts.concepts.add_command(scenes.write_scenes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a user's mistake is one line and exit code 2, an interruption 130."""
    try:
        _check(sys.argv[1:] if arguments is None else arguments)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # η in a terminal that has none
            sys.stdout.reconfigure(errors="backslashreplace")
        code = app(args=arguments, prog_name="aat", standalone_mode=False) or 0
        # what was told has arrived, or it has not: Python would find out too late to say so in one line
        sys.stdout.flush()
        return code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except SystemExit as leave:
        return int(leave.code or 0)
    except click.exceptions.NoArgsIsHelpError as help:
        print(help.format_message())
        return 2
    except click.ClickException as error:
        return _complain(error.format_message())
    except (InputError, UnknownClaim, NotInstalled, Unsolved) as error:
        return _complain(str(error))
    except OSError as error:
        if error.filename is None:
            _silence()
        where = error.filename or "standard output"
        return _complain(f"{where}: {error.strerror}; expected a place that can be written")


def _check(arguments: Sequence[str]) -> None:
    """InputError for what no file can be called: click would fail on it."""
    for given in arguments:
        try:
            sound = b"\0" not in given.encode()
        except UnicodeEncodeError:
            sound = False
        if not sound:
            raise InputError(f"{given!a} is no text; expected UTF-8 without a zero; try another name")


def _silence() -> None:
    """Leave nothing in standard output that Python would try to write when it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> int:
    print(f"aat: {' '.join(message.split())}", file=sys.stderr)
    return 2
