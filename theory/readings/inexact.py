r"""The inexact reading: the hard mask that autograd differentiates is a biased gradient of the smoothed objective.

Setting
    One sample, O classes. The hard gradient has the blocks :math:`e_j\,x\odot1_{S_j}`, the smoothed one
    :math:`f_j\,x\odot\lambda_j`, with e and f the slopes of the loss at the hard and at the smoothed scores.

Guarantee
    Claim ``bias``: they differ by at most :math:`\Lambda_1\delta + \varepsilon_z R_K`, where
    :math:`\|e\|\le\Lambda_1`, :math:`\|f-e\|\le\varepsilon_z`, :math:`\|x\odot(1_{S_j}-\lambda_j)\|\le\delta` and
    :math:`\|x\odot\lambda_j\|\le R_K`.

    Claim ``gap.mean``: if at most a share ct of the N samples has a gap of t or less, for every t, then the mean of
    :math:`e^{-\Delta_v/(2\mu)}`, the factor by which both δ and ε shrink with the gap (O10, O12), is at most 2cμ.

    Claim ``bias.mean``: so the mean of the samples' biases, and with it the length of their mean, is at most
    :math:`\zeta(\mu) = 2c\mu(\Lambda_1R_\infty\sqrt n + 2\Lambda_2R_K\sqrt{OK(n-K)}\,\mu)`, with
    :math:`\Lambda_2` the Lipschitz constant of the slopes.

Proof
    ``bias``: :math:`ed+(e-f)b` with :math:`d = a-b`, and Young's inequality with the weight that makes it tight.
    ``gap.mean``: the i-th smallest gap is at least i/(cN), so the mean is at most that of a geometric series.

Reference
    A. Ajalloeian, S. Stich, "On the convergence of SGD with biased gradients", 2020, for what a bias does to a rate.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Range, at_most
from theory.operator.units import FEWER
from theory.proof import Axiom, Certificate, Lemma, Telescope, Total
from theory.symbols import R_K, K, Lambda_1, Lambda_2, N, O, R_inf, c, delta, eps, i, j, mu, n, vartheta
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
    r"for each class $d=x\odot(1_S-\lambda)$ and $b=x\odot\lambda$ have $\|d\|\le\delta$ (O10) and $\|b\|\le R_K$ "
    r"(G.head), with $x\ne0$, so that $R_K>0$",
    {
        "square": lambda alpha, beta: at_most(0, _square(alpha, beta)),
        "moved": lambda: at_most(_dd(j), delta**2),
        "kept": lambda: at_most(_bb(j), R_K**2),
    },
    domain={R_K: sp.Dummy("R", positive=True)},
    proved_by=("O10", "G.head"),
)
SLOPES = Assumption(
    "slopes",
    r"$\|e\|\le\Lambda_1$ for the slopes $e=\partial\ell/\partial z$, and $\|e-f\|\le\varepsilon_z$ where the scores "
    r"move by smoothing (O12)",
    {
        "size": lambda: at_most(_sum(e(j) ** 2), Lambda_1**2),
        "change": lambda: at_most(_sum(_turn**2), eps**2),
    },
    proved_by=("O12",),
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

SAMPLES = Range(i, ONE, N)
close = sequence("q", Scalar)
_rate = 1 / (2 * mu * c * N)

GAPS = Assumption(
    "gaps",
    r"a share of at most $ct$ of the samples has a gap $\Delta_v\le t$, for every $t$: the $i$-th smallest is at least "
    r"$i/(cN)$, so $q_i=e^{-\Delta_v/(2\mu)}\le\vartheta^i$ with $\vartheta=e^{-1/(2\mu cN)}$",
    {"rank": lambda: at_most(close(i), vartheta**i)},
)
EXPONENTIAL = Assumption(
    "exponential",
    r"calculus: $e^a\ge1+a$, so $1-\vartheta\ge\vartheta/(2\mu cN)$",
    {"tangent": lambda: at_most(_rate * vartheta, 1 - vartheta)},
)
_mean = sp.Sum(close(i), SAMPLES.limits) / N
_series = sp.Sum(vartheta**i, SAMPLES.limits)

GAP_MEAN = Claim(
    id="gap.mean",
    title="Votes that nearly tie are rare, so the bias is small on average",
    setting=r"$\frac1N\sum_i e^{-\Delta_{v,i}/(2\mu)}\le2c\mu$ when a share of at most $ct$ of the gaps is $t$ or less",
    statement=at_most(_mean, 2 * c * mu),
    assumptions=(GAPS, EXPONENTIAL),
    source="summation by parts",
    proof=(
        Axiom("each", "gaps", "rank", over=SAMPLES),
        Total("all", "each"),
        Telescope("geometric", vartheta**i, SAMPLES),
        Certificate("tail", at_most(0, vartheta ** (N + 1)), squares=((vartheta ** (N + 1), ONE),)),
        Certificate("series", at_most((1 - vartheta) * _series, vartheta), using={"geometric": ONE, "tail": ONE}),
        Axiom("tangent", "exponential", "tangent"),
        Certificate(
            "mean",
            None,
            using={"all": 1 / N, "series": 1 / (N * _rate * vartheta), "tangent": _series / (N * _rate * vartheta)},
        ),
    ),
)

one = sequence("one", Scalar, r"\\beta")
# δ and ε_z of ``bias`` for a sample with q = e^{−Δ_v/(2μ)}: O10 for the mask, O12 for each of O scores
BIAS_SCALE = Lambda_1 * R_inf * sp.sqrt(n) + 2 * Lambda_2 * R_K * sp.sqrt(O * K * (n - K)) * mu
ZETA = 2 * c * mu * BIAS_SCALE

EACH_BIAS = Assumption(
    "each bias",
    r"sample $i$ has a bias of at most $(\Lambda_1R_\infty\sqrt n+2\Lambda_2R_K\sqrt{OK(n-K)}\,\mu)\,q_i$: claim "
    r"bias with $\delta=R_\infty\sqrt n\,q_i$ and $\varepsilon_z=2\Lambda_2\sqrt{OK(n-K)}\,\mu\,q_i$",
    {"bound": lambda: at_most(one(i), BIAS_SCALE * close(i))},
    proved_by=("bias", "O10", "O12"),
)

BIAS_MEAN = Claim(
    id="bias.mean",
    title="The bias of the hard gradient",
    setting=r"$\|\frac1N\sum_i\beta_i\| \le \frac1N\sum_i\|\beta_i\| \le "
    r"2c\mu(\Lambda_1R_\infty\sqrt n + 2\Lambda_2R_K\sqrt{OK(n-K)}\,\mu)$",
    statement=at_most(sp.Sum(one(i), SAMPLES.limits) / N, ZETA),
    assumptions=(EACH_BIAS, GAPS, EXPONENTIAL, FEWER),
    source="this project",
    proof=(
        Lemma("gaps", GAP_MEAN),
        Axiom("each", "each bias", "bound", over=SAMPLES),
        Total("all", "each"),
        Certificate("mean", None, using={"all": 1 / N, "gaps": BIAS_SCALE}),
    ),
)
