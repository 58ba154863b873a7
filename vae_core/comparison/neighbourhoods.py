"""Whom each digit lives among in z.

Neighbours are found once, by `neighbours`, and shared: its lists rise by distance, so that the
first k columns are the k nearest. What compares two lists of them takes codes of any two D.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from vae_core.comparison.checks import (
    N_CLASSES,
    FloatArray,
    IntArray,
    check_codes,
    check_count,
    check_labelled,
    check_labels,
    check_lists,
)

N_FOLDS = 5

_PIXEL_BLOCK = 500  # images whose distances to all others are held at once


def neighbours(codes: FloatArray, *, k: int) -> IntArray:
    """Find each digit's k nearest others in z, nearest first.

    Parameters
    ----------
    codes : array, shape (N, D)
    k : int
        From 1 to N − 1; a digit is not its own neighbour.

    Returns
    -------
    array of int32, shape (N, k)
        Rows of `codes`.
    """
    check_codes(codes)
    check_count("k", k, len(codes) - 1)
    search = NearestNeighbors(
        n_neighbors=k, algorithm="kd_tree" if codes.shape[1] <= 3 else "auto", n_jobs=-1
    ).fit(codes)
    # Without a query: of the rows, themselves left out.
    return search.kneighbors(return_distance=False).astype(np.int32)


def trustworthiness(images: FloatArray | IntArray, near: IntArray) -> FloatArray:
    """How far each digit's neighbours in z are from being its neighbours in pixels.

    The mean over digits is the trustworthiness of the map (Venna & Kaski 2001), as scikit-learn's
    `trustworthiness` has it; that one holds all N² distances and ranks, 1.6 GB of 10,000 digits.
    Distances are in single precision; equal ones share the lower rank.

    Parameters
    ----------
    images : array, shape (N, P)
        Pixels.
    near : array of int, shape (N, k)
        From `neighbours`; k below N / 2.

    Returns
    -------
    array, shape (N,)
        1 where all k are among the k nearest in pixels, less by their ranks beyond.
    """
    x = images.astype(np.float32)
    check_codes(x)
    n, k = near.shape
    if n != len(x) or not 1 <= k < n / 2:
        raise ValueError(f"lists of neighbours must have shape ({len(x)}, k), k < N / 2")
    squares = np.einsum("ij,ij->i", x, x)
    excess = np.empty(n)
    for start in range(0, n, _PIXEL_BLOCK):
        rows = np.arange(start, min(start + _PIXEL_BLOCK, n))
        apart = x[rows] @ x.T  # (B, N)
        apart *= -2.0
        apart += squares  # but for the row's own square, the same all along it
        apart[np.arange(len(rows)), rows] = -np.inf
        theirs = np.take_along_axis(apart, near[rows], 1)
        ranks = np.stack(
            [
                np.count_nonzero(line < some[:, None], axis=1)
                for line, some in zip(apart, theirs, strict=True)
            ]
        )  # from 1, since each digit itself is nearer
        excess[rows] = np.maximum(ranks - k, 0).sum(1)
    return 1.0 - excess * 2.0 / (k * (2.0 * n - 3.0 * k - 1.0))


def class_confusion(near: IntArray, labels: IntArray) -> FloatArray:
    """Whom digits of each class live among.

    Parameters
    ----------
    near : array of int, shape (N, k)
        From `neighbours`.
    labels : array, shape (N,)
        Classes from 0 to 9.

    Returns
    -------
    array, shape (10, 10)
        [r, c] is, of the k nearest neighbours of a digit of class r, the mean share in class c.
        Rows sum to 1; the identity is best. The row of a class without digits is NaN, with a
        warning.
    """
    check_lists(near, near)
    check_labels(labels, len(near))
    pairs = labels[:, None].astype(np.int64) * N_CLASSES + labels[near]  # (N, k)
    counts = np.bincount(pairs.ravel(), minlength=N_CLASSES**2).astype(float)
    counts = counts.reshape(N_CLASSES, N_CLASSES)
    totals = counts.sum(1, keepdims=True)
    if absent := np.flatnonzero(totals == 0).tolist():
        warnings.warn(f"no digits of classes {absent}: their rows are NaN", stacklevel=2)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def knn_accuracy(codes: FloatArray, labels: IntArray, *, k: int, seed: int = 0) -> float:
    """5-fold cross-validated accuracy of a vote of the k nearest codes, from 0 to 1."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_score(KNeighborsClassifier(k), codes, labels, cv=folds)
    return float(np.mean(scores))


def knn_right(codes: FloatArray, labels: IntArray, *, k: int, seed: int = 0) -> FloatArray:
    """Whether the k nearest codes of the other folds vote for each digit's label, 0 or 1.

    Their mean is the accuracy of `knn_accuracy`, fold by fold the same,
    if the folds are of one size.

    Parameters
    ----------
    codes, labels
        As in `matched_clusters`; five digits at least of each class that is there.
    k, seed : int
        Voters, and the shuffling of the folds.

    Returns
    -------
    array, shape (N,)
    """
    check_labelled(codes, labels)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    votes = cross_val_predict(KNeighborsClassifier(k), codes, labels, cv=folds)
    return (votes == labels).astype(float)
