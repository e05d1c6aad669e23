"""JUnit XML: one case a row; a failure exactly where the exit code is 1; read by a reader that is not ours."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Failure, JUnitXml, Skipped

from reports import cli, junit, ledger
from reports.ledger import LedgerRow
from reports.study import Study
from reports.verdict import STATUSES, Verdict

# What the schemas of Jenkins, of GitLab and of pytest's own files have in common: attributes, those required, children.
ALLOWED = {
    "testsuites": ({"name"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped"},
        {"name", "tests", "failures", "errors"},
        {"testcase"},
    ),
    "testcase": ({"name", "classname"}, {"name"}, {"failure", "skipped", "system-out"}),
    "failure": ({"type", "message"}, {"message"}, set()),
    "skipped": ({"type", "message"}, set(), set()),
    "system-out": (set(), set(), set()),
}


def check(element: ElementTree.Element) -> None:
    attributes, required, children = ALLOWED[element.tag]
    assert required <= set(element.keys()) <= attributes
    for child in element:
        assert child.tag in children
        check(child)


@pytest.fixture(scope="module")
def rows() -> tuple[LedgerRow, ...]:
    return tuple(ledger.prove(["O1", "R1"], with_mutants=False))


@pytest.fixture(scope="module")
def verdicts(study: Study) -> list[Verdict]:
    return study.judge([cell.run() for cell in study.cells])


@pytest.fixture
def told(tmp_path: Path, rows: tuple[LedgerRow, ...], verdicts: list[Verdict]) -> JUnitXml:
    junit.write(tmp_path / "rows.xml", rows, verdicts)
    check(ElementTree.parse(tmp_path / "rows.xml").getroot())
    return JUnitXml.fromfile(str(tmp_path / "rows.xml"))


def test_every_row_is_a_case_and_the_counts_are_theirs(
    told: JUnitXml, rows: tuple[LedgerRow, ...], verdicts: list[Verdict]
) -> None:
    proofs, judged = told
    assert [case.name for case in proofs] == [row.id for row in rows]
    assert [case.classname for case in judged] == [verdict.claim for verdict in verdicts]
    assert len({(case.classname, case.name) for case in judged}) == len(verdicts)
    for suite in (proofs, judged):
        counted = (suite.tests, suite.failures, suite.skipped, suite.errors)
        suite.update_statistics()
        assert counted == (suite.tests, suite.failures, suite.skipped, suite.errors)
    assert {verdict.status for verdict in verdicts} == {"holds", "void"}


def test_a_case_that_is_void_is_skipped_with_its_reason(told: JUnitXml, verdicts: list[Verdict]) -> None:
    for case, verdict in zip(list(told)[1], verdicts, strict=True):
        assert bool(case.result) == (verdict.status == "void")
        for outcome in case.result:
            assert isinstance(outcome, Skipped)
            assert outcome.message == f"void: {verdict.reason}"
            assert verdict.command in outcome.text


@pytest.mark.parametrize("status", STATUSES)
def test_what_a_status_becomes(status: str, tmp_path: Path, verdicts: list[Verdict]) -> None:
    junit.write(tmp_path / "rows.xml", [], [replace(verdicts[0], status=status, reason="")])
    (case,) = list(JUnitXml.fromfile(str(tmp_path / "rows.xml")))[1]
    expected = {"holds": [], "violated": [Failure], "void": [Skipped], "undecided": [Skipped]}[status]
    assert [type(outcome) for outcome in case.result] == expected


def test_a_refused_proof_is_a_failure(tmp_path: Path, rows: tuple[LedgerRow, ...]) -> None:
    junit.write(tmp_path / "rows.xml", [replace(rows[0], status="refused", reason="residual 1")], [])
    (case,) = next(iter(JUnitXml.fromfile(str(tmp_path / "rows.xml"))))
    assert [(type(outcome), outcome.message) for outcome in case.result] == [(Failure, "refused: residual 1")]


@given(st.text(st.characters()))
def test_any_name_can_be_written_and_read(name: str) -> None:
    entry = ElementTree.Element("testcase", name=junit._clean(name))
    content = ElementTree.tostring(entry, encoding="utf-8", xml_declaration=True)
    assert ElementTree.fromstring(content).get("name") == junit._clean(name)


FALSE = """
from theory.cited import cite
from sim.problems import loss
corner = loss(lambda w: w.abs().sum(), start=[1.0], comparator=[0.0], constants={"G": 1.0}, convex=True)
wish = cite("wish", metric="average_gap", bound="D*G/(2*sqrt(T))", step="D/(G*sqrt(T))", assumptions=("convex",))
"""


def test_the_command_fails_with_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.py").write_text(FALSE)
    call = "verify my.py --exact --horizon 2 --workers 1 --junitxml deep/rows.xml"
    assert cli.main(call.split()) == 1
    proofs, judged = JUnitXml.fromfile("deep/rows.xml")
    assert (proofs.tests, proofs.failures, judged.tests, judged.failures) == (1, 0, 1, 1)
