r"""The language of the proofs: vectors, inner products, the objective, sums over an index.

A vector is written as a *commutative* SymPy symbol, ⟨a, b⟩ as the product ``a*b`` and ‖a‖² as ``a**2``.
This is faithful: inner products ⟨a_i, a_j⟩ of free vectors and monomials ``a_i*a_j`` are both bases of the
symmetric bilinear forms, so an identity between inner products holds in every Hilbert space exactly when
the polynomial identity holds. It would be *wrong* above degree two (‖a‖²‖b‖² and ⟨a, b⟩² would coincide),
which is why :func:`normal` refuses every monomial whose degree in vectors is neither 0 nor 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp
from sympy.printing.latex import LatexPrinter

Definitions = Mapping[sp.Expr, sp.Expr]


class IllTyped(ValueError):
    """An expression that is no scalar of the proof language, e.g. a lone vector or a float."""


class Vector(sp.Function):
    """A vector that depends on an index or a point; ``lag`` says when: X(j) is known at time j + lag."""

    is_real = True
    lag = 0
    letter = "v"

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(f"{self.letter}_{{{printer.doprint(self.args[0])}}}", exp)


class Scalar(sp.Function):
    """A real number that depends on an index, e.g. the vote v(i) or the multiplier λ(i) of unit i."""

    is_real = True
    letter = "a"

    _latex = Vector._latex


class FixedVector(sp.Symbol):
    """A vector that involves no randomness, e.g. the comparator u."""

    def __new__(cls, name: str) -> FixedVector:  # noqa: D102
        return super().__new__(cls, name, real=True)


class Objective(sp.Function):
    """F at a point."""

    is_real = True

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(f"F({printer.doprint(self.args[0])})", exp)


class Gradient(Vector):
    """∇F at a point; where F is not differentiable, the subgradient E[g_t | w_t] that the method uses."""

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(rf"\nabla F({printer.doprint(self.args[0])})", exp)


class Norm2(sp.Function):
    """The squared norm ‖a‖² of a vector."""

    is_nonnegative = True

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(rf"\left\|{printer.doprint(self.args[0])}\right\|^2", exp)


class Inner(sp.Function):
    """The inner product ⟨a, b⟩ of two vectors."""

    is_real = True

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        left, right = (printer.doprint(a) for a in self.args)
        return _power(rf"\left\langle {left}, {right}\right\rangle", exp)


def _power(text: str, exp: str | None) -> str:
    return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


def sequence(name: str, kind: type, letter: str | None = None, lag: int = 0) -> type:
    """The type of a named sequence of vectors or scalars; its instance at index t is the t-th of them."""
    return type(name, (kind,), {"letter": letter or name, "lag": lag})


ATOMS = (Vector, Scalar, FixedVector, Objective, sp.Sum)


def known_by(expr: sp.Expr, time: sp.Expr) -> bool:
    """Whether every vector in ``expr`` is determined by the randomness before step ``time``."""

    def known(atom: sp.Expr) -> bool:
        if isinstance(atom, Gradient | Objective):
            return known_by(atom.args[0], time)
        return isinstance(atom, Vector) and bool((time - atom.args[0] - atom.lag).is_nonnegative)

    return all(known(atom) for atom in expr.atoms(Vector, Scalar, Objective))


def is_random(expr: sp.Expr) -> bool:
    """Whether ``expr`` involves anything but fixed numbers and the deterministic parameters of a claim."""
    return bool(expr.atoms(Vector, Scalar, Objective))


def rewrite(expr: sp.Expr, definitions: Definitions) -> sp.Expr:
    """``expr`` with every defined term replaced, until none is left (definitions are not circular)."""
    for _ in range(len(definitions) + 1):
        replaced = expr.xreplace(dict(definitions))
        if replaced == expr:
            return expr
        expr = replaced
    raise IllTyped(f"circular definitions: {', '.join(map(str, definitions))}")


def normal(expr: sp.Expr, definitions: Definitions | None = None) -> sp.Expr:
    """The unique normal form of a scalar expression; it is 0 exactly when the expression vanishes identically.

    Raises:
        IllTyped: a monomial is not a scalar, or a number is not exact.
    """
    expr = rewrite(sp.sympify(expr), definitions or {})
    if expr.atoms(sp.Float):
        raise IllTyped(f"inexact number in {expr}")
    expr = expr.replace(Norm2, lambda a: a * a).replace(Inner, lambda a, b: a * b)
    expr = expr.replace(Objective, lambda p: Objective(vector(p))).replace(Gradient, lambda p: Gradient(vector(p)))
    expr = expr.replace(sp.Sum, _distribute)
    poly, names = _polynomial(expr)
    total = sp.Integer(0)
    for powers, coefficient in poly:
        degree = sum(e for e, a in zip(powers, names, strict=True) if isinstance(a, Vector | FixedVector))
        if degree not in (0, 2):
            raise IllTyped(f"not a scalar: {sp.prod(a**e for a, e in zip(names, powers, strict=True))}")
        total += coefficient * sp.prod([a**e for a, e in zip(names, powers, strict=True)])
    return total


def vector(expr: sp.Expr, definitions: Definitions | None = None) -> sp.Expr:
    """The normal form of a linear combination of vectors: one simplified coefficient for each.

    Raises:
        IllTyped: the expression is not linear in vectors.
    """
    expr = rewrite(sp.sympify(expr), definitions or {}).replace(sp.Sum, _distribute)
    terms, names = _polynomial(expr)
    if any(sum(powers) != 1 for powers, _ in terms):
        raise IllTyped(f"not a vector: {expr}")
    return sp.Add(*(c * names[powers.index(1)] for powers, c in terms))


def simplified(coefficient: sp.Expr) -> sp.Expr:
    """A rational or radical expression in parameters, literally 0 when it vanishes."""
    coefficient = sp.cancel(sp.together(coefficient))
    return coefficient if coefficient.is_Rational else sp.factor(sp.simplify(coefficient))


def _polynomial(expr: sp.Expr) -> tuple[list[tuple[tuple[int, ...], sp.Expr]], list[sp.Expr]]:
    """Terms of ``expr`` as a polynomial in its atoms, with simplified coefficients."""
    names: list[sp.Expr] = []

    def outermost(e: sp.Expr) -> None:
        if isinstance(e, ATOMS):
            if e not in names:
                names.append(e)
        else:
            for a in e.args:
                outermost(a)

    outermost(expr)
    if not names:
        return ([] if expr == 0 else [((), simplified(expr))]), []
    stand_ins = {a: sp.Dummy(real=True) for a in names}
    try:
        poly = sp.Poly(sp.expand(expr.xreplace(stand_ins)), *stand_ins.values())
    except sp.PolynomialError as error:
        raise IllTyped(f"not polynomial in {', '.join(map(str, names))}: {expr}") from error
    terms = [(powers, simplified(c)) for powers, c in poly.terms()]
    return [(powers, c) for powers, c in terms if c != 0], names


def _distribute(summand: sp.Expr, limits: sp.Tuple) -> sp.Expr:
    """A sum, distributed over its terms, with everything free of the index in front."""
    index, lower, upper = limits
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(summand)):
        front, rest = term.as_independent(index, as_Add=False)
        total += front * (upper - lower + 1 if rest == 1 else sp.Sum(rest, limits))
    return total
