r"""The step size that suits a horizon, with the proof that it does.

Every bound here has the form ``B(η) = A/η + Cη^p + (higher powers of η) + rest``, with p ≥ 1 and no negative term.

**Two powers, no cap.** At ``η° = (A/(pC))^{1/(p+1)}`` the bound is ``(1 + 1/p) A/η° + rest``, and with ``r = η/η°``

    B(η) − B(η°) = A/(pη) · (r^{p+1} − (p + 1) r + p) = A/(pη) · (r − 1)² (r^{p−1} + 2r^{p−2} + … + p) ≥ 0,

weighted AM-GM: no step size gives a better bound. For p = 1 this is ``2√(AC) + rest``.

**Two powers under a cap η ≤ c.** The harmonic step ``1/η = 1/c + 1/η°`` obeys the cap, needs no case distinction, and
loses little. For ``Cη^p = A/(pη°) · (η/η°)^p`` and ``η/η° = 1 − η/c``, so

    (A/c + (1 + 1/p) A/η° + rest) − B(η) = A/(pη°) · (1 − (1 − η/c)^p) ≥ 0.

Formulas are in ``1/η°``, which may be 0: where C vanishes the step is the cap.

**Higher powers, no cap.** They are what vanishes faster with the horizon: the step stays η°, the rate is the bound
there. It may not be the best one; it is at least ``(1 + 1/p) A/η° + rest``, so what is left to gain is no more than
the higher powers at η°.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        best: whether no other step scale gives a smaller bound (else a cap or a higher power is in the way).
        residual: what is left of the certificate in this module's docstring; 0 in a proof.
    """

    eta: sp.Expr
    rate: sp.Expr
    best: bool
    residual: sp.Expr


def tune(bound: sp.Expr, cap: sp.Expr | None = None, domain: Mapping[sp.Symbol, sp.Expr] | None = None) -> Tuning:
    """Tune ``bound``, an expression in η and other symbols, under ``η ≤ cap``.

    ``domain`` restricts symbols whose own assumptions leave the sign of a coefficient open, as in
    :class:`theory.assumptions.Assumption`; each replacement has one free symbol.

    Raises:
        ValueError: the bound does not have the form A/η + Cη^p + rest, or, without a cap, that and higher powers.
    """
    unknown = ValueError(f"no tuning is known for {bound}: expected A/eta + C*eta**p + rest, p = 1, 2, …")
    terms = sp.collect(sp.expand(bound, deep=False), eta, evaluate=False)
    inside = {} if all(coefficient.is_nonnegative for coefficient in terms.values()) else dict(domain or {})
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
