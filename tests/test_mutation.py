"""The page about mutants speaks of the code as it is, and of what the tool found."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8")
MODULES = ("reports/verdict.py", "theory/proof.py")
SURVIVED = 0  # the exit code of tests that noticed nothing
COUNTS = {
    module: (int(made), int(left))
    for module, made, left in re.findall(r"^\| `(\S+\.py)` \| (\d+) \| \d+ \| (\d+) \|", PAGE, re.M)
}
LEFT = re.findall(r"^\| `(\S+__mutmut_\d+)` \| `(.+?)` → `(.+?)` \| (.+) \|$", PAGE, re.M)


def session(module: str) -> dict[str, int | None]:
    """What came of each mutant of the module, where `make mutation` was run on it as it is."""
    told, source = ROOT / "mutants" / f"{module}.meta", ROOT / module
    if not told.exists() or told.stat().st_mtime < source.stat().st_mtime:
        pytest.skip("`make mutation` was not run on this code")
    return json.loads(told.read_text(encoding="utf-8"))["exit_code_by_key"]


def test_every_survivor_is_explained() -> None:
    assert set(COUNTS) == set(MODULES)
    assert len(LEFT) == sum(left for _, left in COUNTS.values()) == PAGE.count("__mutmut_")
    assert len({name for name, *_ in LEFT}) == len(LEFT)


@pytest.mark.parametrize(("name", "before", "after"), [row[:3] for row in LEFT], ids=[row[0] for row in LEFT])
def test_the_code_still_has_what_is_explained(name: str, before: str, after: str) -> None:
    module = ROOT / f"{name.rsplit('.', 1)[0].replace('.', '/')}.py"
    assert before in module.read_text(encoding="utf-8")
    assert before != after


@pytest.mark.parametrize("module", MODULES)
def test_the_survivors_are_those_that_the_tool_found(module: str) -> None:
    found = session(module)
    told = {name for name, *_ in LEFT if name.startswith(module.removesuffix(".py").replace("/", "."))}
    assert {name for name, code in found.items() if code == SURVIVED} == told
    assert COUNTS[module] == (len(found), len(told))
    assert None not in found.values(), "not all were run"
