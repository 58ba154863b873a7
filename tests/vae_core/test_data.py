from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator

from vae_core.data import (
    MNIST_FOLDER,
    MNIST_SHA256,
    DataSet,
    binarise,
    data_identity,
    load_idx,
    load_mnist,
    load_mnist_labels,
)
from vae_core.errors import DataError

# Counts of the digits 0 to 9, as published with MNIST.
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
IdxBytes = Callable[[NDArray[np.uint8]], bytes]


@pytest.fixture
def pictures() -> DataSet:
    """Three images in which every pixel's place shows, with their labels."""
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    return DataSet(images, np.array([7, 0, 9], np.uint8))


@pytest.fixture
def folder(tmp_path: Path, pictures: DataSet, idx_bytes: IdxBytes) -> Path:
    """A training split of plain, not gzipped IDX files."""
    (tmp_path / IMAGES).write_bytes(idx_bytes(pictures.images))
    (tmp_path / LABELS).write_bytes(idx_bytes(pictures.labels))
    return tmp_path


def test_embedded_mnist_is_whole() -> None:
    whole = load_mnist("all")
    assert whole.images.shape == (70_000, 28, 28)
    assert whole.images.dtype == whole.labels.dtype == np.uint8
    assert np.bincount(whole.labels[:60_000]).tolist() == TRAIN_COUNTS
    assert np.bincount(whole.labels[60_000:]).tolist() == TEST_COUNTS


def test_splits_are_the_parts_of_all_in_order(test_digits: DataSet) -> None:
    whole, train = load_mnist("all"), load_mnist("train")
    np.testing.assert_array_equal(whole.images[:60_000], train.images)
    np.testing.assert_array_equal(whole.images[60_000:], test_digits.images)
    np.testing.assert_array_equal(whole.labels[:60_000], train.labels)
    np.testing.assert_array_equal(whole.labels[60_000:], test_digits.labels)


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_labels_alone_are_the_same_labels(split: str) -> None:
    labels = load_mnist_labels(split)
    np.testing.assert_array_equal(labels, load_mnist(split).labels)
    assert not labels.flags.writeable


def test_ink_is_255_and_paper_0(test_digits: DataSet) -> None:
    assert test_digits.images[:, 0, 0].max() == 0  # a corner is paper
    assert test_digits.images[:, 13, 13].max() == 255


@pytest.mark.parametrize("split", ["test", "all"])
def test_arrays_are_read_only(tiny_idx_folder: Path, split: str) -> None:
    for array in load_idx(tiny_idx_folder, split):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_wrong_split_is_refused() -> None:
    with pytest.raises(ValueError, match="one of train, test, all, got 'validation'"):
        load_mnist("validation")  # type: ignore[arg-type]


def test_plain_files_are_read(folder: Path, pictures: DataSet) -> None:
    data = load_idx(folder, "train")
    np.testing.assert_array_equal(data.images, pictures.images)
    np.testing.assert_array_equal(data.labels, pictures.labels)
    assert load_idx(str(folder), "train").labels.tolist() == [7, 0, 9]


def test_gzipped_files_are_read(folder: Path, pictures: DataSet) -> None:
    for name in (IMAGES, LABELS):
        path = folder / name
        (folder / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    data = load_idx(folder, "train")
    np.testing.assert_array_equal(data.images, pictures.images)
    np.testing.assert_array_equal(data.labels, pictures.labels)


def test_all_joins_both_splits(folder: Path, pictures: DataSet, idx_bytes: IdxBytes) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(pictures.images[:2]))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(pictures.labels[:2]))
    assert load_idx(folder, "all").labels.tolist() == [7, 0, 9, 7, 0]


def refused(folder: Path, *parts: str) -> None:
    with pytest.raises(DataError) as got:
        load_idx(folder, "train")
    for part in parts:
        assert part in str(got.value)


@pytest.mark.parametrize("split", ["train", "test"])
def test_changed_mnist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    prefix = {"train": "train", "test": "t10k"}[split]
    for name in MNIST_SHA256:
        shutil.copy(MNIST_FOLDER / name, tmp_path)
    victim = tmp_path / f"{prefix}-labels-idx1-ubyte.gz"
    raw = bytearray(victim.read_bytes())
    raw[100] ^= 1
    victim.write_bytes(raw)
    monkeypatch.setattr("vae_core.data.MNIST_FOLDER", tmp_path)
    for load in (load_mnist, load_mnist_labels):
        with pytest.raises(DataError, match=f"{victim.name} is damaged: its SHA-256 is "):
            load(split)


def test_only_named_files_are_checksummed(folder: Path) -> None:
    good = hashlib.sha256((folder / IMAGES).read_bytes()).hexdigest()
    assert len(load_idx(folder, "train", sha256={IMAGES: good}).labels) == 3
    with pytest.raises(DataError, match=f"{LABELS} is damaged"):
        load_idx(folder, "train", sha256={LABELS: good})


