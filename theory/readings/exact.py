r"""The exact reading: on convex losses, hard AAT-SGD is the stochastic subgradient method.

Setting
    The routing loss :math:`s_K(w\odot x) - \langle 1_{S_y}, w\odot x\rangle` or the monotone logistic loss
    :math:`\ln(1+e^z)`, over a hard threshold (or a soft one: nothing changes).

Guarantee
    They are convex (O4, convex.monotone), backpropagation through the kept votes gives a subgradient (O4), and no
    subgradient is longer than :math:`R_{2K}` or :math:`R_K` (G.routing, G.logistic). So every rate that asks for no
    more holds with that constant for G.

Reference
    Sun, Ravi, Singh 2019; the rate's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp

from theory.assumptions import CONVEX, SECOND_MOMENT, UNBIASED, Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most, equals
from theory.steps import Axiom, Certificate, Lemma
from theory.symbols import R_2K, R_K, G


@dataclass(frozen=True)
class ConvexLoss:
    """A loss that is convex over a hard threshold, with the claims that say so and the bound of its subgradients."""

    id: str
    title: str
    convex: tuple[str, ...]
    norm: sp.Symbol
    bounded: tuple[str, ...]


ROUTING = ConvexLoss("routing", "the routing loss", ("O4",), R_2K, ("G.routing",))
MONOTONE = ConvexLoss("monotone", "the monotone logistic loss", ("convex.monotone",), R_K, ("G.logistic",))


def exact(rate: Rate, loss: ConvexLoss) -> Claim:
    """``rate`` for hard AAT-SGD on ``loss``: with the loss's constant for G.

    The bound grows with G: ``B(R) − B(G) = q (R − G)`` with a quotient q ≥ 0, and G = R is what the loss gives.
    """
    constant = Assumption(
        "loss",
        f"subgradients of {loss.title} are no longer than ${sp.latex(loss.norm)}$ (the largest over the samples)",
        {"G": lambda: equals(G, loss.norm)},
        proved_by=loss.bounded,
    )
    shown = {CONVEX.id: loss.convex, UNBIASED.id: ("O4",), SECOND_MOMENT.id: loss.bounded}
    bound = rate.bound.subs(G, loss.norm)
    return Claim(
        id=f"{rate.id}.{loss.id}",
        title=f"{rate.title}, on {loss.title}",
        setting=rf"hard AAT-SGD on {loss.title}, any $K$; {rate.setting}",
        statement=at_most(rate.metric.expression, bound, expected=True),
        assumptions=(
            *(replace(each, proved_by=shown.get(each.id, each.proved_by)) for each in rate.assumptions),
            constant,
        ),
        definitions=rate.definitions,
        source=rate.source,
        proof=(
            Lemma("rate", rate),
            Axiom("constant", "loss", "G"),
            Certificate(
                "AAT",
                None,
                using={"rate": sp.Integer(1), "constant": sp.cancel((bound - rate.bound) / (loss.norm - G))},
            ),
        ),
    )
