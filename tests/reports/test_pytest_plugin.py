"""The fixture for tests of optimizers, as other repositories meet it: what passes, what fails, what it says."""

import re
import subprocess
import sys
import tomllib
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reports.check import RateCheck
from reports.verdict import Verdict
from sim import from_optimizer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
MINE = """
import torch
from sim.problems import loss
from theory.cited import cite

def corner(noise):
    def one(w, shift):
        return (w - shift).abs().sum()
    shifts = torch.tensor([[-noise], [noise]], dtype=torch.float64)
    return loss(one, arrays=(shifts,), start=[1.0], comparator=[0.0], constants={"G": 1.0}, convex=True)

wish = cite("wish", metric="average_gap", bound="D*G/(2*sqrt(T))", step="D/(G*sqrt(T))", assumptions=("convex",))

class Hasty(torch.optim.SGD):
    @torch.no_grad()
    def step(self):
        for _ in range(10):
            super().step()

"""


@pytest.fixture(scope="module", autouse=True)
def _imported_for_good() -> None:
    """What torch imports at a first step: pytester forgets what is imported later, and it cannot be imported twice."""
    from_optimizer(torch.optim.SGD)


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Write tests below the common lines and run pytest on them, with this plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.syspath_prepend(ROOT)

    def call(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_mine=MINE + tests)
        return pytester.runpytest_inprocess("-p", "reports.pytest_plugin", *arguments)

    return call


# --- What passes ---


def test_an_optimizer_that_meets_its_rate_passes_on_every_problem_that_fits(run) -> None:
    result = run("""
def test_mine(check_rate):
    found = check_rate("R7", torch.optim.SGD)
    assert {(v.status, v.evidence) for v in found} == {("holds", "exact")}
    assert {v.problem for v in found} == {"quadratic/tiny", "polyak/tiny"}
""")
    result.assert_outcomes(passed=1)


def test_an_own_problem_by_trials(run) -> None:
    result = run("""
def test_mine(check_rate):
    (found,) = check_rate("R1", torch.optim.SGD, corner(0.1), trials=64, horizons=[16])
    assert (found.engine, found.trials, found.level) == ("monte_carlo", 64, 1e-3 / 2 / 2)
""")
    result.assert_outcomes(passed=1)


def test_the_options_are_those_of_checks_that_do_not_choose(run) -> None:
    result = run("""
def test_mine(check_rate):
    found = check_rate("R1", problem=corner(0.1))
    assert [(v.horizon, v.trials) for v in found] == [(8, 40), (16, 40)]
    assert sorted(v.level for v in found) == [0.01 / 2 / 4, 0.01 / 2 / 3]
    (found,) = check_rate("R1", problem=corner(0.1), exact=True, horizons=[2])
    assert found.engine == "exact"
""", "--rate-level=0.01", "--rate-trials=40", "--rate-horizon=16", "--rate-horizon=8")  # fmt: skip
    result.assert_outcomes(passed=1)


# --- What fails, with one message ---


def test_a_violation_is_told_in_one_message_and_replayed_by_what_it_says(run) -> None:
    tests = """
def test_mine(check_rate):
    check_rate("R1", Hasty, corner(0.0), horizons=[2])

def test_another(check_rate):
    pass
"""
    result = run(tests)
    result.assert_outcomes(failed=1, passed=1)
    told = result.stdout.str()
    result.stdout.fnmatch_lines([
        "R1 does not hold in 1 of 1 rows",
        "  violated: loss, Hasty, T = 2",
        "    measured 2.53553 (exact), bound 0.707107",
        "  bound: D²/(2·T·η) + G²·η/2",
        "  replay: pytest test_mine.py::test_mine --rate-level=0.0005",
    ])  # fmt: skip
    assert "Traceback" not in told
    assert "During handling" not in told
    replay = re.search(r"replay: pytest (.*)", told)
    assert replay
    again = run(tests, *replay[1].split())
    again.assert_outcomes(failed=1)
    assert replay[0] in again.stdout.str()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('check_rate("R1", problem=corner(0.1), trials=2, horizons=[2])', "undecided: loss"),
        ('check_rate("R14.gap", horizons=[1])', "void: routing/tiny"),
        ('check_rate(wish, problem=corner(0.0), horizons=[2])', "violated: loss"),
        ('check_rate("R99")', "unknown claim 'R99'"),
        ('check_rate("O1")', "claim O1 is a fact without a rate"),
        ('check_rate("R1", 3)', "3 is no method"),
        ('check_rate("R1", dict)', "is no optimizer class"),
        ("check_rate(3)", "3 is no claim"),
        ('check_rate("R6", problem=corner(0.0))', "R6 cannot be run: loss declares no Delta, L, sigma"),
        ('check_rate("R1", horizons=[0])', "expected"),
        ('check_rate("R1", trials=1)', "expected"),
        ('check_rate("R1", allow=["violated"])', "allow = violated; expected undecided or void"),
    ],
)  # fmt: skip
def test_what_is_not_shown_to_hold_fails_with_its_reason(call: str, said: str, run) -> None:
    result = run(f"def test_mine(check_rate):\n    {call}\n")
    result.assert_outcomes(failed=1)
    told = result.stdout.str()
    assert said in told
    assert "Traceback" not in told
    assert "check.py" not in told


