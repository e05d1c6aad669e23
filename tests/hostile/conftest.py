"""The proofs, checked once."""

from tests.reports.conftest import rows

__all__ = ["rows"]
