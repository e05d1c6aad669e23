r"""The routing loss.

Setting
    :math:`f(w) = s(w\odot x)-\langle m,w\odot x\rangle` with the mask m of a target support (Fenchel–Young loss),
    hard or smoothed.

Guarantee
    f is convex (``convex.routing``), :math:`\|g\| \le R_{2K}` (``G.routing``), and smoothed f is κ-smooth (``L.head``:
    the linear part adds no curvature).

Reference
    M. Blondel, A. Martins, V. Niculae, "Learning with Fenchel–Young losses", JMLR 21 (2020), for the form of the loss.
"""

from theory.claim import Claim
from theory.facts import at_most
from theory.heads import below_itself, norm
from theory.operator.subgradient import MAXIMUM, O4, other_value, value
from theory.operator.units import MULTIPLIERS, ONE, UNITS, mask, over
from theory.steps import Certificate, Lemma, Product, Total
from theory.symbols import R_2K, K, i, lam, v, y
from theory.terms import Scalar, sequence

m = sequence("m", Scalar)
TARGET = mask("target", m, "m")

ROUTING_NORM = norm(
    id="G.routing",
    title="Gradient of the routing loss",
    setting=r"$\|x\odot(\lambda-1_{S_y})\| \le R_{2K}$, with the target support $S_y$ as a mask $m$ "
    r"(when $2K>n$, $R_{2K}=\|x\|$ is trivial)",
    weight=lam(i) - m(i),
    budget=2 * K,
    radius=R_2K,
    masks=(MULTIPLIERS, TARGET),
    inside=(
        *below_itself("multipliers", "λ"),
        *below_itself("target", "m"),
        Certificate("above", at_most(lam(i) - m(i), 1), using={"λ ≤ 1": ONE, "m ≥ 0": ONE}),
        Certificate("below", at_most(m(i) - lam(i), 1), using={"m ≤ 1": ONE, "λ ≥ 0": ONE}),
        Product("at most 1", "above", "below"),
        Product("both", "λ ≥ 0", "m ≥ 0"),
        Certificate(
            "each",
            at_most((lam(i) - m(i)) ** 2, lam(i) + m(i), over=UNITS),
            using={"λ² ≤ λ": ONE, "m² ≤ m": ONE, "both": 2 * ONE},
        ),
        Total("each summed", "each"),
        Certificate(
            "budget",
            at_most(over(UNITS, (lam(i) - m(i)) ** 2), 2 * K),
            using={"each summed": ONE, "total λ": ONE, "total m": ONE},
        ),
    ),
)

ROUTING_CONVEX = Claim(
    id="convex.routing",
    title="The routing loss is convex in the weights",
    setting=r"$f(w') \ge f(w)+\langle x\odot(\lambda-m),w'-w\rangle$, written in the votes $v=w\odot x$, $y=w'\odot x$",
    statement=at_most(
        value - over(UNITS, m(i) * v(i)) + over(UNITS, (lam(i) - m(i)) * (y(i) - v(i))),
        other_value - over(UNITS, m(i) * y(i)),
    ),
    assumptions=(MAXIMUM,),
    source="O4; a linear function added",
    proof=(Lemma("operator", O4), Certificate("convex", None, using={"operator": ONE})),
)
