"""Proofs and verdicts as JUnit XML, which continuous integration shows as tests.

One test case a row. A failure is what makes ``aat verify`` exit with 1: a violated claim or a refused proof. Where a
claim says nothing (void) or the matter is open (undecided), the case is skipped, with the reason. The elements and
attributes are those that every reader knows: of JUnit itself, Jenkins, GitLab and GitHub's actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from aat.files import write_whole
from reports.ledger import LedgerRow
from reports.verdict import Verdict

# What XML 1.0 has no way to write (its section 2.2): control characters, and half of a surrogate pair.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_OUTCOMES = {"violated": "failure", "refused": "failure", "void": "skipped", "undecided": "skipped"}


class Case(NamedTuple):
    """One test case: where it is listed, its name, its status, why, and all there is to read."""

    group: str
    name: str
    status: str
    reason: str
    text: str


def write(path: Path, rows: Iterable[LedgerRow], verdicts: Iterable[Verdict]) -> None:
    """Write a suite of proofs and a suite of verdicts, whole or not at all.

    Raises:
        OSError: with ``path`` as its file name.
    """
    suites = {"proofs": [_proof(row) for row in rows], "verdicts": [_row(verdict) for verdict in verdicts]}
    root = ElementTree.Element("testsuites", name="aat verify")
    for name, cases in suites.items():
        root.append(_suite(name, cases))
    ElementTree.indent(root)
    write_whole(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(name: str, cases: list[Case]) -> ElementTree.Element:
    outcomes = [_OUTCOMES.get(case.status) for case in cases]
    counts = {"tests": len(cases), "failures": outcomes.count("failure"), "errors": 0,
              "skipped": outcomes.count("skipped")}  # fmt: skip
    suite = ElementTree.Element("testsuite", {"name": name, **{key: str(count) for key, count in counts.items()}})
    for case, outcome in zip(cases, outcomes, strict=True):
        entry = ElementTree.SubElement(suite, "testcase", name=_clean(case.name), classname=_clean(case.group))
        if outcome:
            why = f"{case.status}: {case.reason}" if case.reason else case.status
            ElementTree.SubElement(entry, outcome, type=case.status, message=_clean(why)).text = _clean(case.text)
        else:
            ElementTree.SubElement(entry, "system-out").text = _clean(case.text)
    return suite


def _proof(row: LedgerRow) -> Case:
    told = f"{row.title}\nresidual {row.residual}, mutants refused {row.mutants_refused}/{row.mutants_total}"
    return Case("proof", row.id, row.status, row.reason, f"{told}\nreplay: aat prove {row.id}")


def _row(v: Verdict) -> Case:
    bound = "no bound" if v.bound is None else f"bound {v.bound:.6g}"
    measured = f"measured {v.measured:.6g}, between {v.lower:.6g} and {v.upper:.6g}, each at level {v.level:.3g}"
    reason = v.reason or (f"{measured}; {bound}" if v.status == "violated" else "")
    name = f"{v.problem} · {v.method} · T={v.horizon}"
    return Case(v.claim, name, v.status, reason, f"{measured} ({v.evidence})\n{bound}\nreplay: {v.command}")


def _clean(text: str) -> str:
    """The text with what XML cannot write as Python would escape it."""
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
