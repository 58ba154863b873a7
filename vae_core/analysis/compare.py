"""Two encoders of the same digits: aligning their maps, and what moved between them.

Three measures of how far each digit drifted, as in Latent Scope's comparison of two maps
(enjalot/latent-scope 1.0): how far it moved, whether its neighbours changed, and whether it moved
otherwise than they did. There all are rescaled to [0, 1]; here they keep their units, so that
figures of different pairs of encoders can be compared.

Codes are arrays of shape (N, D), row i of each for the same digit, in z units. Shapes that do not
match, values that are not finite and counts out of range raise ValueError throughout.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]

N_CLASSES = 10


class Alignment(NamedTuple):
    """The rotation or reflection that brings one map closest to another."""

    rotation: FloatArray  # (2, 2), orthogonal; of determinant −1 where it reflects
    residual: float  # z units, root mean square distance left; best is 0
    aligned: FloatArray  # (N, 2), coords @ rotation


class MatchedClusters(NamedTuple):
    """k-means clusters, each named after at most one class."""

    classes: IntArray  # (N,), the class of each digit's cluster, −1 for a cluster of none
    counts: IntArray  # (10, n_clusters), digits of class r in cluster c
    accuracy: float  # from 0 to 1, share of digits in the cluster of their class; best is 1


def align(coords: FloatArray, onto: FloatArray) -> Alignment:
    """Rotate, and if it helps reflect, one map about the origin to lie as near another as it can.

    Neither map is moved or scaled: the prior N(0, I) fixes origin and scale, and leaves an encoder
    only rotations and reflections. Schönemann, "A generalized solution of the orthogonal
    Procrustes problem", Psychometrika 1966.

    Parameters
    ----------
    coords, onto : array, shape (N, 2)
        The map to turn, and the one that stays.

    Raises
    ------
    ValueError
        Bad maps, or a pair that no rotation brings nearer, since one of them is all at the origin.
    """
    _check_pair(coords, onto)
    if coords.shape[1] != 2:
        raise ValueError(f"maps must have shape (N, 2), got {coords.shape}")
    rotation, overlap = orthogonal_procrustes(coords.astype(float), onto.astype(float))
    if not overlap > 0:
        raise ValueError("no rotation aligns these maps better than another, their overlap is 0")
    aligned = coords @ rotation
    residual = np.sqrt(np.mean(displacement(aligned, onto) ** 2))
    return Alignment(rotation, float(residual), aligned)


def displacement(a: FloatArray, b: FloatArray) -> FloatArray:
    """How far each digit moved, ‖bᵢ − aᵢ‖.

    Parameters
    ----------
    a, b : array, shape (N, D)
        Codes before and after, brought together by `align`.

    Returns
    -------
    array, shape (N,)
        z units, from 0.
    """
    _check_pair(a, b)
    return np.linalg.norm(np.subtract(b, a, dtype=float), axis=1)


def neighbour_change(a: FloatArray, b: FloatArray, *, k: int) -> FloatArray:
    """How many of each digit's k nearest neighbours changed, 1 − |A and B| / |A or B| (Jaccard).

    Blind to rotation, reflection and scale. Two unrelated maps score 1 − k / 2N or so.

    Parameters
    ----------
    a, b : array, shape (N, D)
        Codes before and after.
    k : int
        Neighbours, from 1 to N − 1; a digit is not its own.

    Returns
    -------
    array, shape (N,)
        From 0, the same neighbours, to 1, all others.
    """
    _check_pair(a, b)
    before, after = np.sort(_neighbours(a, k), 1), np.sort(_neighbours(b, k), 1)
    both = np.sort(np.concatenate([before, after], 1), 1)  # (N, 2k); a shared one stands twice
    shared = np.count_nonzero(both[:, 1:] == both[:, :-1], axis=1)
    return 1.0 - shared / (2 * k - shared)


def relative_change(a: FloatArray, b: FloatArray, *, k: int) -> FloatArray:
    """How far each digit moved against its neighbours, ‖(bᵢ − aᵢ) − mean over j of (bⱼ − aⱼ)‖.

    j runs over the k nearest neighbours of i in `a`. So a neighbourhood that moves as one scores
    0, however far it goes, and a digit that leaves it scores the distance it went.

    Parameters
    ----------
    a, b, k
        As in `neighbour_change`, with a and b brought together by `align`: a turn would move
        neighbours differently.

    Returns
    -------
    array, shape (N,)
        z units, from 0.
    """
    _check_pair(a, b)
    moves = np.subtract(b, a, dtype=float)
    return np.linalg.norm(moves - moves[_neighbours(a, k)].mean(1), axis=1)


def class_confusion(codes: FloatArray, labels: IntArray, *, k: int) -> FloatArray:
    """Whom digits of each class live among.

    Parameters
    ----------
    codes : array, shape (N, D)
    labels : array, shape (N,)
        Classes from 0 to 9.
    k : int
        Neighbours, from 1 to N − 1; a digit is not its own.

    Returns
    -------
    array, shape (10, 10)
        [r, c] is, of the k nearest neighbours of a digit of class r, the mean share in class c.
        Rows sum to 1; the identity is best. The row of a class without digits is NaN, with a
        warning.
    """
    _check_labelled(codes, labels)
    near = labels[_neighbours(codes, k)]  # (N, k)
    counts = np.zeros((N_CLASSES, N_CLASSES))
    np.add.at(counts, (np.repeat(labels, k), near.ravel()), 1.0)
    totals = counts.sum(1, keepdims=True)
    if absent := np.flatnonzero(totals == 0).tolist():
        warnings.warn(f"no digits of classes {absent}: their rows are NaN", stacklevel=2)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def matched_clusters(
    codes: FloatArray, labels: IntArray, *, n_clusters: int, seed: int
) -> MatchedClusters:
    """k-means clusters, matched to classes so that as many digits as possible are right.

    The matching is one to one and optimal (Kuhn, "The Hungarian method for the assignment
    problem", 1955). With `n_clusters` above 10 some clusters, with fewer some classes, go without.

    Parameters
    ----------
    codes, labels
        As in `class_confusion`.
    n_clusters : int
        From 1 to N.
    seed : int
        Of k-means' starts.
    """
    _check_labelled(codes, labels)
    _check_count("n_clusters", n_clusters, len(codes))
    clusters = KMeans(n_clusters, n_init="auto", random_state=seed).fit_predict(codes)
    counts = np.zeros((N_CLASSES, n_clusters), np.int64)
    np.add.at(counts, (labels, clusters), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    class_of = np.full(n_clusters, -1)
    class_of[columns] = rows
    classes = class_of[clusters]
    return MatchedClusters(classes, counts, float(np.mean(classes == labels)))


def _neighbours(codes: FloatArray, k: int) -> IntArray:
    """Find each row's k nearest others: their indices, shape (N, k)."""
    _check_count("k", k, len(codes) - 1)
    search: Any = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(codes)
    return search.kneighbors(return_distance=False)  # without a query: of the rows, themselves out


def _check_codes(codes: FloatArray) -> None:
    if codes.ndim != 2 or len(codes) == 0:
        raise ValueError(f"codes must have shape (N, D) with N ≥ 1, got {codes.shape}")
    if not np.isfinite(codes).all():
        raise ValueError("codes must be finite, got NaN or infinite values")


def _check_pair(a: FloatArray, b: FloatArray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"two sets of codes must have one shape (N, D), got {a.shape}, {b.shape}")
    _check_codes(a)
    _check_codes(b)


def _check_labelled(codes: FloatArray, labels: IntArray) -> None:
    _check_codes(codes)
    if labels.shape != (len(codes),) or not np.issubdtype(labels.dtype, np.integer):
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"labels must be whole numbers of shape ({len(codes)},), got {got}")
    if labels.min() < 0 or labels.max() >= N_CLASSES:
        raise ValueError(f"labels must be from 0 to 9, got {labels.min()} to {labels.max()}")


def _check_count(name: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise ValueError(f"{name} must be from 1 to {most} with so many codes, got {count}")
