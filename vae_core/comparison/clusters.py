"""How well codes keep the classes apart, and what clusters that know no labels make of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_samples,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture

from vae_core.comparison.checks import N_CLASSES, FloatArray, IntArray, check_count, check_labelled
from vae_core.comparison.neighbourhoods import knn_accuracy

VOTERS = (1, 10, 50)  # k of the kNN accuracies that are reported

ClusterMethod = Literal["k-means", "mixture"]


class ClassAgreement(NamedTuple):
    """Agreement of codes with class labels; higher is better in all."""

    knn: dict[int, float]  # k to accuracy, from 0 to 1
    silhouette: float  # from −1 to 1
    nmi: float  # from 0 to 1
    ari: float  # from −0.5 to 1, 0 by chance


class MatchedClusters(NamedTuple):
    """Clusters of codes, each named after at most one class."""

    classes: IntArray  # (N,), the class of each digit's cluster, −1 for a cluster of none
    class_of: IntArray  # (n_clusters,), the class of each cluster, or −1
    counts: IntArray  # (10, n_clusters), digits of class r in cluster c
    accuracy: float  # from 0 to 1, share of digits in the cluster of their class; best is 1


def class_agreement(codes: FloatArray, labels: IntArray, *, seed: int = 0) -> ClassAgreement:
    """Measure how well one encoder's codes agree with the classes.

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
    ClassAgreement
        kNN accuracy is 5-fold cross-validated and stratified, so that no digit is its own
        neighbour. Silhouette (Rousseeuw 1987) is of the true classes. NMI and ARI compare the
        classes with as many k-means clusters; under a N(0, I) prior they are low,
        since gaps between clusters cost KL.
    """
    return ClassAgreement(
        {k: knn_accuracy(codes, labels, k=k, seed=seed) for k in VOTERS},
        float(silhouette_score(codes, labels)),
        *k_means_agreement(codes, labels, seed=seed),
    )


def k_means_agreement(codes: FloatArray, labels: IntArray, *, seed: int = 0) -> tuple[float, float]:
    """NMI and ARI of the classes with as many k-means clusters; see `ClassAgreement`."""
    n_classes = len(np.unique(labels))
    n_clusters = min(n_classes, _count_distinct(codes))
    clusters = KMeans(n_clusters, n_init="auto", random_state=seed).fit_predict(codes)
    return (
        float(normalized_mutual_info_score(labels, clusters)),
        float(adjusted_rand_score(labels, clusters)),
    )


def silhouettes(codes: FloatArray, labels: IntArray) -> FloatArray:
    """Silhouette of each digit among the true classes, from −1 to 1 (Rousseeuw 1987).

    Parameters
    ----------
    codes, labels
        As in `matched_clusters`; of two classes at least.

    Returns
    -------
    array, shape (N,)
    """
    check_labelled(codes, labels)
    return silhouette_samples(codes, labels)


def matched_clusters(
    codes: FloatArray,
    labels: IntArray,
    *,
    n_clusters: int,
    seed: int,
    method: ClusterMethod = "k-means",
) -> MatchedClusters:
    """Clusters that know no labels, matched to classes so that most digits are right.

    The matching is one to one and optimal (Kuhn, "The Hungarian method for the assignment
    problem", 1955). With `n_clusters` above 10 some clusters, with fewer some classes, go without.

    Parameters
    ----------
    codes : array, shape (N, D)
    labels : array, shape (N,)
        Classes from 0 to 9.
    n_clusters : int
        From 1 to N; of codes of which fewer differ, the last clusters stay empty.
    seed : int
        Of the starts.
    method : {"k-means", "mixture"}
        A mixture of Gaussians with full covariances finds stretched clusters, k-means round ones.
    """
    check_labelled(codes, labels)
    check_count("n_clusters", n_clusters, len(codes))
    n_filled = min(n_clusters, _count_distinct(codes))
    if method == "k-means":
        found = KMeans(n_filled, n_init="auto", random_state=seed)
    else:
        found = GaussianMixture(n_filled, random_state=seed)
    clusters = found.fit_predict(codes)
    counts = np.zeros((N_CLASSES, n_clusters), np.int64)
    np.add.at(counts, (labels, clusters), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    class_of: IntArray = np.full(n_clusters, -1, np.int64)
    class_of[columns] = rows
    classes = class_of[clusters]
    return MatchedClusters(classes, class_of, counts, float(np.mean(np.equal(classes, labels))))


def _count_distinct(codes: FloatArray) -> int:
    """Count the codes that differ: no more clusters can be told apart."""
    return len(np.unique(codes, axis=0))


def shared_clusters(counts: IntArray, *, share: float) -> list[tuple[int, int, int]]:
    """Find the pairs of classes that one cluster holds much of.

    Parameters
    ----------
    counts : array, shape (R, C)
        Digits of class r in cluster c, as in `MatchedClusters`.
    share : float
        Above 0, up to 1: of both classes at least so much is in the cluster.

    Returns
    -------
    list of (r, s, c)
        Two classes, r below s, and the cluster that they share; the first where there are more.
    """
    is_much = _shares(counts) >= share
    found: list[tuple[int, int, int]] = []
    for r in range(len(counts)):
        for s in range(r + 1, len(counts)):
            if (both := np.flatnonzero(is_much[r] & is_much[s])).size:
                found.append((r, s, int(both[0])))
    return found


def split_classes(counts: IntArray, *, share: float) -> list[tuple[int, list[int]]]:
    """Find the classes of which more than one cluster holds much.

    Parameters
    ----------
    counts, share
        As in `shared_clusters`.

    Returns
    -------
    list of (r, clusters)
        A class, and the two or more clusters, those that hold most first.
    """
    shares = _shares(counts)
    found: list[tuple[int, list[int]]] = []
    for r, of_class in enumerate(shares):
        order = np.argsort(-of_class, kind="stable")
        held = [int(c) for c in order if of_class[c] >= share]
        if len(held) > 1:
            found.append((r, held))
    return found


def _shares(counts: IntArray) -> FloatArray:
    """Of each class, the shares in the clusters; 0 for a class without digits."""
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)
