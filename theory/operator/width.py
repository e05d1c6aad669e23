r"""O5: from the maximum to the dense layer.

Setting
    Votes in decreasing order; K from 1 to n.

Guarantee
    :math:`s_1(v)` is the largest vote (``O5.maximum``); one more unit adds its vote, :math:`s_{K+1}-s_K = v_{[K+1]}`
    (``O5``), so :math:`s_K` is concave in K (``O5.concave``); at K = n every multiplier is 1, hard or smoothed, so the
    head is the dense linear layer (``O5.dense``).
"""

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import Range, at_most, equals
from theory.operator.units import KEPT, ONE, UNITS, belongs, over
from theory.steps import Axiom, Certificate, Product, Split, Total
from theory.symbols import K, i, lam, n, v

_one_more, _one_less = Range(i, ONE, K + 1), Range(i, ONE, K - 1)
DECREASING = Assumption("decreasing", r"$v_{K+1} \le v_K$", {"next": lambda: at_most(v(K + 1), v(K))})
LARGEST = Assumption("largest", r"unit 1 has the largest vote", {"first": lambda: at_most(v(i), v(1))})
SHARES = Assumption(
    "shares",
    r"$\lambda\in\Delta_{n,1}$: $\lambda_i\ge0$ and $\sum_i\lambda_i=1$",
    {"at least 0": lambda: at_most(0, lam(i)), "total": lambda: equals(over(UNITS, lam(i)), 1)},
)
EVERY_UNIT = Assumption(
    "every unit",
    r"$\lambda\in\Delta_{n,n}$: $0\le\lambda_i\le1$ and $\sum_i\lambda_i=n$",
    {
        "at least 0": lambda: at_most(0, lam(i)),
        "at most 1": lambda: at_most(lam(i), 1),
        "total": lambda: equals(over(UNITS, lam(i)), n),
    },
)

O5 = Claim(
    id="O5",
    title="One more unit adds its vote",
    setting=r"$s_{K+1}(v) = s_K(v) + v_{[K+1]}$",
    statement=equals(over(_one_more, v(i)), over(KEPT, v(i)) + v(K + 1)),
    assumptions=(),
    source="definition",
    proof=(
        Split("last", v(i), _one_more, K),
        Certificate("one more", None, using={"last": ONE}),
    ),
)

O5_CONCAVE = Claim(
    id="O5.concave",
    title="The operator is concave in K",
    setting=r"$s_{K+1}(v)+s_{K-1}(v) \le 2s_K(v)$: each further unit adds less",
    statement=at_most(over(_one_more, v(i)) + over(_one_less, v(i)), 2 * over(KEPT, v(i))),
    assumptions=(DECREASING,),
    source="O5",
    proof=(
        Axiom("next", "decreasing", "next"),
        Split("K + 1", v(i), _one_more, K),
        Split("K", v(i), KEPT, K - 1),
        Certificate("concave", None, using={"next": ONE, "K + 1": ONE, "K": -ONE}),
    ),
)

O5_MAXIMUM = Claim(
    id="O5.maximum",
    title="One vote is the largest one",
    setting=r"$\langle\lambda,v\rangle \le \max_i v_i$ for every $\lambda\in\Delta_{n,1}$: $s_1$ is the maximum",
    statement=at_most(over(UNITS, lam(i) * v(i)), v(1)),
    assumptions=(LARGEST, SHARES),
    source="O1 at K = 1",
    proof=(
        Axiom("first", "largest", "first"),
        Axiom("λ ≥ 0", "shares", "at least 0"),
        Product("weighted", "first", "λ ≥ 0"),
        Certificate("each", at_most(lam(i) * v(i), lam(i) * v(1), over=UNITS), using={"weighted": ONE}),
        Total("all", "each"),
        Axiom("total", "shares", "total"),
        Certificate("maximum", None, using={"all": ONE, "total": v(1)}),
    ),
)

O5_DENSE = Claim(
    id="O5.dense",
    title="All votes are the dense layer",
    setting=r"at $K=n$, $\lambda=1$ for every $\lambda\in\Delta_{n,n}$: the head is the dense linear layer, smoothed "
    r"or not",
    statement=at_most(over(UNITS, (1 - lam(i)) ** 2), 0),
    assumptions=(EVERY_UNIT,),
    source="definition",
    proof=(
        *belongs("every unit"),
        Product("λ(1 − λ) ≥ 0", "λ ≥ 0", "λ ≤ 1"),
        Certificate("each", at_most((1 - lam(i)) ** 2, 1 - lam(i), over=UNITS), using={"λ(1 − λ) ≥ 0": ONE}),
        Total("all", "each"),
        Certificate("dense", None, using={"all": ONE, "total λ": -ONE}),
    ),
)
