r"""R13: the rates of AAT-SGD match those of dense SGD.

Setting
    A rate R of this ledger, tuned, for a head that hears K of n votes and for the dense head, on the same data from
    the same start. Only the constants differ: :math:`L_\mu = r^2 L_n` and, for G and for σ, :math:`R_K = s\|x\|`,

    .. math:: r^2 = \frac{R_K^2 + R_\infty^2/\mu}{\|x\|^2} \text{ (logistic loss, entropic smoothing)},
        \qquad s = \frac{R_K}{\|x\|} \le 1 .

Guarantee
    :math:`R(r^2L, sG, s\sigma) \le M\,R(L, G, \sigma)` for every T, with M the largest of the factors by which the
    terms of R grow: r and s do not depend on T, so both heads have the same exponent. Where only G enters, M = s ≤ 1:
    the bound of AAT is never the worse one.

Proof
    A tuned rate is a sum of products of powers of the constants, :math:`R = \sum_i c_i`, so that the other head's is
    :math:`\sum_i f_i c_i` with :math:`f_i` a product of powers of r and s; and :math:`\sum_i (M - f_i)\,c_i \ge 0`.

Reference
    Sun, Ravi, Singh 2019, abstract: "provably matches known rates for SGD".
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most, defined
from theory.steps import Axiom, Certificate
from theory.symbols import R_K, G, K, L, L_max, M_ratio, R_inf, R_n, mu, n, r, s, sigma, sigma_star

RATIO_L = (R_K**2 + R_inf**2 / mu) / R_n**2
RATIO_G = R_K / R_n
# the factor of the leading term of R6, √(LΔ)σ/√T, and what it is for features of one size
LEADING = sp.sqrt(RATIO_L) * RATIO_G
OF_ONE_SIZE = {R_K: sp.sqrt(K) * R_inf, R_n: sp.sqrt(n) * R_inf}
GROWN = {L: r**2 * L, L_max: r**2 * L_max, G: s * G, sigma: s * sigma, sigma_star: s * sigma_star}


def factors(rate: Rate) -> dict[sp.Expr, sp.Expr]:
    """The terms of the tuned rate, each with the factor by which it grows when K of n votes are heard.

    Raises:
        ValueError: a term is no product of powers of the constants.
    """
    found = {}
    for term in sp.Add.make_args(sp.expand(rate.tuning.rate)):
        factor = sp.simplify(term.subs(GROWN, simultaneous=True) / term)
        if factor.free_symbols - {r, s}:
            raise ValueError(f"{rate.id}: {term} is no product of powers of the constants")
        found[term] = factor
    return found


def matching(rate: Rate) -> Claim:
    """The claim that the tuned ``rate`` of AAT-SGD is that of dense SGD, up to a factor that does not depend on T."""
    grown = factors(rate)
    largest = Assumption(
        "ratio",
        r"$M$ is at least " + ", ".join(f"${sp.latex(factor)}$" for factor in dict.fromkeys(grown.values())),
        {str(factor): (lambda factor=factor: at_most(factor, M_ratio)) for factor in grown.values()},
    )
    tuned = rate.tuning.rate
    domains = () if defined(tuned, {}) else tuple(a for a in rate.assumptions if set(a.domain) & tuned.free_symbols)
    using: dict[str, sp.Expr] = {}
    for term, factor in grown.items():
        using[str(factor)] = using.get(str(factor), sp.Integer(0)) + term
    return Claim(
        id=f"R13.{rate.id}",
        title=f"AAT matches dense: {rate.title[0].lower()}{rate.title[1:]}",
        setting=r"tuned rates of the head that hears $K$ votes and of the dense head; $L_\mu=r^2L$, $R_K=s\|x\|$",
        statement=at_most(tuned.subs(GROWN, simultaneous=True), M_ratio * tuned),
        assumptions=(largest, *domains),
        source="Sun, Ravi, Singh 2019, abstract",
        about=(rate.id,),
        proof=(*(Axiom(name, "ratio", name) for name in using), Certificate("match", None, using)),
    )
