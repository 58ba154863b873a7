"""The data set that a command was given, and whether it is the one a checkpoint was made from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from vae_core.data import (
    DataSet,
    UnlabelledSet,
    data_name,
    load_mnist,
    load_part,
    train_file_sha256,
)
from vae_core.errors import DataError
from vae_core.header import Header
from vae_core.identity import (
    MNIST,
    MNIST_TEST,
    MNIST_TRAIN,
    DataIdentity,
    DataSource,
    Part,
    identify,
)

Images = DataSet | UnlabelledSet


class DataAtHand:
    """A folder of IDX files, or the embedded MNIST; each part is read when it is first needed.

    Parameters
    ----------
    folder : Path, optional
        By default MNIST.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @cached_property
    def name(self) -> str:
        """What the data set is called; MNIST's own content is MNIST under any name."""
        return MNIST.name if self.folder is None else data_name(self.folder)

    @cached_property
    def train(self) -> Images:
        """All training images."""
        return self._part("train")

    @cached_property
    def test(self) -> Images:
        """All test images."""
        return self._part("test")

    def _part(self, part: Part) -> Images:
        return load_mnist(part) if self.folder is None else load_part(self.folder, part)

    def trained_on(self, held_out: int) -> Images:
        """Training images without the last ones, which are held out.

        Raises
        ------
        DataError
            None would be left.
        """
        images, labels = self.train
        n = len(images) - held_out
        if n < 1:
            raise DataError(
                f"{self.name} has {len(images):,} training images, and {held_out:,} are to be held "
                "out; at least one must be left"
            )
        return UnlabelledSet(images[:n]) if labels is None else DataSet(images[:n], labels[:n])

    def source(self, held_out: int, *, with_test: bool = True) -> DataSource:
        """Identify what a model is made from that is trained on these data."""
        return _source(self, held_out, with_test)


@cache
def _source(data: DataAtHand, held_out: int, with_test: bool) -> DataSource:
    if data.folder is None and held_out == 0:
        return MNIST
    train = identify(*data.trained_on(held_out), name=data.name, split="train")
    test = identify(*data.test, name=data.name, split="test") if with_test else None
    name = MNIST.name if train == MNIST_TRAIN or test == MNIST_TEST else train.name
    return DataSource(
        name, replace(train, name=name), None if test is None else replace(test, name=name)
    )


def why_other(file: str, header: Header, data: DataAtHand) -> str | None:
    """Say why a checkpoint is not to be measured on the data at hand; None if it is.

    Parameters
    ----------
    file : str
        Its name, for the sentence.
    header : Header
    data : DataAtHand
    """
    theirs, held_out = header.data, header.train.held_out
    if _is_source(theirs, held_out, data):
        return None
    said = f"{file} was made from {theirs.name}"
    if data.folder is None:
        return f"{said}, which is not at hand: give its folder by --data DIR"
    ours = data.source(0).test
    return (
        f"{said}{_short(theirs.test)}, and {data.folder} holds other data, {ours}{_short(ours)}: "
        "give the right folder, or measure it on other data by --other-data, which is not stored"
    )


def _is_source(theirs: DataSource, held_out: int, data: DataAtHand) -> bool:
    if theirs.train is None and theirs.test is None:
        if theirs.train_file_sha256 is not None:
            folder = data.folder
            return folder is not None and theirs.train_file_sha256 == train_file_sha256(folder)
        return theirs.name == data.name  # all that there is to go by
    try:
        ours = data.source(held_out)
    except DataError:
        if held_out and data.folder is None:  # more held out than MNIST has
            return False
        raise
    pairs = ((theirs.train, ours.train), (theirs.test, ours.test))
    return all(a is None or (b is not None and a.sha256 == b.sha256) for a, b in pairs)


def _short(data: DataIdentity | None) -> str:
    return "" if data is None else f" (SHA-256 {data.sha256[:8]}…)"
