"""The smoothings against independent root finding, optimality certificates and the theory (O6–O10, O12)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import entr, expit
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacrev, vmap

import aat
from aat.balance import balance
from aat.smoothing import SMOOTHINGS

quick = settings(deadline=None, max_examples=50)
both = pytest.mark.parametrize("smoothing", ["entropic", "quadratic"])
# In units of mu: ties, zeros of both signs, votes around the bend and far from it.
NUMBERS = st.sampled_from([0.0, -0.0]) | st.integers(-3, 3).map(float) | st.floats(-30, 30)
MUS = st.sampled_from([1e-3, 0.1, 1.0, 7.0, 1e4])
EPS = torch.finfo(torch.float64).eps


@st.composite
def rows(draw: st.DrawFn, copies: int = 1) -> tuple[list[Tensor], int, float]:
    """Return `copies` votes (rows, n), k and mu; the votes are of the order of mu."""
    n = draw(st.integers(1, 12))
    k = draw(st.sampled_from([1, n]) | st.integers(1, n))
    mu = draw(MUS)
    shape = (draw(st.integers(1, 3)), n)
    flat = st.lists(NUMBERS, min_size=math.prod(shape), max_size=math.prod(shape))
    return [mu * torch.tensor(draw(flat), dtype=torch.float64).reshape(shape) for _ in range(copies)], k, mu


def rounding(votes: Tensor, mu: float) -> float:
    """Rounding of the values: a few units in the last place of votes and of mu, per unit."""
    return 8 * EPS * votes.shape[-1] * (votes.abs().max().item() + 8 * mu)


def entropy(p: float) -> float:
    return float(entr(p) + entr(1 - p))


def solved_by_bisection(row: np.ndarray, k: int, smoothing: str) -> np.ndarray:
    """λ from scipy's root finder, for votes in units of mu and k < n."""

    def multipliers(tau: float) -> np.ndarray:
        return expit(row - tau) if smoothing == "entropic" else np.clip(row - tau, 0, 1)

    reach = math.log(2 * row.size) + 2
    tau = brentq(lambda tau: multipliers(tau).sum() - k, row.min() - reach, row.max() + reach, xtol=1e-14, rtol=1e-14)
    return multipliers(tau)


@both
@quick
@given(rows())
def test_multipliers_and_value_match_scipy(smoothing: str, case: tuple[list[Tensor], int, float]) -> None:
    (votes,), k, mu = case
    lam = aat.multipliers(votes, k, smoothing, mu)
    value = aat.topk_sum(votes, k, smoothing, mu)
    for i, row in enumerate((votes / mu).numpy()):
        expected = np.ones(row.size) if k == row.size else solved_by_bisection(row, k, smoothing)
        np.testing.assert_allclose(lam[i].numpy(), expected, rtol=0, atol=2e-12)
        bonus = (entr(expected) + entr(1 - expected)) if smoothing == "entropic" else -(expected**2) / 2
        np.testing.assert_allclose(value[i] / mu, expected @ row + bonus.sum(), rtol=1e-12, atol=1e-10)


@both
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@quick
@given(rows(), st.integers(-30, 30))
def test_multipliers_are_feasible_and_ordered_at_every_scale(
    dtype: torch.dtype, smoothing: str, case: tuple[list[Tensor], int, float], exponent: int
) -> None:
    (votes,), k, mu = case
    votes = (votes / mu * 10.0**exponent).to(dtype)
    n = votes.shape[-1]
    lam = aat.multipliers(votes, k, smoothing, 1.0)
    assert lam.dtype == dtype
    assert ((lam >= 0) & (lam <= 1)).all()
    assert ((lam.double().sum(-1) - k).abs() <= 6 * n * torch.finfo(dtype).eps).all()
    order = votes.sort(-1).indices
    # The vectorised σ and its scalar remainder may differ in the last bit on equal votes.
    assert (lam.gather(-1, order).diff(dim=-1) >= -2 * torch.finfo(dtype).eps).all()
    assert aat.topk_sum(votes, k, smoothing, 1.0).isfinite().all()


