"""Verdicts, rate plots, one page: where claims and runs meet."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.runner import verify
    from reports.verdict import Verdict, judge

__all__ = ["Verdict", "judge", "verify"]

_HOMES = {"verify": "reports.runner", "Verdict": "reports.verdict", "judge": "reports.verdict"}


def __getattr__(name: str) -> Any:
    # found when asked for: pytest imports reports.pytest_plugin everywhere, and must not wait for torch and SymPy
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
