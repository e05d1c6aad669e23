"""A user's mistake: exit code 2, one line that begins with `aat: `, and nothing written."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from aat import InputError
from aat.saved import sealed
from reports import check, ledger
from reports.cli import app, concepts, explain, main
from reports.falsify.search import Search
from theory import claims
from theory.proof import Checked

X = np.array([[1.0, 0.5, 2.0], [0.0, 1.0, 0.5]])
Y = np.array([0, 1])

ON_TINY = "R1 --problem monotone --data tiny --exact --horizon 1"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must be refused; what it says."""
    before = below(Path())
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", said)
    assert below(Path()) == before
    return said


# --- Options of verify ---

WRONG = {
    "K = 0": f"{ON_TINY} --k 0",
    "K < 0": f"{ON_TINY} --k -3",
    "K > n": f"{ON_TINY} --k 5",
    "K is a letter": f"{ON_TINY} --k x",
    "K is not whole": f"{ON_TINY} --k 2.5",
    "unknown claim": "R99 --problem monotone",
    "unknown claim in a profile": "R99",
    "fact": "O1 --problem monotone",
    "fact in a profile": "R6t",
    "unknown profile": "--profile nope",
    "unknown problem": "--problem nope",
    "unknown data": f"{ON_TINY} --data nope",
    "unknown smoothing": f"{ON_TINY} --k 2 --smoothing nope --mu 0.1",
    "no mu": f"{ON_TINY} --k 2 --smoothing entropic",
    "mu without smoothing": f"{ON_TINY} --k 2 --mu 0.1",
    "mu = 0": f"{ON_TINY} --k 2 --smoothing entropic --mu 0",
    "mu < 0": f"{ON_TINY} --k 2 --smoothing quadratic --mu -1",
    "mu is not a number": f"{ON_TINY} --k 2 --smoothing quadratic --mu nan",
    "mu is infinite": f"{ON_TINY} --k 2 --smoothing quadratic --mu inf",
    "mu is a word": f"{ON_TINY} --k 2 --smoothing quadratic --mu small",
    "ridge < 0": f"{ON_TINY} --k 2 --ridge -1",
    "ridge is not a number": f"{ON_TINY} --k 2 --ridge nan",
    "step = 0": f"{ON_TINY} --k 2 --step 0",
    "step < 0": f"{ON_TINY} --k 2 --step -0.1",
    "step is not a number": f"{ON_TINY} --k 2 --step nan",
    "step is infinite": f"{ON_TINY} --k 2 --step inf",
    "level = 0": f"{ON_TINY} --k 2 --level 0",
    "level = 1": f"{ON_TINY} --k 2 --level 1",
    "level < 0": f"{ON_TINY} --k 2 --level -0.01",
    "level is not a number": f"{ON_TINY} --k 2 --level nan",
    "one trial": "R1 --problem monotone --data tiny --k 2 --trials 1",
    "no look": "R6 --problem monotone --data tiny --k 2 --looks 0",
    "horizon 0": f"{ON_TINY} --k 2 --horizon 0",
    "horizon 0 for trials": "R1 --problem monotone --data tiny --k 2 --horizon 0",
    "horizon < 0": f"{ON_TINY} --k 2 --horizon -1",
    "horizon is not whole": f"{ON_TINY} --k 2 --horizon 1.5",
    "too many paths": f"{ON_TINY} --k 2 --horizon 18",
    "density is infinite": f"{ON_TINY} --k 2 --density -inf",
    "anneal is not a number": f"{ON_TINY} --k 2 --anneal nan",
    "no character": "R1 --out \ud800",
    "a zero byte": "R1 --out \x00",
    "no workers": f"{ON_TINY} --k 2 --workers 0",
    "one class": "R1 --problem softmax --data one-class.npz --k 2",
    "unknown option": f"{ON_TINY} --nope",
    "option without its value": f"{ON_TINY} --k",
    "options for a problem without a problem": "R1 --data tiny --exact",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_of_verify(case: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez("one-class.npz", x=X, y=np.zeros(2, dtype=np.int64))
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: pytest.fail("it went on to the proofs"))
    mistake(capsys, "verify", *WRONG[case].split(), "--out", "out")


def test_a_name_with_a_line_break_does_not_break_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    mistake(capsys, "verify", "R1", "--problem", "monotone", "--data", "two\nlines.npz", "--out", "out")


# --- Data files ---


def npz(**arrays: object) -> Callable[[Path], None]:
    return lambda path: np.savez(path, **arrays)


def npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, X)


