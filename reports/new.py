"""Files to start from: ``aat new claim NAME``, and the same for a problem and an optimizer."""

from __future__ import annotations

import keyword
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from aat import InputError
from aat.files import write_whole

KINDS = ("claim", "problem", "optimizer")


def write_new(kind: str, name: str, folder: Path) -> Path:
    """Write ``NAME.py`` into ``folder``, ready for ``aat verify``; returns its path.

    Args:
        kind: one of :data:`KINDS`.
        name: a Python name; what the claim, problem or optimizer will be called.
        folder: where.

    Raises:
        InputError: the name is none, or the file is there already.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"{name!r} is no name for a variable; expected letters, digits and _; try my_{kind}")
    path = folder / f"{name}.py"
    if path.exists():
        raise InputError(f"{path} exists; expected a new name; try {name}_2")
    templates = Environment(
        loader=PackageLoader("reports"), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    write_whole(path, templates.get_template(f"{kind}.py.j2").render(name=name))
    return path
