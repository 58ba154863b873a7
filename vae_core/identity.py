"""Which data a figure is of, and which a checkpoint was made from: told by their content.

A name may be given twice and a folder be moved; the hash of the images and labels themselves says
whether two figures may be set against each other, and whether a figure is of the right data.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

Part = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class DataIdentity:
    """Images of one part of a data set."""

    name: str  # of the data set
    split: Part
    count: int  # images: all of the part, or as many of it as were measured
    sha256: str  # of the whole part, see `content_sha256`

    def to_json(self) -> dict[str, Any]:
        """Give plain values, ready for ``json.dumps``."""
        return asdict(self)

    def __str__(self) -> str:
        """Say it in a few words: "MNIST, 10,000 test images"."""
        word = "training" if self.split == "train" else "test"
        return f"{self.name}, {self.count:,} {word} images"


class DataSource(NamedTuple):
    """What a checkpoint was made from; a part that its file does not tell of is None."""

    name: str
    train: DataIdentity | None = None  # the images it was trained on, without those held out
    test: DataIdentity | None = None  # the images that it is to be measured on
    train_file_sha256: str | None = None  # all that checkpoints of format 1 say: of the packed file

    def to_json(self) -> dict[str, Any]:
        """Give what a header keeps; `source_from_json` is its inverse."""
        kept: dict[str, Any] = {"name": self.name}
        for part in (self.train, self.test):
            if part is not None:
                kept[part.split] = {"count": part.count, "sha256": part.sha256}
        if self.train_file_sha256 is not None:
            kept["train_images_sha256"] = self.train_file_sha256
        return kept

    @property
    def is_mnist(self) -> bool:
        """Whether it is MNIST, by content, or by name where that is all that its file tells."""
        known = [part for part in (self.train, self.test) if part is not None]
        if not known:
            return self.name == MNIST.name
        return any(MNIST.holds(part) for part in known)

    def holds(self, data: DataIdentity) -> bool:
        """Whether a figure of these data is one of this source."""
        part = self.train if data.split == "train" else self.test
        return part is not None and part.sha256 == data.sha256


def content_sha256(images: NDArray[np.uint8], labels: NDArray[np.uint8] | None) -> str:
    """SHA-256 of the images' shape and bytes and, where there are any, of the labels'."""
    digest = hashlib.sha256()
    for array in (images, labels):
        if array is not None:
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


MNIST_TRAIN = DataIdentity(
    "MNIST", "train", 60_000, "9585ddb17301fae7683e4a0102abfe4d204de640acd4dd7969a43d8b134b1c07"
)
MNIST_TEST = DataIdentity(
    "MNIST", "test", 10_000, "e495d919dc9453f1b55a889fd404afbbd753b23e9f8fcb03fe1a3a1cbc3c0440"
)
MNIST = DataSource("MNIST", MNIST_TRAIN, MNIST_TEST)
# Of the gzipped file of MNIST's training images: by it checkpoints of format 1 name their data.
MNIST_TRAIN_FILE_SHA256 = "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"


def identify(
    images: NDArray[np.uint8], labels: NDArray[np.uint8] | None, *, name: str, split: Part
) -> DataIdentity:
    """Tell data by their content; those that are MNIST's are called so, wherever they lie.

    Parameters
    ----------
    images : array, shape (N, 28, 28)
    labels : array, shape (N,), optional
    name : str
        What the data set is called if it is not MNIST.
    split : {"train", "test"}
    """
    digest = content_sha256(images, labels)
    known = MNIST_TRAIN if split == "train" else MNIST_TEST
    if digest == known.sha256:
        return known
    if name.casefold() == MNIST.name.casefold():
        name = f"{name}, altered"  # it would be taken for the original
    return DataIdentity(name, split, len(images), digest)


def source_from_json(kept: dict[str, Any]) -> DataSource:
    """Read what `DataSource.to_json` gave, or what a header of format 1 holds.

    Raises
    ------
    ValueError
        It has no name, or a part without count and SHA-256.
    """
    name = kept.get("name")
    if not isinstance(name, str):
        raise ValueError("no name of its data")
    if unknown := sorted(kept.keys() - {"name", "train", "test", "train_images_sha256"}):
        raise ValueError(f"unknown fields of its data: {', '.join(unknown)}")
    parts: dict[Part, DataIdentity | None] = {"train": None, "test": None}
    for split in parts:
        if split in kept:
            parts[split] = identity_from_json(
                {"name": name, "split": split, **_mapping(kept[split])}
            )
    file = kept.get("train_images_sha256")
    if not (file is None or isinstance(file, str)):
        raise ValueError("a train_images_sha256 that is no text")
    if file == MNIST_TRAIN_FILE_SHA256 and parts["train"] is None:
        return MNIST
    return DataSource(name, parts["train"], parts["test"], file)


def identity_from_json(kept: Any) -> DataIdentity:
    """Read what `DataIdentity.to_json` gave; ValueError if it is nothing of the kind."""
    values = _mapping(kept)
    count = values.get("count")
    is_one = (
        values.keys() == {"name", "split", "count", "sha256"}
        and all(isinstance(values[key], str) for key in ("name", "sha256"))
        and values["split"] in ("train", "test")
        and isinstance(count, int)
        and not isinstance(count, bool)
        and count >= 1
    )
    if not is_one:
        raise ValueError("data need name, split (train or test), count and sha256")
    return DataIdentity(**values)


def _mapping(kept: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", kept) if isinstance(kept, dict) else {}