def altered(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A sound file whose bytes were changed."""

    def write(path: Path) -> None:
        np.savez(path, x=X, y=Y)
        path.write_bytes(change(path.read_bytes()))

    return write


FILES: dict[str, Callable[[Path], object]] = {
    "x has a NaN": npz(x=np.where(X > 1, np.nan, X), y=Y),
    "x has an infinity": npz(x=np.where(X > 1, np.inf, X), y=Y),
    "x is complex": npz(x=X.astype(complex), y=Y),
    "x is text": npz(x=X.astype(str), y=Y),
    "x is of objects": npz(x=X.astype(object), y=Y),
    "x is of booleans": npz(x=X > 0, y=Y),
    "x is a vector": npz(x=X[0], y=Y),
    "x has no samples": npz(x=X[:0], y=Y[:0]),
    "x has no features": npz(x=X[:, :0], y=Y),
    "y is real": npz(x=X, y=Y.astype(float)),
    "y is too short": npz(x=X, y=Y[:1]),
    "y is negative": npz(x=X, y=Y - 1),
    "y is missing": npz(x=X),
    "x is missing": npz(y=Y),
    "names are others": npz(features=X, labels=Y),
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "text": lambda path: path.write_text("x, y"),
    "folder": lambda path: path.mkdir(),
    "single array": npy,
    "cut short": altered(lambda content: content[: len(content) // 2]),
    "rotten": altered(lambda content: content[:140] + b"\xff" * 40 + content[180:]),
}


@pytest.mark.parametrize("problem", ["routing", "logistic"])
@pytest.mark.parametrize("case", FILES)
def test_a_wrong_data_file(case: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FILES[case](tmp_path / "given.npz")
    call = f"verify R1 --problem {problem} --data given.npz --k 2 --exact --horizon 1 --out out"
    assert re.match(r"aat: (given\.npz|[xy]\b)", mistake(capsys, *call.split()))


def test_features_that_are_all_zero_leave_nothing_to_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "given.npz", x=0 * X, y=Y)
    call = "verify R1 --problem monotone --data given.npz --k 2 --exact --horizon 1 --out out"
    assert "all features are 0" in mistake(capsys, *call.split())
    assert not (tmp_path / "out").exists()


# --- Other commands ---


@pytest.mark.parametrize(
    "call",
    [
        "nope",
        "--nope",
        "claims more",
        "show",
        "show R99",
        "show R1 R3",
        "prove R99",
        "prove R1 R99",
        "prove --nope",
        "plot",
        "plot nowhere",
        "report nowhere",
        "report nowhere --nope",
    ],
)
def test_a_wrong_call_of_another_command(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    mistake(capsys, *call.split())


@pytest.mark.parametrize("name", ["R99", "r1", "", "O13"])
def test_an_unknown_claim_is_answered_with_those_that_are_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys, "prove", name)
    assert repr(name) in said
    assert ", ".join(claims) in said


# --- Places that cannot be written ---


@pytest.mark.parametrize("out", ["a-file/out", "a-file", "/proc/aat/out"])
def test_out_cannot_be_made(out: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a-file").touch()
    monkeypatch.setattr(ledger, "prove", lambda ids, workers: pytest.fail("it went on to the proofs"))
    said = mistake(capsys, "verify", *ON_TINY.split(), "--k", "2", "--out", out)
    assert out.split("/out")[0] in said


@pytest.mark.parametrize("file", ["a-file/rows.json", "a-folder", "/proc/aat.json"])
def test_json_cannot_be_written(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a-file").touch()
    Path("a-folder").mkdir()
    said = mistake(capsys, "prove", "G.logistic", "--workers", "1", "--json", file)
    assert file.removesuffix("/rows.json") in said
    assert str(os.getpid()) not in said


# --- Damaged folders ---

Damage = Callable[[str], str]


def sealed_again(told: dict[str, Any]) -> str:
    """So that what was changed is met, and not the checksum."""
    told.pop("checksum")
    return json.dumps(sealed(told, told["schema"]))


def replaced(old: str, new: str) -> Damage:
    return lambda text: sealed_again(json.loads(text.replace(old, new)))


def edited(**changes: object) -> Damage:
    return lambda text: sealed_again({**json.loads(text), **changes})


def edited_row(**changes: object) -> Damage:
    def edit(text: str) -> str:
        run = json.loads(text)
        run["horizons"][0].update(changes)
        return sealed_again(run)

    return edit


COMMON: dict[str, Damage] = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "not JSON": lambda text: "hello",
    "null": lambda text: "null",
    "a number": lambda text: "3",
    "a list of numbers": lambda text: "[1, 2]",
    "an empty object": lambda text: "{}",
    "a changed digit": lambda text: re.sub(r"\d(?=\D*$)", lambda digit: str(9 - int(digit[0])), text),
}
STUDIES: dict[str, Damage] = COMMON | {
    "an unknown field of a cell": replaced('"looks"', '"peeks"'),
    "a missing field of a cell": replaced('"horizons"', '"trials"'),
    "cells of another kind": edited(cells=[1]),
    "cells without a run": replaced('"seed": 0', '"seed": 1'),
    "a word for a level": edited(level="low"),
    "a level above 1": edited(level=5),
}
RUNS: dict[str, Damage] = COMMON | {
    "another schema": edited(schema=0),
    "an unknown field": edited(colour="red"),
    "no horizons": edited(horizons=[]),
    "an unknown engine": edited(engine="steam"),
    "words for constants": edited(constants={"G": "big", "D": "far"}),
    "words for values": edited_row(values=["a"]),
    "no values": edited_row(values=[]),
    "a number for values": edited_row(values=3),
    "a word for a horizon": edited_row(T="long"),
    "a horizon of 0": edited_row(T=0),
    "a word for a step": edited_row(eta="small"),
}
FOLDERS = (
    [("study.json", name, damage) for name, damage in STUDIES.items()]
    + [("ledger.json", name, damage) for name, damage in COMMON.items()]
    + [("runs/R1*hard*.json", name, damage) for name, damage in RUNS.items()]
)


@pytest.mark.parametrize(("file", "damage"), [pytest.param(f, d, id=f"{f}, {name}") for f, name, d in FOLDERS])
def test_a_damaged_folder_is_not_reported_on(
    file: str, damage: Damage, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("figures", "index.html"))
    (path,) = (tmp_path / "copy").glob(file)
    path.write_text(damage(path.read_text()))
    said = mistake(capsys, "report", "copy")
    assert "copy" in said


def test_binary_rubbish_is_not_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "study.json").write_bytes(b"\xff\xfe\x00")
    mistake(capsys, "report", ".")


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == main(["verify", "--help"]) == 0
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out.count("Usage: aat") == 3
    assert err == ""
    assert app.commands.keys() == {"claims", "show", "prove", "worst-case", "book", "verify", "falsify", "new",
                                    "plot", "report", "train", "explain", "concepts", "study", "bench",
                                    "doctor"}  # fmt: skip


# --- What is not there ---


def test_a_number_of_images_is_a_number_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    said = mistake(capsys, "study", "rate", "--train-images", "few")
    assert said == "aat: --train-images few; expected a number of images or all; try --train-images 256\n"


def test_a_search_has_a_round(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^rounds = 0; expected ≥ 1; try 4$"):
        Search("R1", tmp_path, rounds=0).check()


def test_nothing_is_checked_against_a_rate_whose_proof_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(claims["R1"]), "prove", lambda _: Checked("R1", (), (), "a step is missing"))
    with pytest.raises(InputError, match=r"^the proof of R1 is refused: a step is missing; expected residuals of 0"):
        check._proved.__wrapped__("R1")


def test_masks_are_in_a_folder_and_a_device_is_there() -> None:
    with pytest.raises(InputError, match=r"^--data nowhere; expected scenes, or a folder with concepts.json"):
        concepts._annotated("nowhere", None, 0, 1)
    there = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(InputError, match=rf"^--device {there}; expected one that this machine has; try --device cpu$"):
        concepts._device(there)
    assert concepts._device("cpu") == "cpu"


def test_a_class_has_a_name_or_a_number() -> None:
    images = SimpleNamespace(name="pets", classes=("cat", "dog"))
    assert [explain._class(told, images) for told in ("dog", "1", "0")] == [1, 1, 0]
    with pytest.raises(InputError, match=r"^--target 2; expected a class of pets: cat, dog; try cat$"):
        explain._class("2", images)
