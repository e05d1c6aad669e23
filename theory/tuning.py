r"""The step size that suits a horizon, with the proof that it does.

Every bound here, up to a factor without η, has the form ``B(η) = A/η + Cη^p + (higher powers of η) + R`` with p ≥ 1 and
no negative term, or has a pole at its cap and that form, with p = 1, times ``1 − cη``.

**Two powers, no cap.** At ``η° = (A/(pC))^{1/(p+1)}`` the bound is ``(1 + 1/p) A/η° + R``, and with ``r = η/η°``

    B(η) − B(η°) = A/(pη) · (r^{p+1} − (p + 1) r + p) = A/(pη) · (r − 1)² (r^{p−1} + 2r^{p−2} + … + p) ≥ 0,

weighted AM-GM: no step size gives a better bound. For p = 1 this is ``2√(AC) + R``.

**Two powers under a cap η ≤ 1/c.** The harmonic step ``1/η = c + 1/η°`` obeys the cap, needs no case distinction, and
loses little. For ``Cη^p = A/(pη°) · (η/η°)^p`` and ``η/η° = 1 − cη``, so

    (Ac + (1 + 1/p) A/η° + R) − B(η) = A/(pη°) · (1 − (1 − cη)^p) ≥ 0.

Formulas are in ``1/η°``, which may be 0: where C vanishes the step is the cap.

**A pole at the cap.** With ``y = 1/η − c > 0`` and ``E = Ac² + Rc + C`` the bound is ``Ay + 2Ac + R + E/y``, so

    B(η) − (2√(AE) + 2Ac + R) = (A/y) (y − √(E/A))² ≥ 0,

with equality at ``1/η = c + √(E/A)``: no step size gives a better bound.

**Higher powers, no cap.** They are what vanishes faster with the horizon: the step stays η°, the rate is the bound
there. It may not be the best one; it is at least ``(1 + 1/p) A/η° + R``, so what is left to gain is no more than the
higher powers at η°.
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
        best: whether no other step scale gives a smaller bound (else a cap or a higher power is in the way).
        residual: what is left of the certificate in this module's docstring; 0 in a proof.
    """

    eta: sp.Expr
    rate: sp.Expr
    best: bool
    residual: sp.Expr


def tune(bound: sp.Expr, cap: sp.Expr | None = None, domain: Mapping[sp.Symbol, sp.Expr] | None = None) -> Tuning:
    """Tune ``bound``, an expression in η and other parameters, under ``η ≤ cap`` (``<`` if it has a pole there).

    Args:
        bound: what is to be small; a factor without η may stand before it.
        cap: the upper limit on η, if there is one.
        domain: where parameters lie, as in :class:`theory.assumptions.Assumption`, when their own assumptions leave
            the sign of a coefficient open; each replacement has one free symbol.

    Raises:
        ValueError: the bound does not have one of the forms of this module's docstring.
    """
    known = {name: value for name, value in (domain or {}).items() if name in bound.free_symbols}
    sums = stand_ins(bound, {})
    front, form = bound.xreplace(sums).as_independent(eta, as_Add=False)
    if not nonnegative(front, known):
        raise ValueError(f"no tuning is known for {bound}: {front} may be negative")
    if cap is not None and sp.denom(sp.together(form)).subs(eta, cap).equals(0):
        tuning = _at_pole(form, 1 / cap)
    else:
        tuning = _powers(form, cap, known)
    named = {stand_in: total for total, stand_in in sums.items()}
    return replace(tuning, eta=tuning.eta.xreplace(named), rate=(front * tuning.rate).xreplace(named))


def at_scale(bound: sp.Expr, scale: sp.Expr) -> Tuning:
    """The bound at a given step scale, of which it is not said that it is the best."""
    return Tuning(scale, bound.subs(eta, scale), False, sp.Integer(0))


def _powers(bound: sp.Expr, cap: sp.Expr | None, domain: Mapping[sp.Symbol, sp.Expr]) -> Tuning:
    unknown = ValueError(f"no tuning is known for {bound}: expected A/eta + C*eta**p + rest, p = 1, 2, …")
    terms = sp.collect(sp.expand(bound, deep=False), eta, evaluate=False)
    inside = {} if all(coefficient.is_nonnegative for coefficient in terms.values()) else dict(domain)
    back = {slack: sp.solve(value - name, slack)[0] for name, value in inside.items() for slack in value.free_symbols}
    terms = {power: sp.factor(coefficient.subs(inside)) for power, coefficient in terms.items()}
    a, rest = terms.pop(1 / eta, sp.Integer(0)), terms.pop(sp.Integer(1), sp.Integer(0))
    higher = {sp.degree(power, eta): c for power, c in terms.items() if power.is_polynomial(eta)}
    if len(higher) < max(1, len(terms)) or eta in rest.free_symbols or a == 0 or (cap is not None and len(terms) > 1):
        raise unknown
    if not all(coefficient.is_nonnegative for coefficient in (a, *higher.values())):
        raise unknown
    p = min(higher)
    c = higher.pop(p)
    inverse = sp.root(sp.factor(p * c / a), p + 1)
    step = sp.simplify(1 / inverse) if cap is None else 1 / (1 / cap.subs(inside) + inverse)
    rate = (1 + 1 / p) * sp.simplify(a * inverse) + rest
    bound = bound.subs(inside)
    if cap is not None:
        rate += a / cap.subs(inside)
        left = rate - bound.subs(eta, step) - a * inverse / p * (1 - (1 - step / cap.subs(inside)) ** p)
    elif higher:
        rate += sp.Add(*(sp.simplify(coefficient * step**power) for power, coefficient in higher.items()))
        left = rate - bound.subs(eta, step)
    else:
        ratio = eta * inverse
        left = bound - rate - a / (p * eta) * (ratio - 1) ** 2 * sp.Add(*((p - k) * ratio**k for k in range(p)))
    if back:
        step = sp.simplify(step.subs(back))
        rate = sp.Add(*(sp.simplify(term.subs(back)) for term in sp.Add.make_args(rate)))
    return Tuning(step, rate, best=cap is None and not higher, residual=simplified(left))


def _at_pole(bound: sp.Expr, c: sp.Expr) -> Tuning:
    terms = sp.collect(sp.expand(sp.cancel(bound * (1 - c * eta))), eta, evaluate=False)
    a, linear, rest = (terms.pop(power, sp.Integer(0)) for power in (1 / eta, eta, sp.Integer(1)))
    e = sp.simplify(a * c**2 + rest * c + linear)
    if terms or eta in rest.free_symbols or not (a.is_nonnegative and e.is_nonnegative) or 0 in (a, e):
        raise ValueError(f"no tuning is known for {bound}: expected (A/eta + C*eta + rest)/(1 - c*eta)")
    root, slope = sp.sqrt(sp.cancel(a * e)), sp.sqrt(sp.cancel(e / a))
    rate = sp.simplify(2 * a * c + rest) + 2 * root
    above = 1 / eta - c
    return Tuning(1 / (c + slope), rate, True, simplified(bound - rate - a / above * (above - slope) ** 2))
