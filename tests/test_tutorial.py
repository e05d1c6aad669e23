"""The tutorial is true: its files are written, its code run, its commands end as it says."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest

from reports.cli import main

TUTORIAL = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_tutorial_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    kinds = []
    try:
        for kind, text in BLOCKS:
            kinds.append(kind)
            if kind == "console":
                for command, code in re.findall(r"^\$ aat (.*)\nexit code (\d)$", text, re.MULTILINE):
                    alone = ["--workers", "1"] if command.startswith("verify") else []
                    assert main([*shlex.split(command), *alone]) == int(code), command
            elif named := re.match(r"# file: (\w+\.py)\n", text):
                Path(named[1]).write_text(text, encoding="utf-8")
                importlib.invalidate_caches()
            else:
                exec(compile(text, str(TUTORIAL), "exec"), {})
    finally:
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
                del sys.modules[name]
    assert kinds.count("python") >= 6
    assert kinds.count("console") >= 5
    assert Path("out/falsify/halved.json").exists()
