r"""O1: the operator is a support function.

Setting
    Votes :math:`v_1 \ge \dots \ge v_n` of n units, :math:`s_K(v)` the sum of the K largest.

Guarantee
    :math:`\langle\lambda,v\rangle \le s_K(v)` for every :math:`\lambda\in\Delta_{n,K}`, with equality at the mask: the
    sum of the K largest is :math:`\max_{\lambda\in\Delta_{n,K}}\langle\lambda,v\rangle`, so convex and positively
    homogeneous in the votes, and convex in the weights of its head.

Reference
    K. Fan, "On a theorem of Weyl concerning eigenvalues", PNAS 35 (1949), for diagonal matrices;
    R. T. Rockafellar, *Convex Analysis*, section 13.
"""

from theory.claim import Claim
from theory.facts import at_most
from theory.operator.units import (
    KEPT,
    MULTIPLIERS,
    ORDER,
    UNITS,
    WIDTH,
    at_best_vertex,
    belongs,
    best_vertex,
    over,
)
from theory.steps import Certificate
from theory.symbols import i, lam, tau, v

O1 = Claim(
    id="O1",
    title="The K largest votes are the best vertex",
    setting=r"$\langle\lambda,v\rangle \le s_K(v)$ for every $\lambda\in\Delta_{n,K}$: $s_K$ is a support function",
    statement=at_most(over(UNITS, lam(i) * v(i)), over(KEPT, v(i))),
    assumptions=(ORDER, MULTIPLIERS, WIDTH),
    source="Fan 1949; Rockafellar, Convex Analysis, section 13",
    proof=(
        *belongs(),
        *best_vertex("order", "λ ≤ 1", "λ ≥ 0", v(i), lam(i)),
        Certificate("support function", None, using={**at_best_vertex(tau), "total λ": tau}),
    ),
)
