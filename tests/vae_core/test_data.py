from __future__ import annotations

import gzip
import hashlib
import math
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
    UnlabelledSet,
    binarise,
    data_name,
    load_idx,
    load_mnist,
    load_mnist_labels,
    load_part,
    train_file_sha256,
)
from vae_core.errors import DataError
from vae_core.identity import MNIST_TEST, MNIST_TRAIN, DataIdentity, identify

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


@pytest.mark.parametrize("shape", [(2**31, 2**31, 4), (2_000_000, 28, 28)])
def test_sizes_that_no_data_set_has(folder: Path, shape: tuple[int, int, int]) -> None:
    """2³¹ · 2³¹ · 4 is 0 modulo 2⁶⁴, as many bytes as follow."""
    (folder / IMAGES).write_bytes(struct.pack(">4I", 2051, *shape))
    refused(folder, IMAGES, f"announces {math.prod(shape)} bytes", "up to 1,073,741,824 are read")


@pytest.mark.parametrize("name", [IMAGES, f"{IMAGES}.gz"])
def test_a_bomb_is_read_no_further_than_it_announces(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (folder / IMAGES).read_bytes() + bytes(5_000_000)
    (folder / IMAGES).unlink()
    (folder / name).write_bytes(gzip.compress(gzip.compress(whole)))
    read: list[int] = []
    plain = gzip.GzipFile.read

    def counted(file: gzip.GzipFile, size: int | None = -1) -> bytes:
        body = plain(file, size)
        read.append(len(body))
        return body

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    refused(folder, name, f"announces {3 * 784} bytes", f"holds {3 * 784 + 1} or more")
    assert max(read) < 200_000  # the outer layer is read in chunks


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
    (folder / IMAGES).write_bytes(idx_bytes(np.full(shape, 9, np.uint8)))
    said = " × ".join(map(str, shape))
    refused(folder, IMAGES, f"{said} numbers of type uint8, from 9 to 9", "only 28 × 28")


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x0D, ">f4"), (0x0E, ">f8"), (0x0B, ">i2"), (0x09, "i1")]
)
def test_numbers_of_another_type(folder: Path, code: int, dtype: str) -> None:
    pixels = np.linspace(-1, 2, 2 * 784).astype(dtype).reshape(2, 28, 28)
    head = struct.pack(">4B3I", 0, 0, code, 3, *pixels.shape)
    (folder / IMAGES).write_bytes(head + pixels.tobytes())
    kind = np.dtype(dtype).newbyteorder("=")
    refused(folder, IMAGES, f"2 × 28 × 28 numbers of type {kind}, from -1 to 2", "images have 2051")


def test_pixels_of_0_and_1(folder: Path, pictures: DataSet, idx_bytes: IdxBytes) -> None:
    (folder / IMAGES).write_bytes(idx_bytes(pictures.images // 128))
    refused(folder, IMAGES, "uint8, from 0 to 1", "multiply them by 255")


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04 archive", "no IDX file: it looks like a ZIP archive: unpack it"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"\xfd7zXZ\x00\x00", "an XZ archive"),
        (b"<!DOCTYPE html>", "a web page: the download failed"),
        (b"version https://git-lfs.github.com", "a pointer of Git LFS"),
        (b"1,0,0,0,255", "its magic number is 824979500"),
    ],
)
def test_something_else_is_named(folder: Path, start: bytes, said: str) -> None:
    (folder / IMAGES).write_bytes(start)
    refused(folder, IMAGES, said)


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    refused(folder, IMAGES, "cannot be read: Permission denied")


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_damage_anywhere_is_one_sentence(folder: Path, pictures: DataSet, layers: int) -> None:
    """Seeded flips, cuts and repeats: the data or a DataError, and nothing else."""
    chance = np.random.default_rng(layers)
    whole = (folder / IMAGES).read_bytes()
    for _ in range(layers):
        whole = gzip.compress(whole, mtime=0)
    said: list[str] = []
    for _ in range(120):
        raw = bytearray(whole)
        # half of the flips in the first bytes, where types, sizes and gzip's flags stand
        most = 24 if chance.random() < 0.5 else len(raw)
        for at in chance.integers(0, most, chance.integers(1, 4)):
            raw[at] = chance.integers(256)
        if chance.random() < 0.3:
            raw = raw[: chance.integers(len(raw))] * int(chance.integers(1, 3))
        (folder / IMAGES).write_bytes(raw)
        try:
            data = load_part(folder, "train")
        except DataError as err:
            said.append(str(err))
        else:
            assert data.images.shape == pictures.images.shape
    assert len(said) > (60 if layers else 20)
    assert not any("\n" in each for each in said)