@quick
@given(rows())
def test_o8_the_quadratic_mask_is_a_projection(case: tuple[list[Tensor], int, float]) -> None:
    """λ projects v/μ onto Δ_{n,K} iff ⟨v/μ − λ, y − λ⟩ <= 0 for every y; the worst y is a hard mask (O1)."""
    (votes,), k, mu = case
    lam = aat.multipliers(votes, k, "quadratic", mu)
    residual = votes / mu - lam
    worst = residual.topk(k).values.sum(-1) - (residual * lam).sum(-1)
    assert (worst <= rounding(votes / mu, 1.0) * k).all()


@quick
@given(rows())
def test_o6_value_window(case: tuple[list[Tensor], int, float]) -> None:
    (votes,), k, mu = case
    n = votes.shape[-1]
    excess = aat.topk_sum(votes, k, "entropic", mu) - aat.topk_sum(votes, k)
    width = mu * n * entropy(k / n)
    assert (excess >= 0).all()
    assert (excess <= width + rounding(votes, mu)).all()
    assert width <= mu * k * (1 + math.log(n / k)) * (1 + EPS)


@quick
@given(rows())
def test_o8_value_window(case: tuple[list[Tensor], int, float]) -> None:
    (votes,), k, mu = case
    n = votes.shape[-1]
    excess = aat.topk_sum(votes, k, "quadratic", mu) - aat.topk_sum(votes, k)
    assert (excess >= -mu * k / 2 - rounding(votes, mu)).all()
    assert (excess <= -mu * k**2 / (2 * n) + rounding(votes, mu)).all()


@pytest.mark.parametrize(("smoothing", "lipschitz"), [("entropic", 0.25), ("quadratic", 1.0)])
@quick
@given(rows(copies=2), st.sampled_from([1.0, 1e-2, 1e-5]))
def test_o7_o9_the_gradient_is_lipschitz(
    smoothing: str, lipschitz: float, case: tuple[list[Tensor], int, float], nearness: float
) -> None:
    (votes, other), k, mu = case
    other = votes + nearness * (other - votes)
    change = aat.multipliers(votes, k, smoothing, mu) - aat.multipliers(other, k, smoothing, mu)
    distance = (votes - other).norm(dim=-1)
    noise = rounding(votes, mu) / mu
    assert (change.norm(dim=-1) <= lipschitz / mu * distance + noise).all()


@quick
@given(rows())
def test_o10_o12_a_gap_makes_the_smoothing_exponentially_close(case: tuple[list[Tensor], int, float]) -> None:
    (votes,), k, mu = case
    n = votes.shape[-1]
    decay = (-aat.gap(votes, k) / (2 * mu)).exp()
    lam = aat.multipliers(votes, k, "entropic", mu)
    disagreement = (aat.multipliers(votes, k) - lam).abs().sum(-1)
    excess = aat.topk_sum(votes, k, "entropic", mu) - aat.topk_sum(votes, k)
    apart = aat.gap(votes, k) > 0
    bound = 2 * math.sqrt(k * (n - k)) * decay
    assert (disagreement <= bound + 8 * n * EPS)[apart].all()
    assert (excess <= mu * n * decay + rounding(votes, mu))[apart].all()


@both
@quick
@given(rows())
def test_a_wide_gap_gives_the_hard_mask(smoothing: str, case: tuple[list[Tensor], int, float]) -> None:
    (votes,), k, mu = case
    lifted = votes + 200 * mu * aat.mask(votes, k)
    n = votes.shape[-1]
    unit = EPS if smoothing == "entropic" else 0.0
    lam = aat.multipliers(lifted, k, smoothing, mu)
    assert torch.allclose(lam, aat.mask(votes, k).double(), rtol=0, atol=unit)
    expected = aat.topk_sum(lifted, k) - (0 if smoothing == "entropic" else mu * k / 2)
    assert ((aat.topk_sum(lifted, k, smoothing, mu) - expected).abs() <= n * rounding(lifted, mu)).all()


