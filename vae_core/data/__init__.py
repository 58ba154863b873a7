"""MNIST, embedded, and any other IDX data set of 28 × 28 grey images; NumPy only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from vae_core.data.folder import IdxFiles, find_files, no_labels
from vae_core.data.idx import ByteArray as ByteArray
from vae_core.data.idx import file_sha256, read_images, read_labels
from vae_core.errors import DataError
from vae_core.identity import MNIST_TRAIN_FILE_SHA256, Part

if TYPE_CHECKING:
    from torch import Generator, Tensor

Split = Literal["train", "test", "all"]

MNIST_FOLDER = Path(__file__).parent / "mnist"
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": MNIST_TRAIN_FILE_SHA256,
    "train-labels-idx1-ubyte.gz": (
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b"
    ),
}
N_TRAIN, N_TEST = 60_000, 10_000  # of MNIST: digit ids 0…59,999 are training, the rest test


class DataSet(NamedTuple):
    """Images uint8 (N, 28, 28) and labels uint8 (N,), read-only."""

    images: ByteArray
    labels: ByteArray


class UnlabelledSet(NamedTuple):
    """Images uint8 (N, 28, 28), read-only, of which nobody said what they show."""

    images: ByteArray
    labels: None = None


def load_mnist(split: Split) -> DataSet:
    """Load the embedded MNIST.

    Parameters
    ----------
    split : {"train", "test", "all"}
        60,000, 10,000, or both in this order: row i of "all" is digit id i.

    Returns
    -------
    DataSet
        Images uint8 (N, 28, 28), 0 = paper, 255 = ink; labels uint8 (N,). Read-only.

    Raises
    ------
    DataError
        A file is missing, or its SHA-256 is not that of the original.
    """
    return load_idx(MNIST_FOLDER, split, sha256=MNIST_SHA256)


def load_mnist_labels(split: Split) -> ByteArray:
    """Labels alone, uint8 (N,), read-only: a map needs no pixels."""
    return _frozen(
        np.concatenate([_labels(find_files(MNIST_FOLDER, p), MNIST_SHA256) for p in _parts(split)])
    )


def load_idx(folder: Path | str, split: Split, *, sha256: dict[str, str] | None = None) -> DataSet:
    """Load an IDX data set with its labels.

    Parameters
    ----------
    folder : Path or str
        Holds images and labels, gzipped or not, under MNIST's names, ``train-images-idx3-ubyte``
        and so on, with hyphens or dots; or under EMNIST's or QMNIST's; or ``raw/`` or ``NAME/raw/``
        below holds them. EMNIST's pictures, which lie on their side, are set upright.
    split : {"train", "test", "all"}
        Which part to load.
    sha256 : dict, optional
        File name to expected SHA-256; files it does not name are not checked.

    Returns
    -------
    DataSet
        Images uint8 (N, 28, 28) and labels uint8 (N,), read-only.

    Raises
    ------
    DataError
        A file is missing or damaged, has a wrong magic number, size or checksum, or the images
        are not 28 × 28.
    """
    folder = Path(folder)
    parts: list[DataSet] = []
    for part in _parts(split):
        files = find_files(folder, part)
        images = _images(files, sha256)
        labels = _labels(files, sha256, missing=no_labels(folder, part))
        parts.append(_matched(files, images, labels))
    return DataSet(*(_frozen(np.concatenate(arrays)) for arrays in zip(*parts, strict=True)))


def load_part(folder: Path | str, part: Part) -> DataSet | UnlabelledSet:
    """Load one part of an IDX data set, whose labels may be missing: training needs none.

    Parameters and errors as `load_idx`.
    """
    files = find_files(Path(folder), part)
    images = _images(files, None)
    if files.labels is None:
        return UnlabelledSet(_frozen(images))
    labels = read_labels(files.labels)
    return DataSet(*map(_frozen, _matched(files, images, labels)))


def data_name(folder: Path | str) -> str:
    """Name a data set after its folder or the beginning of its files' names.

    Raises
    ------
    DataError
        The folder has no training images.
    """
    return find_files(Path(folder), "train").name


def train_file_sha256(folder: Path | str) -> str:
    """SHA-256 of the file of the training images, by which old checkpoints name their data."""
    return file_sha256(find_files(Path(folder), "train").images)


def binarise(x: Tensor, generator: Generator) -> Tensor:
    """Draw binary pixels with the grey values as probabilities (dynamic binarisation).

    Salakhutdinov & Murray, "On the quantitative analysis of deep belief networks", ICML 2008.

    Parameters
    ----------
    x : Tensor, shape (B, 784)
        Grey values in [0, 1].
    generator : torch.Generator
        Source of randomness, on the device of `x`.

    Returns
    -------
    Tensor, shape (B, 784)
        0 or 1 in the dtype of `x`.
    """
    import torch  # here, because the first map is drawn before torch has been imported

    noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return (noise < x).to(x.dtype)


def corrupt(x: Tensor, share: float, generator: Generator) -> Tensor:
    """Replace a share of the pixels, chosen at random, by fair coin flips.

    What the encoder of a denoising VAE sees; its decoder still explains the clean image. Im et
    al., "Denoising criterion for variational auto-encoding framework", AAAI 2017.

    Parameters
    ----------
    x : Tensor, shape (B, 784)
        Pixels in [0, 1].
    share : float
        From 0 to 1.
    generator : torch.Generator
        Source of randomness, on the device of `x`.

    Returns
    -------
    Tensor, shape (B, 784)

    Raises
    ------
    ValueError
        `share` is not in [0, 1].
    """
    import torch

    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    u = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    # Below half the share: ink; from there to the share: none.
    return torch.where(u < share, (u < 0.5 * share).to(x.dtype), x)


def _parts(split: Split) -> tuple[Part, ...]:
    if split not in get_args(Split):
        raise ValueError(f"split must be one of {', '.join(get_args(Split))}, got {split!r}")
    return ("train", "test") if split == "all" else (split,)


def _images(files: IdxFiles, sha256: dict[str, str] | None) -> ByteArray:
    images = read_images(files.images, (sha256 or {}).get(files.images.name))
    return images.transpose(0, 2, 1) if files.is_turned else images


def _labels(
    files: IdxFiles, sha256: dict[str, str] | None, missing: str = "there are no labels"
) -> ByteArray:
    if files.labels is None:
        raise DataError(missing)
    return read_labels(files.labels, (sha256 or {}).get(files.labels.name))


def _matched(files: IdxFiles, images: ByteArray, labels: ByteArray) -> DataSet:
    if len(images) != len(labels):
        raise DataError(
            f"{files.images.name} holds {len(images)} images but its label file {len(labels)} "
            "labels; the numbers must be equal"
        )
    return DataSet(images, labels)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array
