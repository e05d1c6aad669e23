"""A folder of one's own: pixels as they are stored, labels that may be missing, mistakes in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from aat import InputError
from aat.concepts import dissect
from aat.concepts.folder import CONCEPTS, Folder
from tests.aat.concepts.annotations import CATEGORIES, Net, Toy, toy


def save(data: Toy, folder: Path) -> Path:
    """The data set as files; images that are not labelled in a category have no mask of it."""
    (folder / "images").mkdir(parents=True)
    told = {category.name: list(category.concepts) for category in data.categories}
    (folder / CONCEPTS).write_text(json.dumps(told))
    for index in range(len(data)):
        image, masks = data.batch([index])
        Image.fromarray(image[0].permute(1, 2, 0).numpy()).save(folder / "images" / f"image-{index}.png")
        for category, mask in zip(data.categories, masks[0], strict=True):
            if mask.any():
                place = folder / "masks" / category.name
                place.mkdir(parents=True, exist_ok=True)
                stored(mask).save(place / f"image-{index}.png")
    return folder


def stored(mask: Tensor) -> Image.Image:
    """A mask in colours of a palette in which different labels look alike."""
    image = Image.fromarray(mask.to(torch.uint8).numpy())
    image.putpalette([9, 9, 9] * 256)
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(toy(), tmp_path / "mine")


def test_it_is_read_as_it_is_stored(folder: Path) -> None:
    found, data = Folder(folder), toy()
    assert found.categories == CATEGORIES
    assert len(found) == 9
    for indices in ([0], [8, 1, 3], range(9)):
        images, masks = found.batch(indices)
        assert torch.equal(images, data.images[list(indices)])
        assert torch.equal(masks, data.masks[list(indices)])
    assert (images.dtype, masks.dtype) == (torch.uint8, torch.int64)


def test_grey_images_have_one_channel(folder: Path) -> None:
    images, _ = Folder(folder, channels=1).batch([2])
    assert torch.equal(images[0, 0], torch.from_numpy(np.array(Image.open(folder / "images/image-2.png").convert("L"))))
    with pytest.raises(InputError, match="expected 3, or 1 for grey images"):
        Folder(folder, channels=4)


def test_it_is_dissected_like_the_same_images_in_memory(folder: Path) -> None:
    assert dissect.dissect(Net(), Folder(folder), 0.1, batch=4) == dissect.dissect(Net(), toy(), 0.1)


def flat(size: tuple[int, int] = (10, 10), value: int = 0, mode: str = "L") -> Image.Image:
    return Image.fromarray(np.full(size, value, dtype=np.uint8)).convert(mode)


MASK, IMAGE = Path("masks/object/image-1.png"), Path("images/image-1.png")
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no concepts": (lambda at: (at / CONCEPTS).unlink(), "No such file"),
    "concepts are no object": (lambda at: (at / CONCEPTS).write_text("[]"), r"try \{"),
    "concepts are no list": (lambda at: (at / CONCEPTS).write_text('{"object": "cup"}'), "'cup' is no list of names"),
    "concepts are numbers": (lambda at: (at / CONCEPTS).write_text('{"object": [1]}'), "is no list of names"),
    "a concept twice": (lambda at: (at / CONCEPTS).write_text('{"object": ["a", "a"]}'), "every concept once"),
    "no images": (lambda at: (at / "images").rename(at / "pictures"), "no image"),
    "no masks": (lambda at: (at / "masks").rename(at / "labels"), "no mask"),
    "mask in colours": (lambda at: flat(mode="RGB").save(at / MASK), "a mask of mode RGB"),
    "mask of another size": (lambda at: flat((9, 10)).save(at / MASK), "9×10 pixels; expected 10×10"),
    "unknown label": (lambda at: flat(value=4).save(at / MASK), "label 4; expected 0 to 3"),
    "image of another size": (lambda at: flat((13, 12)).save(at / IMAGE), "13×12 pixels; expected 12×12"),
    "damaged image": (lambda at: (at / IMAGE).write_bytes((at / IMAGE).read_bytes()[:99]), "image-1.png: "),
    "no image at all": (lambda at: (at / IMAGE).write_text("text"), "cannot identify image file"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_a_mistake_is_one_line(damage: Callable[[Path], object], said: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(InputError, match=said) as error:
        Folder(folder).batch(range(9))
    assert "\n" not in str(error.value)
    assert "expected" in str(error.value)
