"""What the Compare page measures of checkpoints, cached by their content; arrays are NumPy.

Alignment and movement are of the maps: the whole code of one or two dimensions, the projection of
more. Neighbours are sought in z, whatever its dimensions.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.selection import Ids
from latent_explorer.pages.compare.choices import MOST_NEIGHBOURS, MeasureName, Method
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

N_CLUSTERS = 10

_SEED = 0


class Aligned(NamedTuple):
    """A checkpoint's map turned, or turned and reflected, to lie near another's."""

    coords: Floats  # (n, 2) of the split's digits, coords of its own map @ rotation
    rotation: Floats  # (2, 2), orthogonal
    residual: float  # z units, root mean square distance left among the digits fitted
    n_fitted: int


class ClassMetrics(NamedTuple):
    """Of the test digits of each class, shape (10,) each."""

    silhouette: Floats  # mean, from −1 to 1
    spread: Floats  # z units


@st.cache_resource(max_entries=16, show_spinner="Turning one map to lie on the other…")
def aligned(
    ref: CheckpointRef, onto: CheckpointRef, split: Split, ids: Ids | None = None
) -> Aligned:
    """Turn a checkpoint's map to lie near another's; shared, not to be changed.

    Parameters
    ----------
    ref, onto : CheckpointRef
        The map to turn, and the one that stays.
    split : str
        Whose digits are returned, and fitted unless some are named.
    ids : array of int, optional
        The digits to fit; at least one.
    """
    from vae_core.comparison.alignment import align

    rows = digits.SPLITS[split]
    mine, theirs = encoding.positions(ref).coords, encoding.positions(onto).coords
    fitted = slice(rows.start, rows.stop) if ids is None else ids
    found = align(mine[fitted].astype(float), theirs[fitted].astype(float))
    coords = mine[rows].astype(float) @ found.rotation
    return Aligned(coords, found.rotation, found.residual, len(found.aligned))


@st.cache_resource(max_entries=16, show_spinner="Looking for each digit's neighbours…")
def nearest(ref: CheckpointRef, split: Split) -> Ints:
    """Find each digit's 100 nearest others in z, nearest first, as rows of the split.

    Shape (n, 100); shared, not to be changed.
    """
    from vae_core.comparison.neighbourhoods import neighbours

    return neighbours(_codes(ref, split), k=MOST_NEIGHBOURS)


def _codes(ref: CheckpointRef, split: Split) -> Floats:
    rows = digits.SPLITS[split]
    if catalogue.stored(ref).header.model.latent_dim <= 2:
        return encoding.positions(ref).coords[rows]  # z but for an orthogonal map
    return encoding.test_codes(ref) if split == "test" else encoding.posteriors(ref)[0][rows]


@st.cache_resource(max_entries=24, show_spinner="Measuring how far each digit drifted…")
def drift(
    ref: CheckpointRef, other: CheckpointRef, split: Split, measure: MeasureName, k: int
) -> Floats:
    """Measure how far each digit of a split is elsewhere under another checkpoint, shape (n,).

    Parameters
    ----------
    ref, other : CheckpointRef
        Before and after; the other's map is aligned with the first's on all digits of the split.
    split : str
    measure : {"displacement", "neighbours", "relative"}
        `displacement` and `relative_change` in z units, `neighbour_change` from 0 to 1, of
        `vae_core.comparison`.
    k : int
        Neighbours, up to 100; of no use to the displacement.
    """
    from vae_core.comparison import drift

    if measure == "neighbours":
        return drift.neighbour_change(nearest(ref, split)[:, :k], nearest(other, split)[:, :k])
    before = encoding.positions(ref).coords[digits.SPLITS[split]].astype(float)
    after = aligned(other, ref, split).coords
    if measure == "displacement":
        return drift.displacement(before, after)
    return drift.relative_change(before, after, nearest(ref, split)[:, :k])


@st.cache_data(max_entries=32, show_spinner="Counting neighbours…")
def confusion(ref: CheckpointRef, k: int) -> Floats:
    """Shares of classes among the k nearest test digits of each class's digits, shape (10, 10)."""
    from vae_core.comparison.neighbourhoods import class_confusion

    return class_confusion(nearest(ref, "test")[:, :k], test_labels())


@st.cache_resource(max_entries=16, show_spinner="Measuring how far apart the classes are…")
def silhouettes(ref: CheckpointRef) -> Floats:
    """Silhouette of each test digit, shape (10000,); shared, not to be changed."""
    from vae_core.comparison import clusters

    return clusters.silhouettes(encoding.test_codes(ref), test_labels())


@st.cache_data(max_entries=16, show_spinner="Measuring the classes…")
def class_metrics(ref: CheckpointRef) -> ClassMetrics:
    """Measure each class of the test digits in z."""
    from vae_core.comparison.spread import class_spread

    names, values = test_labels(), silhouettes(ref)
    means = np.bincount(names, values, minlength=10) / np.bincount(names, minlength=10)
    return ClassMetrics(means, class_spread(encoding.test_codes(ref), names))


@st.cache_data(max_entries=16, show_spinner="Looking for clusters…")
def clusters(ref: CheckpointRef, method: Method) -> Ints:
    """Count test digits by class (row) and by cluster (column), shape (10, 10).

    A cluster that the Hungarian method matches to class c is column c.
    """
    from vae_core.comparison.clusters import matched_clusters

    found = matched_clusters(
        encoding.test_codes(ref), test_labels(), n_clusters=N_CLUSTERS, seed=_SEED, method=method
    )
    return found.counts[:, np.argsort(found.class_of)]


def test_labels() -> NDArray[Any]:
    """Labels of the test digits."""
    return digits.labels()[digits.SPLITS["test"]]
