"""O1–O12 against the operator that runs: the sides of each claim, at the votes, thresholds and multipliers of ``aat``.

No formula of a claim is retyped here. Tolerances: the sides of a value claim are sums of at most 4n rounded numbers no
larger than the votes and μ(1 + ln n), so they may differ by a few units in the last place of that scale. A multiplier
is off by the rounding of (v − τ)/μ, which is relative to the votes in units of μ, and of 1 itself.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import entr, logit

import aat
from theory import claims
from theory.claim import Refuted
from theory.symbols import entropy, exponential, positive_part, softplus
from theory.terms import Elementary, Scalar

EPS = float(np.finfo(np.float64).eps)
FUNCTIONS: dict[type[Elementary], Callable[[float], float]] = {
    entropy: lambda p: float(entr(p) + entr(1 - p)),
    exponential: lambda a: float(np.exp(a)),
    softplus: lambda a: float(np.logaddexp(0, a)),
    positive_part: lambda a: max(a, 0.0),
}
ELEMENTARY: dict[type[sp.Expr], Callable[..., float]] = {
    sp.exp: lambda a: float(np.exp(a)),
    sp.log: math.log,
    sp.Pow: lambda base, power: base**power,
    sp.Add: lambda *terms: math.fsum(terms),
    sp.Mul: lambda *factors: math.prod(factors),
}


def number(expression: sp.Expr, values: dict) -> float:
    """An expression of the theory in floating point; a sequence takes its values, from index 1 on, by its name."""
    if expression.is_Rational:
        return float(expression)
    if isinstance(expression, sp.Symbol):
        return float(values[expression.name])
    if isinstance(expression, sp.Sum):
        index, lower, upper = expression.limits[0]
        first, last = round(number(lower, values)), round(number(upper, values))
        terms = (number(expression.function, values | {index.name: k}) for k in range(first, last + 1))
        return math.fsum(terms)
    if isinstance(expression, Elementary):
        return FUNCTIONS[type(expression)](number(expression.args[0], values))
    if isinstance(expression, Scalar):
        return float(values[type(expression).__name__][round(number(expression.args[0], values)) - 1])
    return ELEMENTARY[expression.func](*(number(part, values) for part in expression.args))


class Votes(NamedTuple):
    """Votes in decreasing order, other votes, K, smoothing, and a threshold."""

    v: np.ndarray
    y: np.ndarray
    K: int
    mu: float
    threshold: float

    @property
    def scale(self) -> float:
        """The largest number that is added up, for a value."""
        n = len(self.v)
        largest = max(*np.abs(self.v), *np.abs(self.y), abs(self.threshold))
        return n * (largest + self.mu * (1 + math.log(n)))


NUMBERS = st.sampled_from([0.0, -0.0]) | st.integers(-3, 3).map(float) | st.floats(-30, 30, width=32)


@st.composite
def votes(draw: st.DrawFn) -> Votes:
    """Ties, zeros, K = 1 and K = n; all scales, and μ from far below the votes to far above them."""
    n = draw(st.integers(1, 6))
    v, y = (np.array(draw(st.lists(NUMBERS, min_size=n, max_size=n))) for _ in range(2))
    scale = draw(st.sampled_from([1.0, 1e-100, 1e-6, 1e6, 1e100]))
    return Votes(
        v=scale * -np.sort(-v),
        y=scale * y,
        K=draw(st.sampled_from([1, n]) | st.integers(1, n)),
        mu=scale * draw(st.sampled_from([1.0, 1e-3, 0.1, 7.0, 1e4])),
        threshold=scale * draw(NUMBERS),
    )


KINDS = ("hard", "entropic", "quadratic")


def operator(kind: str, v: np.ndarray, K: int, mu: float) -> tuple[float, np.ndarray]:
    """Value and multipliers, as ``aat`` has them."""
    soft = {} if kind == "hard" else {"smoothing": kind, "mu": mu}
    row = torch.from_numpy(v.copy())
    return aat.topk_sum(row, K, **soft).item(), aat.multipliers(row, K, **soft).numpy()


def measured(case: Votes, kind: str) -> dict:
    """Everything that a claim about the operator may speak of, by the names of its symbols."""
    v, y, K, mu, threshold = case
    value, lam = operator(kind, v, K, mu)
    other_value, nu = operator(kind, y, K, mu)
    row = torch.from_numpy(v)
    return {
        "n": len(v),
        "K": K,
        "mu": mu,
        "v": v,
        "y": y,
        "lam": lam,
        "nu": nu,
        "a": -np.sort(-np.abs(v - y)),
        "d": np.linalg.norm((v - y) / mu) * mu,
        "s_v": value,
        "s_y": other_value,
        "s_mu": operator("entropic", v, K, mu)[0],
        "q_mu": operator("quadratic", v, K, mu)[0],
        "tau": aat.threshold(row, K).item(),
        "gap": aat.gap(row, K).item(),
        "theta": threshold,
    }


class Check(NamedTuple):
    """Which multipliers a claim speaks of, where it applies, and which of its sides is which value of the operator."""

    kinds: tuple[str, ...] = ("entropic",)
    where: Callable[[Votes], bool] = lambda case: True
    lhs: str | None = None
    rhs: str | None = None


def fewer(case: Votes) -> bool:
    return len(case.v) > case.K


VALUES = {
    "O1": Check(KINDS, rhs="hard"),
    "O2": Check(lhs="hard"),
    "O2.attained": Check(lhs="hard", rhs="hard"),
    "O2.excess": Check(),
    "O3": Check(KINDS),
    "O3.norm": Check(KINDS),
    "O4": Check(KINDS, rhs="other"),
    "O4.sharp": Check(KINDS, where=fewer, rhs="hard"),
    "O5": Check(where=fewer, lhs="one more"),
    "O5.concave": Check(where=fewer),
    "O5.maximum": Check(KINDS, where=lambda case: case.K == 1, rhs="hard"),
    "O6": Check(where=fewer, lhs="entropic"),
    "O6.attained": Check(where=fewer, lhs="entropic", rhs="entropic"),
    "O6.below": Check(KINDS, rhs="entropic"),
    "O6.dual": Check(lhs="entropic"),
    "O6.plain": Check(where=fewer),
    "O8": Check(("quadratic",), lhs="quadratic"),
    "O8.below": Check(KINDS, rhs="quadratic"),
    "O12": Check(where=fewer, lhs="entropic"),
    "O12.quadratic": Check(("quadratic",), where=fewer, lhs="quadratic"),
    "O12.spread": Check(("quadratic",), where=fewer, lhs="quadratic"),
}
MASKS = {
    "O5.dense": Check(KINDS, where=lambda case: not fewer(case)),
    "O7": Check(),
    "O9": Check(("quadratic",)),
    "O10": Check(where=fewer),
    "O10.one": Check(where=fewer),
    "O10.quadratic": Check(("quadratic",), where=fewer),
    "O10.spread": Check(("quadratic",), where=fewer),
}


def test_every_proved_claim_about_the_operator_is_checked() -> None:
    about = {id for id in claims if id.startswith("O") and not isinstance(claims[id], Refuted)}
    assert about == {*VALUES, *MASKS, "O11.weak"}


def known(id: str, case: Votes, kind: str) -> dict:
    """What is measured, with the threshold that the claim speaks of."""
    values = measured(case, kind)
    if id == "O2.attained":
        values["theta"] = values["tau"]
    if id == "O6.attained":
        middle = int(np.argmin(np.abs(values["lam"] - 0.5)))
        share = values["lam"][middle]
        assume(0 < share < 1)
        values["theta"] = case.v[middle] - case.mu * logit(share)
    return values


@pytest.mark.parametrize(("id", "kind"), [(id, kind) for id, check in VALUES.items() for kind in check.kinds])
@given(case=votes())
@example(case=Votes(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 1, 1e-3, 0.5))
@example(case=Votes(np.zeros(3), np.zeros(3), 3, 1.0, 0.0))
@settings(max_examples=60)
def test_values(id: str, kind: str, case: Votes) -> None:
    check, statement = VALUES[id], claims[id].statement
    assume(check.where(case) and (id != "O3.norm" or (case.v != case.y).any()))
    values = known(id, case, kind)
    lhs, rhs = number(statement.lhs, values), number(statement.rhs, values)
    rounding = 64 * EPS * case.scale
    assert lhs <= rhs + rounding
    if statement.equal:
        assert abs(rhs - lhs) <= rounding
    for side, name in ((lhs, check.lhs), (rhs, check.rhs)):
        if name == "other":
            assert side == values["s_y"]
        elif name is not None:
            K = case.K + (name == "one more")
            value, _ = operator(name if name in KINDS else "hard", case.v, K, case.mu)
            assert abs(side - value) <= rounding


@pytest.mark.parametrize(("id", "kind"), [(id, kind) for id, check in MASKS.items() for kind in check.kinds])
@given(case=votes())
@settings(max_examples=100)
def test_masks(id: str, kind: str, case: Votes) -> None:
    """Sums of squares of at most n multipliers, compared as lengths."""
    check, statement = MASKS[id], claims[id].statement
    assume(check.where(case))
    values = known(id, case, kind)
    unit = case.mu if id == "O10.quadratic" else 1.0
    lhs, rhs = (number(side, values) / unit for side in (statement.lhs, statement.rhs))
    largest = max(*np.abs(case.v), *np.abs(case.y))
    rounding = 64 * EPS * len(case.v) * (1 + largest / case.mu)
    if id == "O10.quadratic":  # linear on the right: ε is off by the rounding, times Δ_v/μ
        assert lhs <= max(rhs, 0) + rounding * (1 + values["gap"] / case.mu)
    else:
        assert math.sqrt(lhs) <= math.sqrt(rhs) * (1 + 1e-9) + rounding


@given(case=votes())
@settings(max_examples=100)
def test_with_a_gap_of_mu_quadratic_multipliers_are_exactly_the_mask(case: Votes) -> None:
    """What O10.quadratic and O12.quadratic say of a gap of at least μ, up to the rounding of the value."""
    v, _, K, _, _ = case
    gap = aat.gap(torch.from_numpy(v), K).item()
    assume(0 < gap < math.inf)
    for mu in (gap / 2, gap / 1.01):
        value, lam = operator("quadratic", v, K, mu)
        assert (lam == (np.arange(len(v)) < K)).all()
        assert abs(value - (v[:K].sum() - mu * K / 2)) <= 64 * EPS * case.scale


@pytest.mark.parametrize(
    ("id", "kind", "limit"), [("O10", "entropic", 1e-3), ("O10.one", "entropic", 1e-3), ("O12", "entropic", 1e-3)]
)
@given(n=st.integers(2, 9), data=st.data())
@settings(max_examples=30)
def test_bounds_under_a_gap_are_attained_by_votes_of_two_values(id: str, kind: str, limit: float, n, data) -> None:
    """As μ → 0: no constant of O10 and O12 can be smaller, for any K and n."""
    K = data.draw(st.integers(1, n - 1))
    v = np.where(np.arange(n) < K, 1.0, 0.0)
    values = measured(Votes(v, v, K, 1 / 24, 0.0), kind)
    statement = claims[id].statement
    hard = v[:K].sum() if id == "O12" else 0.0
    lhs, rhs = number(statement.lhs, values) - hard, number(statement.rhs, values) - hard
    assert 1 - limit <= lhs / rhs <= 1 + limit


@given(rho=st.floats(0, 1e3))
@settings(max_examples=100)
def test_hard_cross_entropy_is_not_weakly_convex(rho: float) -> None:
    """Independent of the claim's expressions: the segment, through ``aat`` and the loss."""
    s = 1 / (2 * (rho + 1))
    t = math.log1p(s)
    a = torch.tensor([t, -t], dtype=torch.float64)

    def f(w: torch.Tensor) -> float:
        return torch.nn.functional.softplus(-aat.topk_sum(w, 1)).item()

    excess = f(0 * a) - (f(a) + f(-a)) / 2 - rho / 8 * (2 * a).square().sum().item()
    assert excess >= (rho + 2) / (4 * (rho + 1) ** 2 * (2 * rho + 3)) - 4 * EPS
    statement = claims["O11.weak"].statement
    assert number(statement.lhs, {"rho": rho}) <= number(statement.rhs, {"rho": rho}) + 4 * EPS
