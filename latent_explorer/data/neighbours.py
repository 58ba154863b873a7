"""The digits nearest to a place of the map, or to a picture; what a picture looks like by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.latent_map.payload import apart, first_view
from latent_explorer.data import digits
from latent_explorer.data.encoding import decode, positions
from vae_core.checkpoints import CheckpointRef
from vae_core.config import N_PIXELS
from vae_core.data import Split

N_VOTERS = 50  # nearest training digits that say which digit lives where
N_LOOKERS = 10  # nearest test images that say what a picture looks like
_STRANGE = 0.25  # rms ink: 99 % of the test images have another that is nearer
_PIXEL_CHUNK = 10_000  # digits turned to float at once when images are compared


class Neighbours(NamedTuple):
    """Digits by id, nearest first, and how far they are."""

    ids: NDArray[np.intp]
    distances: digits.Floats


class Look(NamedTuple):
    """What a decoded picture looks like, by the test images that are nearest in pixels."""

    label: int
    votes: int  # of `N_LOOKERS`
    distance: float  # of the nearest, rms ink

    @property
    def name(self) -> str:
        """Name it within a sentence: looks like a 7."""
        return f"looks like {'no digit' if self.distance > _STRANGE else f'a {self.label}'}"

    def said(self) -> str:
        """Say it, and by what."""
        votes = "all" if self.votes == N_LOOKERS else f"{self.votes} of"
        return (
            f"**{self.name.capitalize()}**: {votes} the {N_LOOKERS} test images nearest by their "
            f"pixels are {self.label}s"
            + (", but none of them is near." if self.distance > _STRANGE else ".")
        )


@st.cache_data(max_entries=64, show_spinner=False)
def look_at(ref: CheckpointRef, z: tuple[float, ...]) -> Look:
    """Tell which digit a latent decodes to: its picture's nearest test images vote, 20 ms."""
    ids, distances = nearest_in_pixels(decode(ref, np.array([z]))[0], "test", n=N_LOOKERS)
    counts = np.bincount(digits.labels()[ids], minlength=10)
    return Look(int(counts.argmax()), int(counts.max()), float(distances[0]))


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
