r"""The smoothed reading: AAT with a soft threshold is exact SGD on a smooth objective, close to the hard one.

Setting
    F is the objective over an entropic threshold μ, :math:`F_0` the one over the hard threshold.

Guarantee
    :math:`F_0 \le F \le F_0 + \mu n h(K/n)` (O6, for the losses of the table), so what a rate says of F, it says of
    :math:`F_0` up to :math:`\mu n h(K/n)`.

Best smoothing
    For the routing loss R5s gives :math:`L D^2/(2T) + \sigma_* D/\sqrt T` with :math:`L = R_\infty^2/(4\mu)`, so that
    :math:`\mu = R_\infty D/\sqrt{8nhT}` is best and leaves :math:`R_\infty D\sqrt{nh/(2T)} + \sigma_* D/\sqrt T`
    (claim ``smoothed.best``).

Reference
    Nesterov, "Smooth minimization of non-smooth functions", Math. Program. 103 (2005), for the device.
"""

from __future__ import annotations

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim, Rate
from theory.facts import at_most
from theory.rates.smooth_convex import R5s
from theory.steps import Axiom, Certificate, Lemma
from theory.symbols import L_max, R_inf, eta, h_K, latex, mu, n, u
from theory.terms import HardObjective, Objective
from theory.tuning import tune

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


def _total() -> sp.Expr:
    """The tuned rate of R5s on the smoothed routing loss, of smoothness R_∞²/(4μ), and what smoothing adds."""
    return R5s.tuning.rate.subs(L_max, R_inf**2 / (4 * mu)) + SMOOTHING_ERROR


BEST = tune(_total().subs(mu, eta))
_parts = sp.collect(sp.expand(_total()), mu, evaluate=False)
_pull, _push = sp.sqrt(_parts[1 / mu]), sp.sqrt(_parts[mu])

BEST_SMOOTHING = Claim(
    id="smoothed.best",
    title="The best smoothing for a horizon",
    setting=rf"R5s on the smoothed routing loss, carried to the hard one: no $\mu$ gives less than "
    rf"$\mu={latex(BEST.eta)}$ does, so smoothing costs no power of $T$",
    statement=at_most(BEST.rate, _total()),
    assumptions=(),
    source="this project",
    about=("R5s.smoothed", "L.head"),
    proof=(Certificate("AM-GM", None, squares=((1 / mu, _pull - mu * _push),)),),
)
