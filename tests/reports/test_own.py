"""A user's file: what it defines meets the built-in others; a mistake in it is one line; the templates run."""

import json
import re
import shlex
from pathlib import Path

import pytest

from aat import InputError
from reports import cli, own
from reports.against import own_cells
from reports.new import KINDS, write_new
from reports.study import Study
from theory import claims

CLAIM = """
from theory.cited import cite
{id} = cite("{id}", metric="average_gap", bound="{bound}", step="D/(G*sqrt(T))",
            assumptions=("convex", "unbiased", "second moment", "distance"))
"""
PROBLEM = """
from sim.problems import loss
corner = loss(lambda w: w.abs().sum(), start=[1.0], comparator=[0.0], constants={"G": 1.0}, convex=True)
"""
OPTIMIZER = """
import torch
class Mine(torch.optim.SGD):
    pass
"""
MOMENTUM = """
import torch
from sim import from_optimizer
ball = from_optimizer(torch.optim.SGD, momentum=0.5)
"""
TRUE = CLAIM.format(id="mine", bound="D*G/sqrt(T)")
FALSE = CLAIM.format(id="wish", bound="D*G/(2*sqrt(T))")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "my.py") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


# --- What is found, and what it meets ---


def test_a_file_is_told_by_what_its_variables_hold() -> None:
    found = own.load(written(TRUE + PROBLEM + OPTIMIZER + "_hidden = corner\nother = 3\n"))
    assert (list(found.claims), list(found.problems), list(found.methods)) == (["mine"], ["corner"], ["Mine"])
    assert found.problems["corner"].name == "corner"


def test_a_changed_file_is_read_again() -> None:
    first = own.load(written(TRUE))
    assert list(first.claims) == ["mine"]
    assert list(own.load(written(FALSE)).claims) == ["wish"]


def combinations(text: str, *ids: str) -> set[tuple[str, str, str | None]]:
    return {(cell.claim, cell.problem, cell.method) for cell in own_cells(written(text), ids)}


def test_a_claim_alone_meets_the_built_in_problems_on_which_it_says_something() -> None:
    met = combinations(TRUE)
    assert {("mine", "routing", None), ("mine", "monotone", None)} <= met
    assert {claim for claim, _, _ in met} == {"mine"}
    assert all(cell.make().convex for cell in own_cells(Path("my.py")))


def test_a_problem_alone_meets_the_rates_that_it_declares_enough_for() -> None:
    met = {claim for claim, _, _ in combinations(PROBLEM)}
    assert {"R1", "R3"} <= met
    assert not met & {"R6", "R4"}


def test_an_optimizer_alone_meets_rates_on_problems() -> None:
    met = combinations(OPTIMIZER)
    assert {("R1", "routing", "Mine"), ("R6", "softmax", "Mine")} <= met
    assert not {claim for claim, _, _ in met} & {"R9", "R12"}


def test_a_problem_on_which_a_rate_has_no_step_is_passed_over() -> None:
    # the dense routing loss is linear: L = 0, and R6 recommends 1/L
    met = {(cell.problem, cell.k) for cell in own_cells(written(OPTIMIZER), ["R6"])}
    assert ("routing", 5) in met
    assert ("routing", None) not in met


def test_an_optimizer_with_momentum_meets_the_claims_about_momentum_unless_others_are_asked_for() -> None:
    assert {claim for claim, _, _ in combinations(MOMENTUM)} == {"R9"}
    assert {claim for claim, _, _ in combinations(MOMENTUM, "R6")} == {"R6"}


def test_everything_of_a_file_meets_each_other() -> None:
    assert combinations(TRUE + PROBLEM + OPTIMIZER) == {("mine", "corner", "Mine")}


# --- Verdicts ---


