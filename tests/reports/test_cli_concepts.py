"""`aat concepts`: a tally with known answer, whatever its form; a dissection of a trained network; mistakes."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aat.cnn import load_network
from aat.concepts import Match, Tally, Unit, dissect
from aat.concepts.folder import Folder
from reports.cli import main
from reports.concepts import ConceptRow, draw, rows
from reports.plots import svg
from tests.aat.cnn.toy import digits, trained

# unit, category, label, score; then by category label, truth, activation, intersect, iou: 0.25, 0.04, 0.02, 0.5
OBJECT = {1: "cup,60,40,20,0.25", 2: "lamp,4,100,4,0.04", 3: "cup,26,25,1,0.02", 4: "cup,60,60,40,0.5"}
TEXTURE = {1: "dotted,26,25,1,0.02", 2: "dotted,26,25,1,0.02", 3: "dotted,60,40,20,0.25", 4: "-,0,0,0,0"}
FIRST = {1: "object,cup,0.25", 2: "object,lamp,0.04", 3: "texture,dotted,0.25", 4: "object,cup,0.5"}
FIELDS = ("label", "truth", "activation", "intersect", "iou")


def table(*categories: str) -> str:
    """The tally with these categories, in this order."""
    parts = {"object": OBJECT, "texture": TEXTURE}
    header = ",".join(["unit,category,label,score", *(f"{name}-{field}" for name in categories for field in FIELDS)])
    lines = [",".join([str(unit), FIRST[unit], *(parts[name][unit] for name in categories)]) for unit in FIRST]
    return "\n".join([header, *lines])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def summary(*arguments: str) -> dict[str, tuple[int, int, str]]:
    """Detectors, unique detectors and concepts by category, of tally.csv."""
    assert main(["concepts", "summary", "tally.csv", *arguments, "--json", "rows.json"]) == 0
    found = [ConceptRow(**row) for row in json.loads(Path("rows.json").read_text())]
    return {row.category: (row.detectors, row.unique, row.concepts) for row in found}


@pytest.mark.parametrize("categories", [("object", "texture"), ("texture", "object")])
def test_a_tally_with_known_answer_in_both_orders(
    categories: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("tally.csv").write_text(table(*categories))
    known = {"object": (2, 1, "cup: 1, 4"), "texture": (1, 1, "dotted: 3"), "all": (3, 2, "")}
    assert summary() == known
    said = capsys.readouterr()
    assert re.search(r"object +2 +1 +cup: 1, 4 *\n", said.out)
    assert re.search(r"all +3 +2 *\n", said.out)
    assert not said.err
    assert summary("--inclusive")["object"] == (3, 2, "cup: 1, 4; lamp: 2")
    assert summary("--limit", "0.25")["all"] == (1, 1, "")
    assert summary("--limit", "0.01", "--category", "texture")["texture"] == (3, 1, "dotted: 1, 2, 3")
    assert set(summary("--category", "object")) == {"object", "all"}
    assert not list(Path().glob("*.svg"))


def test_a_missing_category_is_told_of_where_the_file_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tally.csv").write_text(table("object"))
    assert summary() == {"object": (2, 1, "cup: 1, 4"), "all": (2, 1, "")}
    # unit 3 is said to fit a texture, of which there are no counts
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "aat: tally.csv: unit 3: the score is not the best IoU",
        "aat: tally.csv: unit 3: category or label is not the best one",
    ]


def test_counts_are_believed_not_ious(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tally.csv").write_text(table("object", "texture").replace("26,25,1,0.02", "26,25,1,0.9"))
    assert summary()["all"] == (3, 2, "")
    said = "aat: tally.csv: unit 1, 2, 3: an IoU is not that of its counts, which are what counts\n"
    assert capsys.readouterr().err == said


def test_the_figure_is_the_same_every_time() -> None:
    Path("tally.csv").write_text(table("object", "texture"))
    for folder in ("a", "b"):
        summary("--out", folder)
    assert Path("a/concepts.svg").read_bytes() == Path("b/concepts.svg").read_bytes()
    assert Path("a/concepts.png").exists()
    # names are no formulas, and there may be nothing to draw
    odd = Tally(("$x",), (Unit(1, (Match("y$", 2, 2, 1),)),))
    assert svg(draw(odd, 0.04, False, "$z$")) != svg(draw(odd, 1, False, "$z$"))


def test_rows_add_up() -> None:
    units = tuple(Unit(n, (Match(f"label {n % 3}", 10, 10, n), None)) for n in range(1, 10))
    *each, total = rows(Tally(("a", "b"), units), 0.1, False)
    assert (sum(row.detectors for row in each), sum(row.unique for row in each)) == (total.detectors, total.unique)
    assert each[0].concepts == "label 0: 3, 6, 9; label 2: 2, 5, 8; label 1: 4, 7"


def annotated(folder: Path) -> None:
    """Digits, and whether a pixel is ink; a texture that only every other image is labelled in."""
    (folder / "images").mkdir(parents=True)
    for kind in ("ink", "side"):
        (folder / "masks" / kind).mkdir(parents=True)
    (folder / "concepts.json").write_text('{"ink": ["ink", "paper"], "side": ["left", "right"]}')
    side = np.repeat([[1] * 4 + [2] * 4], 8, 0).astype(np.uint8)
    for index, image in enumerate(digits().test.batch(range(20))):
        pixels = image[0].numpy()
        Image.fromarray(pixels).save(folder / "images" / f"{index}.png")
        Image.fromarray(np.where(pixels > 99, 1, 2).astype(np.uint8)).save(folder / "masks/ink" / f"{index}.png")
        if index % 2:
            Image.fromarray(side).save(folder / "masks/side" / f"{index}.png")


DISSECT = ["concepts", "dissect", "--data", "mine", "--quantile", "0.1", "--batch", "7"]


def test_a_trained_network_is_dissected(capsys: pytest.CaptureFixture[str]) -> None:
    annotated(Path("mine"))
    trained(Path("trained"), epochs=1)
    told = [*DISSECT, "--checkpoint", "trained/weights.pt", "--out", "found", "--json", "rows.json"]
    capsys.readouterr()
    assert main(told) == 0
    said = capsys.readouterr()
    assert said.out.endswith("20 images of mine; tally in found/tally.csv\n")
    assert not said.err
    assert {file.name for file in Path("found").iterdir()} == {"tally.csv", "concepts.svg", "concepts.png"}
    network, _, _ = load_network(Path("trained/weights.pt"))
    found = Tally.load(Path("found/tally.csv"))
    assert found == dissect.dissect(network, Folder(Path("mine"), 1), 0.1)
    assert found.categories == ("ink", "side")
    assert json.loads(Path("rows.json").read_text()) == [asdict(row) for row in rows(found, 0.04, False)]
    assert rows(found, 0.04, False)[-1].unique > 0
    # its own tally is read back, with the same answer
    assert main(["concepts", "summary", "found/tally.csv", "--json", "again.json"]) == 0
    assert Path("again.json").read_text() == Path("rows.json").read_text()
    assert not capsys.readouterr().err


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"aat: \S.*\n", said)
    return said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("none.csv", "expected the tally.csv of a dissection"),
        ("tally.csv --category part", "category part; expected some of object"),
        ("tally.csv --limit 2", "Invalid value"),
        ("tally.csv --limit nan", "expected 0 to 1"),
    ],
)
def test_a_mistake_of_summary_is_one_line(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tally.csv").write_text(table("object", "texture"))
    assert said in mistake(capsys, "concepts", "summary", *arguments.split(), "--out", "out")
    assert not Path("out").exists()


def test_a_mistake_of_dissect_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected weights.pt of aat train" in mistake(capsys, *DISSECT, "--checkpoint", "none.pt")
    trained(Path("flat"), arch="linear", epochs=1)
    capsys.readouterr()
    told = [*DISSECT, "--checkpoint", "flat/weights.pt"]
    assert "expected scenes, or a folder" in mistake(capsys, *told)
    annotated(Path("mine"))
    assert "its head hears no means of maps; expected a CNN that pools" in mistake(capsys, *told)
    if not torch.cuda.is_available():
        assert "expected one that this machine has" in mistake(capsys, *told, "--device", "cuda")
    assert not Path("out").exists()
