"""Verdicts, rate plots, one page: where claims and runs meet."""

from reports.runner import verify
from reports.verdict import Verdict, judge

__all__ = ["Verdict", "judge", "verify"]