@pytest.mark.parametrize(("text", "code", "status"), [(TRUE, 0, "holds"), (FALSE, 1, "violated")])
def test_a_cited_claim_is_judged_like_a_proved_one(text: str, code: int, status: str) -> None:
    path = written(text + PROBLEM)
    arguments = ["verify", str(path), "--exact", "--horizon", "2", "--json", "rows.json", "--workers", "1"]
    assert cli.main(arguments) == code
    (row,) = json.loads(Path("rows.json").read_text())
    assert row["status"] == status
    ledger = json.loads(Path("out/verify/ledger.json").read_text())
    assert [(entry["id"], entry["status"]) for entry in ledger["rows"]] == [(row["claim"], "cited")]
    page = Path("out/verify/index.html").read_text()
    assert row["claim"] in page
    assert "cited" in page


def test_the_command_of_a_row_runs_it_again_and_the_folder_is_enough_for_its_page() -> None:
    path = written(TRUE + PROBLEM + OPTIMIZER)
    assert cli.main(["verify", str(path), "--exact", "--horizon", "2", "--out", "a", "--workers", "1"]) == 0
    (cell,) = Study.load(Path("a")).cells
    assert cli.main([*shlex.split(cell.command)[1:], "--out", "b", "--workers", "1"]) == 0
    assert Study.load(Path("b")).cells == (cell,)
    run = f"runs/{cell.name}.json"
    assert Path("a", run).read_bytes() == Path("b", run).read_bytes()
    assert cli.main(["report", "a"]) == 0


# --- Mistakes ---

BROKEN = {
    "nothing in it": ("x = 1", "defines no claim, problem or optimizer"),
    "no Python": ("x = = 1", "line 1: SyntaxError"),
    "an error": ("x = 1\ny = z", "line 2: NameError"),
    "a claim that is none": (TRUE.replace("average_gap", "nope"), "line 3: ValueError: claim mine: unknown metric"),
    "a loss that fails": (PROBLEM.replace("w.abs()", "w[7]"), r"line 3: loss: the loss fails at w_0"),
    "an optimizer that cannot step": (OPTIMIZER.replace("pass", "step = None"), "Mine cannot step"),
    "a claim and a problem that lacks its constants": (
        TRUE + PROBLEM.replace("comparator=[0.0], ", ""),
        "mine cannot be run: corner declares no D",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_mistake_in_the_file_is_one_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, said = BROKEN[case]
    assert cli.main(["verify", str(written(text)), "--exact"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", error)
    assert re.search(said, error)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.py"], "gone.py: No such file"),
        (["my.py", "my2.py"], "expected one file"),
        (["my.py", "R99"], "unknown claim 'R99'"),
        (["my.py", "--method", "Nobody"], "unknown method 'Nobody'"),
        (["my.py", "--problem", "nowhere"], "unknown problem 'nowhere'"),
        (["my.py", "--k", "3"], "--k without --problem"),
    ],
)
def test_a_mistake_in_the_call_is_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    written(TRUE)
    assert cli.main(["verify", *arguments]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", error)
    assert said in error


# --- Templates ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_runs_and_nothing_is_violated(kind: str) -> None:
    assert cli.main(["new", kind, "fresh"]) == 0
    pose = ["--data", "tiny", "--k", "2", "--problem"]
    asked = {"claim": [*pose, "monotone"], "problem": [], "optimizer": ["R1", *pose, "routing"]}[kind]
    arguments = ["verify", "fresh.py", *asked, "--exact", "--horizon", "2", "--json", "rows.json", "--workers", "1"]
    assert cli.main(arguments) == 0
    assert "holds" in {row["status"] for row in json.loads(Path("rows.json").read_text())}


@pytest.mark.parametrize(("name", "said"), [("2x", "no name"), ("class", "no name"), ("a-b", "no name")])
def test_a_name_must_be_one(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_new("claim", name, Path())


def test_what_is_there_is_not_overwritten() -> None:
    write_new("claim", "fresh", Path())
    with pytest.raises(InputError, match="exists"):
        write_new("problem", "fresh", Path())
    assert "cite" in Path("fresh.py").read_text()


def test_the_claim_of_the_template_is_that_of_the_ledger() -> None:
    write_new("claim", "fresh", Path())
    stated = own.load(Path("fresh.py")).claims["fresh"]
    known = {"D": 2.0, "G": 3.0}
    assert stated.bound_at(7, 0.3, known) == pytest.approx(claims["R1"].bound_at(7, 0.3, known))