@pytest.mark.parametrize(("name", "wanted"), [(IMAGES, "2051"), (LABELS, "2049")])
def test_wrong_magic_number(folder: Path, name: str, wanted: str) -> None:
    path = folder / name
    path.write_bytes(b"\x00\x00\x08\x02" + path.read_bytes()[4:])
    refused(folder, name, "2050", wanted)


def test_images_and_labels_swapped(folder: Path) -> None:
    (folder / IMAGES).rename(folder / "x")
    (folder / LABELS).rename(folder / IMAGES)
    (folder / "x").rename(folder / LABELS)
    refused(folder, IMAGES, "magic number 2049", "2051")


@pytest.mark.parametrize("change", [-1, 1, -784])
def test_wrong_size(folder: Path, change: int) -> None:
    path = folder / IMAGES
    raw = path.read_bytes()
    path.write_bytes(raw[:change] if change < 0 else raw + bytes(change))
    refused(folder, IMAGES, f"announces {3 * 784} bytes", f"holds {3 * 784 + change}")


@pytest.mark.parametrize("length", [0, 3, 4, 15])
def test_cut_inside_the_header(folder: Path, length: int) -> None:
    path = folder / IMAGES
    path.write_bytes(path.read_bytes()[:length])
    refused(folder, IMAGES)


def test_sizes_whose_product_overflows(folder: Path) -> None:
    """2³¹ · 2³¹ · 4 is 0 modulo 2⁶⁴, as many bytes as follow."""
    (folder / IMAGES).write_bytes(struct.pack(">4I", 2051, 2**31, 2**31, 4))
    refused(folder, IMAGES, f"announces {2**64} bytes", "holds 0")


def test_corrupted_gzip(folder: Path) -> None:
    raw = gzip.compress((folder / IMAGES).read_bytes())
    (folder / IMAGES).unlink()
    path = folder / f"{IMAGES}.gz"
    middle = bytearray(raw)
    middle[len(raw) // 2] ^= 0xFF
    for bad in (raw[: len(raw) // 2], bytes(middle), b"not gzip at all", raw[:-6], b"\x1f\x8b"):
        path.write_bytes(bad)
        refused(folder, path.name, "no readable gzip file")


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, str(folder), name)


def test_empty_and_missing_folder(tmp_path: Path) -> None:
    refused(tmp_path, str(tmp_path), f"has no file {IMAGES}")
    refused(tmp_path / "nowhere", "nowhere is not a folder")


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 28, 27), (3, 784, 1)])
def test_other_image_sizes(folder: Path, idx_bytes: IdxBytes, shape: tuple[int, ...]) -> None:
    (folder / IMAGES).write_bytes(idx_bytes(np.zeros(shape, np.uint8)))
    refused(folder, IMAGES, f"{shape[1]} × {shape[2]}", "only 28 × 28")


def test_unequal_numbers_of_images_and_labels(folder: Path, idx_bytes: IdxBytes) -> None:
    (folder / LABELS).write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    refused(folder, IMAGES, "3 images", "4 labels")


def test_no_images(folder: Path, idx_bytes: IdxBytes) -> None:
    (folder / IMAGES).write_bytes(idx_bytes(np.zeros((0, 28, 28), np.uint8)))
    (folder / LABELS).write_bytes(idx_bytes(np.zeros(0, np.uint8)))
    refused(folder, IMAGES, "no images")


def test_data_identity_names_the_training_images(folder: Path) -> None:
    own = data_identity(folder)
    assert own["name"] == folder.name
    assert own["train_images_sha256"] == hashlib.sha256((folder / IMAGES).read_bytes()).hexdigest()
    mnist = {"name": "MNIST", "train_images_sha256": MNIST_SHA256[f"{IMAGES}.gz"]}
    assert data_identity(None) == mnist


def test_binarised_frequencies_are_the_grey_values() -> None:
    grey = torch.linspace(0.0, 1.0, 784).expand(4000, -1)
    drawn = binarise(grey, Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    p = grey[0].double()
    deviations = (drawn.double().mean(0) - p).abs() / (p * (1 - p) / 4000).sqrt().clamp_min(1e-9)
    assert deviations.max() < 5.0  # standard errors, 784 pixels
    assert (deviations[1:-1] > 1.0).float().mean() > 0.2  # it is random at all


def test_black_and_white_are_not_random() -> None:
    sure = (torch.arange(784) % 2).float().expand(500, -1)
    torch.testing.assert_close(binarise(sure, Generator().manual_seed(3)), sure, rtol=0, atol=0)


def test_binarise_is_repeatable_and_keeps_its_input(grey_x: torch.Tensor) -> None:
    before = grey_x.clone()
    first = binarise(grey_x, Generator().manual_seed(1))
    assert torch.equal(first, binarise(grey_x, Generator().manual_seed(1)))
    assert not torch.equal(first, binarise(grey_x, Generator().manual_seed(2)))
    assert torch.equal(grey_x, before)
    assert binarise(grey_x.double(), Generator().manual_seed(1)).dtype == torch.float64
