"""A user's file: claims, problems and optimizers of their own, each of them against the built-in others."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from aat import InputError
from sim import SGD, Method, Problem, from_optimizer
from theory import Rate

NAMESPACE = "aat_own"


@dataclass(frozen=True)
class Own:
    """What a file defines, by name: claims by their ids, problems and methods by their variables.

    An optimizer is a subclass of ``torch.optim.Optimizer`` that the file itself defines, or what ``from_optimizer``
    makes of any.
    """

    path: Path
    claims: Mapping[str, Rate] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    methods: Mapping[str, Method] = field(default_factory=dict)

    def method(self, name: str | None) -> Method | None:
        """The method of that name, also ``SGD``; ``None`` for none.

        Raises:
            InputError: there is none.
        """
        if name is None or name in self.methods:
            return self.methods[name] if name else None
        if name != SGD.name:
            raise InputError(f"unknown method {name!r}; expected one of {', '.join([SGD.name, *self.methods])}")
        return SGD()


def load(path: Path) -> Own:
    """Run a user's file and look what it defines.

    Raises:
        InputError: it cannot be read, does not run, or defines nothing to verify.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; expected a Python file; try aat new claim {path.stem}") from None
    return _loaded(path.absolute(), content)


@lru_cache(maxsize=8)
def _loaded(path: Path, content: bytes) -> Own:
    found = _sort(path, _run(path, content))
    if not (found.claims or found.problems or found.methods):
        raise InputError(
            f"{path.name} defines no claim, problem or optimizer; expected variables that hold what theory.cited.cite, "
            "sim.problems.loss or sim.from_optimizer return; try aat new claim NAME"
        )
    return found


def _run(path: Path, content: bytes) -> ModuleType:
    """The module of the file, which may import what lies beside it."""
    module = module_from_spec(spec_from_loader(f"{NAMESPACE}.{path.stem}", loader=None, origin=str(path)))  # type: ignore[arg-type]
    module.__file__ = str(path)
    # dataclasses and the like look their module up by name
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(path.parent))
    try:
        exec(compile(content, str(path), "exec"), vars(module))
    except Exception as error:  # whatever a file that is not ours may raise
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else 0
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        raise InputError(
            f"{path.name}, line {line}: {kind}{error}; expected a file that runs; try python {path.name}"
        ) from None
    finally:
        sys.path.remove(str(path.parent))
    return module


def _sort(path: Path, module: ModuleType) -> Own:
    found: dict[str, dict[str, Any]] = {"claims": {}, "problems": {}, "methods": {}}
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, Rate):
            found["claims"][value.id] = value
        elif isinstance(value, Problem):
            named = value.data != type(value).data and value.data != "loss"
            found["problems"][name] = value if named else replace(value, data=name)
        elif isinstance(value, type):
            if issubclass(value, torch.optim.Optimizer) and value.__module__ == module.__name__:
                found["methods"][name] = from_optimizer(value)
        elif hasattr(value, "update") and hasattr(value, "start") and isinstance(getattr(value, "name", None), str):
            found["methods"][name] = value
    return Own(path, **found)
