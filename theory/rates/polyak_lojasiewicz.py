r"""R7: smooth, Polyak–Łojasiewicz.

Setting
    As R6: L-smooth :math:`F`, unbiased gradients of variance at most σ²; and
    :math:`\|\nabla F(w)\|^2 \ge 2m_{PL}(F(w) - \inf F)`, e.g. for an :math:`m_{PL}`-strongly convex :math:`F`.

Algorithm
    :math:`w_{t+1} = w_t - \eta g_t`, constant :math:`\eta \le 1/L`; the output is :math:`w_T`.

Guarantee
    :math:`\mathbb E F(w_T) - F(u) \le (1-\eta m_{PL})^T\Delta + L\eta\sigma^2/(2m_{PL})` for every u: linear
    convergence to a ball of noise, and to the minimum without noise.

Proof
    R6's one step is :math:`\mathbb E F(w_{t+1}) - c \le (1-\eta m_{PL})\,(\mathbb E F(w_t) - c)` for :math:`c = F(u) +
    L\eta\sigma^2/(2m_{PL})`, so :math:`(1-\eta m_{PL})^{T-t}\,(\mathbb E F(w_t) - c)` does not rise.

Reference
    H. Karimi, J. Nutini, M. Schmidt, "Linear convergence of gradient and proximal-gradient methods under the
    Polyak–Łojasiewicz condition", ECML 2016, Theorem 4.
"""

import sympy as sp

from theory.assumptions import SMOOTH, STEP_AT_MOST_INVERSE_L, SUBOPTIMALITY, UNBIASED, VARIANCE, Assumption
from theory.claim import Claim, Metric, Rate
from theory.facts import Range, at_most
from theory.steps import Axiom, Certificate, Telescope, Total
from theory.symbols import Delta, L, T, eta, g, m_PL, sigma, t, u, w
from theory.terms import FixedVector, Gradient, Norm2, Objective

_point = FixedVector("p")


def _gap(point: sp.Expr, against: sp.Expr) -> sp.Expr:
    return Objective(point) - Objective(against)


POLYAK_LOJASIEWICZ = Assumption(
    "Polyak–Łojasiewicz",
    r"$\|\nabla F(w)\|^2 \ge 2m_{\mathrm{PL}}(F(w)-F(u))$ for all $w$ and $u$",
    {"bound": lambda point, against: at_most(2 * m_PL * _gap(point, against), Norm2(Gradient(point)))},
    constant=m_PL,
)
MINIMISER = Assumption(
    "minimiser",
    r"$F(u) \le F(p)$ for all $p$",
    {"least": lambda point: at_most(Objective(u), Objective(point))},
)

CONDITIONING = Claim(
    id="PL.smooth",
    title="A Polyak–Łojasiewicz constant is at most the smoothness",
    setting=r"$m_{\mathrm{PL}}(F(p)-F(u)) \le L(F(p)-F(u))$ for $F$ $L$-smooth and $u$ a minimiser, so "
    r"$m_{\mathrm{PL}}\le L$ unless $F$ is constant",
    statement=at_most(m_PL * _gap(_point, u), L * _gap(_point, u)),
    assumptions=(SMOOTH, POLYAK_LOJASIEWICZ, MINIMISER),
    source="Karimi, Nutini, Schmidt 2016, section 2",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": _point, "to": _point - Gradient(_point) / L}),
        Axiom("least", "minimiser", "least", {"point": _point - Gradient(_point) / L}),
        Axiom("steep", "Polyak–Łojasiewicz", "bound", {"point": _point, "against": u}),
        Certificate("conditioning", None, using={"descent": L, "least": L, "steep": sp.Rational(1, 2)}),
    ),
)
WELL_POSED = Assumption(
    "conditioning",
    r"$m_{\mathrm{PL}} \le L$",
    domain={m_PL: L / (1 + sp.Dummy("q", nonnegative=True))},
    condition=L - m_PL,
    proved_by=("PL.smooth",),
)

_all_steps = Range(t, sp.Integer(0), T - 1)
_gradient = Gradient(w(t))
_floor = L * eta * sigma**2 / (2 * m_PL)
_shrink = 1 - eta * m_PL
_above = _gap(w(t), u) - _floor
_potential = _shrink ** (T - t) * _above

R7 = Rate.state(
    id="R7",
    title="Smooth, Polyak–Łojasiewicz",
    setting=r"$F$ $L$-smooth and $\|\nabla F\|^2\ge2m_{\mathrm{PL}}(F-\inf F)$, variance at most $\sigma^2$, "
    r"constant step $\eta\le1/L$, last point $w_T$",
    metric=Metric("final_gap", "F(w_T) − F(u)", _gap(w(T), u)),
    bound=_shrink**T * Delta + _floor,
    schedule=eta,
    scale=1 / L,
    assumptions=(
        SMOOTH,
        POLYAK_LOJASIEWICZ,
        UNBIASED,
        VARIANCE,
        STEP_AT_MOST_INVERSE_L,
        WELL_POSED,
        SUBOPTIMALITY,
    ),
    definitions={w(t + 1): w(t) - eta * g(t)},
    source="Karimi, Nutini, Schmidt 2016, Thm 4",
    proof=(
        Axiom("descent", "smooth", "descent", {"at": w(t), "to": w(t + 1)}, _all_steps),
        Axiom("mean", "unbiased", "tower", {"time": t, "against": _gradient}, _all_steps),
        Axiom("noise", "variance", "bound", {"time": t}, _all_steps),
        Axiom("steep", "Polyak–Łojasiewicz", "bound", {"point": w(t), "against": u}, _all_steps),
        Certificate(
            "one step",
            at_most(_above.subs(t, t + 1), _shrink * _above),
            using={
                "descent": sp.Integer(1),
                "mean": -eta + L * eta**2,
                "noise": L * eta**2 / 2,
                "steep": eta / 2,
            },
            squares=((eta * (1 - L * eta) / 2, _gradient),),
        ),
        Certificate(
            "no rise",
            at_most(0, _potential - _potential.subs(t, t + 1)),
            using={"one step": _shrink ** (T - t - 1)},
        ),
        Total("all steps", "no rise"),
        Telescope("telescope", _potential, _all_steps),
        Axiom("start", "suboptimality", "bound", {"point": u}),
        Certificate(
            "rate",
            None,
            using={"all steps": sp.Integer(1), "telescope": sp.Integer(1), "start": _shrink**T},
            squares=((_shrink**T * L * eta / (2 * m_PL), sigma),),
        ),
    ),
)
