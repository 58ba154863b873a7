"""MNIST, embedded, and any other IDX data set of 28 × 28 grey images; NumPy only.

The IDX format is described on Yann LeCun's MNIST page: a big-endian magic number (2051 for
images, 2049 for labels), the sizes, then one byte per pixel or label.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

if TYPE_CHECKING:
    from torch import Generator, Tensor

Split = Literal["train", "test", "all"]
ByteArray = NDArray[np.uint8]

MNIST_FOLDER = Path(__file__).parent / "mnist"
MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"
    ),
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

_PREFIX = {"train": "train", "test": "t10k"}
_IMAGE_MAGIC, _LABEL_MAGIC = 2051, 2049


class DataSet(NamedTuple):
    """Images uint8 (N, 28, 28) and labels uint8 (N,), read-only."""

    images: ByteArray
    labels: ByteArray


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
    parts = [
        _read_idx(_find(MNIST_FOLDER, f"{_PREFIX[part]}-labels-idx1-ubyte"), MNIST_SHA256)
        for part in _parts(split)
    ]
    return _frozen(np.concatenate(parts))


def load_idx(folder: Path | str, split: Split, *, sha256: dict[str, str] | None = None) -> DataSet:
    """Load an IDX data set with MNIST's file names, gzipped or not.

    Parameters
    ----------
    folder : Path or str
        Holds ``train-images-idx3-ubyte[.gz]``, ``train-labels-idx1-ubyte[.gz]`` and the same
        with ``t10k``.
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
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; --data wants a folder of IDX files")
    images: list[ByteArray] = []
    labels: list[ByteArray] = []
    for part in _parts(split):
        image_path = _find(folder, f"{_PREFIX[part]}-images-idx3-ubyte")
        images.append(_read_idx(image_path, sha256))
        labels.append(_read_idx(_find(folder, f"{_PREFIX[part]}-labels-idx1-ubyte"), sha256))
        if images[-1].ndim != 3 or images[-1].shape[1:] != (28, 28):
            got = " × ".join(map(str, images[-1].shape[1:]))
            raise DataError(f"{image_path.name} holds {got} images; only 28 × 28 are supported")
        if len(images[-1]) != len(labels[-1]):
            raise DataError(
                f"{image_path.name} holds {len(images[-1])} images but its label file "
                f"{len(labels[-1])} labels; the numbers must be equal"
            )
        if len(images[-1]) == 0:
            raise DataError(f"{image_path.name} holds no images; at least one is needed")
    return DataSet(_frozen(np.concatenate(images)), _frozen(np.concatenate(labels)))


def data_identity(folder: Path | str | None) -> dict[str, str]:
    """Name and SHA-256 of the training images a checkpoint was made from.

    Parameters
    ----------
    folder : Path, str or None
        None means the embedded MNIST.
    """
    folder = MNIST_FOLDER if folder is None else Path(folder)
    path = _find(folder, "train-images-idx3-ubyte")
    name = "MNIST" if folder == MNIST_FOLDER else folder.resolve().name
    return {"name": name, "train_images_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


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


def _parts(split: str) -> tuple[str, ...]:
    if split not in get_args(Split):
        raise ValueError(f"split must be one of {', '.join(get_args(Split))}, got {split!r}")
    return ("train", "test") if split == "all" else (split,)


def _find(folder: Path, stem: str) -> Path:
    for name in (f"{stem}.gz", stem):
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder} has no file {stem} or {stem}.gz; a data set needs it")


def _read_idx(path: Path, sha256: dict[str, str] | None) -> ByteArray:
    raw = path.read_bytes()
    expected = (sha256 or {}).get(path.name)
    if expected is not None and (got := hashlib.sha256(raw).hexdigest()) != expected:
        raise DataError(
            f"{path.name} is damaged: its SHA-256 is {got[:12]}…, it should be {expected[:12]}…"
        )
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as err:
            raise DataError(f"{path.name} is no readable gzip file: {err}") from err
    wanted = _IMAGE_MAGIC if "-images-" in path.name else _LABEL_MAGIC
    magic = int.from_bytes(raw[:4], "big")
    if magic != wanted:
        raise DataError(f"{path.name} starts with the magic number {magic}; it should be {wanted}")
    n_axes = wanted & 0xFF
    header = 4 + 4 * n_axes
    if len(raw) < header:
        raise DataError(f"{path.name} ends inside its header, after {len(raw)} bytes")
    shape = struct.unpack(f">{n_axes}I", raw[4:header])
    size = math.prod(shape)
    if len(raw) - header != size:
        raise DataError(f"{path.name} announces {size} bytes of data but holds {len(raw) - header}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
