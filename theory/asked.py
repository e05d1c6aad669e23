"""What is given from outside: numbers, texts, and lists, or a ValueError of one line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any


def shown(value: object) -> str:
    """A given value in an error: short, and in one line, whatever it is."""
    try:
        return " ".join(reprlib.repr(value).split())
    except Exception:  # Python writes no integer of more than 4300 digits, and a repr may be anybody's
        return f"a {type(value).__name__} that cannot be shown"


def number(name: str, value: Any) -> Any:
    """``value``, if it is a real number that a float can be."""
    try:
        float(value)
        sound = isinstance(value, int | float) and not isinstance(value, bool)
    except (TypeError, ValueError, OverflowError, RuntimeError, Warning):
        sound = False
    if not sound:
        raise ValueError(f"{name} = {shown(value)} is a {type(value).__name__}; expected a number; try {name}=1")
    return value


def horizon(value: Any) -> int:
    """``value``, if it can be a number of steps."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**63:
        raise ValueError(f"horizon = {shown(value)}; expected an integer ≥ 1; try 64")
    return value


def text(name: str, value: Any) -> str:
    """``value``, if it is a text."""
    if not isinstance(value, str):
        raise ValueError(f"{name} = {shown(value)} is a {type(value).__name__}; expected a text")
    return value


def listed(name: str, values: Iterable[Any]) -> list[Any]:
    """``values``, if there are any to go through."""
    try:
        if not isinstance(values, str):
            return [*values]
    except TypeError:
        pass
    raise ValueError(f"{name} = {shown(values)} is a {type(values).__name__}; expected a list")


def numbers(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """``values``, if they are numbers by name."""
    if not isinstance(values, Mapping):
        raise ValueError(f"constants = {shown(values)}; expected numbers by name; try {{'L': 1.0}}")
    return values
