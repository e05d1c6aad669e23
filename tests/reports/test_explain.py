"""`aat explain`: the page adds up, stands alone, and looks at what it says; mistakes are one line."""

import base64
import io
import json
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aat.cnn import Images, features, load_network
from aat.concepts.tally import Match, Tally, Unit
from reports.cli import main
from reports.explain.account import Network
from reports.explain.page import Explanations, explain
from reports.explain.pictures import glow, picture
from tests.aat.cnn.toy import digits, trained

from .browser import WIDTHS, needs_chromium, opened, overflow
from .html import Page

IMAGES = ["--data", "digits", "--train-images", "200", "--test-images", "100"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A toy training of each kind of head."""
    out = tmp_path_factory.mktemp("trainings")
    kinds: dict[str, dict[str, Any]] = {
        "aat": {"k": 5},
        "dense": {"k": None},
        "linear": {"arch": "linear", "k": 12},
        "soft": {"k": 3, "smoothing": "entropic", "mu": 0.05},
    }
    for name, told in kinds.items():
        trained(out / name, epochs=1, **told)
    return {name: out / name for name in kinds}


def called(out: Path, folders: Sequence[Path], *more: str) -> tuple[Page, list[dict[str, Any]]]:
    """The page and the rows of the command."""
    checkpoints = [word for folder in folders for word in ("--checkpoint", str(folder))]
    assert main(["explain", *checkpoints, *IMAGES, "--out", str(out), "--json", str(out / "rows.json"), *more]) == 0
    return Page((out / "index.html").read_text()), json.loads((out / "rows.json").read_text())


def read(shown: str) -> Fraction:
    return Fraction(shown.replace("−", "-").replace(" ", ""))


@pytest.mark.parametrize("kind", ["aat", "dense", "linear", "soft"])
def test_every_sum_on_the_page_adds_up(tmp_path: Path, folders: dict[str, Path], kind: str) -> None:
    page, rows = called(tmp_path, [folders[kind]], "--images", "12", "--target", "3")
    shown = re.findall(r"(−?[\d.]+) = ((?:−?[\d.]+)(?: [+−] [\d.]+)*)", page.text)
    scores = {(row["image"], row["target"]) for row in rows}
    assert len(shown) == len(scores) >= 12
    for score, summands in shown:
        parts = re.findall(r"([+−]?) ?([\d.]+)", summands)
        assert sum((-1 if sign == "−" else 1) * read(part) for sign, part in parts) == read(score)


@pytest.mark.parametrize("kind", ["aat", "dense", "linear", "soft"])
def test_rows_are_what_the_network_said(tmp_path: Path, folders: dict[str, Path], kind: str) -> None:
    _, rows = called(tmp_path, [folders[kind]], "--images", "12", "--target", "3")
    network, _, about = load_network(folders[kind] / "weights.pt")
    scores = network(digits().test.batch(range(100))).detach()
    seen = set()
    for row in rows:
        mine = [other for other in rows if (other["image"], other["target"]) == (row["image"], row["target"])]
        target = about.classes.index(row["target"])
        assert sum(other["value"] for other in mine) == pytest.approx(row["score"])
        assert row["score"] == pytest.approx(scores[row["image"], target].item(), rel=1e-5, abs=1e-5)
        assert row["label"] == about.classes[digits().test.labels[row["image"]]]
        seen.add((row["image"], target))
    assert {(image, scores[image].argmax().item()) for image, _ in seen} <= seen
    assert {image for image, target in seen if target == 3} == {image for image, _ in seen}


def test_heads_stand_side_by_side(tmp_path: Path, folders: dict[str, Path]) -> None:
    page, rows = called(tmp_path, [folders["aat"], folders["dense"]], "--image", "7", "--image", "2")
    names = list(dict.fromkeys(row["network"] for row in rows))
    assert names == ["small, K = 5, seed 0", "small, dense, seed 0"]
    assert list(dict.fromkeys(row["image"] for row in rows)) == [7, 2]
    assert re.search(r"\d+ more units", page.text)
    assert [row["part"] for row in rows if row["network"] == names[0] and row["image"] == 7][-1] == "bias"


def test_concepts_of_detectors_are_told(tmp_path: Path, folders: dict[str, Path]) -> None:
    # a tally counts units from 1; those with an odd index fit stripes well, the others too badly
    matches = {True: Match("stripes", 100, 100, 50), False: Match("stripes", 100, 100, 1)}
    Tally(("texture",), tuple(Unit(unit + 1, (matches[unit % 2 == 1],)) for unit in range(32))).save(tmp_path / "t.csv")
    page, rows = called(
        tmp_path, [folders["dense"]], "--images", "3", "--units", "20", "--concepts", str(tmp_path / "t.csv")
    )
    units = [(int(row["part"].split()[1]), row["concept"]) for row in rows if row["part"].startswith("unit")]
    assert {unit % 2 for unit, _ in units} == {0, 1}
    assert all(concept == ("stripes" if unit % 2 else None) for unit, concept in units)
    shown = re.findall(r"unit (\d+) stripes texture, IoU 0.33", page.text)
    assert shown
    assert all(int(unit) % 2 for unit in shown)


def test_the_page_stands_alone(tmp_path: Path, folders: dict[str, Path]) -> None:
    page, _ = called(tmp_path, [folders["aat"], folders["dense"]], "--images", "3")
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert {loaded.removeprefix("#") for loaded in page.loaded} <= set(page.ids)
    for style in page.styles:
        assert all(url.startswith("data:image/png;base64,") for url in re.findall(r"url\(([^)]*)\)", style))


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(tmp_path: Path, folders: dict[str, Path], scheme: str) -> None:
    called(tmp_path, [folders["aat"], folders["dense"]], "--images", "3")
    for width in WIDTHS:
        with opened(tmp_path / "index.html", width, scheme) as (page, wrong):
            assert overflow(page) <= 0
            page.click("table.votes a >> nth=0")
            assert "-unit-" in page.url
            assert page.locator(".tile").count() > 10
            painted = page.locator(".tile").first.evaluate("tile => getComputedStyle(tile).backgroundImage")
            assert painted.count("data:image/png") == 2
            assert wrong == []


def test_the_same_bytes_again(tmp_path: Path, folders: dict[str, Path]) -> None:
    for name in ("one", "two"):
        called(tmp_path / name, [folders["aat"]], "--images", "3")
    assert (tmp_path / "one" / "index.html").read_bytes() == (tmp_path / "two" / "index.html").read_bytes()


def explained(
    folders: dict[str, Path], chosen: Sequence[int], images: Images | None = None, **told: Any
) -> Explanations:
    return explain([Network.load(folders["aat"] / "weights.pt")], images or digits(), chosen, **told)


def test_examples_are_those_that_activate_a_unit_most(folders: dict[str, Path]) -> None:
    (account,) = explained(folders, [3, 99], search=50).accounts
    heard = features(load_network(folders["aat"] / "weights.pt")[0], digits().test)
    searched = [*range(50), 99]
    for unit, looked in account.examples.items():
        values = heard[[one.image for one in looked], unit]
        assert (values > 0).all()
        best = sorted((value for value in heard[searched, unit].tolist() if value > 0), reverse=True)
        torch.testing.assert_close(values.tolist(), best[: len(looked)])
        assert len(looked) == min(6, len(best))
    assert set(account.examples) == {
        unit for all_of in account.scores.values() for one in all_of for unit in one.sum.units
    }


def test_numbers_of_units(folders: dict[str, Path]) -> None:
    (account,) = explained(folders, [0], search=100).accounts
    assert account.images == 100
    assert 1 <= account.effective <= 5
    assert 1 <= account.carriers <= 5 <= account.used <= account.units


def decoded(uri: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_heat_is_strong_where_a_unit_looked() -> None:
    alpha = decoded(glow(torch.tensor([[0.0, 1.0], [2.0, 4.0]])))[:, :, 3].flatten().tolist()
    assert alpha[0] == 0
    assert alpha == sorted(alpha)
    assert alpha[3] == pytest.approx(2 * alpha[2], abs=1)
    assert not decoded(glow(torch.zeros(2, 2)))[:, :, 3].any()


def test_a_picture_has_the_images_pixels() -> None:
    for channels in (1, 3):
        pixels = torch.arange(channels * 6, dtype=torch.uint8).view(channels, 2, 3)
        np.testing.assert_array_equal(decoded(picture(pixels)).reshape(2, 3, channels), pixels.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--image", "100"], "image 100; expected one of the 100 test images"),
        (["--target", "eleven"], "--target eleven; expected a class of digits"),
        (["--target", "10"], "--target 10; expected a class of digits"),
        (["--concepts", "a.csv", "--concepts", "b.csv"], "2 --concepts for 1 --checkpoint"),
        (["--checkpoint", "nowhere.pt"], "nowhere.pt"),
        (["--data", "nowhere"], "--data nowhere; expected one of digits"),
    ],
)
def test_mistakes(
    tmp_path: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main(["explain", "--checkpoint", str(folders["aat"]), *IMAGES, "--out", str(tmp_path / "out"), *more]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "\n" not in told
    assert not (tmp_path / "out").exists()


def test_a_network_for_other_images(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "test"):
        for kind in ("cat", "dog"):
            place = tmp_path / "photos" / part / kind
            place.mkdir(parents=True)
            Image.new("RGB", (16, 16)).save(place / "1.png")
    told = [
        "explain",
        "--checkpoint",
        str(folders["aat"]),
        "--data",
        str(tmp_path / "photos"),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(told) == 2
    assert "10 classes, 1 channels; expected those of photos" in capsys.readouterr().err