# --- the names and places in which people have them -------------------------------------------


def put(folder: Path, name: str, raw: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)


@pytest.mark.parametrize(
    ("images", "labels", "name"),
    [
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", None),
        ("train-images.idx3-ubyte.gz", "train-labels.idx1-ubyte.gz", None),
        ("raw/" + IMAGES, "raw/" + LABELS, None),
        ("Fashion/raw/" + IMAGES, "Fashion/raw/" + LABELS, "Fashion"),
        (f"{IMAGES}/{IMAGES}", f"{LABELS}/{LABELS}", None),
        ("qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx1-ubyte", "qmnist"),
        ("gzip/emnist-digits-" + IMAGES, "gzip/emnist-digits-" + LABELS, "emnist-digits"),
    ],
)
def test_names_that_people_have(
    tmp_path: Path,
    pictures: DataSet,
    idx_bytes: IdxBytes,
    images: str,
    labels: str,
    name: str | None,
) -> None:
    put(tmp_path, images, idx_bytes(pictures.images))
    put(tmp_path, labels, idx_bytes(pictures.labels))
    data = load_idx(tmp_path, "train")
    turned = pictures.images.transpose(0, 2, 1) if "emnist-" in images else pictures.images
    np.testing.assert_array_equal(data.images, turned)
    np.testing.assert_array_equal(data.labels, pictures.labels)
    assert data_name(tmp_path) == (name or tmp_path.name)
    assert load_part(tmp_path, "train").labels is not None


def test_emnist_and_qmnist_call_the_other_part_test(
    tmp_path: Path, pictures: DataSet, idx_bytes: IdxBytes
) -> None:
    put(tmp_path, "emnist-mnist-test-images-idx3-ubyte.gz", idx_bytes(pictures.images))
    assert len(load_part(tmp_path, "test").images) == 3


def test_qmnist_s_labels_hold_the_class_first(folder: Path, pictures: DataSet) -> None:
    (folder / LABELS).unlink()
    table = (np.arange(24).reshape(3, 8) * 1000).astype(">i4")
    table[:, 0] = pictures.labels
    head = struct.pack(">4B2I", 0, 0, 0x0C, 2, 3, 8)
    put(folder, "train-labels-idx2-int.gz", gzip.compress(head + table.tobytes()))
    assert load_idx(folder, "train").labels.tolist() == [7, 0, 9]


def test_labels_that_are_no_bytes(folder: Path) -> None:
    head = struct.pack(">4BI", 0, 0, 0x0C, 1, 3)
    put(folder, LABELS, head + np.array([1, 2, 300], ">i4").tobytes())
    refused(folder, LABELS, "from 1 to 300", "labels run from 0 to 255")


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_layers_of_gzip_are_found_whatever_the_name(
    folder: Path, pictures: DataSet, layers: int, suffix: str
) -> None:
    raw = (folder / IMAGES).read_bytes()
    for _ in range(layers):
        raw = gzip.compress(raw)
    (folder / IMAGES).unlink()
    put(folder, IMAGES + suffix, raw)
    np.testing.assert_array_equal(load_idx(folder, "train").images, pictures.images)
    put(folder, IMAGES + suffix, gzip.compress(gzip.compress(gzip.compress(gzip.compress(raw)))))
    refused(folder, "is gzipped more than 3 times")


