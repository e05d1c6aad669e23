"""The language of the proofs: vectors, inner products, the objective, sums over an index.

Inner products are brought to a normal form by bilinearity: every scalar is a polynomial in *atoms*, the Gram entries
⟨a, b⟩ of undefined vectors (:class:`Dot`), values F(p) at points, indexed numbers, and sums over an index that cannot
be taken apart further. Distinct atoms may take any values independently, up to inequalities that a proof must name,
so an identity that holds for the polynomials holds in every Hilbert space.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import sympy as sp
from sympy.printing.latex import LatexPrinter

Definitions = Mapping[sp.Expr, sp.Expr]


class IllTyped(ValueError):
    """An expression that is no scalar of the proof language, e.g. a lone vector or a float."""


class Vector(sp.Function):
    """A vector that depends on indices or a point; ``lag`` says when: X(j) and X(j, k) are known at time j + lag."""

    is_real = True
    lag = 0
    letter = "v"

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(f"{self.letter}_{{{','.join(map(printer.doprint, self.args))}}}", exp)


class Scalar(sp.Function):
    """A real number that depends on an index, e.g. the vote v(i) or the multiplier λ(i) of unit i."""

    is_real = True
    letter = "a"

    _latex = Vector._latex


class Elementary(Scalar):
    """An elementary function of a random number, e.g. h(λ_i): of it only what the axioms of calculus say is known."""

    @classmethod
    def eval(cls, argument: sp.Expr) -> sp.Expr | None:
        """The argument is written out, so that one number has one name."""
        expanded = sp.expand(argument)
        return None if expanded == argument else cls(expanded)

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(rf"{self.letter}\left({printer.doprint(self.args[0])}\right)", exp)


class FixedVector(sp.Symbol):
    """A vector that involves no randomness, e.g. the comparator u."""

    def __new__(cls, name: str) -> FixedVector:  # noqa: D102
        return super().__new__(cls, name, real=True)


class Objective(sp.Function):
    """F at a point."""

    is_real = True
    letter = "F"

    def _latex(self, printer: LatexPrinter, exp: str | None = None) -> str:
        return _power(f"{self.letter}({printer.doprint(self.args[0])})", exp)


class HardObjective(Objective):
    """F with a hard threshold at a point, where F itself is its smoothing."""

    letter = "F_0"


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


class Dot(sp.Function):
    """A Gram entry: the inner product of two undefined vectors, in canonical order."""

    is_real = True


def _power(text: str, exp: str | None) -> str:
    return text if exp is None else rf"\left({text}\right)^{{{exp}}}"


def sequence(name: str, kind: type, letter: str | None = None, lag: int = 0) -> type:
    """The type of a named sequence of vectors or scalars; its instance at index t is the t-th of them."""
    return type(name, (kind,), {"letter": letter or name, "lag": lag})


ATOMS = (Vector, Scalar, FixedVector, Dot, Objective, sp.Sum)


def known_by(expr: sp.Expr, time: sp.Expr) -> bool:
    """Whether every vector in ``expr`` is determined by the randomness before step ``time``."""
    if isinstance(expr, sp.Sum):
        # for the latest term of the sum: its index runs up to ``upper``, so ``upper = index + r`` with r ≥ 0
        if len(expr.limits) > 1:
            return False
        index, lower, upper = expr.limits[0]
        bound = sp.Dummy(str(index), integer=True, nonnegative=bool(lower.is_nonnegative))
        slack = sp.Dummy("r", integer=True, nonnegative=True)
        last = {} if not upper.free_symbols else {min(upper.free_symbols, key=str): bound + slack + _offset(upper)}
        return known_by(expr.function.xreplace({index: bound}), time.subs(last))
    if isinstance(expr, Gradient | Objective):
        return known_by(expr.args[0], time)
    if isinstance(expr, Vector):
        return bool((time - expr.args[0] - expr.lag).is_nonnegative)
    return not isinstance(expr, Scalar) and all(known_by(part, time) for part in expr.args)


def _offset(upper: sp.Expr) -> sp.Expr:
    """``T − upper`` for an upper limit ``T − c``."""
    return min(upper.free_symbols, key=str) - upper


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


def exact(*expressions: sp.Expr) -> None:
    """Raises IllTyped if a number in ``expressions`` is not exact."""
    for expr in expressions:
        if expr.atoms(sp.Float):
            raise IllTyped(f"inexact number in {expr}")


def square(root: sp.Expr) -> sp.Expr:
    """‖root‖² of a vector, root² of a number.

    Raises:
        IllTyped: ``root`` is not certain to be real, so that its square may be negative.
    """
    if not root.is_real:
        raise IllTyped(f"{root} is not certain to be real")
    return Norm2(root) if is_vector(root) else root**2


def is_vector(expr: sp.Expr) -> bool:
    """Whether a well-typed expression is a vector, not a number."""
    numbers = expr.replace(Norm2, lambda _: sp.Integer(1)).replace(Inner, lambda *_: sp.Integer(1))
    return any(map(_is_vector, outermost(numbers)))


def normal(expr: sp.Expr, definitions: Definitions | None = None) -> sp.Expr:
    """The unique normal form of a scalar expression; it is 0 exactly when the expression vanishes identically.

    Raises:
        IllTyped: the expression is not a scalar, or a number in it is not exact.
    """
    return _normal(rewrite(sp.sympify(expr), definitions or {}))


@lru_cache(maxsize=2**16)
def _normal(expr: sp.Expr) -> sp.Expr:
    exact(expr)
    expr = expr.replace(Norm2, lambda a: _gram(a, a)).replace(Inner, _gram)
    expr = expr.replace(lambda part: isinstance(part, Objective), lambda part: part.func(vector(part.args[0])))
    expr = expr.replace(sp.Sum, _distribute)
    poly, names = _polynomial(expr)
    for powers, _ in poly:
        lone = [a for e, a in zip(powers, names, strict=True) if e and _is_vector(a)]
        if lone:
            raise IllTyped(f"not a scalar: {lone[0]} in {expr}")
    return sp.Add(*(c * sp.prod([a**e for a, e in zip(names, powers, strict=True)]) for powers, c in poly))


def _gram(left: sp.Expr, right: sp.Expr) -> sp.Expr:
    """⟨left, right⟩ by bilinearity, in Gram entries."""
    return sp.Add(*(c * d * _entry(a, b) for a, c in _coefficients(left) for b, d in _coefficients(right)))


def _entry(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """⟨a, b⟩ of two vectors; a sum of vectors comes out when its index does not clash with the other one."""
    for total, other in ((a, b), (b, a)):
        if isinstance(total, sp.Sum) and not isinstance(other, sp.Sum) and total.limits[0][0] not in other.free_symbols:
            return _distribute(_gram(total.function, other), total.limits[0])
    return Dot(*sorted((a, b), key=sp.default_sort_key))


@lru_cache(maxsize=4096)
def _coefficients(expr: sp.Expr) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """The vectors of a linear combination, each with its coefficient.

    Raises:
        IllTyped: the expression is not linear in vectors.
    """
    expr = expr.replace(Gradient, lambda p: Gradient(vector(p))).replace(sp.Sum, _distribute)
    terms, names = _polynomial(expr)
    if any(sum(powers) != 1 for powers, _ in terms) or not all(map(_is_vector, names)):
        raise IllTyped(f"not a vector: {expr}")
    return tuple((names[powers.index(1)], c) for powers, c in terms)


def _is_vector(atom: sp.Expr) -> bool:
    if isinstance(atom, sp.Sum):
        return any(map(_is_vector, outermost(atom.function)))
    return isinstance(atom, Vector | FixedVector)


def vector(expr: sp.Expr, definitions: Definitions | None = None) -> sp.Expr:
    """The normal form of a linear combination of vectors: one simplified coefficient for each.

    Raises:
        IllTyped: the expression is not linear in vectors.
    """
    return sp.Add(*(c * a for a, c in _coefficients(rewrite(sp.sympify(expr), definitions or {}))))


@lru_cache(maxsize=4096)
def simplified(coefficient: sp.Expr) -> sp.Expr:
    """The canonical form of a rational or radical expression in parameters: literally 0 when it vanishes.

    A sum of parameters is one more parameter: SymPy is not to look into it (its ``simplify`` fails on products of
    sums). So is a power ``q^n`` with a parameter in the exponent, once ``q^(n−1)`` is written as ``q^n/q``.
    """
    stand_ins: dict[sp.Expr, sp.Dummy] = {
        total: sp.Dummy(real=total.is_real, positive=total.is_positive) for total in coefficient.atoms(sp.Sum)
    }

    def apart(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        shift, rest = exponent.as_coeff_Add()
        return base**exponent if rest == 0 else base**shift * stand_ins.setdefault(base**rest, sp.Dummy(real=True))

    reduced = sp.cancel(coefficient.xreplace(stand_ins).replace(sp.Pow, apart))
    radical = any(not power.exp.is_integer for power in reduced.atoms(sp.Pow))
    reduced = sp.cancel(sp.simplify(reduced)) if radical else reduced
    return reduced.xreplace({stand_in: meant for meant, stand_in in stand_ins.items()})


def _polynomial(expr: sp.Expr) -> tuple[list[tuple[tuple[int, ...], sp.Expr]], list[sp.Expr]]:
    """Terms of ``expr`` as a polynomial in its atoms, with simplified coefficients."""
    names = list(dict.fromkeys(outermost(expr)))
    if not names:
        return ([] if expr == 0 else [((), simplified(expr))]), []
    stand_ins = {a: sp.Dummy(real=True) for a in names}
    try:
        poly = sp.Poly(sp.expand(expr.xreplace(stand_ins)), *stand_ins.values())
    except sp.PolynomialError as error:
        raise IllTyped(f"not polynomial in {', '.join(map(str, names))}: {expr}") from error
    terms = [(powers, simplified(c)) for powers, c in poly.terms()]
    return [(powers, c) for powers, c in terms if c != 0], names


def outermost(expr: sp.Expr) -> Iterator[sp.Expr]:
    """The atoms of ``expr`` that are not inside another; a sum of nothing but parameters is one more parameter."""
    if isinstance(expr, ATOMS) and (not isinstance(expr, sp.Sum) or expr.function.atoms(*ATOMS)):
        yield expr
    else:
        for part in expr.args:
            yield from outermost(part)


def _distribute(summand: sp.Expr, limits: sp.Tuple, *more: sp.Tuple) -> sp.Expr:
    """A sum, distributed over its terms, with everything free of the index in front; a sum of one term is that term.

    A closed form, such as ``upper − lower + 1`` for the number of terms, stands for a sum only where that many terms
    are certain not to be fewer than none; else it stays a sum.

    Raises:
        IllTyped: limits that are no integers, or that contain the index; or a sum over several indices.
    """
    if more:
        raise IllTyped(f"a sum over several indices at once: {summand}")
    index, lower, upper = limits
    if not (lower.is_integer and upper.is_integer) or index in (lower.free_symbols | upper.free_symbols):
        raise IllTyped(f"a sum over {index} from {lower} to {upper}: expected integers free of {index}")
    count = upper - lower + 1
    if count == 1 and not summand.has(sp.Sum):
        return sp.expand(summand.subs(index, lower))
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(summand)):
        numerator, denominator = sp.fraction(term)
        front, rest = (numerator / _factored(denominator)).as_independent(index, as_Add=False)
        total += front * (_closed(rest, limits) if count.is_nonnegative else sp.Sum(rest, limits))
    return total


@lru_cache(maxsize=4096)
def _factored(denominator: sp.Expr) -> sp.Expr:
    """A denominator as a product, of which a part may be free of an index."""
    return sp.factor(denominator)


def _closed(rest: sp.Expr, limits: sp.Tuple) -> sp.Expr:
    """A sum over a range that is certain to exist: no term or one written out, a polynomial by Faulhaber."""
    index, lower, upper = limits
    if upper - lower == -1:
        return sp.Integer(0)
    if upper == lower and not rest.atoms(sp.Sum):  # an inner sum might bind a symbol of the limits
        return rest.subs(index, lower).replace(Dot, _entry)
    polynomial = not rest.atoms(*ATOMS) and rest.is_polynomial(index)
    return sp.summation(rest, limits) if polynomial else sp.Sum(rest, limits)