@both
@quick
@given(rows())
def test_symmetries(smoothing: str, case: tuple[list[Tensor], int, float]) -> None:
    """Dropping n − K of −v is keeping K of v; a shift of all votes by c moves the value by K c."""
    (votes,), k, mu = case
    n = votes.shape[-1]
    lam = aat.multipliers(votes, k, smoothing, mu)
    if k < n:
        mirrored = aat.multipliers(-votes, n - k, smoothing, mu)
        assert torch.allclose(lam + mirrored, torch.ones_like(lam), rtol=0, atol=16 * n * EPS)
    shifted = votes + 3 * mu
    assert torch.allclose(aat.multipliers(shifted, k, smoothing, mu), lam, rtol=0, atol=64 * n * EPS)
    change = aat.topk_sum(shifted, k, smoothing, mu) - aat.topk_sum(votes, k, smoothing, mu)
    assert ((change - 3 * mu * k).abs() <= 2 * n * rounding(shifted, mu)).all()


@both
@quick
@given(rows(copies=2))
def test_convex_with_the_multipliers_as_gradient(smoothing: str, case: tuple[list[Tensor], int, float]) -> None:
    (votes, other), k, mu = case
    votes.requires_grad_()
    value = aat.topk_sum(votes, k, smoothing, mu)
    (grad,) = torch.autograd.grad(value.sum(), votes)
    assert torch.equal(grad, aat.multipliers(votes.detach(), k, smoothing, mu))
    tangent = value + (grad * (other - votes)).sum(-1)
    slack = votes.shape[-1] * (rounding(votes, mu) + rounding(other, mu))
    assert (aat.topk_sum(other, k, smoothing, mu) >= tangent - slack).all()


