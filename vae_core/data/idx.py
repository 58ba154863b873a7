"""One IDX file, plain or gzipped, read with a bound on what it unpacks to.

The IDX format is described on Yann LeCun's MNIST page: two zero bytes, the type of the numbers,
the count of axes, the sizes, big-endian, then the numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.errors import DataError

ByteArray = NDArray[np.uint8]

SIDE = 28
# The largest IDX data set of this size in use, EMNIST's "byclass", unpacks to 547 MB.
MOST_BYTES = 1 << 30
# Some downloads are gzipped twice, by a server and by their maker; more is no data set.
_MOST_LAYERS = 3
_GZIP = b"\x1f\x8b"
_TYPES = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
# First bytes of what is found under an IDX file's name instead.
_OTHERS = {
    b"PK": "a ZIP archive: unpack it",
    b"\xfd7zXZ": "an XZ archive: unpack it",
    b"BZh": "a bzip2 archive: unpack it",
    b"\x93NUMPY": "a NumPy array: write it as IDX",
    b"\x89PNG": "a PNG picture",
    b"\x89HDF": "an HDF5 file",
    b"<": "a web page: the download failed",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself",
}


class _Kind(NamedTuple):
    """What a file should hold."""

    magic: int
    said: str


_IMAGES = _Kind(2051, "images have 2051: bytes (uint8), N × 28 × 28")
_LABELS = _Kind(2049, "labels have 2049: bytes (uint8), N")


def read_images(path: Path, sha256: str | None = None) -> ByteArray:
    """Read images, uint8 (N, 28, 28).

    Parameters
    ----------
    path : Path
        Gzipped or not, whatever its name says.
    sha256 : str, optional
        Of the file's bytes, if it is known.

    Raises
    ------
    DataError
        It is missing, damaged, too large, or holds something else: which the sentence says.
    """
    images = _read(path, _IMAGES, sha256)
    if images.shape[1:] != (SIDE, SIDE):
        raise DataError(
            f"{path.name} holds {_described(images)}; only 28 × 28 images are supported"
        )
    if len(images) == 0:
        raise DataError(f"{path.name} holds no images; at least one is needed")
    if images.max() <= 1:
        raise DataError(
            f"{path.name} holds {_described(images)}; pixels run from 0, paper, to 255, ink, "
            "so multiply them by 255"
        )
    return images


def read_labels(path: Path, sha256: str | None = None) -> ByteArray:
    """Read labels, uint8 (N,); of QMNIST's, which hold more, the class.

    Parameters and errors as `read_images`.
    """
    labels = _read(path, _LABELS, sha256)
    if labels.ndim == 2:  # QMNIST's: class, then who wrote it, where and when
        labels = labels[:, 0]
    if len(labels) and not (labels.min() >= 0 and labels.max() <= 255):
        raise DataError(f"{path.name} holds {_described(labels)}; labels run from 0 to 255")
    return labels.astype(np.uint8)


def _read(path: Path, kind: _Kind, sha256: str | None) -> NDArray[Any]:
    if sha256 is not None:
        _check_hash(path, sha256)
    try:
        with ExitStack() as files:
            stream = _unpacked(path, files)
            return _array(path, stream, kind)
    except (gzip.BadGzipFile, EOFError, zlib.error) as err:
        raise DataError(f"{path.name} is no readable gzip file: {err}") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror or err}") from err


def _check_hash(path: Path, expected: str) -> None:
    got = file_sha256(path)
    if got != expected:
        raise DataError(
            f"{path.name} is damaged: its SHA-256 is {got[:12]}…, it should be {expected[:12]}…"
        )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as it lies there, packed or not."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror or err}") from err


def _unpacked(path: Path, files: ExitStack) -> IO[bytes]:
    """Open a file below as many layers of gzip as there are, up to a few."""
    stream: Any = files.enter_context(path.open("rb"))
    for layers in range(_MOST_LAYERS + 1):
        if stream.peek(2)[:2] != _GZIP:
            break
        if layers == _MOST_LAYERS:
            raise DataError(f"{path.name} is gzipped more than {_MOST_LAYERS} times; unpack it")
        stream = files.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
    return stream


def _array(path: Path, stream: IO[bytes], kind: _Kind) -> NDArray[Any]:
    head = stream.read(4)
    if len(head) < 4:
        raise DataError(f"{path.name} ends inside its header, after {len(head)} bytes")
    dtype, n_axes = _TYPES.get(head[2]), head[3]
    if head[:2] != b"\0\0" or dtype is None or not 1 <= n_axes <= 4:
        raise DataError(f"{path.name} is no {_missed(path)}: {_what_is(head + stream.read(28))}")
    wrong = None
    if not _is_kind(dtype, n_axes, kind):
        wrong = f"{path.name} starts with the magic number {int.from_bytes(head, 'big')}"
    sizes = stream.read(4 * n_axes)
    if len(sizes) < 4 * n_axes:
        short = f"{path.name} ends inside its header, after {4 + len(sizes)} bytes"
        raise DataError(short if wrong is None else f"{wrong}; {kind.said}")
    shape = struct.unpack(f">{n_axes}I", sizes)
    size = math.prod(shape) * dtype.itemsize
    if size > MOST_BYTES:
        raise DataError(
            f"{path.name} announces {size} bytes of data; up to {MOST_BYTES:,} are read"
        )
    body = stream.read(size + 1)  # one more than there should be: no file unpacks to more than that
    is_whole = len(body) == size
    if wrong is not None:
        found = f": {_described(np.frombuffer(body, dtype).reshape(shape))}" if is_whole else ""
        raise DataError(f"{wrong}{found}; {kind.said}")
    if not is_whole:
        more = " or more" if len(body) > size else ""
        raise DataError(f"{path.name} announces {size} bytes of data but holds {len(body)}{more}")
    return np.frombuffer(body, dtype).reshape(shape)


def _is_kind(dtype: np.dtype[Any], n_axes: int, kind: _Kind) -> bool:
    if kind is _IMAGES:
        return dtype == np.uint8 and n_axes == 3
    return (dtype.kind in "iu" and n_axes == 1) or (dtype == np.dtype(">i4") and n_axes == 2)


def _described(array: NDArray[Any]) -> str:
    """Say type, shape and range: "3 × 32 × 32 numbers of type float32, from -1 to 1"."""
    said = f"{' × '.join(map(str, array.shape))} numbers of type {array.dtype.newbyteorder('=')}"
    if array.size == 0:
        return said
    low, high = (f"{end:g}" if array.dtype.kind == "f" else f"{end}" for end in _range(array))
    return f"{said}, from {low} to {high}"


def _range(array: NDArray[Any]) -> tuple[Any, Any]:
    return array.min(), array.max()


def _missed(path: Path) -> str:
    return "readable gzip file, nor IDX" if path.suffix == ".gz" else "IDX file"


def _what_is(start: bytes) -> str:
    for first, what in _OTHERS.items():
        if start.lstrip().startswith(first):
            return f"it looks like {what}"
    return f"its magic number is {int.from_bytes(start[:4], 'big')}"
