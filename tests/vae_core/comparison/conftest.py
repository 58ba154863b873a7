from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vae_core.comparison.neighbourhoods import neighbours

Array = NDArray[Any]


@pytest.fixture
def blobs() -> tuple[Array, Array]:
    """400 codes of 4 overlapping classes in the plane, with their labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(400) % 4)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    return centres[labels] + rng.normal(size=(400, 2)), labels


def some_codes(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def some_labels(n: int = 60) -> np.ndarray:
    return np.random.default_rng(7).permutation(np.arange(n) % 10)


def turn(angle: float, *, reflect: bool) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]]) @ np.diag([1.0, -1.0 if reflect else 1.0])


def nearest_sets(points: np.ndarray, k: int) -> list[set[int]]:
    """Brute force, ties to the lower index."""
    sets: list[set[int]] = []
    for i, point in enumerate(points):
        order = np.argsort(((points - point) ** 2).sum(1), kind="stable")
        sets.append(set(order[order != i][:k].tolist()))
    return sets


def near(points: np.ndarray, k: int) -> np.ndarray:
    return neighbours(points, k=k)
