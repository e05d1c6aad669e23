"""Augmentation against a plain reference, and batches whose randomness is theirs alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from aat import seeds
from aat.cnn.splits import Augmentation, Batches, InMemory, OnDisk, augment, decode, middle
from aat.seeds import generator


def noise(*names: object, shape: tuple[int, ...]) -> Tensor:
    return torch.randint(0, 256, shape, generator=generator("noise", *names), dtype=torch.uint8)


def moved(image: Tensor, down: int, right: int) -> Tensor:
    """Pixel by pixel."""
    _, H, W = image.shape
    found = torch.zeros_like(image)
    for row in range(H):
        for column in range(W):
            if 0 <= row - down < H and 0 <= column - right < W:
                found[:, row, column] = image[:, row - down, column - right]
    return found


def versions(image: Tensor, how: Augmentation) -> list[Tensor]:
    """All that may become of an image."""
    moves = range(-how.shift, how.shift + 1)
    found = [moved(image, down, right) for down in moves for right in moves]
    return found + [version.flip(-1) for version in found] if how.flip else found


@given(
    shape=st.tuples(*[st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 6), st.integers(1, 6)]),
    how=st.builds(Augmentation, st.integers(0, 3), st.booleans()),
    seed=st.integers(0, 2**30),
)
def test_each_image_is_moved_and_mirrored_on_its_own(shape: tuple[int, ...], how: Augmentation, seed: int) -> None:
    x = noise(seed, shape=shape)
    found = augment(x, how, generator("augmentation", seed))
    assert found.shape == x.shape
    assert found.dtype == torch.uint8
    for image, after in zip(x, found, strict=True):
        assert any(torch.equal(after, version) for version in versions(image, how))


def test_every_version_occurs_about_as_often_as_any_other() -> None:
    how, image = Augmentation(1, flip=True), noise("every", shape=(1, 3, 3))
    found = augment(image.expand(9000, -1, -1, -1), how, generator("every"))
    counts = [int((found == version).all((1, 2, 3)).sum()) for version in versions(image, how)]
    assert sum(counts) == 9000
    # 18 counts of mean 500 and deviation 22: beyond six of them by chance in one of 10⁷ seeds
    assert max(abs(count - 500) for count in counts) < 132


def test_images_of_a_batch_differ_in_what_is_done_to_them() -> None:
    same = noise("same", shape=(1, 1, 8, 8)).expand(16, -1, -1, -1)
    found = augment(same, Augmentation(2, flip=True), generator("differ"))
    assert len({after.numpy().tobytes() for after in found}) > 4


@given(seed=st.integers(0, 2**30))
def test_without_shift_and_flip_nothing_is_done(seed: int) -> None:
    x = noise(seed, shape=(3, 2, 4, 5))
    assert torch.equal(augment(x, Augmentation(), generator(seed)), x)


# --- Batches ---


@pytest.fixture
def files(tmp_path: Path) -> OnDisk:
    names = tuple(tmp_path / f"{index}.png" for index in range(4))
    for index, file in enumerate(names):
        Image.fromarray(noise("file", index, shape=(40, 30, 3)).numpy()).save(file)
    return OnDisk(names, torch.arange(4), 16)


def splits(files: OnDisk) -> list[OnDisk | InMemory]:
    return [files, InMemory(noise("kept", shape=(4, 3, 16, 16)), torch.arange(4))]


def test_a_batch_depends_on_names_and_its_first_index_alone(files: OnDisk) -> None:
    for split in splits(files):
        batches = Batches(split, Augmentation(2, flip=True), "seed", 7)
        first, labels = batches.__getitems__([2, 0])
        assert labels.tolist() == [2, 0]
        torch.manual_seed(seeds.key("something else"))
        batches.__getitems__([1, 0])
        assert torch.equal(batches.__getitems__([2, 0])[0], first)
        for other in (Batches(split, Augmentation(2, flip=True), "seed", 8), Batches(split)):
            assert not torch.equal(other.__getitems__([2, 0])[0], first)


def test_augmentation_leaves_the_global_generator_alone(files: OnDisk) -> None:
    for split in splits(files):
        before = torch.random.get_rng_state()
        Batches(split, Augmentation(2, flip=True)).__getitems__([0, 1])
        assert torch.equal(torch.random.get_rng_state(), before)


def test_images_from_disk_have_the_size_asked_for_and_differ_in_their_part(files: OnDisk) -> None:
    same = OnDisk((files.files[0],) * 8, torch.zeros(8, dtype=torch.long), 16)
    found = same.batch(range(8), Augmentation(flip=True), generator("parts"))
    assert found.shape == (8, 3, 16, 16)
    assert found.dtype == torch.uint8
    assert len({after.numpy().tobytes() for after in found}) == 8


def test_without_augmentation_there_is_nothing_random(files: OnDisk) -> None:
    for split in splits(files):
        found = Batches(split, None, 1).__getitems__([3, 1])[0]
        assert torch.equal(found, Batches(split, None, 2).__getitems__([3, 1])[0])
        assert len(Batches(split)) == 4


def test_the_middle_is_cut_after_the_shorter_side_is_shrunk() -> None:
    plain = torch.linspace(0, 255, 64).round().to(torch.uint8).expand(3, 32, 64).contiguous()
    found = middle(plain, 14)
    assert found.shape == (3, 14, 14)
    # the shorter side becomes 16, so the longer one 32, of which columns 9 to 22 stay
    expected = nn.functional.interpolate(plain[None].float(), (16, 32), mode="bilinear", antialias=True)
    np.testing.assert_allclose(found.float(), expected[0, :, 1:15, 9:23], atol=1)
    assert torch.equal(middle(found, 14), found)


def test_an_image_is_decoded_as_it_was_written(files: OnDisk) -> None:
    assert torch.equal(decode(files.files[2]).permute(1, 2, 0), noise("file", 2, shape=(40, 30, 3)))
