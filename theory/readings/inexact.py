r"""The inexact reading: the hard mask that autograd differentiates is a biased gradient of the smoothed objective.

Setting
    One sample, O classes. The hard gradient has the blocks :math:`e_j\,x\odot1_{S_j}`, the smoothed one
    :math:`f_j\,x\odot\lambda_j`, with e and f the slopes of the loss at the hard and at the smoothed scores. The
    smoothing is quadratic, its scores raised by :math:`\mu K/2`, so that they are the hard ones where the gap is at
    least μ.

Guarantee
    Claim ``bias``: they differ by at most :math:`\Lambda_1\delta + \varepsilon_z R_K`, where
    :math:`\|e\|\le\Lambda_1`, :math:`\|f-e\|\le\varepsilon_z`, :math:`\|x\odot(1_{S_j}-\lambda_j)\|\le\delta` and
    :math:`\|x\odot\lambda_j\|\le R_K`. For a sample of gap :math:`\Delta_v`, with :math:`\kappa^2=K(n-K)/n` and
    :math:`p=(1-\Delta_v/\mu)_+`, O10.spread and O12.spread give :math:`\delta=R_\infty\kappa p` and
    :math:`\varepsilon_z=\tfrac12\Lambda_2\sqrt O\,\mu\kappa^2p^2`: nothing at all for a gap of at least μ.

    Claims ``gap.mean`` and ``gap.mean.square``: if at most a share ct of the N samples has a gap of t or less, for
    every t, then the mean of p is at most :math:`c\mu/2` and that of :math:`p^2` at most :math:`c\mu/3`.

    Claim ``bias.mean``: so the mean of the samples' biases, and with it the length of their mean, is at most
    :math:`\zeta(\mu) = \tfrac12c\mu\Lambda_1R_\infty\kappa + \tfrac16c\mu^2\Lambda_2\sqrt O R_K\kappa^2`, with
    :math:`\Lambda_2` the Lipschitz constant of the slopes.

Proof
    ``bias``: :math:`ed+(e-f)b` with :math:`d = a-b`, and Young's inequality with the weight that makes it tight.
    ``gap.mean``: the i-th smallest gap is at least i/(cN), so the sum over the m samples with a gap below μ is at most
    :math:`\sum_{i\le m}(1-i/a)` with :math:`a=c\mu N\ge m`: a Riemann sum, from below, of an integral of a/2 (a/3 for
    the squares).

Reference
    A. Ajalloeian, S. Stich, "On the convergence of SGD with biased gradients", 2020, for what a bias does to a rate.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Range, at_most
from theory.operator.spread_under_gap import SPREAD
from theory.operator.units import FEWER
from theory.steps import Axiom, Certificate, Lemma, Product, Total
from theory.symbols import R_K, Lambda_1, Lambda_2, N, O, R_inf, c, delta, eps, i, j, mu, near
from theory.terms import Scalar, sequence

ONE = sp.Integer(1)
CLASSES = Range(j, ONE, O)

e, f = sequence("e", Scalar), sequence("f", Scalar)
_dd, _db, _bb = (sequence(name, Scalar, letter) for name, letter in
                 (("dd", r"\|d\|^2"), ("db", r"\langle d,b\rangle"), ("bb", r"\|b\|^2")))  # fmt: skip
_weight = eps * R_K / (Lambda_1 * delta)
_turn = e(j) - f(j)


def _square(alpha: sp.Expr, beta: sp.Expr) -> sp.Expr:
    """``‖αd + βb‖²`` of class j."""
    return alpha**2 * _dd(j) + 2 * alpha * beta * _db(j) + beta**2 * _bb(j)


def _sum(term: sp.Expr) -> sp.Sum:
    return sp.Sum(term, CLASSES.limits)


MASKS = Assumption(
    "masks",
    r"for each class $d=x\odot(1_S-\lambda)$ and $b=x\odot\lambda$ have $\|d\|\le\delta$ (O10.spread) and "
    r"$\|b\|\le R_K$ (G.head), with $x\ne0$, so that $R_K>0$",
    {
        "square": lambda alpha, beta: at_most(0, _square(alpha, beta)),
        "moved": lambda: at_most(_dd(j), delta**2),
        "kept": lambda: at_most(_bb(j), R_K**2),
    },
    domain={R_K: sp.Dummy("R", positive=True)},
    proved_by=("O10.spread", "G.head"),
)
SLOPES = Assumption(
    "slopes",
    r"$\|e\|\le\Lambda_1$ for the slopes $e=\partial\ell/\partial z$, and $\|e-f\|\le\varepsilon_z$ where the scores "
    r"move by smoothing (O12.spread)",
    {
        "size": lambda: at_most(_sum(e(j) ** 2), Lambda_1**2),
        "change": lambda: at_most(_sum(_turn**2), eps**2),
    },
    proved_by=("O12.spread", "O8.below"),
)

BIAS = Claim(
    id="bias",
    title="Hard and smoothed gradients of one sample",
    setting=r"$\sum_j\|e_j\,x\odot1_{S_j}-f_j\,x\odot\lambda_j\|^2\le(\Lambda_1\delta+\varepsilon_z R_K)^2$",
    statement=at_most(_sum(_square(e(j), _turn)), (Lambda_1 * delta + eps * R_K) ** 2),
    assumptions=(MASKS, SLOPES),
    source="triangle inequality",
    proof=(
        Axiom("Young", "masks", "square", {"alpha": e(j), "beta": -_turn / _weight}, CLASSES),
        Axiom("moved", "masks", "moved", over=CLASSES),
        Axiom("kept", "masks", "kept", over=CLASSES),
        Certificate(
            "each",
            at_most(_square(e(j), _turn), (1 + _weight) * e(j) ** 2 * delta**2 + (1 + 1 / _weight) * _turn**2 * R_K**2),
            using={
                "Young": _weight,
                "moved": (1 + _weight) * e(j) ** 2,
                "kept": (1 + 1 / _weight) * _turn**2,
            },
        ),
        Total("all", "each"),
        Axiom("size", "slopes", "size"),
        Axiom("change", "slopes", "change"),
        Certificate(
            "bias",
            None,
            using={"all": ONE, "size": (1 + _weight) * delta**2, "change": (1 + 1 / _weight) * R_K**2},
        ),
    ),
)

NEAR = Range(i, ONE, near)
share = sequence("p", Scalar)
_scale = c * mu * N
_rank = 1 - i / _scale

GAPS = Assumption(
    "gaps",
    r"a share of at most $ct$ of the samples has a gap $\Delta_v\le t$, for every $t$: the $i$-th smallest is at least "
    r"$i/(cN)$, so $0\le p_i\le1-i/(c\mu N)$ for the $m\ge1$ samples with a gap below $\mu$, and $m\le c\mu N$",
    {"rank": lambda: at_most(share(i), _rank), "share": lambda: at_most(0, share(i))},
    domain={
        near: 1 + (_first := sp.Dummy("m", integer=True, nonnegative=True)),
        c: (1 + _first + sp.Dummy("r", nonnegative=True)) / (mu * N),
    },
)
_RANKED = (
    Axiom("each", "gaps", "rank", over=NEAR),
    Axiom("share", "gaps", "share", over=NEAR),
)

GAP_MEAN = Claim(
    id="gap.mean",
    title="Votes that nearly tie are rare",
    setting=r"$\frac1N\sum_i(1-\Delta_{v,i}/\mu)_+ \le c\mu/2$ when a share of at most $ct$ of the gaps is $t$ or less",
    statement=at_most(sp.Sum(share(i), NEAR.limits) / N, c * mu / 2),
    assumptions=(GAPS,),
    source="this project",
    proof=(
        *_RANKED[:1],
        Total("all", "each"),
        Certificate(
            "mean",
            None,
            using={"all": 1 / N},
            squares=((1 / (2 * _scale * N), _scale - near), (near / (2 * _scale * N), ONE)),
        ),
    ),
)
GAP_MEAN_SQUARE = Claim(
    id="gap.mean.square",
    title="Votes that nearly tie are rare, squared",
    setting=r"$\frac1N\sum_i(1-\Delta_{v,i}/\mu)_+^2 \le c\mu/3$ when at most a share $ct$ of the gaps is $t$ or less",
    statement=at_most(sp.Sum(share(i) ** 2, NEAR.limits) / N, c * mu / 3),
    assumptions=(GAPS,),
    source="this project",
    proof=(
        *_RANKED,
        Certificate(
            "sum",
            at_most(0, share(i) + _rank, over=NEAR),
            using={"each": ONE, "share": 2 * ONE},
        ),
        Product("each square", "each", "sum"),
        Total("all", "each square"),
        Certificate(
            "mean",
            None,
            using={"all": 1 / N},
            squares=(
                ((_scale - near) / (3 * _scale**2 * N), _scale - near),
                (near * (2 * _scale - near - sp.Rational(1, 3)) / (2 * _scale**2 * N), ONE),
            ),
        ),
    ),
)

one = sequence("beta_i", Scalar, r"\beta")
_kappa2 = SPREAD
BY_MASK = Lambda_1 * R_inf * sp.sqrt(_kappa2)
BY_SLOPE = Lambda_2 * sp.sqrt(O) * mu * _kappa2 * R_K / 2
ZETA = c * mu * (BY_MASK / 2 + BY_SLOPE / 3)

EACH_BIAS = Assumption(
    "each bias",
    r"sample $i$ has a bias of at most $\Lambda_1R_\infty\kappa p_i+\frac12\Lambda_2\sqrt O\,\mu\kappa^2R_Kp_i^2$, "
    r"$\kappa^2=K(n-K)/n$: claim bias",
    {"bound": lambda: at_most(one(i), BY_MASK * share(i) + BY_SLOPE * share(i) ** 2)},
    proved_by=("bias", "O10.spread", "O12.spread"),
)

BIAS_MEAN = Claim(
    id="bias.mean",
    title="The bias of the hard gradient",
    setting=r"$\|\frac1N\sum_i\beta_i\| \le \frac1N\sum_i\|\beta_i\| \le "
    r"\frac12c\mu\Lambda_1R_\infty\kappa + \frac16c\mu^2\Lambda_2\sqrt O R_K\kappa^2$ with $\kappa^2=K(n-K)/n$",
    statement=at_most(sp.Sum(one(i), NEAR.limits) / N, ZETA),
    assumptions=(EACH_BIAS, GAPS, FEWER),
    source="this project",
    proof=(
        Lemma("gaps", GAP_MEAN),
        Lemma("squares", GAP_MEAN_SQUARE),
        Axiom("each", "each bias", "bound", over=NEAR),
        Total("all", "each"),
        Certificate("mean", None, using={"all": 1 / N, "gaps": BY_MASK, "squares": BY_SLOPE}),
    ),
)
