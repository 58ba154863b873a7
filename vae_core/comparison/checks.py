"""What codes, labels, lists of neighbours and counts must be; ValueError says what they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]

N_CLASSES = 10


def check_codes(codes: FloatArray) -> None:
    """Refuse codes that are not finite numbers of shape (N, D)."""
    if codes.ndim != 2 or len(codes) == 0:
        raise ValueError(f"codes must have shape (N, D) with N ≥ 1, got {codes.shape}")
    if not np.isfinite(codes).all():
        raise ValueError("codes must be finite, got NaN or infinite values")


def check_pair(a: FloatArray, b: FloatArray) -> None:
    """Refuse two sets of codes that are not of the same digits and dimensions."""
    if a.shape != b.shape:
        raise ValueError(f"two sets of codes must have one shape (N, D), got {a.shape}, {b.shape}")
    check_codes(a)
    check_codes(b)


def check_lists(a: IntArray, b: IntArray) -> None:
    """Refuse lists of neighbours that are not of one shape (N, k)."""
    if a.ndim != 2 or a.shape != b.shape or not a.size:
        raise ValueError(
            f"lists of neighbours must have one shape (N, k), got {a.shape}, {b.shape}"
        )


def check_labelled(codes: FloatArray, labels: IntArray) -> None:
    """Refuse codes and labels that do not belong together."""
    check_codes(codes)
    check_labels(labels, len(codes))


def check_labels(labels: IntArray, n: int) -> None:
    """Refuse labels that are not `n` whole numbers from 0 to 9."""
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"labels must be whole numbers of shape ({n},), got {got}")
    if labels.min() < 0 or labels.max() >= N_CLASSES:
        raise ValueError(f"labels must be from 0 to 9, got {labels.min()} to {labels.max()}")


def check_count(name: str, count: int, most: int) -> None:
    """Refuse a count that is not from 1 to `most`."""
    if not 1 <= count <= most:
        raise ValueError(f"{name} must be from 1 to {most} with so many codes, got {count}")
