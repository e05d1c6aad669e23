r"""O2: the operator is a ReLU whose threshold is optimal.

Setting
    Votes v, any threshold θ.

Guarantee
    :math:`s_K(v) = \min_\theta K\theta + \sum_i (v_i-\theta)_+`, attained exactly for
    :math:`\theta\in[v_{[K+1]}, v_{[K]}]`.

Proof
    :math:`(v_i-\theta)_+ = v_i-\theta + (\theta-v_i)_+` on the support: the right-hand side exceeds :math:`s_K(v)` by
    :math:`\sum_{i\le K}(\theta-v_i)_+ + \sum_{i>K}(v_i-\theta)_+`, claim ``O2.excess``. Every term is at least 0
    (``O2``), and all are 0 exactly when θ separates the support from the rest (``O2.attained``).

Reference
    R. T. Rockafellar, S. Uryasev, "Optimization of conditional value-at-risk", J. Risk 2 (2000), Theorem 1.
"""

from theory.assumptions import Assumption
from theory.calculus import POSITIVE_PART
from theory.claim import Claim
from theory.facts import at_most, equals
from theory.operator.units import DROPPED, KEPT, ONE, UNITS, WIDTH, over
from theory.steps import Axiom, Certificate, Lemma, Split, Total
from theory.symbols import K, i, positive_part, theta, v

SEPARATED = Assumption(
    "separated",
    r"$v_{K+1} \le \theta \le v_K$ for votes in decreasing order",
    {
        "kept": lambda: at_most(theta - v(i), 0, over=KEPT),
        "dropped": lambda: at_most(v(i) - theta, 0, over=DROPPED),
    },
)

_sum = over(KEPT, v(i))
_above, _below = positive_part(v(i) - theta), positive_part(theta - v(i))
_dual = K * theta + over(UNITS, _above)
_lacking, _beyond = over(KEPT, _below), over(DROPPED, _above)

O2_EXCESS = Claim(
    id="O2.excess",
    title="What a threshold costs",
    setting=r"$K\theta+\sum_i(v_i-\theta)_+$ exceeds $s_K(v)$ by how far kept votes lie below the threshold $\theta$ "
    r"and dropped votes above it",
    statement=equals(_dual, _sum + _lacking + _beyond),
    assumptions=(POSITIVE_PART, WIDTH),
    source="Rockafellar, Uryasev 2000",
    proof=(
        Axiom("mirror", POSITIVE_PART.id, "mirror", {"at": v(i) - theta}, KEPT),
        Total("kept", "mirror"),
        Split("units", _above, UNITS, K),
        Certificate("excess", None, using={"kept": ONE, "units": ONE}),
    ),
)

O2 = Claim(
    id="O2",
    title="A ReLU with the best threshold",
    setting=r"$s_K(v) \le K\theta+\sum_i(v_i-\theta)_+$ for every threshold $\theta$",
    statement=at_most(_sum, _dual),
    assumptions=(POSITIVE_PART, WIDTH),
    source="Rockafellar, Uryasev 2000, Theorem 1",
    proof=(
        Lemma("excess", O2_EXCESS),
        Axiom("below", POSITIVE_PART.id, "positive", {"at": theta - v(i)}, KEPT),
        Axiom("above", POSITIVE_PART.id, "positive", {"at": v(i) - theta}, DROPPED),
        Total("lacking", "below"),
        Total("beyond", "above"),
        Certificate("threshold", None, using={"excess": -ONE, "lacking": ONE, "beyond": ONE}),
    ),
)

O2_ATTAINED = Claim(
    id="O2.attained",
    title="The adaptive threshold is the best one",
    setting=r"$s_K(v) = K\theta+\sum_i(v_i-\theta)_+$ for $v_{[K+1]}\le\theta\le v_{[K]}$",
    statement=equals(_sum, _dual),
    assumptions=(POSITIVE_PART, WIDTH, SEPARATED),
    source="Rockafellar, Uryasev 2000, Theorem 1",
    proof=(
        Lemma("excess", O2_EXCESS),
        Axiom("kept", "separated", "kept"),
        Axiom("dropped", "separated", "dropped"),
        Axiom("none below", POSITIVE_PART.id, "zero", {"at": theta - v(i)}, KEPT, given=("kept",)),
        Axiom("none above", POSITIVE_PART.id, "zero", {"at": v(i) - theta}, DROPPED, given=("dropped",)),
        Total("lacking", "none below"),
        Total("beyond", "none above"),
        Certificate("threshold", None, using={"excess": -ONE, "lacking": -ONE, "beyond": -ONE}),
    ),
)
