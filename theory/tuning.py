r"""The step size that suits a horizon, with the proof that it does.

Every bound here has the form ``B(η) = A/η + Cη + rest``. Then

    B(η) − (2√(AC) + rest) = (A/η)(1 − η√(C/A))² ≥ 0,

with equality at ``η° = √(A/C)``: no step size gives a better bound. Under a cap ``η ≤ c`` the harmonic step
``1/η = 1/c + √(C/A)`` obeys the cap, needs no case distinction, and loses little:

    (A/c + 2√(AC) + rest) − B(η) = C (√(A/C) − η) = √(AC) η / c ≥ 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.symbols import eta
from theory.terms import simplified


@dataclass(frozen=True)
class Tuning:
    """A tuned step scale.

    Attributes:
        eta: the step scale, an expression in T and the constants.
        rate: what the bound is at most, there.
        best: whether no other step scale gives a smaller bound (else the cap is in the way).
        residual: what is left of the certificate in this module's docstring; 0 in a proof.
    """

    eta: sp.Expr
    rate: sp.Expr
    best: bool
    residual: sp.Expr


def tune(bound: sp.Expr, cap: sp.Expr | None = None) -> Tuning:
    """Tune ``bound``, an expression in η and positive symbols, under ``η ≤ cap``.

    Raises:
        ValueError: the bound does not have the form A/η + Cη + rest.
    """
    terms = sp.collect(sp.expand(bound), eta, evaluate=False)
    a, c, rest = (terms.pop(power, sp.Integer(0)) for power in (1 / eta, eta, sp.Integer(1)))
    if terms or eta in rest.free_symbols or not (a.is_nonnegative and c.is_nonnegative) or 0 in (a, c):
        raise ValueError(f"no tuning is known for {bound}: expected A/eta + C*eta + rest")
    inverse = sp.sqrt(sp.cancel(c / a))
    free = 2 * sp.sqrt(sp.cancel(a * c)) + rest
    if cap is None:
        certificate = a / eta * (1 - eta * inverse) ** 2
        return Tuning(sp.simplify(1 / inverse), sp.simplify(free), True, simplified(bound - free - certificate))
    step = 1 / (1 / cap + inverse)
    rate = a / cap + free
    certificate = sp.sqrt(sp.cancel(a * c)) * step / cap
    return Tuning(step, rate, False, simplified(rate - bound.subs(eta, step) - certificate))
