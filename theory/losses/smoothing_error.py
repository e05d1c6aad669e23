r"""How far smoothing moves a loss.

Setting
    Heads :math:`z_j` hard, :math:`z'_j=z_j+\delta_j` smoothed, with :math:`0\le\delta_j\le B`: entropic
    :math:`B=\mu n h(K/n)` (O6). Quadratic smoothing lowers the heads by at most :math:`B=\mu K/2` (O8.below); then z
    and z' change places.

Guarantee
    The loss moves by at most B, either way: one output with :math:`|\ell'|\le1`, such as logistic, log-cosh and routing
    (``error.lipschitz``); softmax cross-entropy (``error.softmax``, ``error.softmax.below``). Monotone losses and the
    routing loss do not fall (``error.monotone``).

Consequence
    :math:`F_0(\bar w)-F_0(u) \le F_\mu(\bar w)-F_\mu(u)+B` where smoothing moves each loss one way only (monotone,
    routing, logistic: every sample's loss moves in an interval of length B); for softmax and log-cosh 2B.
"""

import sympy as sp

from theory.assumptions import Assumption
from theory.claim import Claim
from theory.facts import at_most
from theory.losses.monotone import loss, loss_new
from theory.losses.over_heads import ONE, axioms, e, everywhere, total
from theory.losses.softmax import SOFTMAX, p, y
from theory.proof import Step
from theory.steps import Certificate, Product
from theory.symbols import j
from theory.terms import Scalar, sequence

error = sp.Symbol("B", nonnegative=True)
shift = sp.Symbol("delta", real=True)
delta = sequence("delta", Scalar, r"\delta")

SHIFTED = Assumption(
    "shifted",
    r"$z'=z+\delta$ with $|\delta|\le B$",
    {"δ ≤ B": lambda: at_most(shift, error), "δ ≥ −B": lambda: at_most(-error, shift)},
    proved_by=("O6", "O6.below", "O8", "O8.below"),
)
RAISED = Assumption(
    "raised",
    r"$z'_j=z_j+\delta_j$ with $0\le\delta_j\le B$",
    {"δ ≥ 0": lambda: at_most(0, delta(j)), "δ ≤ B": lambda: at_most(delta(j), error)},
    proved_by=("O6", "O6.below"),
)
LIPSCHITZ = Assumption(
    "slope",
    r"$\ell$ is convex, with slope $e$ at $z'$ and $|e|\le1$: $\ell(z)\ge\ell(z')+e(z-z')$",
    {
        "tangent": lambda: at_most(loss_new - e * shift, loss),
        "e ≤ 1": lambda: at_most(e, 1),
        "e ≥ −1": lambda: at_most(-1, e),
    },
)
NONDECREASING = Assumption(
    "nondecreasing",
    r"$\ell$ is convex, with slope $e\ge0$ at $z$, and $\delta\ge0$: $\ell(z')\ge\ell(z)+e\,\delta$",
    {
        "tangent": lambda: at_most(loss + e * shift, loss_new),
        "e ≥ 0": lambda: at_most(0, e),
        "δ ≥ 0": lambda: at_most(0, shift),
    },
    proved_by=("O6.below",),
)
TANGENTS = Assumption(
    "tangents",
    r"$\ell$ is convex with gradient $p-y$, at $z'$ or at $z$",
    {
        "at z'": lambda: at_most(loss_new - total((p(j) - y(j)) * delta(j)), loss),
        "at z": lambda: at_most(loss + total((p(j) - y(j)) * delta(j)), loss_new),
    },
)

LIPSCHITZ_ERROR = Claim(
    id="error.lipschitz",
    title="Smoothing moves a Lipschitz loss little",
    setting=r"$|\ell(z')-\ell(z)| \le B$ when $|z'-z|\le B$ and $|\ell'|\le1$ ($z$ and $z'$ may change places)",
    statement=at_most(loss_new - loss, error),
    assumptions=(LIPSCHITZ, SHIFTED),
    source="|ℓ'| ≤ 1",
    proof=(
        *axioms(LIPSCHITZ, "tangent", "e ≤ 1", "e ≥ −1"),
        *axioms(SHIFTED, "δ ≤ B", "δ ≥ −B"),
        Product("one side", "e ≤ 1", "δ ≥ −B"),
        Product("other side", "e ≥ −1", "δ ≤ B"),
        Certificate("moves", None, using={"tangent": ONE, "one side": ONE / 2, "other side": ONE / 2}),
    ),
)

MONOTONE_ERROR = Claim(
    id="error.monotone",
    title="Smoothing does not lower a monotone loss",
    setting=r"$\ell(z') \ge \ell(z)$ when $z'\ge z$ and $\ell'\ge0$",
    statement=at_most(loss, loss_new),
    assumptions=(NONDECREASING,),
    source="ℓ' ≥ 0",
    proof=(
        *axioms(NONDECREASING, "tangent", "e ≥ 0", "δ ≥ 0"),
        Product("rise", "e ≥ 0", "δ ≥ 0"),
        Certificate("rises", None, using={"tangent": ONE, "rise": ONE}),
    ),
)


def _softmax(id: str, title: str, setting: str, tangent: str, sign: int) -> Claim:
    """One direction: what raises the loss is weighed by p, what lowers it by y; each has total 1."""
    weight, other = (p, y) if sign > 0 else (y, p)
    letter, other_letter = ("p", "y") if sign > 0 else ("y", "p")
    proof: tuple[Step, ...] = (
        *axioms(SOFTMAX, f"{letter} ≥ 0", f"{other_letter} ≥ 0", f"Σ{letter}"),
        *axioms(RAISED, "δ ≥ 0", "δ ≤ B"),
        *axioms(TANGENTS, tangent),
        Product("towards", f"{letter} ≥ 0", "δ ≤ B"),
        Product("away", f"{other_letter} ≥ 0", "δ ≥ 0"),
        *everywhere(
            "change",
            at_most((weight(j) - other(j)) * delta(j), error * weight(j)),
            using={"towards": ONE, "away": ONE},
        ),
        Certificate("moves", None, using={tangent: ONE, "Σ change": ONE, f"Σ{letter}": error}),
    )
    return Claim(
        id=id,
        title=title,
        setting=setting,
        statement=at_most(sign * (loss_new - loss), error),
        assumptions=(SOFTMAX, RAISED, TANGENTS),
        source="Σp = Σy = 1",
        proof=proof,
    )


SOFTMAX_ERROR = _softmax(
    "error.softmax", "Smoothing raises the cross-entropy little", r"$\ell(z')-\ell(z) \le B$", "at z'", 1
)
SOFTMAX_ERROR_BELOW = _softmax(
    "error.softmax.below", "Smoothing lowers the cross-entropy little", r"$\ell(z)-\ell(z') \le B$", "at z", -1
)