def test_several_data_sets_in_a_folder(
    tmp_path: Path, pictures: DataSet, idx_bytes: IdxBytes
) -> None:
    for name in ("emnist-digits", "emnist-letters"):
        put(tmp_path, f"{name}-{IMAGES}", idx_bytes(pictures.images))
    refused(tmp_path, "emnist-digits, emnist-letters; name one: ", str(tmp_path / "emnist-digits"))
    assert data_name(tmp_path / "emnist-letters") == "emnist-letters"
    assert len(load_part(tmp_path / "emnist-letters", "train").images) == 3
    refused(tmp_path / "emnist-nothing", "is not a folder")


def test_several_folders_of_torchvision(
    tmp_path: Path, pictures: DataSet, idx_bytes: IdxBytes
) -> None:
    for name in ("FashionMNIST", "KMNIST"):
        put(tmp_path, f"{name}/raw/{IMAGES}", idx_bytes(pictures.images))
    refused(tmp_path, "FashionMNIST, KMNIST; name one: ", str(tmp_path / "FashionMNIST"))
    assert data_name(tmp_path / "KMNIST") == data_name(tmp_path / "KMNIST" / "raw") == "KMNIST"


def test_labels_may_be_missing_where_none_are_needed(folder: Path, pictures: DataSet) -> None:
    (folder / LABELS).unlink()
    data = load_part(folder, "train")
    assert isinstance(data, UnlabelledSet)
    np.testing.assert_array_equal(data.images, pictures.images)
    with pytest.raises(ValueError, match="read-only"):
        data.images[0] = 1
    refused(folder, f"has no file {LABELS}", f"it holds {IMAGES}")


def test_a_folder_of_other_things_says_what_it_holds(tmp_path: Path) -> None:
    for name in ("a.npz", "b.csv"):
        put(tmp_path, name, b"")
    refused(tmp_path, f"has no file {IMAGES}", "it holds a.npz, b.csv")


def test_unequal_numbers_of_images_and_labels(folder: Path, idx_bytes: IdxBytes) -> None:
    (folder / LABELS).write_bytes(idx_bytes(np.zeros(4, np.uint8)))
    refused(folder, IMAGES, "3 images", "4 labels")


def test_no_images(folder: Path, idx_bytes: IdxBytes) -> None:
    (folder / IMAGES).write_bytes(idx_bytes(np.zeros((0, 28, 28), np.uint8)))
    (folder / LABELS).write_bytes(idx_bytes(np.zeros(0, np.uint8)))
    refused(folder, IMAGES, "no images")


def test_data_are_told_by_their_content(
    folder: Path, pictures: DataSet, test_digits: DataSet
) -> None:
    own = identify(*pictures, name="pictures", split="train")
    assert (own.name, own.split, own.count) == ("pictures", "train", 3)
    packed = folder / f"{IMAGES}.gz"
    packed.write_bytes(gzip.compress((folder / IMAGES).read_bytes()))
    assert identify(*load_idx(folder, "train"), name="pictures", split="train") == own
    other = pictures.labels.copy()
    other[0] += 1
    for images, labels in ((pictures.images, other), (pictures.images, None)):
        assert identify(images, labels, name="pictures", split="train").sha256 != own.sha256
    # MNIST is called so wherever it lies, and its training images are no test images.
    assert identify(*test_digits, name="raw", split="test") == MNIST_TEST
    assert identify(*test_digits, name="raw", split="train").name == "raw"
    assert str(DataIdentity("f", "train", 60_000, "")) == "f, 60,000 training images"
    assert train_file_sha256(folder) == hashlib.sha256(packed.read_bytes()).hexdigest()


def test_mnist_s_identity_is_that_of_its_content() -> None:
    assert identify(*load_mnist("train"), name="", split="train") == MNIST_TRAIN
    assert train_file_sha256(MNIST_FOLDER) == MNIST_SHA256[f"{IMAGES}.gz"]


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
