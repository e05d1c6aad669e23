"""Claims in plain text, for a terminal: expressions as a mathematician would type them, sentences without LaTeX."""

from __future__ import annotations

import re

import sympy as sp
from pylatexenc.latex2text import LatexNodes2Text
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

from theory.facts import Fact
from theory.symbols import GLOSSARY, one_root
from theory.terms import Elementary

_LATEX = LatexNodes2Text(math_mode="text")
_MACROS = {r"\|": "‖", r"\tfrac": r"\frac", r"\left": "", r"\right": "", r"\,": " ", "''": "″"}
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def sentence(text: str) -> str:
    """A sentence with formulas between dollar signs, in plain text."""
    for macro, sign in (
        (r"\|", "‖"),
        (r"\tfrac", r"\frac"),
        (r"\left", ""),
        (r"\right", ""),
        (r"\,", " "),
        ("''", "″"),
    ):
        text = text.replace(macro, sign)
    text = re.sub(r"\^\{?2\}?", "²", text)
    text = re.sub(r"_\{([^{}]*[-+=< ][^{}]*)\}", r"_{(\1)}", text)
    text = re.sub(r"\\frac\{?([^{}\\]+?)\}?\{?([^{}\\]+?)\}?(?![^{}]*\})", r"\1/\2", text)
    return str(_LATEX.latex_to_text(text)).strip()


def fact(stated: Fact) -> str:
    """A fact in plain text."""
    return f"{plain(stated.lhs)} {'=' if stated.equal else '≤'} {plain(stated.rhs)}"


def plain(expression: sp.Basic) -> str:
    """An expression in plain text, e.g. ``D²/(2·T·η) + G²·η/2``."""
    return str(_Plain().doprint(one_root(expression)))


class _Plain(StrPrinter):
    """SymPy's printer with the field's signs: ‖a‖², ⟨a, b⟩, w_t, Σ, powers as superscripts."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        name = GLOSSARY[expr.name].latex if expr.name in GLOSSARY else sp.latex(expr)
        return sentence(f"${name}$").replace("*", "∗")

    _print_FixedVector = _print_Symbol
    _print_Dummy = _print_Symbol

    def _indexed(self, letter: str, *indices: sp.Expr) -> str:
        text = ", ".join(map(self._print, indices))
        short = len(indices) == 1 and (indices[0].is_Symbol or indices[0].is_Integer)
        return f"{letter}_{text}" if short else f"{letter}_({text})"

    def _print_Function(self, expr: sp.Function) -> str:
        letter = getattr(expr, "letter", None)
        if letter is None:
            return super()._print_Function(expr)
        name = sentence(f"${letter}$")
        if isinstance(expr, Elementary):
            return f"{name}({self._print(expr.args[0])})"
        return self._indexed(name, *expr.args)

    def _print_Objective(self, expr: sp.Function) -> str:
        return f"{expr.letter}({self._print(expr.args[0])})"

    _print_HardObjective = _print_Objective

    def _print_Gradient(self, expr: sp.Function) -> str:
        return f"∇F({self._print(expr.args[0])})"

    def _print_Norm2(self, expr: sp.Function) -> str:
        return f"‖{self._print(expr.args[0])}‖²"

    def _print_Inner(self, expr: sp.Function) -> str:
        return f"⟨{self._print(expr.args[0])}, {self._print(expr.args[1])}⟩"

    def _print_Sum(self, expr: sp.Sum) -> str:
        index, lower, upper = expr.limits[0]
        summand = self.parenthesize(expr.function, PRECEDENCE["Mul"])
        return f"Σ_({index}={self._print(lower)}..{self._print(upper)}) {summand}"

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp.could_extract_minus_sign():
            below = self._print(1 / expr)
            return f"1/({below})" if (1 / expr).is_Add else f"1/{below}"
        base = self._print(expr.base)
        tight = precedence(expr.base) >= PRECEDENCE["Atom"] and not isinstance(expr.base, sp.Sum)
        base = base if tight else f"({base})"
        if expr.exp == sp.Rational(1, 2):
            return f"√{base}"
        if expr.exp.is_Integer:
            return f"{base}{str(expr.exp).translate(_SUPERSCRIPT)}"
        return f"{base}^{self._print(expr.exp)}" if expr.exp.is_Symbol else f"{base}^({self._print(expr.exp)})"

    def _print_Mul(self, expr: sp.Mul) -> str:
        return super()._print_Mul(expr).replace("*", "·")

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        # a sum starts with a positive term: F(w) − F(u), not −F(u) + F(w)
        terms = sorted(self._as_ordered_terms(expr, order=order), key=lambda term: term.could_extract_minus_sign())
        texts = [self.parenthesize(term, PRECEDENCE["Add"], strict=True) for term in terms]
        return " ".join(
            (f"− {text[1:]}" if text.startswith("-") else f"+ {text}") if position else text
            for position, text in enumerate(texts)
        )
