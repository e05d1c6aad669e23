"""The study of rates of real CNNs at toy size: from the command to the page, interrupted, refused and convicted."""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from aat import InputError
from aat.cnn.recorder import Recorder, load
from aat.saved import sealed
from reports import page, published
from reports.cli import main
from reports.cnn import path, rate, rate_result
from reports.cnn.rate_plan import Plan, Series
from reports.cnn.rate_result import RateResult
from reports.study import Study
from reports.verdict import judge
from theory import Rate, claims

from .html import Page

PLAN = Plan(train_images=16, batch=4, steps=16, every=2, looks=2, seeds=2)
COMMAND = ["study", "rate", "--train-images", "16", "--batch", "4", "--steps", "16", "--every", "2", "--looks", "2"]
COMMAND += ["--seeds", "2", "--device", "cpu"]
SERIES = len(PLAN.series)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the command, finished."""
    out = tmp_path_factory.mktemp("rate")
    assert main([*COMMAND, "--out", str(out), "--json", str(out / "rows.json")]) == 0
    return out


@pytest.fixture(scope="module")
def found(folder: Path) -> RateResult:
    return RateResult.load(folder / rate_result.FILE)


@pytest.fixture
def no_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of published results, empty."""
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    return tmp_path


# --- From the command to rows ---


def test_the_file_says_what_made_it(found: RateResult, folder: Path) -> None:
    told = json.loads((folder / rate_result.FILE).read_text(encoding="utf-8"))
    assert told["command"] == PLAN.command
    assert told["versions"]["torch"] == torch.__version__
    assert told["device"]
    assert found.plan == PLAN
    assert found.data == "digits (16 train)"
    found.save(folder / "again.json")
    assert (folder / "again.json").read_bytes() == (folder / rate_result.FILE).read_bytes()


def test_rows_are_those_of_the_records(found: RateResult, folder: Path) -> None:
    """Every value and constant of every series, from the files of its trainings."""
    for each, run in zip(found.found, found.runs, strict=True):
        records = [load(folder / "trainings" / f"{each.series.name}-{seed}" / "records.json") for seed in range(2)]
        everything = [record for told in records for record in told]
        for horizon in run.horizons:
            for seed, value in enumerate(horizon.values):
                steps = [t for t in PLAN.recorded(each.series, seed, 16) if t < horizon.T]
                squares = {record.step: record.square_gradient for record in records[seed]}
                assert value == pytest.approx(fmean(squares[t] for t in steps), rel=1e-14)
            before = [record for record in everything if record.step < horizon.T]
            assert horizon.audit["L"] == max(max(r.smoothness or 0, r.secant or 0) for r in before)
        assert run.constants["Delta"] == max(told[0].loss for told in records)
        assert run.constants["L"] == max(max(r.smoothness or 0, r.secant or 0) for r in everything)
        if "sigma" in run.constants:
            assert run.constants["sigma"] ** 2 == pytest.approx(max(r.noise for r in everything))
        if "G" in run.constants:
            assert run.constants["G"] ** 2 == pytest.approx(max(r.noise + r.square_gradient for r in everything))


def test_rows_are_labelled_and_say_why_they_are_void(found: RateResult, folder: Path) -> None:
    rows = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    assert rows == [row.as_row() for row in found.verdicts]
    assert {row["claim"] for row in rows} == {"R6", "R9", "R12"}
    assert all("constants measured" in row["problem"] for row in rows)
    assert {row["method"].split()[0] for row in rows} == {"dense", "hard"}
    scheduled = [row for row in rows if "scheduled" in row["problem"]]
    assert len(scheduled) == 2 * len(PLAN.horizons(PLAN.series[-1], 16))
    for row in scheduled:
        assert (row["status"], row["bound"]) == ("void", None)
        assert "divided by 10" in row["assumptions"]["step"]
    for row in rows:
        if row not in scheduled:
            # two seeds do not show their tails
            assert (row["status"], row["bound"] > 0) == ("undecided", True), row["reason"]
    beta = {row["constants"].get("beta") for row in rows if row["claim"] == "R9"}
    terms = {row["constants"].get("N") for row in rows if row["claim"] == "R12"}
    assert (beta, terms) == ({0.9}, {4.0})


