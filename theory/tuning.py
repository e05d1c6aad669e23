r"""The step size that suits a horizon, with the proof that it does.

Every bound here, times ``1 − cη`` where it has a pole at ``η = 1/c``, has the form ``A/η + Cη + R``. With
``y = 1/η − c > 0`` and ``E = Ac² + Rc + C`` such a bound is ``Ay + 2Ac + R + E/y``, so

    B(η) − (2√(AE) + 2Ac + R) = (A/y) (y − √(E/A))² ≥ 0,

with equality at ``1/η° = c + √(E/A)``: no step size gives a better bound (c = 0 where there is no pole). Under a cap
``η ≤ 1/c`` that is no pole the same step ``1/η = c + √(C/A)`` obeys the cap, needs no case distinction, and loses
little:

    (Ac + 2√(AC) + R) − B(η) = C (√(A/C) − η) = √(AC) cη ≥ 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from theory.facts import nonnegative, stand_ins
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


def tune(bound: sp.Expr, cap: sp.Expr | None = None, domain: Mapping[sp.Symbol, sp.Expr] | None = None) -> Tuning:
    """Tune ``bound``, an expression in η and positive symbols, under ``η ≤ cap`` (``<`` if it has a pole there).

    Args:
        bound: what is to be small; a factor without η may stand before it.
        cap: the upper limit on η, if there is one.
        domain: where the other parameters lie, as a substitution by free non-negative symbols.

    Raises:
        ValueError: the bound does not have the form A/η + Cη + R, nor that form over 1 − η/cap.
    """
    sums = stand_ins(bound, {})
    front, form = bound.xreplace(sums).as_independent(eta, as_Add=False)
    if not nonnegative(front, domain or {}):
        raise ValueError(f"no tuning is known for {bound}: {front} may be negative")
    tuning = _tuned(form, sp.Integer(0) if cap is None else 1 / cap)
    named = {stand_in: total for total, stand_in in sums.items()}
    return replace(tuning, eta=tuning.eta.xreplace(named), rate=(front * tuning.rate).xreplace(named))


def at_scale(bound: sp.Expr, scale: sp.Expr) -> Tuning:
    """The bound at a given step scale, of which it is not said that it is the best."""
    return Tuning(scale, bound.subs(eta, scale), False, sp.Integer(0))


def _tuned(bound: sp.Expr, c: sp.Expr) -> Tuning:
    pole = c if c != 0 and sp.denom(sp.together(bound)).subs(eta, 1 / c).equals(0) else sp.Integer(0)
    terms = sp.collect(sp.expand(sp.cancel(bound * (1 - pole * eta)) if pole else bound), eta, evaluate=False)
    a, linear, rest = (terms.pop(power, sp.Integer(0)) for power in (1 / eta, eta, sp.Integer(1)))
    e = sp.simplify(a * pole**2 + rest * pole + linear)
    if terms or eta in rest.free_symbols or not (a.is_nonnegative and e.is_nonnegative) or 0 in (a, e):
        raise ValueError(f"no tuning is known for {bound}: expected A/eta + C*eta + rest")
    root, slope = sp.sqrt(sp.cancel(a * e)), sp.sqrt(sp.cancel(e / a))
    step = sp.simplify(1 / slope) if c == 0 else 1 / (c + slope)
    if pole != c:
        rate = a * c + 2 * root + rest
        return Tuning(step, rate, False, simplified(rate - bound.subs(eta, step) - root * c * step))
    rate = sp.simplify(2 * a * c + rest) + 2 * root
    above = 1 / eta - c
    return Tuning(step, rate, True, simplified(bound - rate - a / above * (above - slope) ** 2))
