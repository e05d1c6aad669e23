"""A fixture for the tests of an optimizer: ``def test_mine(check_rate): check_rate("R6", MyOptimizer)``.

pytest loads this module wherever the package is installed, so it imports nothing heavy until a test asks.

The checks of a session share one level, ``--rate-level``: each of the n tests that ask for the fixture has 1/n of it,
and of that its i-th Monte Carlo check has 1/(i(i + 1)), which adds up to 1 however many there are. So the probability
of any wrong verdict in a session is at most the level, whatever ran (Boole's inequality). Every worker of pytest-xdist
collects the same tests, so n, the shares and the seeds do not depend on which of them runs a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reports.check import RateCheck

FIXTURE = "check_rate"
_ASKING = pytest.StashKey[frozenset[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the fixture, for all checks that do not choose for themselves."""
    group = parser.getgroup("rates", "rates of optimizers (aat-sgd)")
    level = "Probability of any wrong verdict among all Monte Carlo checks of the session; 1e-3 if omitted."
    group.addoption("--rate-level", type=float, default=1e-3, metavar="P", help=level)
    trials = "Monte Carlo trials of a check; all sample paths, exactly, if omitted."
    group.addoption("--rate-trials", type=int, metavar="N", help=trials)
    group.addoption("--rate-horizon", type=int, action="append", metavar="T", help="T; repeat it for several.")


def pytest_configure(config: pytest.Config) -> None:
    """UsageError for a level that is no probability."""
    level = config.getoption("rate_level")
    if not 0 < level < 1:
        raise pytest.UsageError(f"--rate-level {level}; expected a probability in (0, 1); try 1e-3")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the tests among which the level is shared: those that are to run, after -k, -m and the like."""
    asking = (item.nodeid for item in session.items if FIXTURE in getattr(item, "fixturenames", ()))
    session.config.stash[_ASKING] = frozenset(asking)


@pytest.fixture(name=FIXTURE)
def _check_rate(request: pytest.FixtureRequest) -> RateCheck:
    """Check that an optimizer meets the rate of a claim: ``check_rate("R6", MyOptimizer)``; see ``RateCheck``."""
    from reports.check import RateCheck

    asking = request.config.stash[_ASKING]
    if request.node.nodeid not in asking:
        pytest.fail(f"{FIXTURE} was asked for while the test ran; expected an argument of the test", pytrace=False)
    return RateCheck(
        test=request.node.nodeid,
        level=request.config.getoption("rate_level") / len(asking),
        trials=request.config.getoption("rate_trials"),
        horizons=tuple(request.config.getoption("rate_horizon") or ()),
    )
