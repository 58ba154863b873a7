"""The digits nearest to a place of the map, or to a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.latent_map.payload import apart, first_view
from latent_explorer.data import digits
from latent_explorer.data.encoding import positions
from vae_core.checkpoints import CheckpointRef
from vae_core.config import N_PIXELS
from vae_core.data import Split

N_VOTERS = 50  # nearest training digits that say which digit lives where
_PIXEL_CHUNK = 10_000  # digits turned to float at once when images are compared


class Neighbours(NamedTuple):
    """Digits by id, nearest first, and how far they are."""

    ids: NDArray[np.intp]
    distances: digits.Floats


def nearest_on_map(
    ref: CheckpointRef, split: Split, coords: tuple[float, float], *, n: int
) -> Neighbours:
    """Find the digits nearest to a place of the map; distances in z units (of the plane)."""
    # Brute force takes 2 ms; a tree would first import scikit-learn, 1.3 s of the first click.
    offsets = positions(ref).coords[digits.SPLITS[split]] - np.array(coords, np.float32)
    nearest, squares = _smallest(np.einsum("ij,ij->i", offsets, offsets), n)
    return Neighbours(nearest + digits.SPLITS[split].start, np.sqrt(squares))


def pile_at(ref: CheckpointRef, split: Split, coords: tuple[float, float]) -> NDArray[np.intp]:
    """Find the digits that no zoom of the map can tell apart from a place, by id, ascending."""
    rows = digits.SPLITS[split]
    on_map = positions(ref).coords[rows]
    reach = apart(first_view(on_map))
    offsets = np.abs(on_map - np.array(coords, np.float32))
    return np.flatnonzero((offsets <= reach).all(axis=1)) + rows.start


def nearest_in_pixels(image: digits.Floats, split: Split, *, n: int) -> Neighbours:
    """Find the digits whose pixels are nearest to an image, shape (784,); rms ink apart."""
    rows = digits.SPLITS[split]
    flat = digits.data_set().images.reshape(-1, N_PIXELS)
    squares = np.empty(rows.stop - rows.start, np.float32)
    for start in range(rows.start, rows.stop, _PIXEL_CHUNK):
        chunk = flat[start : min(start + _PIXEL_CHUNK, rows.stop)].astype(np.float32)
        chunk /= 255.0
        chunk -= image
        squares[start - rows.start :][: len(chunk)] = np.einsum("ij,ij->i", chunk, chunk)
    nearest, squares = _smallest(squares, n)
    return Neighbours(nearest + rows.start, np.sqrt(squares / N_PIXELS))


def _smallest(values: digits.Floats, n: int) -> tuple[NDArray[np.intp], digits.Floats]:
    """Positions of the n smallest values and these values, in ascending order."""
    smallest = np.argpartition(values, n)[:n]
    smallest = smallest[values[smallest].argsort()]
    return smallest, values[smallest]
