"""A command that is killed anywhere, any number of times, and called again ends as one that was left alone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
import torch

from aat import saved
from aat.cnn import checkpoint
from aat.seeds import generator
from tests.reports.killed import VERIFY, Run, warm

KILLS = 50 if hypothesis.settings.get_current_profile_name() == "nightly" else 8
TRAIN = ("train", "--device", "cpu", "--arch", "linear", "--epochs", "3", "--batch", "32", "--train-images", "96",
         "--test-images", "32", "--out", "out")  # fmt: skip


def files(folder: Path) -> dict[str, object]:
    """Every file; of a process that was killed no half of one is left."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(found)}


def training(folder: Path) -> dict[str, object]:
    """What a training leaves, but for times."""
    out = folder / "out"
    result, last = saved.load(out / "result.json"), checkpoint.load(out / "last.ckpt")
    del result["seconds_per_epoch"], last["seconds"]
    return {
        "result": result,
        # a dictionary of tensors compares by its text, which shows every number of so small a network
        "last": {name: _told(last[name]) for name in ("state_dict", "optimizer_states", "lr_schedulers", "recipe")},
        "weights": (out / "weights.pt").read_bytes(),
        "recipe": (out / "recipe.json").read_bytes(),
    }


def _told(value: Any) -> object:
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items()}
    return [_told(each) for each in value] if isinstance(value, list | tuple) else value


class Case(NamedTuple):
    arguments: tuple[str, ...]
    read: Callable[[Path], dict[str, object]] = files
    after: tuple[str, ...] = ()


CASES = {
    "verify": Case((*VERIFY, "--json", "rows.json", "--out", "out")),
    "report": Case(("report", "out"), after=(*VERIFY, "--out", "out")),
    "plot": Case(("plot", "out"), after=(*VERIFY, "--out", "out")),
    "train": Case(TRAIN, training),
}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with warm() as run:
        yield run


@pytest.fixture
def begun(request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> Callable[[str], Path]:
    """A new folder with what the command needs."""
    case, source = CASES[request.node.callspec.params["command"]], tmp_path / "source"
    source.mkdir()
    if case.after:
        assert run(source, *case.after).code == 0
        shutil.rmtree(source / "out/figures")
        (source / "out/index.html").unlink()
    return lambda name: Path(shutil.copytree(source, tmp_path / name))


@pytest.mark.parametrize("command", CASES)
def test_killed_again_and_again_it_ends_as_in_one_go(command: str, run: Run, begun: Callable[[str], Path]) -> None:
    case, kills = CASES[command], 0
    whole = begun("whole")
    code, moments = run(whole, *case.arguments)
    assert code == 0
    assert moments >= 4
    wanted, draw = case.read(whole), generator("killed", command)
    while kills < KILLS:
        parts = begun(f"parts-{kills}")
        for at in torch.randint(1, moments + 1, (4,), generator=draw).tolist():
            # what is done is not done again, so that later calls have fewer moments
            ended = run(parts, *case.arguments, at=at).code
            assert ended in (0, -9)
            kills += ended == -9
        assert run(parts, *case.arguments).code == 0
        assert case.read(parts) == wanted


@pytest.mark.parametrize("command", CASES)
def test_two_at_once_end_as_one(command: str, run: Run, begun: Callable[[str], Path]) -> None:
    case, alone, both = CASES[command], begun("alone"), begun("both")
    assert run(alone, *case.arguments).code == 0
    assert run(both, *case.arguments, beside=case.arguments).code == 0
    assert case.read(both) == case.read(alone)


# Two calls whose files have the same names, and other content.
APART = {
    "two verifies": (
        Case((*VERIFY, "--out", "out")),
        (*VERIFY, "--trials", "5", "--seed", "1", "--out", "out"),
    ),
    "a verify and a report": (
        Case((*VERIFY, "--trials", "5", "--out", "out"), after=(*VERIFY, "--out", "out")),
        ("report", "out"),
    ),
    "two trainings": (Case(TRAIN, training), (*TRAIN, "--seed", "1")),
}


@pytest.mark.parametrize("calls", APART)
def test_different_ones_at_once_end_as_one_after_the_other(calls: str, run: Run, tmp_path: Path) -> None:
    case, other = APART[calls]
    folders = [tmp_path / name for name in ("one first", "other first", "at once")]
    for folder in folders:
        folder.mkdir()
        assert not case.after or run(folder, *case.after).code == 0
    turns = ((case.arguments, other), (other, case.arguments))
    codes = [max(run(folder, *call).code for call in turn) for folder, turn in zip(folders, turns, strict=False)]
    ends = [(code, case.read(folder)) for code, folder in zip(codes, folders, strict=False)]
    code = run(folders[-1], *case.arguments, beside=other).code
    assert (code, case.read(folders[-1])) in ends