def test_enough_seeds_hold_and_a_damaged_bound_is_convicted(found: RateResult) -> None:
    """Values of 64 seeds, the two that there are with a little noise of their own."""
    rng = np.random.default_rng(0)
    each = found.found[0]
    many = tuple(
        replace(m, values=tuple(fmean(m.values) * (1 + 0.05 * rng.standard_normal(64)))) for m in each.measured
    )
    run = found.run(replace(each, measured=many))
    rows = judge([(_rate(), run, "")])
    assert {row.status for row in rows} == {"holds"}
    bound = rows[-1].bound
    assert bound
    halved = replace(_rate(), bound=_rate().bound * rows[-1].measured / bound / 2)
    assert judge([(halved, run, "")])[-1].status == "violated"


def _rate() -> Rate:
    claim = claims["R6"]
    assert isinstance(claim, Rate)
    return claim


def test_a_step_too_large_for_the_measured_smoothness_is_void(found: RateResult) -> None:
    each = found.found[0]
    large = replace(each, series=replace(each.series, lr=1.01 / each.measured[-1].L))
    small = replace(each, series=replace(each.series, lr=0.99 / each.measured[-1].L))
    for told, status in ((large, "void"), (small, "undecided")):
        assert {row.status for row in judge([(_rate(), found.run(told), "")])} == {status}


# --- What is run ---


def test_heads_see_the_same_batches_and_are_measured_at_the_same_steps() -> None:
    plan = Plan(every=8)
    for dense, hard in zip(plan.series[::2], plan.series[1::2], strict=True):
        assert (dense.k, hard.k) == (None, 5)
        assert replace(plan.recipe(hard, 3, "d", 256), k=None) == plan.recipe(dense, 3, "d", 256)
        assert plan.recorded(dense, 3, 256) == plan.recorded(hard, 3, 256)
    assert {plan.recipe(each, 0, "d", 256).order for each in plan.series if each.claim == "R12"} == {"blocks"}


