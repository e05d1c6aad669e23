"""Results in files: JSON that says its version and carries its own checksum; one mechanism for every kind of result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aat.files import write_whole

# Of every kind of result; one that changes says its own.
SCHEMA = 1
_DAMAGED = "its checksum is not that of its content, so it is damaged or was edited"


def sealed(told: Mapping[str, Any], schema: int = SCHEMA) -> dict[str, Any]:
    """``told``, after its version and its checksum, which does not depend on how the JSON is laid out.

    >>> sealed({"seed": 0})
    {'schema': 1, 'checksum': 'd22df856deea2e15', 'seed': 0}
    """
    return {"schema": schema, "checksum": _checksum({**told, "schema": schema}), **told}


def save(file: Path, told: Mapping[str, Any], schema: int = SCHEMA) -> None:
    """Write ``told``, whole or not at all.

    Raises:
        OSError: with ``file`` as its file name.
        ValueError: it holds a number that JSON does not have.
    """
    write_whole(file, json.dumps(sealed(told, schema), indent=1, ensure_ascii=False, allow_nan=False))


def load(file: Path, schema: int = SCHEMA) -> dict[str, Any]:
    """What was saved.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is of another version, damaged, or no such file.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("brackets in brackets without end") from None
    if not isinstance(told, dict):
        raise ValueError(f"a JSON {type(told).__name__}; expected an object")
    given = told.pop("schema", None)
    if given != schema:
        raise ValueError(f"schema {given}; expected {schema}")
    if told.pop("checksum", None) != _checksum({**told, "schema": schema}):
        raise ValueError(_DAMAGED)
    return told


def _checksum(told: Mapping[str, Any]) -> str:
    # sorted and without spaces; Python writes every float so that it reads back as the same number
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()
