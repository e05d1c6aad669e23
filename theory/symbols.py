"""Every symbol of the theory, once: what it means, its domain, its LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter

from theory.terms import Elementary, FixedVector, Scalar, Vector, sequence


@dataclass(frozen=True)
class Meaning:
    """What a symbol stands for; ``domain`` is in words, the SymPy assumptions are on the symbol itself."""

    meaning: str
    domain: str
    latex: str


GLOSSARY: dict[str, Meaning] = {}
LATEX_NAMES: dict[sp.Symbol, str] = {}


def _enter(name: str, meaning: Meaning) -> None:
    if name in GLOSSARY:
        raise ValueError(f"{name} already has a meaning: {GLOSSARY[name].meaning}")
    GLOSSARY[name] = meaning


def _number(name: str, meaning: str, domain: str, latex: str | None = None, **assumptions: bool) -> sp.Symbol:
    _enter(name, Meaning(meaning, domain, latex or name))
    symbol = sp.Symbol(name, **assumptions)
    LATEX_NAMES[symbol] = GLOSSARY[name].latex
    return symbol


def _sequence(name: str, kind: type, meaning: str, letter: str | None = None, lag: int = 0) -> type:
    if kind is Vector:
        domain = "a vector for each step"
    else:
        domain = "a function of a real number" if kind is Elementary else "a real number for each index"
    _enter(name, Meaning(meaning, domain, letter or name))
    return sequence(name, kind, letter, lag)


_positive: dict[str, Any] = {"positive": True}
_natural: dict[str, Any] = {"integer": True, "positive": True}

# Horizons, steps and constants of a rate
T = _number("T", "horizon: number of gradient evaluations", "integer ≥ 1", **_natural)
t = _number("t", "step", "integer, 0 ≤ t < T", integer=True, nonnegative=True)
eta = _number("eta", "scale of the step size", "> 0", r"\eta", **_positive)
D = _number("D", "distance of the start from the comparator, ‖w_0 − u‖ ≤ D", "> 0", **_positive)
G = _number("G", "second moment of the stochastic gradients, E‖g_t‖² ≤ G²", "> 0", **_positive)
L = _number("L", "smoothness: Lipschitz constant of ∇F", "> 0", **_positive)
L_max = _number("L_max", "smoothness of every sample's f_ξ", "> 0", r"L_{\max}", **_positive)
sigma = _number("sigma", "noise, E‖g_t − ∇F(w_t)‖² ≤ σ²", "≥ 0", r"\sigma", nonnegative=True)
sigma_star = _number(
    "sigma_star", "noise at the comparator, E‖∇f_ξ(u)‖² ≤ σ_*²", "≥ 0", r"\sigma_\star", nonnegative=True
)
modulus = _number("modulus", "modulus of strong convexity", "> 0", r"\lambda", **_positive)
m_PL = _number(
    "m_PL", "Polyak–Łojasiewicz constant, ‖∇F‖² ≥ 2m_PL (F − inf F)", "> 0, ≤ L", r"m_{\mathrm{PL}}", **_positive
)
m = _number("m", "bias relative to the gradient, ‖b_t‖² ≤ m‖∇F(w_t)‖² + ζ²", "≥ 0, < 1", nonnegative=True)
zeta = _number("zeta", "absolute bias, ‖b_t‖² ≤ m‖∇F(w_t)‖² + ζ²", "≥ 0", r"\zeta", nonnegative=True)
M = _number("M", "noise relative to the mean, E‖g − Eg‖² ≤ M‖Eg‖² + σ²", "≥ 0", nonnegative=True)
B = _number("B", "minibatch size", "integer ≥ 1", **_natural)
V = _number("V", "variance of the gradient of one sample", "≥ 0", nonnegative=True)
C = _number("C", "covariance of the gradients of two draws", "real", real=True)
Delta = _number("Delta", "initial suboptimality, F(w_0) − inf F ≤ Δ", "> 0", r"\Delta", **_positive)
beta = _number("beta", "momentum", "0 < β < 1", r"\beta", **_positive)
E = _number("E", "number of epochs", "integer ≥ 1", **_natural)
N = _number("N", "number of samples: terms whose mean is F", "integer ≥ 1", **_natural)
k = _number("k", "position in an epoch", "integer, 0 ≤ k < N", integer=True, nonnegative=True)
l = _number("l", "earlier position in an epoch", "integer, 0 ≤ l < k", integer=True, nonnegative=True)  # noqa: E741
epsilon = _number("epsilon", "any positive number, on its way to 0", "> 0", r"\varepsilon", **_positive)
rho = _number("rho", "weak convexity: F + ρ‖·‖²/2 is convex", "> 0", r"\rho", **_positive)

ridge = _number("ridge", "weight of the ridge (λ/2)‖w‖²", "≥ 0", r"\lambda", nonnegative=True)

w = _sequence("w", Vector, "iterate")
g = _sequence("g", Vector, "stochastic gradient at w_t", lag=1)
momentum = _sequence("momentum", Vector, "sum of the gradients before step t, the older the less", "m")
prox = _sequence("prox", Vector, "proximal point of w_t: where F + ρ‖· − w_t‖² is least", "p")
taken = _sequence("taken", Vector, "gradient at position k of epoch t, at the iterate there", "h", lag=1)
at_start = _sequence("at_start", Vector, "gradient of the term at position k of epoch t, at the start w_t", "d", lag=1)
inner = _sequence("inner", Vector, "iterate at position k of epoch t", "y", lag=1)
g_u = _sequence("g_u", Vector, "gradient at the comparator u, of the sample that g_t is of", "g^u", lag=1)
bias = _sequence("bias", Vector, "bias of the stochastic gradient, E[g_t | past] − ∇F(w_t)", "b")
deviation = _sequence("deviation", Vector, "deviation of the i-th draw's gradient from the mean of all N", "d")
z = _sequence("z", Vector, "running anchor of the last-iterate proof")
wbar = _sequence("wbar", Vector, "average of the first T iterates", r"\bar w")
u = FixedVector("u")
GLOSSARY["u"] = Meaning("comparator: any fixed point", "vector", "u")

# The operator
n = _number("n", "number of units", "integer ≥ 1", **_natural)
K = _number("K", "votes a class hears", "integer, 1 ≤ K ≤ n", **_natural)
O = _number("O", "number of classes", "integer ≥ 2", **_natural)  # noqa: E741 (the paper's letter)
i = _number("i", "unit", "integer, 1 ≤ i ≤ n", **_natural)
j = _number("j", "class", "integer, 1 ≤ j ≤ O", **_natural)
tau = _number("tau", "threshold, v_[K]", "real", r"\tau", real=True)
theta = _number("theta", "any threshold; that of a smoothing is where Σλ = K", "real", r"\theta", real=True)
mu = _number("mu", "smoothing", "> 0", r"\mu", **_positive)
h_K = _number("h_K", "binary entropy of K/n, −p ln p − (1 − p) ln(1 − p) at p = K/n", "≥ 0", "h(K/n)", nonnegative=True)
gap = _number("gap", "gap, v_[K] − v_[K+1]", "> 0", r"\Delta_v", **_positive)
R_K = _number("R_K", "2-norm of the K largest |x_i|", "≥ 0", nonnegative=True)
R_2K = _number("R_2K", "2-norm of the 2K largest |x_i|", "≥ 0", "R_{2K}", nonnegative=True)
R_inf = _number("R_inf", "largest |x_i|", "≥ 0", r"R_\infty", nonnegative=True)
kappa = _number(
    "kappa", "curvature of one head: R_∞²/(4μ) entropic, R_∞²/μ quadratic", "≥ 0", r"\kappa", nonnegative=True
)

R_n = _number("R_n", "2-norm of all features of a sample, ‖x‖", "> 0", r"\|x\|", **_positive)
r = _number("r", "root of the ratio of smoothness, √(L_μ/L_n), of AAT and dense", "> 0", **_positive)
s = _number("s", "ratio of gradients, R_K/‖x‖, of AAT and dense", "> 0, at most 1", **_positive)
M_ratio = _number("M_ratio", "ratio of the tuned rates of AAT and dense, at most", "> 0", "M", **_positive)

# The bias of a hard gradient
Lambda_1 = _number("Lambda_1", "bound of the slopes ‖∂ℓ/∂z‖", "> 0", r"\Lambda_1", **_positive)
Lambda_2 = _number("Lambda_2", "Lipschitz constant of the slopes ∂ℓ/∂z", "≥ 0", r"\Lambda_2", nonnegative=True)
delta = _number("delta", "how far a soft mask moves the features, ‖x⊙(1_S − λ)‖ ≤ δ", "> 0", r"\delta", **_positive)
eps = _number("eps", "how far the slopes move by smoothing", "> 0", r"\varepsilon_z", **_positive)
c = _number("c", "density of gaps: at most a share ct of them is t or less", "> 0", **_positive)
near = _number("near", "number of samples with a gap below μ", "integer ≥ 1", "m", **_natural)

v = _sequence("v", Scalar, "vote of unit i")
y = _sequence("y", Scalar, "vote of unit i at another point")
x = _sequence("x", Scalar, "feature of unit i")
lam = _sequence("lam", Scalar, "multiplier of unit i, λ ∈ Δ_{n,K}", r"\lambda")
nu = _sequence("nu", Scalar, "multiplier of unit i at another point", r"\nu")

entropy = _sequence("h", Elementary, "entropy, h(p) = −p ln p − (1−p) ln(1−p), h(0) = h(1) = 0")
exponential = _sequence("e", Elementary, "exponential", r"\exp")
softplus = _sequence("softplus", Elementary, "softplus, ln(1 + e^a)", r"\mathrm{softplus}")
positive_part = _sequence("plus", Elementary, "positive part, max(a, 0)", r"\mathrm{pos}")

HALF = sp.Rational(1, 2)


class _Printer(LatexPrinter):
    """SymPy's printer, but a sum starts with a positive term: F(w) − F(u), not −F(u) + F(w)."""

    def _as_ordered_terms(self, expr: sp.Expr, order: str | None = None) -> list[sp.Expr]:
        terms = super()._as_ordered_terms(expr, order=order)
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


def latex(expr: sp.Basic) -> str:
    """LaTeX of an expression of the theory."""
    return str(_Printer({"symbol_names": LATEX_NAMES}).doprint(one_root(expr)))


def one_root(expr: sp.Basic) -> sp.Basic:
    """For reading: ``expr`` with each product of square roots under one root, as in ``σ √(2LΔ/T)``."""

    def gathered(product: sp.Mul) -> sp.Expr:
        roots = [factor for factor in product.args if isinstance(factor, sp.Pow) and abs(factor.exp) == HALF]
        if len(roots) < 2:
            return product
        inside = sp.Mul(*(root.base ** (2 * root.exp) for root in roots))
        rest = sp.Mul.make_args(product / sp.Mul(*roots))
        return sp.Mul(*rest, sp.Pow(inside, HALF, evaluate=False), evaluate=False)

    return expr.replace(lambda part: part.is_Mul, gathered)
