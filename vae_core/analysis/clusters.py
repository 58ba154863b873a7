"""How well one encoder's codes keep the classes apart; scikit-learn computes, we name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]

NEIGHBOURS = (1, 10, 50)
N_FOLDS = 5


class ClusterFigures(NamedTuple):
    """Agreement of codes with class labels; higher is better in all."""

    knn: dict[int, float]  # k to accuracy, from 0 to 1
    silhouette: float  # from −1 to 1
    nmi: float  # from 0 to 1
    ari: float  # from −0.5 to 1, 0 by chance


def cluster_figures(codes: FloatArray, labels: IntArray, *, seed: int = 0) -> ClusterFigures:
    """All figures of one encoder.

    Parameters
    ----------
    codes : array, shape (N, D)
        Encoder means.
    labels : array, shape (N,)
        Classes, each with at least five members.
    seed : int
        Of the folds and of k-means' starts.

    Returns
    -------
    ClusterFigures
        kNN accuracy is 5-fold cross-validated and stratified, so that no digit is its own
        neighbour. Silhouette (Rousseeuw 1987) is of the true classes. NMI and ARI compare the
        classes with as many k-means clusters; under a N(0, I) prior they are low by design,
        since it forbids gaps between clusters.
    """
    return ClusterFigures(
        {k: knn_accuracy(codes, labels, k=k, seed=seed) for k in NEIGHBOURS},
        float(silhouette_score(codes, labels)),
        *k_means_agreement(codes, labels, seed=seed),
    )


def k_means_agreement(codes: FloatArray, labels: IntArray, *, seed: int = 0) -> tuple[float, float]:
    """NMI and ARI of the classes with as many k-means clusters; see `ClusterFigures`."""
    n_classes = len(np.unique(labels))
    clusters = KMeans(n_classes, n_init="auto", random_state=seed).fit_predict(codes)
    return (
        float(normalized_mutual_info_score(labels, clusters)),
        float(adjusted_rand_score(labels, clusters)),
    )


def knn_accuracy(codes: FloatArray, labels: IntArray, *, k: int, seed: int = 0) -> float:
    """5-fold cross-validated accuracy of a vote of the k nearest codes, from 0 to 1."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_score(KNeighborsClassifier(k), codes, labels, cv=folds)
    return float(np.mean(scores))
