r"""R11: the variance of a minibatch, exactly.

Setting
    N samples have gradients with deviations :math:`d` from their mean, of variance :math:`\mathbb E\|d_i\|^2 = V`; a
    minibatch is the mean of B draws, all draws alike and any two of them with covariance
    :math:`C = \mathbb E\langle d_i, d_j\rangle`.

Guarantee
    :math:`\mathbb E\|\frac1B\sum_{i\le B} d_i\|^2 = (V + (B-1)C)/B` (R11x). With replacement C = 0, which leaves
    :math:`V/B` (R11r). Without, the N deviations sum to 0, so that :math:`C = -V/(N-1)`, which leaves
    :math:`\frac VB\frac{N-B}{N-1}` (R11).

Proof
    One more draw adds :math:`2\langle\sum_{i\le t}d_i, d_{t+1}\rangle + \|d_{t+1}\|^2` to the square of the sum, in
    expectation :math:`2tC + V`. This telescopes; at B = N it determines C.

Reference
    W. G. Cochran, "Sampling techniques", 1977, Theorem 2.2.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim, Rate
from theory.facts import Fact, Range, Refused, equals
from theory.proof import Step
from theory.steps import Axiom, Certificate, Split, Telescope, Total
from theory.symbols import B, C, N, V, deviation, i, sigma, t
from theory.terms import Inner, Norm2

ONE = sp.Integer(1)


def _first(count: sp.Expr) -> sp.Sum:
    """The sum of the first draws' deviations."""
    return sp.Sum(deviation(i), (i, ONE, count))


def _draws(*counts: sp.Expr, covariance: sp.Expr = C) -> dict:
    """What is known of the draws up to each of ``counts``."""

    def each(count: sp.Expr, fact: Fact) -> Fact:
        if count not in counts:
            raise Refused(f"nothing is known of {count} draws")
        return Fact(fact.lhs, fact.rhs, equal=True, expected=True, over=Range(t, sp.Integer(0), count - 1))

    return {
        "variance": lambda count: each(count, equals(Norm2(deviation(t + 1)), V)),
        "covariance": lambda count: each(count, equals(Inner(_first(t), deviation(t + 1)), t * covariance)),
    }


EXCHANGEABLE = Assumption(
    "draws",
    r"$\mathbb{E}\|d_i\|^2=V$ and $\mathbb{E}\langle d_i,d_j\rangle=C$ for any two of $B$ draws",
    _draws(B),
)
WITH_REPLACEMENT = Assumption(
    "draws",
    r"$\mathbb{E}\|d_i\|^2=V$, and the $B$ draws are independent: $\mathbb{E}\langle d_i,d_j\rangle=0$",
    _draws(B, covariance=sp.Integer(0)),
)
WITHOUT_REPLACEMENT = Assumption(
    "draws",
    r"the $N\ge B$ samples in random order: $\mathbb{E}\|d_i\|^2=V$ and $\mathbb{E}\langle d_i,d_j\rangle=C$ for any "
    r"two, and $\sum_{i\le N}d_i=0$",
    {**_draws(B, N), "all": lambda: equals(Norm2(_first(N)), 0)},
)
TWO_SAMPLES = Assumption("two samples", r"$N\ge2$", domain={N: 2 + sp.Dummy("r", integer=True, nonnegative=True)})


def _square(count: sp.Expr, covariance: sp.Expr = C) -> tuple[Step, ...]:
    """``E‖d_1 + … + d_count‖² = count·V + count(count − 1)·covariance``, under the label ``count``."""
    draws = Range(t, sp.Integer(0), count - 1)
    square = Norm2(_first(t))
    axioms = {rule: f"{rule} of {count}" for rule in ("variance", "covariance")}
    return (
        *(Axiom(label, "draws", rule, {"count": count}) for rule, label in axioms.items()),
        Split(f"draw of {count}", deviation(i), Range(i, ONE, t + 1), t),
        Certificate(
            f"one more of {count}",
            equals(square.subs(t, t + 1) - square, V + 2 * t * covariance, over=draws),
            using={axioms["variance"]: ONE, axioms["covariance"]: 2 * ONE, f"draw of {count}": ONE},
        ),
        Total(f"all of {count}", f"one more of {count}"),
        Telescope(f"telescope of {count}", -square, draws),
        Certificate(
            str(count),
            equals(Norm2(_first(count)), count * V + count * (count - 1) * covariance),
            using={f"all of {count}": ONE, f"telescope of {count}": -ONE},
        ),
    )


def _mean_square(variance: sp.Expr) -> Fact:
    return equals(Norm2(_first(B) / B), variance, expected=True)


R11x = Claim(
    id="R11x",
    title="Variance of a minibatch, exchangeable draws",
    setting=r"$\mathbb{E}\|\frac1B\sum_{i\le B}d_i\|^2=(V+(B-1)C)/B$",
    statement=_mean_square((V + (B - 1) * C) / B),
    assumptions=(EXCHANGEABLE,),
    source="Cochran 1977, section 2.5",
    proof=(*_square(B), Certificate("mean", None, using={"B": 1 / B**2})),
)

R11r = Claim(
    id="R11r",
    title="Variance of a minibatch with replacement",
    setting=r"$\mathbb{E}\|\frac1B\sum_{i\le B}d_i\|^2=V/B$",
    statement=_mean_square(V / B),
    assumptions=(WITH_REPLACEMENT,),
    source="Cochran 1977, section 2.5",
    proof=(*_square(B, covariance=sp.Integer(0)), Certificate("mean", None, using={"B": 1 / B**2})),
)

R11 = Claim(
    id="R11",
    title="Variance of a minibatch without replacement",
    setting=r"$\mathbb{E}\|\frac1B\sum_{i\le B}d_i\|^2=\frac VB\frac{N-B}{N-1}$",
    statement=_mean_square(V / B * (N - B) / (N - 1)),
    assumptions=(WITHOUT_REPLACEMENT, TWO_SAMPLES),
    source="Cochran 1977, Thm 2.2",
    proof=(
        *_square(B),
        *_square(N),
        Axiom("all", "draws", "all"),
        Certificate("covariance", equals(C, -V / (N - 1)), using={"N": -1 / (N * (N - 1)), "all": 1 / (N * (N - 1))}),
        Certificate("mean", None, using={"B": 1 / B**2, "covariance": (B - 1) / B}),
    ),
)


def minibatch(rate: Rate, size: sp.Expr = B) -> sp.Expr:
    """The bound of a rate for minibatches of ``size`` draws with replacement: by R11r, its σ² is σ²/size."""
    return rate.bound.subs(sigma, sigma / sp.sqrt(size))
