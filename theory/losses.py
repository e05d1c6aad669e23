r"""The constants of the losses over heads: second moment G and smoothness L, one claim for each entry of the table.

``f(w; ξ) = ℓ(z(w; x), y)`` with ``z_j = s(w_j ⊙ x) + b_j``. Each row bounds one sample; a problem takes the mean over
its samples, of G² and of L. Smoothness is stated on the quadratic form of the Hessian along d, where it exists:
almost everywhere for the quadratic smoothing, whose gradient is Lipschitz, so that is enough.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Fact, Range, at_most, equals
from theory.proof import Axiom, Certificate, Product, Step, Total
from theory.symbols import R_K, O, j, kappa
from theory.terms import Scalar, sequence

ONE, HALF, QUARTER = sp.Integer(1), sp.Rational(1, 2), sp.Rational(1, 4)
CLASSES = Range(j, ONE, O)

a, b, c, q, p, y = (sequence(letter, Scalar) for letter in "abcqpy")
e, s = sp.symbols("e s", real=True)
mean, most, least = sp.symbols("cbar c_max c_min", real=True)

HEADS = Assumption(
    "heads",
    r"$0\le a_j\le R_K^2$ (G.head), $0 \le b_j$, $0\le q_j\le\kappa b_j$ (O4, L.head) and $c_j^2\le a_jb_j$ "
    r"(Cauchy–Schwarz), for $a_j=\|x\odot\lambda_j\|^2$, $b_j=\|d_j\|^2$, $c_j=\langle x\odot\lambda_j,d_j\rangle$, "
    r"$q_j=d_j^\top\nabla^2s\,d_j$",
    {
        "a ≤ R²": lambda: at_most(a(j), R_K**2),
        "a ≥ 0": lambda: at_most(0, a(j)),
        "b ≥ 0": lambda: at_most(0, b(j)),
        "q ≥ 0": lambda: at_most(0, q(j)),
        "q ≤ κb": lambda: at_most(q(j), kappa * b(j)),
        "c² ≤ ab": lambda: at_most(c(j) ** 2, a(j) * b(j)),
    },
)
LOGISTIC = Assumption(
    "logistic",
    r"$\ell(z)=\ln(1+e^{-yz})$, so $e=\ell'$ has $|e|\le1$, and $\ell''=s(1-s)$ for a sigmoid $0\le s\le1$",
    {
        "e ≤ 1": lambda: at_most(e, 1),
        "e ≥ −1": lambda: at_most(-1, e),
        "s ≥ 0": lambda: at_most(0, s),
        "s ≤ 1": lambda: at_most(s, 1),
    },
)
SOFTMAX = Assumption(
    "softmax",
    r"$p,y\in\Delta_O$ (predicted and given probabilities), $\partial\ell/\partial z=p-y$, "
    r"$\nabla^2\ell=\mathrm{Diag}(p)-pp^\top$",
    {
        "p ≥ 0": lambda: at_most(0, p(j)),
        "p ≤ 1": lambda: at_most(p(j), 1),
        "y ≥ 0": lambda: at_most(0, y(j)),
        "y ≤ 1": lambda: at_most(y(j), 1),
        "Σp": lambda: equals(_sum(p(j)), 1),
        "Σy": lambda: equals(_sum(y(j)), 1),
        "mean": lambda: equals(_sum(p(j) * c(j)), mean),
    },
)
EXTREMES = Assumption(
    "extremes",
    r"$c_{\min}\le c_j\le c_{\max}$, both attained, at two different classes",
    {
        "c ≤ max": lambda: at_most(c(j), most),
        "c ≥ min": lambda: at_most(least, c(j)),
        "two of them": lambda: at_most(most**2 + least**2, _sum(c(j) ** 2)),
    },
)


def _sum(term: sp.Expr) -> sp.Sum:
    return sp.Sum(term, CLASSES.limits)


def _axioms(assumption: Assumption, *rules: str) -> tuple[Axiom, ...]:
    """Axioms labelled by the inequality that they state."""
    return tuple(Axiom(rule, assumption.id, rule) for rule in rules)


def _everywhere(label: str, fact: Fact, using: dict[str, sp.Expr]) -> tuple[Step, ...]:
    """A fact for each class, then summed over classes under the name ``Σ label``."""
    one = Certificate(label, Fact(fact.lhs, fact.rhs, over=CLASSES), using)
    return one, Total(f"Σ {label}", label)


_CAUCHY = (
    *_axioms(HEADS, "a ≤ R²", "b ≥ 0", "c² ≤ ab"),
    Product("ab ≤ R²b", "a ≤ R²", "b ≥ 0"),
    Certificate("c² ≤ R²b", at_most(c(j) ** 2, R_K**2 * b(j)), using={"c² ≤ ab": ONE, "ab ≤ R²b": ONE}),
)

LOGISTIC_NORM = Claim(
    id="G.logistic",
    title="Gradient of the logistic loss",
    setting=r"$\|\ell'\cdot x\odot\lambda\|^2 \le R_K^2$",
    statement=at_most(e**2 * a(j), R_K**2),
    assumptions=(HEADS, LOGISTIC),
    source="|ℓ'| ≤ 1",
    proof=(
        *_axioms(HEADS, "a ≤ R²", "a ≥ 0"),
        *_axioms(LOGISTIC, "e ≤ 1", "e ≥ −1"),
        Product("e² ≤ 1", "e ≤ 1", "e ≥ −1"),
        Product("e²a ≤ a", "e² ≤ 1", "a ≥ 0"),
        Certificate("norm", None, using={"e²a ≤ a": ONE, "a ≤ R²": ONE}),
    ),
)

_logistic_form = s * (1 - s) * c(j) ** 2 + e * q(j)
_logistic_L = R_K**2 / 4 + kappa

LOGISTIC_CURVATURE = Claim(
    id="L.logistic",
    title="Smoothness of the logistic loss",
    setting=r"$\ell''c^2+\ell'q \le (R_K^2/4+\kappa)\|d\|^2$: $L=R_K^2/4+\kappa$",
    statement=at_most(_logistic_form, _logistic_L * b(j)),
    assumptions=(HEADS, LOGISTIC),
    source="ℓ'' ≤ 1/4, |ℓ'| ≤ 1",
    proof=(
        *_CAUCHY,
        *_axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *_axioms(LOGISTIC, "e ≤ 1"),
        Product("eq ≤ q", "e ≤ 1", "q ≥ 0"),
        Certificate(
            "curvature",
            None,
            using={"c² ≤ R²b": QUARTER, "eq ≤ q": ONE, "q ≤ κb": ONE},
            squares=((ONE, (s - HALF) * c(j)),),
        ),
    ),
)

LOGISTIC_CURVATURE_BELOW = Claim(
    id="L.logistic.below",
    title="Smoothness of the logistic loss, from below",
    setting=r"$\ell''c^2+\ell'q \ge -(R_K^2/4+\kappa)\|d\|^2$",
    statement=at_most(-_logistic_form, _logistic_L * b(j)),
    assumptions=(HEADS, LOGISTIC),
    source="ℓ'' ≥ 0, |ℓ'| ≤ 1",
    proof=(
        *_axioms(HEADS, "b ≥ 0", "q ≥ 0", "q ≤ κb"),
        *_axioms(LOGISTIC, "e ≥ −1", "s ≥ 0", "s ≤ 1"),
        Product("−eq ≤ q", "e ≥ −1", "q ≥ 0"),
        Product("s² ≤ s", "s ≥ 0", "s ≤ 1"),
        Certificate(
            "curvature",
            None,
            using={"−eq ≤ q": ONE, "q ≤ κb": ONE, "s² ≤ s": c(j) ** 2, "b ≥ 0": R_K**2 / 4},
        ),
    ),
)

SOFTMAX_NORM = Claim(
    id="G.softmax",
    title="Gradient of the softmax cross-entropy",
    setting=r"$\sum_j (p_j-y_j)^2\|x\odot\lambda_j\|^2 \le 2R_K^2$: $G=\sqrt2R_K$",
    statement=at_most(_sum((p(j) - y(j)) ** 2 * a(j)), 2 * R_K**2),
    assumptions=(HEADS, SOFTMAX),
    source="‖p − y‖² ≤ 2",
    proof=(
        *_axioms(HEADS, "a ≤ R²"),
        *_axioms(SOFTMAX, "p ≥ 0", "p ≤ 1", "y ≥ 0", "y ≤ 1", "Σp", "Σy"),
        Product("p² ≤ p", "p ≥ 0", "p ≤ 1"),
        Product("y² ≤ y", "y ≥ 0", "y ≤ 1"),
        Product("py ≥ 0", "p ≥ 0", "y ≥ 0"),
        *_everywhere(
            "(p−y)² ≤ p+y",
            at_most((p(j) - y(j)) ** 2, p(j) + y(j)),
            using={"p² ≤ p": ONE, "y² ≤ y": ONE, "py ≥ 0": 2 * ONE},
        ),
        *_everywhere(
            "(p−y)²a ≤ (p−y)²R²",
            at_most((p(j) - y(j)) ** 2 * a(j), (p(j) - y(j)) ** 2 * R_K**2),
            using={"a ≤ R²": (p(j) - y(j)) ** 2},
        ),
        Certificate(
            "norm",
            None,
            using={
                "Σ (p−y)²a ≤ (p−y)²R²": ONE,
                "Σ (p−y)² ≤ p+y": R_K**2,
                "Σp": R_K**2,
                "Σy": R_K**2,
            },
        ),
    ),
)

_softmax_form = _sum(p(j) * c(j) ** 2) - mean**2 + _sum((p(j) - y(j)) * q(j))
_softmax_L = R_K**2 / 2 + kappa

SOFTMAX_CURVATURE = Claim(
    id="L.softmax",
    title="Smoothness of the softmax cross-entropy",
    setting=r"$\mathrm{Var}_p(c)+\sum_j(p_j-y_j)q_j \le (R_K^2/2+\kappa)\|d\|^2$: $L=R_K^2/2+\kappa$",
    statement=at_most(_softmax_form, _softmax_L * _sum(b(j))),
    assumptions=(HEADS, SOFTMAX, EXTREMES),
    source="Popoviciu 1935: Var_p(c) ≤ (c_max − c_min)²/4 ≤ (c_max² + c_min²)/2",
    proof=(
        *_CAUCHY,
        *_everywhere("cauchy", at_most(c(j) ** 2, R_K**2 * b(j)), using={"c² ≤ R²b": ONE}),
        *_axioms(HEADS, "q ≥ 0", "q ≤ κb"),
        *_axioms(SOFTMAX, "p ≥ 0", "p ≤ 1", "y ≥ 0", "Σp", "mean"),
        Product("pq ≤ q", "p ≤ 1", "q ≥ 0"),
        Product("yq ≥ 0", "y ≥ 0", "q ≥ 0"),
        *_everywhere(
            "curved",
            at_most((p(j) - y(j)) * q(j), kappa * b(j)),
            using={"pq ≤ q": ONE, "yq ≥ 0": ONE, "q ≤ κb": ONE},
        ),
        *_axioms(EXTREMES, "c ≤ max", "c ≥ min", "two of them"),
        Product("spread", "c ≤ max", "c ≥ min"),
        Product("p spread", "spread", "p ≥ 0"),
        *_everywhere("between", at_most(0, (most - c(j)) * (c(j) - least) * p(j)), using={"p spread": ONE}),
        Certificate(
            "Popoviciu",
            at_most(_sum(p(j) * c(j) ** 2) - mean**2, (most - least) ** 2 / 4),
            using={"Σ between": ONE, "mean": most + least, "Σp": -most * least},
            squares=((ONE, mean - (most + least) / 2),),
        ),
        Certificate(
            "curvature",
            None,
            using={"Popoviciu": ONE, "two of them": HALF, "Σ cauchy": HALF, "Σ curved": ONE},
            squares=((QUARTER, most + least),),
        ),
    ),
)

SOFTMAX_CURVATURE_BELOW = Claim(
    id="L.softmax.below",
    title="Smoothness of the softmax cross-entropy, from below",
    setting=r"$\mathrm{Var}_p(c)+\sum_j(p_j-y_j)q_j \ge -(R_K^2/2+\kappa)\|d\|^2$",
    statement=at_most(-_softmax_form, _softmax_L * _sum(b(j))),
    assumptions=(HEADS, SOFTMAX),
    source="Var ≥ 0",
    proof=(
        *_axioms(HEADS, "b ≥ 0", "q ≥ 0", "q ≤ κb"),
        *_axioms(SOFTMAX, "p ≥ 0", "y ≤ 1", "Σp", "mean"),
        Product("pq ≥ 0", "p ≥ 0", "q ≥ 0"),
        Product("yq ≤ q", "y ≤ 1", "q ≥ 0"),
        *_everywhere(
            "curved",
            at_most(-(p(j) - y(j)) * q(j), (R_K**2 / 2 + kappa) * b(j)),
            using={"pq ≥ 0": ONE, "yq ≤ q": ONE, "q ≤ κb": ONE, "b ≥ 0": R_K**2 / 2},
        ),
        *_everywhere("spread", at_most(0, p(j) * (c(j) - mean) ** 2), using={"p ≥ 0": (c(j) - mean) ** 2}),
        Certificate("curvature", None, using={"Σ curved": ONE, "Σ spread": ONE, "mean": -2 * mean, "Σp": mean**2}),
    ),
)

z, z_new, along, loss, loss_new = sp.symbols("z z' delta ell ell'", real=True)
NONDECREASING = Assumption(
    "nondecreasing",
    r"$\ell$ is convex with slope $\ell'(z)\ge0$ (logistic loss of a negative)",
    {"tangent": lambda: at_most(loss + e * (z_new - z), loss_new), "slope": lambda: at_most(0, e)},
)
CONVEX_HEAD = Assumption(
    "convex head",
    r"$z(w') \ge z(w)+\langle x\odot\lambda, w'-w\rangle$ (O4); $\delta=\langle x\odot\lambda, w'-w\rangle$",
    {"subgradient": lambda: at_most(z + along, z_new)},
)

MONOTONE_CONVEX = Claim(
    id="convex.monotone",
    title="The monotone logistic loss is convex in the weights",
    setting=r"$f(w')\ge f(w)+\ell'(z)\langle x\odot\lambda,w'-w\rangle$ when every sample is a negative",
    statement=at_most(loss + e * along, loss_new),
    assumptions=(NONDECREASING, CONVEX_HEAD),
    source="convex and nondecreasing after convex; Boyd, Vandenberghe, section 3.2.4",
    proof=(
        *_axioms(NONDECREASING, "tangent", "slope"),
        *_axioms(CONVEX_HEAD, "subgradient"),
        Product("slope × head", "slope", "subgradient"),
        Certificate("convex", None, using={"tangent": ONE, "slope × head": ONE}),
    ),
)