@both
@pytest.mark.parametrize("n", [1, 2, 7, 64])
@pytest.mark.parametrize("equal", [0.0, -0.0, 1e30, -1e-30])
def test_equal_votes_share_k(smoothing: str, n: int, equal: float) -> None:
    for k in {1, (n + 1) // 2, n}:
        lam = aat.multipliers(torch.full((n,), equal, dtype=torch.float64), k, smoothing, 0.3)
        assert torch.allclose(lam, torch.full_like(lam, k / n), rtol=4 * n * EPS, atol=0)


@quick
@given(rows())
def test_full_width_keeps_every_vote(case: tuple[list[Tensor], int, float]) -> None:
    (votes,), _, mu = case
    n = votes.shape[-1]
    for smoothing, expected in (("entropic", 0.0), ("quadratic", -mu * n / 2)):
        assert (aat.multipliers(votes, n, smoothing, mu) == 1).all()
        assert torch.equal(aat.topk_sum(votes, n, smoothing, mu), aat.topk_sum(votes, n) + expected)


@both
@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("mu", [0.2, 1.0])
def test_derivatives_of_value_and_multipliers(smoothing: str, k: int, mu: float) -> None:
    votes = torch.randn(3, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    votes.requires_grad_()
    assert gradcheck(lambda v: aat.topk_sum(v, k, smoothing, mu), votes)
    assert gradgradcheck(lambda v: aat.topk_sum(v, k, smoothing, mu), votes)
    assert gradcheck(lambda v: aat.multipliers(v, k, smoothing, mu), votes)
    assert gradgradcheck(lambda v: aat.multipliers(v, k, smoothing, mu), votes)


def test_the_entropic_value_is_smooth_at_ties() -> None:
    votes = torch.tensor([1.0, 1, 1, 0, 0, -2], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda v: aat.topk_sum(v, 2, "entropic", 0.5), votes)
    assert gradgradcheck(lambda v: aat.topk_sum(v, 2, "entropic", 0.5), votes)


@both
def test_curvature_vanishes_where_no_multiplier_moves(smoothing: str) -> None:
    votes = torch.tensor([1e6, 2e6, -1e6, -2e6], dtype=torch.float64)
    assert not jacrev(lambda v: aat.multipliers(v, 2, smoothing, 1e-3))(votes).any()


@both
def test_function_transforms(smoothing: str) -> None:
    votes = torch.randn(4, 3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def value(v: Tensor) -> Tensor:
        return aat.topk_sum(v, 2, smoothing, 0.3)

    lam = aat.multipliers(votes, 2, smoothing, 0.3)
    assert torch.allclose(vmap(value, in_dims=1, out_dims=1)(votes), value(votes), rtol=1e-13)
    assert torch.allclose(vmap(vmap(jacrev(value)))(votes), lam, rtol=0, atol=1e-13)
    hessian = jacrev(jacrev(value))(votes[0, 0])
    assert torch.allclose(hessian, hessian.T)
    assert torch.allclose(hessian.sum(-1), torch.zeros(6, dtype=torch.float64), atol=1e-13)
    assert hessian.diagonal().max() > 0


@both
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_solved_in_float32(smoothing: str, dtype: torch.dtype) -> None:
    votes = torch.randn(5, 64, generator=torch.Generator().manual_seed(2)).to(dtype).requires_grad_()
    value = aat.topk_sum(votes, 5, smoothing, 0.3)
    assert torch.equal(value, aat.topk_sum(votes.float(), 5, smoothing, 0.3).to(dtype))
    (grad,) = torch.autograd.grad(value.sum(), votes)
    assert torch.equal(grad, aat.multipliers(votes.float(), 5, smoothing, 0.3).to(dtype))


@both
@pytest.mark.parametrize("useless", [math.nan, 0.0, 1e-9])
def test_the_balance_is_met_without_any_help_from_newton(
    smoothing: str, useless: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    formulas = SMOOTHINGS[smoothing]
    monkeypatch.setattr(type(formulas), "step", lambda self, total, slope, k, n: useless * (total - k))
    u = torch.randn(20, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    top = u.topk(6).values
    lam = balance(u - top[:, 4:5], top[:, 4:5] - top[:, 5:], 5, formulas)
    assert torch.allclose(lam.sum(-1), torch.full((20,), 5.0, dtype=torch.float64), rtol=1e-14)


@both
def test_a_row_with_nan_does_not_spoil_its_neighbours(smoothing: str) -> None:
    votes = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    expected = aat.multipliers(votes, 2, smoothing, 0.5)
    votes[1, 3] = math.nan
    lam = aat.multipliers(votes, 2, smoothing, 0.5)
    assert torch.allclose(lam[[0, 2]], expected[[0, 2]], rtol=1e-13)
    assert aat.topk_sum(votes, 2, smoothing, 0.5).isnan().tolist() == [False, True, False]


@both
@pytest.mark.parametrize("k", [2, 3])
def test_votes_of_minus_inf_are_never_kept(smoothing: str, k: int) -> None:
    votes = torch.tensor([1.0, 0.5, 0.0, -math.inf], dtype=torch.float64)
    lam = aat.multipliers(votes, k, smoothing, 0.7)
    assert lam[3] == 0
    assert torch.allclose(lam[:3], aat.multipliers(votes[:3], k, smoothing, 0.7))
    assert torch.allclose(aat.topk_sum(votes, k, smoothing, 0.7), aat.topk_sum(votes[:3], k, smoothing, 0.7))


@pytest.mark.parametrize("call", [aat.topk_sum, aat.multipliers], ids=["topk_sum", "multipliers"])
@pytest.mark.parametrize(
    ("smoothing", "mu", "said"),
    [
        ("entropic", None, "mu = None; expected a finite number > 0"),
        ("entropic", 0.0, "mu = 0.0;"),
        ("quadratic", -1.0, "mu = -1.0;"),
        ("quadratic", math.inf, "mu = inf;"),
        ("quadratic", math.nan, "mu = nan;"),
        ("quadratic", True, "mu = True;"),
        ("quadratic", "1", "mu = '1';"),
        ("entropic", 1e-50, "mu = 1e-50 with votes of torch.float32; expected 1.17"),
        (None, 0.1, "mu = 0.1 without smoothing"),
        ("softmax", 0.1, "smoothing = 'softmax'; expected None or one of"),
        (3, 0.1, "smoothing = 3;"),
    ],
)
def test_wrong_smoothing_or_mu_is_one_clear_line(call, smoothing, mu, said: str) -> None:
    with pytest.raises(aat.InputError, match="try ") as error:
        call(torch.zeros(2, 4), 2, smoothing, mu)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)
