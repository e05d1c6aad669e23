"""Annotations that hold: what a public function says that it takes is all it takes; the rest is refused in one line.

This is the door for kinds of arguments. Their ranges, shapes and dtypes are checked behind it, where they matter, by
whoever knows what to try instead. It costs some microseconds a call, so what is called at every step has none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from jaxtyping import AbstractArray
from torch import Tensor
from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from aat.checks import check_tensor, shown
from aat.errors import InputError

T = TypeVar("T", bound=Callable[..., Any])

# Integers below it are PyTorch's.
_WORD = 2**63


def typed(what: T) -> T:
    """A function, or a class by its constructor, whose arguments are of the kinds that its annotations say.

    A number where a ``float`` is expected may be an ``int``. An array is any tensor, and a ``Literal`` anything: their
    shapes, dtypes and values are checked inside, with advice.

    Raises:
        InputError: when called with an argument of another kind. One that is missing or unknown is Python's TypeError.

    >>> @typed
    ... def twice(number: float) -> float:
    ...     return 2 * number
    >>> twice("one")
    Traceback (most recent call last):
    aat.errors.InputError: number = 'one' is a str; expected float; try help(twice)
    """
    if isinstance(what, type):
        what.__init__ = _checked(what.__init__, what.__name__)  # type: ignore[misc]
        return what
    return _checked(what, what.__name__)  # type: ignore[return-value]


def check_fields(instance: object, *names: str) -> None:
    """InputError unless these fields of a dataclass are of their kinds; its others take more than they say."""
    hints = get_type_hints(type(instance))
    for name in names:
        _check(type(instance).__name__, name, getattr(instance, name), _plain(hints[name]))


def _checked(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    signature = inspect.signature(function)

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        hints = _hints(function)
        for parameter, value in signature.bind(*arguments, **options).arguments.items():
            if parameter in hints:
                _check(name, parameter, value, hints[parameter])
        return function(*arguments, **options)

    return call


def _check(name: str, parameter: str, value: object, hint: Any) -> None:
    if not _fits(value, hint):
        expected = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        given = f"{parameter} = {shown(value)} is a {type(value).__name__}"
        raise InputError(f"{given}; expected {expected}; try help({name})")
    if isinstance(value, int) and not -_WORD <= value < _WORD:
        raise InputError(f"{parameter} = {shown(value)}; expected a number of 64 bits; try a smaller one")
    if isinstance(value, Tensor) and hint is not Any:
        check_tensor(parameter, value)


def _fits(value: object, hint: Any) -> bool:
    if isinstance(value, bool) and hint in (int, float, int | None, float | None):
        return False  # which Python counts among the numbers, and PyTorch does not
    if isinstance(hint, type) and issubclass(hint, tuple):
        return isinstance(value, hint)  # what a record holds is annotated where it is made
    try:
        check_type(value, hint, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    except TypeCheckError:
        return False
    return True


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """When it is first called: annotations may name what is defined after it."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    skipped = {name for name, each in inspect.signature(function).parameters.items() if each.kind in variadic}
    return {name: _plain(hint) for name, hint in get_type_hints(function).items() if name not in (*skipped, "return")}


def _plain(hint: Any) -> Any:
    """The hint without what is checked elsewhere."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return hint.array_type
    if get_origin(hint) is Literal:
        return Any
    if get_origin(hint) in (Union, type(int | None)):
        return Union[tuple(map(_plain, get_args(hint)))]  # noqa: UP007 (of many)
    return hint
