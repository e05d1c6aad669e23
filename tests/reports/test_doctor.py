"""`aat doctor`: what works is said to, and what does not is named with its reason."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch

from aat.kernels import BACKENDS
from reports import doctor
from reports.cli import main


def findings() -> dict[str, doctor.Finding]:
    return {each.name: each for each in doctor.examine()}


def test_here_everything_required_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", str(tmp_path / "rows.json")]) == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    assert rows["torch"]["told"] == metadata.version("torch")
    assert BACKENDS.keys() <= rows.keys()
    assert all(row["works"] for row in rows.values() if row["required"])
    said = capsys.readouterr().out
    assert all(name in said for name in rows)


@pytest.mark.parametrize("part", ["forward", "backward"])
def test_a_backend_that_computes_something_else_is_found(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = BACKENDS["chunked"]
    really = getattr(backend, part)

    def wrong(*given: Any) -> tuple[torch.Tensor, ...]:
        first, *rest = really(*given)
        return (first + 1e-6, *rest)

    monkeypatch.setattr(backend, part, wrong)
    assert "off by 1.0e-06 from the definition" in findings()["chunked"].told
    assert main(["doctor"]) == 1


def test_a_backend_that_fails_or_does_not_fit_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no\ndriver")

    monkeypatch.setattr(BACKENDS["triton"], "unfit", fail)
    monkeypatch.setattr(BACKENDS["cpu"], "library", lambda: None)
    found = findings()
    assert found["triton"] == doctor.Finding("backend", "triton", False, False, "RuntimeError: no driver")
    assert found["cpu"].told == "it was not compiled when aat was installed"
    # neither is required: the portable one does the same
    assert main(["doctor"]) == 0


def test_engines_that_disagree_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    really = doctor.simulate
    others = {"torch": 0, "lanes": 1}
    monkeypatch.setattr(
        doctor, "simulate", lambda *given, backend, **named: really(*given, seed=others[backend], **named)
    )
    found = findings()["lanes (numba)"]
    assert not found.works
    assert "from the generic engine" in found.told


def test_what_is_missing_names_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["sympy>=1.13", "surely-missing>=1", 'also-missing; extra == "pep"', 'pytest; extra == "test"']
    monkeypatch.setattr(metadata, "requires", lambda name: needed)
    found = findings()
    assert found["surely-missing"].told == "not installed; try pip install 'surely-missing>=1'"
    assert found["also-missing"].told == "not installed; try pip install 'aat-sgd[pep]'"
    assert [found[name].required for name in ("sympy", "surely-missing", "also-missing")] == [True, True, False]
    assert "pytest" not in found
    assert main(["doctor"]) == 1


def test_without_an_installation_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", absent)
    assert findings()["aat-sgd"].told == "not installed; try pip install aat-sgd"
