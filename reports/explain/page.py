"""The page of explanations: networks side by side, on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aat import InputError
from aat.cnn import Images
from aat.files import write_whole
from reports import html
from reports.explain.account import Account, Network, account
from reports.explain.pictures import picture

PAGE_FILE = "index.html"


@dataclass(frozen=True)
class Explanations:
    """All that a page shows.

    Attributes:
        data: name of the data set.
        classes: their names.
        chosen: the images that are explained, by their place in the test.
        labels, pictures: of all images shown.
        accounts: of the networks.
    """

    data: str
    classes: tuple[str, ...]
    chosen: tuple[int, ...]
    labels: dict[int, int]
    pictures: dict[int, str]
    accounts: tuple[Account, ...]

    def rows(self) -> list[dict[str, object]]:
        """One for each part of each score; also the schema of ``--json``."""
        return [
            {
                "data": self.data,
                "network": of.name,
                "image": image,
                "label": self.classes[self.labels[image]],
                "target": self.classes[one.target],
                "score": one.score,
                "delta": one.delta,
                "part": part.name,
                "value": part.value,
                "share": part.share,
                "concept": None if found is None else found.label,
            }
            for of in self.accounts
            for image in self.chosen
            for one, _ in of.scores[image]
            for part in one.parts
            for found in [None if part.unit is None else of.concepts.get(part.unit)]
        ]

    def save(self, folder: Path) -> Path:
        """Write the page into the folder, whole or not at all; returns its path."""
        page = folder / PAGE_FILE
        write_whole(page, html.render("explain.html.j2", found=self))
        return page


def explain(
    networks: Sequence[Network],
    images: Images,
    chosen: Sequence[int],
    *,
    targets: Sequence[int] = (),
    most: int = 8,
    search: int = 1000,
) -> Explanations:
    """Explain test images.

    Args:
        networks: that tell the classes of the images.
        images: the data set.
        chosen: the test images that are explained, by their place.
        targets: classes whose scores are explained besides the predicted one.
        most: units shown for a score; the others that were heard become one part.
        search: among how many test images, the first ones, those are found that activate a unit most.

    Raises:
        InputError: a network is for other classes or other images, or there is no such image.
    """
    split, chosen = images.test, tuple(dict.fromkeys(chosen))
    count = len(split.labels)
    if odd := [index for index in chosen if not 0 <= index < count]:
        raise InputError(f"image {odd[0]}; expected one of the {count} test images, 0 to {count - 1}; try {count - 1}")
    for network in networks:
        of = network.about
        if (of.classes, of.shape[0]) != (images.classes, images.shape[0]):
            told = f"{network.name} was trained on {of.name}: {len(of.classes)} classes, {of.shape[0]} channels"
            raise InputError(f"{told}; expected those of {images.name}; try --data {of.name}")
    accounts = tuple(account(of, split, chosen, min(search, count), targets, most) for of in networks)
    shown = {*chosen, *(one.image for of in accounts for seen in of.examples.values() for one in seen)}
    return Explanations(
        data=images.name,
        classes=images.classes,
        chosen=chosen,
        labels={index: int(split.labels[index]) for index in shown},
        pictures={index: picture(split.batch([index])[0]) for index in shown},
        accounts=accounts,
    )