def test_what_is_allowed_passes_if_something_holds(run) -> None:
    result = run("""
def test_some(check_rate):
    assert "void" in {v.status for v in check_rate("R14.gap", allow=["void"], horizons=[1])}

def test_none(check_rate):
    check_rate("R1", problem=corner(0.1), trials=2, horizons=[2], allow=["undecided"])
""")
    result.assert_outcomes(passed=1, failed=1)
    assert "undecided: loss" in result.stdout.str()


# --- How the level is shared ---


@given(st.integers(1, 200), st.integers(1, 50))
def test_the_shares_add_up_to_less_than_the_level(checks: int, tests: int) -> None:
    shares = [Fraction(1, tests * number * (number + 1)) for number in range(1, checks + 1)]
    assert tests * sum(shares) == Fraction(checks, checks + 1)


def test_a_check_of_a_test_has_the_share_of_its_number_and_exact_ones_cost_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent: list[float] = []

    def judge(runs: object, level: float) -> list[Verdict]:
        spent.append(level)
        raise InterruptedError

    monkeypatch.setattr("reports.check.judge", judge)
    check = RateCheck("a test", level=0.6)
    for exact in (True, False, False, True, False):
        with pytest.raises(InterruptedError):
            check("R7", horizons=[1], exact=exact)
    assert spent == pytest.approx([0.6, 0.3, 0.1, 0.6, 0.05])


COUNTED = """
import pytest

@pytest.mark.parametrize("case", range(3))
def test_mine(check_rate, case):
    assert check_rate.level == pytest.approx({share})

@pytest.fixture
def through(check_rate):
    return check_rate

def test_through(through):
    assert through.level == pytest.approx({share})

def test_nothing():
    pass
"""


def test_the_level_is_shared_among_the_tests_that_run(run) -> None:
    run(COUNTED.format(share="1e-3 / 4")).assert_outcomes(passed=5)
    run(COUNTED.format(share="1e-3 / 3"), "-k", "not through").assert_outcomes(passed=4, deselected=1)


def test_workers_share_it_alike(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # two more processes need not wait for torch: it is the plugin that counts
    pytester.makeconftest("""
import sys, types
sys.modules["reports.check"] = types.SimpleNamespace(RateCheck=types.SimpleNamespace)
""")
    pytester.makepyfile(test_mine=COUNTED.format(share="1e-3 / 4"))
    pytester.runpytest_subprocess("-p", "reports.pytest_plugin", "-p", "xdist", "-n", "2").assert_outcomes(passed=5)


def test_asking_while_running_is_not_counted_and_so_refused(run) -> None:
    result = run("def test_mine(request):\n    request.getfixturevalue('check_rate')\n")
    result.assert_outcomes(failed=1)
    assert "was asked for while the test ran" in result.stdout.str()


@pytest.mark.parametrize("level", ["0", "1", "nan", "-1"])
def test_a_level_that_is_none(level: str, run) -> None:
    result = run("", f"--rate-level={level}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected a probability in (0, 1)" in result.stderr.str()


# --- Everywhere ---


def test_the_package_brings_it_and_it_costs_other_tests_nothing() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    (module,) = points.values()
    assert hasattr(import_module(module), "pytest_addoption")
    look = f"import sys, {module}; sys.exit(bool({{'torch', 'sympy', 'numpy', 'reports.check'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=False).returncode == 0


def test_public_names_are_found_when_asked_for() -> None:
    import reports

    assert [getattr(reports, name).__name__ for name in reports.__all__] == reports.__all__
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        reports.nope  # noqa: B018
