r"""The smoothed reading: AAT with a soft threshold is exact SGD on a smooth objective, close to the hard one.

Setting
    F is the objective over an entropic threshold μ, :math:`F_0` the one over the hard threshold.

Guarantee
    :math:`F_0 \le F \le F_0 + \mu n h(K/n)` (O6, for the losses of the table), so what a rate says of F, it says of
    :math:`F_0` up to :math:`\mu n h(K/n)`.

Reference
    Nesterov, "Smooth minimization of non-smooth functions", Math. Program. 103 (2005), for the device.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most
from theory.proof import Axiom, Certificate, Lemma
from theory.symbols import h_K, mu, n, u
from theory.terms import HardObjective, Objective

SMOOTHING_ERROR = mu * n * h_K

SMOOTHED = Assumption(
    "smoothed",
    r"$F_0 \le F \le F_0+\mu n h(K/n)$: $F$ is the entropic smoothing of $F_0$",
    {
        "above": lambda at: at_most(HardObjective(at), Objective(at)),
        "below": lambda at: at_most(Objective(at), HardObjective(at) + SMOOTHING_ERROR),
    },
    proved_by=("O6", "O6.below", "error.monotone", "error.lipschitz"),
)


def smoothed(rate: Rate) -> Claim:
    """``rate``, whose metric is F(point) − F(u), for the hard objective."""
    (point,) = (value.args[0] for value in rate.metric.expression.atoms(Objective) if value.args[0] != u)
    return Claim(
        id=f"{rate.id}.smoothed",
        title=f"{rate.title}, smoothed, for the hard objective",
        setting=rf"SGD on the entropic smoothing $F$ of $F_0$; {rate.setting}",
        statement=at_most(HardObjective(point) - HardObjective(u), rate.bound + SMOOTHING_ERROR, expected=True),
        assumptions=(*rate.assumptions, SMOOTHED),
        definitions=rate.definitions,
        source=rate.source,
        proof=(
            Lemma("rate", rate),
            Axiom("above", "smoothed", "above", {"at": point}),
            Axiom("below", "smoothed", "below", {"at": u}),
            Certificate("hard", None, dict.fromkeys(("rate", "above", "below"), sp.Integer(1))),
        ),
    )
