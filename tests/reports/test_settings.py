"""The algorithm of each claim, and the crossover of R14: where gaps stay, hard AAT-SGD is exact; elsewhere it pays."""

import math

import pytest

from aat import InputError
from reports.runner import run_claim, verify
from reports.settings import Setting, setting_of
from sim import problems
from theory import claims


def close_to(data: str, mu: float = 1.0) -> problems.Problem:
    return problems.make("logistic", data, k=2, smoothing="quadratic", mu=mu)


def test_claims_run_their_own_algorithm_unless_told_otherwise() -> None:
    assert setting_of("R1") == setting_of("mine") == Setting()
    assert setting_of("R9").beta == 0.9
    assert setting_of("R12").draws.reshuffled
    assert setting_of("R12", sampling="with replacement", batch=2) == Setting(batch=2)
    assert setting_of("R14", gradient="own", anneal=0.0) == Setting()


def test_a_claim_of_another_algorithm_is_void() -> None:
    problem = problems.make("logistic", "tiny", k=2, smoothing="entropic", mu=0.1)
    (reshuffled,) = verify(claims["R6"], problem, [3], exact=True, setting=Setting(sampling="reshuffling"))
    (drawn,) = verify(claims["R12"], problem, [3], exact=True, setting=Setting())
    assert (reshuffled.status, drawn.status) == ("void", "void")
    assert "unbiased not met" in reshuffled.reason
    assert "reshuffled not met" in drawn.reason


def test_horizons_are_rounded_up_to_whole_epochs() -> None:
    problem = problems.make("polyak", "tiny")
    run = run_claim(claims["R12"], problem, [1, 3, 4], exact=True)
    assert [row.T for row in run.horizons] == [3, 6]
    assert [row.paths for row in run.horizons] == [6, 36]


def test_gaps_decide_between_the_two_rates_of_hard_aat_sgd() -> None:
    """Wide gaps: no bias, so SGD's own rate holds; gaps down to 0, or ties: it is void, and R14 holds with its ζ."""
    wide, close, ties = (close_to(data) for data in ("wide", "close", "ties"))
    for problem, stays in ((wide, True), (close, False), (ties, False)):
        own = verify(claims["R14.gap"], problem, [1, 2, 4], exact=True)
        slower = verify(claims["R14"], problem, [1, 2, 4], exact=True)
        assert {row.status for row in own} == {"holds" if stays else "void"}
        assert {row.status for row in slower} == {"holds"}
        assert all((row.audit["bias"] < 1e-9) == stays for row in own)
    bounds = [claims["R14.gap"].rate_at(10**6, close_to("wide").constants()),
              verify(claims["R14"], wide, [1], exact=True)[0].constants]  # fmt: skip
    assert bounds[0] < claims["R14"].rate_at(10**6, bounds[1])


def test_the_smoothing_of_a_horizon_shrinks_with_it() -> None:
    problem = close_to("close")
    posed = setting_of("R14").pose(problem, 32)
    assert posed.mu == pytest.approx(32**-0.2)
    assert posed.raised
    run = run_claim(claims["R14"], problem, [1, 4], exact=True)
    assert run.constants["L"] == setting_of("R14").pose(problem, 1).constants()["L"]
    assert run.constants["Delta"] >= max(setting_of("R14").pose(problem, T).constants()["Delta"] for T in (1, 4))
    for row in run.horizons:
        assert row.audit["L"] <= run.constants["L"]
        assert row.audit["zeta"] == pytest.approx(row.audit["bias"] * row.T**0.2)


def test_a_density_that_is_too_small_makes_the_run_void() -> None:
    rows = verify(claims["R14"], close_to("ties"), [2], exact=True, setting=setting_of("R14", density=1e-6))
    assert [row.status for row in rows] == ["void"]
    assert "zeta" in rows[0].reason


@pytest.mark.parametrize(
    "options", [{"gradient": "soft"}, {"anneal": -1.0}, {"anneal": math.nan}, {"beta": 1.0}, {"batch": 0}]
)
def test_settings_that_cannot_be(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        Setting(**options)