@pytest.mark.parametrize("claim", ["R6", "R12"])
def test_one_step_of_each_stretch_is_recorded_each_as_often(claim: str) -> None:
    """So that their plain mean is unbiased; of R12, one start of an epoch."""
    plan, series = Plan(batch=32, every=16, steps=128), Series(claim, None, 0.1)
    unit = 8 if claim == "R12" else 1
    drawn = np.array([plan.recorded(series, seed, 256) for seed in range(400)])
    assert drawn.shape == (400, 8)
    assert (drawn % unit == 0).all()
    assert (drawn // 16 == np.arange(8)).all()
    counts = np.bincount((drawn % 16 // unit).ravel())
    assert len(counts) == 16 // unit
    assert abs(counts / drawn.size * 16 / unit - 1).max() < 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--train-images", "4000"], "--train-images 4000; expected at most 1437"),
        (["--train-images", "some"], "expected a number of images or all"),
        (["--batch", "20", "--train-images", "30"], "expected two batches"),
        (["--steps", "10", "--every", "8"], "steps = 10; expected at least 16"),
        (["--steps", "16", "--every", "2"], "--steps 16; expected at least 64, two epochs"),
        (["--momentum", "1"], "momentum = 1.0"),
        (["--level", "0"], "level = 0.0; expected a probability"),
        (["--arch", "resnet18", "--width", "1"], "resnet18 has BatchNorm2d"),
        (["--k", "99"], "k = 99"),
        (["--looks", "0"], "looks"),
    ],
)
def test_mistakes_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "two epochs" in message:
        options = [*options, "--train-images", "1024"]
    assert main(["study", "rate", *options, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [COMMAND, shlex.split(PLAN.command)[1:]])
def test_a_plan_is_told_and_nothing_is_trained(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--plan", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert f"{2 * SERIES} trainings of 16 steps" in told
    # every option is spelled out, so that the command outlives the defaults
    assert PLAN.command in told
    assert not (tmp_path / "out").exists()


# --- Interrupted ---


class PowerCut(Exception):
    pass


def test_an_interrupted_study_goes_on_to_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "trainings" / "R12-k5-constant-1"
    shutil.copytree(folder / "trainings", tmp_path / "trainings")
    shutil.rmtree(begun)
    images = rate.images_of(PLAN)
    measured = Recorder.on_train_batch_start
    monkeypatch.setattr(Recorder, "on_train_batch_start", _cut_at(9, measured))
    with pytest.raises(PowerCut):
        list(rate.run(PLAN, images, tmp_path, "cpu"))
    assert (begun / "last.ckpt").exists()
    assert not (begun / "records.json").exists()
    with pytest.raises(InputError, match="expected the records of a training"):
        rate.collect(PLAN, images, tmp_path)
    monkeypatch.setattr(Recorder, "on_train_batch_start", measured)
    assert main([*COMMAND, "--out", str(tmp_path)]) == 0
    assert (tmp_path / rate_result.FILE).read_bytes() == (folder / rate_result.FILE).read_bytes()
    # finished trainings are not repeated
    monkeypatch.setattr(Recorder, "on_train_batch_start", _cut_at(0, measured))
    assert len(list(rate.run(PLAN, images, tmp_path, "cpu"))) == 2 * SERIES


def _cut_at(step: int, measured: object) -> object:
    def hook(self: Recorder, trainer: pl.Trainer, *rest: object) -> None:
        if trainer.global_step == step:
            raise PowerCut
        measured(self, trainer, *rest)  # type: ignore[operator]

    return hook


def test_trainings_of_another_study_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = [*COMMAND, "--lr-sgd", "0.5", "--out", str(folder)]
    assert main(other) == 2
    assert "holds a training by another recipe" in capsys.readouterr().err
    assert main([*COMMAND, "--looks", "3", "--out", str(folder)]) == 2
    assert "measured at other steps" in capsys.readouterr().err


# --- Page ---


def test_the_page_shows_every_published_study(found: RateResult, no_others: Path) -> None:
    assert "Real CNNs" not in Page(page.render(Study(()), [], [], [], [])).text
    found.save(no_others / "cnn_rate_toy.json")
    shown = Page(page.render(Study(()), [], [], [], []))
    assert shown.open == []
    assert len(set(shown.ids)) == len(shown.ids)
    for text in ("a posteriori", "measured", found.plan.command, found.device, path.CAPTION):
        assert text in shown.text
    assert len(found.figures) == 4
    for plot in found.figures:
        assert plot.name in shown.ids
        assert plot.caption in shown.text
        for trace in plot.traces:
            assert f"{trace.slope}" in shown.text
    for row in found.verdicts:
        assert (
            f"{row.claim} {row.problem} {row.method} {row.trials} trials {row.horizon} {row.measured:.4g}" in shown.text
        )
    counted = sum(row.status == "void" for row in found.verdicts)
    assert f"{counted} void" in shown.text


def test_the_page_needs_nothing_that_trains() -> None:
    """Whoever runs `make verify` has installed neither torchvision nor Lightning."""
    told = "import sys, reports.page, reports.cli; print({'lightning', 'torchvision', 'aat.cnn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True).stdout == "set()\n"


def test_the_captions_say_what_the_constants_are(found: RateResult) -> None:
    for plot in found.figures:
        if "scheduled" in plot.problem:
            assert "no bound applies" in plot.caption
        else:
            assert "A posteriori: the constants of the bounds were measured along the same runs." in plot.caption


def test_every_curve_is_drawn_and_the_cap_where_there_is_one(found: RateResult) -> None:
    panels = path.draw(found).axes
    assert len(panels) == 4 * 4
    for i, (claim, cap) in enumerate((("R6", 1 / 0.012), ("R9", None), ("R12", 1 / (2 * 4 * 0.001)), ("R6", None))):
        drawn = panels[4 * i : 4 * i + 4]
        alike = [each for each in found.found if each.series.claim == claim][2 * (i == 3) :][:2]
        for axes, name in zip(drawn, ("loss", "square_gradient", "noise", "smoothness"), strict=True):
            lines = [tuple(line.get_ydata()) for line in axes.lines]
            for each in alike:
                assert each.curves[name].mean in lines
                assert each.curves[name].most in lines
        assert any(line.get_ydata()[0] == pytest.approx(cap) for line in drawn[3].lines) == (cap is not None)


@pytest.fixture
def damaged(found: RateResult, tmp_path: Path) -> tuple[Path, dict[str, object]]:
    file = tmp_path / "cnn_rate.json"
    found.save(file)
    return file, json.loads(file.read_text(encoding="utf-8"))


def test_a_damaged_result_is_named(damaged: tuple[Path, dict[str, object]]) -> None:
    file, told = damaged
    broken = [{**told, "plan": {}}, {**told, "found": [{}]}, {**told, "found": 1}, {"found": []}, []]
    for each in broken:
        file.write_text(json.dumps(sealed(each) if isinstance(each, dict) else each))
        with pytest.raises(InputError, match="expected a result of aat study rate"):
            RateResult.load(file)


def test_the_published_studies_are_what_their_commands_make() -> None:
    """As far as that shows without training again: they load, and their command is that of their plan."""
    for file in sorted(published.FOLDER.glob(rate_result.PUBLISHED)):
        told = json.loads(file.read_text(encoding="utf-8"))
        found = RateResult.load(file)
        assert found.plan.command == told["command"]
        assert asdict(found.plan) == told["plan"]
        assert not {row.status for row in found.verdicts} & {"violated"}
