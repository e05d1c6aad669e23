"""What ``aat falsify`` has found, with what it was found by: a file, and a table of the page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import published
from reports.falsify.found import Found

# Below the folder of the instances, whose files have the names of claims.
FILE = Path("results", "falsify.json")
# Those that the page shows.
PUBLISHED = "falsify*.json"


@dataclass(frozen=True)
class Searched:
    """A finished search.

    Attributes:
        command: that makes it again.
        versions: of what computed it.
        rows: the worst instance of each claim.
    """

    command: str
    versions: dict[str, str]
    rows: tuple[Found, ...]

    def save(self, file: Path) -> None:
        """Write it, whole or not at all, a claim a line."""
        published.write(file, {"command": self.command, "versions": self.versions}, "rows", self.rows)

    @classmethod
    def load(cls, file: Path) -> Searched:
        """Read it.

        Raises:
            InputError: it is no such file.
        """

        def make(told: dict[str, Any]) -> Searched:
            return cls(told["command"], told["versions"], tuple(Found(**row) for row in told["rows"]))

        return published.read(file, make, "aat falsify")
