r"""What the claims about the operator share: units and votes, their order, multipliers.

Units are numbered so that the largest votes come first: the support is ``1 … K``, the threshold ``τ`` is ``v_K``.
Multipliers are points of ``Δ_{n,K} = {λ ∈ [0,1]^n : Σλ = K}``; the mask of the support is one of them.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.facts import Range, at_most, equals
from theory.proof import Step
from theory.steps import Axiom, Product, Split, Total
from theory.symbols import K, gap, i, lam, n, tau, v

ONE = sp.Integer(1)
KEPT = Range(i, ONE, K)
DROPPED = Range(i, K + 1, n)
UNITS = Range(i, ONE, n)


def over(units: Range, term: sp.Expr) -> sp.Sum:
    """The sum of ``term`` over units."""
    return sp.Sum(term, units.limits)


def mask(name: str, letter: type, latex: str) -> Assumption:
    """The assumption that numbers ``letter(i)`` are a point of Δ_{n,K}."""
    return Assumption(
        name,
        rf"${latex}\in\Delta_{{n,K}}$: $0\le {latex}_i\le1$, $\sum_i {latex}_i=K$",
        {
            "at least 0": lambda: at_most(0, letter(i)),
            "at most 1": lambda: at_most(letter(i), 1),
            "total": lambda: equals(over(UNITS, letter(i)), K),
        },
    )


MULTIPLIERS = mask("multipliers", lam, r"\lambda")
ORDER = Assumption(
    "order",
    r"units are numbered by decreasing vote, with $\tau = v_K$",
    {
        "kept": lambda: at_most(tau, v(i), over=KEPT),
        "dropped": lambda: at_most(v(i), tau, over=DROPPED),
    },
)
GAP = Assumption(
    "gap",
    r"units are numbered by decreasing vote, with $\tau = v_K$ and $\Delta_v = v_K - v_{K+1} > 0$",
    {
        "kept": lambda: at_most(tau, v(i), over=KEPT),
        "dropped": lambda: at_most(v(i), tau - gap, over=DROPPED),
    },
)
WIDTH = Assumption("width", r"$K\le n$", domain={n: K + sp.Dummy("r", integer=True, nonnegative=True)})
FEWER = Assumption("fewer", r"$K<n$", domain={n: K + sp.Dummy("r", integer=True, positive=True)})


def best_vertex(
    order: str, at_most_one: str, at_least_zero: str, votes: sp.Expr, weights: sp.Expr, budget: sp.Expr = K
) -> tuple[Step, ...]:
    """Steps for ``⟨weights, votes⟩ ≤`` the sum of the ``budget`` largest votes, when the weights have that total.

    With the threshold τ of the assumption ``order``: ``(v_i − τ)(1 − λ_i) ≥ 0`` on the support and
    ``(τ − v_i) λ_i ≥ 0`` off it. The two middle arguments are the labels of ``λ ≤ 1`` and ``λ ≥ 0``.
    """
    return (
        Axiom("at least τ", order, "kept"),
        Product("kept units", "at least τ", at_most_one),
        Total("kept", "kept units"),
        Axiom("at most τ", order, "dropped"),
        Product("dropped units", "at most τ", at_least_zero),
        Total("dropped", "dropped units"),
        Split("votes", votes * weights, Range(i, ONE, n), budget),
        Split("weights", weights, Range(i, ONE, n), budget),
    )


def at_best_vertex(level: sp.Expr) -> dict[str, sp.Expr]:
    """The multipliers that combine the steps of :func:`best_vertex`; ``level`` is the threshold."""
    return {"kept": ONE, "dropped": ONE, "votes": ONE, "weights": -level}


def belongs(multipliers: str = "multipliers", letter: str = "λ") -> tuple[Step, ...]:
    """``0 ≤ λ ≤ 1``, by those names, and the total of the multipliers."""
    return (
        Axiom(f"{letter} ≥ 0", multipliers, "at least 0"),
        Axiom(f"{letter} ≤ 1", multipliers, "at most 1"),
        Axiom(f"total {letter}", multipliers, "total"),
    )
