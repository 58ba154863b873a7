"""Two encoders of the same digits: aligning their maps, and what moved between them.

Three measures of how far each digit drifted, as in Latent Scope's comparison of two maps
(enjalot/latent-scope 1.0): how far it moved, whether its neighbours changed, and whether it moved
otherwise than they did. There all are rescaled to [0, 1]; here they keep their units, so that
figures of different pairs of encoders can be compared.

Codes are arrays of shape (N, D), row i of each for the same digit, in z units. Shapes that do not
match, values that are not finite and counts out of range raise ValueError throughout.

Neighbours are found once, by `neighbours`, and shared: its lists rise by distance, so that the
first k columns are the k nearest. What compares two lists of them takes codes of any two D.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment
from scipy.stats import bootstrap
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from vae_core.analysis.clusters import N_FOLDS

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.integer]

ClusterMethod = Literal["k-means", "mixture"]

N_CLASSES = 10
ACTIVE_VARIANCE = 0.01  # of mu over the data: Burda, Grosse & Salakhutdinov, ICLR 2016

_PIXEL_BLOCK = 500  # images whose distances to all others are held at once
_RESAMPLES_AT_ONCE = 20


class Alignment(NamedTuple):
    """The rotation or reflection that brings one map closest to another."""

    rotation: FloatArray  # (2, 2), orthogonal; of determinant −1 where it reflects
    residual: float  # z units, root mean square distance left; best is 0
    aligned: FloatArray  # (N, 2), coords @ rotation


class MatchedClusters(NamedTuple):
    """Clusters of codes, each named after at most one class."""

    classes: IntArray  # (N,), the class of each digit's cluster, −1 for a cluster of none
    class_of: IntArray  # (n_clusters,), the class of each cluster, or −1
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
        Bad maps.
    """
    _check_pair(coords, onto)
    if coords.shape[1] != 2:
        raise ValueError(f"maps must have shape (N, 2), got {coords.shape}")
    rotation, overlap = orthogonal_procrustes(coords.astype(float), onto.astype(float))
    if not overlap > 0:  # a map all at the origin: each rotation is as good as none
        rotation = np.eye(2)
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
    _check_codes(codes)
    _check_count("k", k, len(codes) - 1)
    search: Any = NearestNeighbors(
        n_neighbors=k, algorithm="kd_tree" if codes.shape[1] <= 3 else "auto", n_jobs=-1
    ).fit(codes)
    # Without a query: of the rows, themselves left out.
    return search.kneighbors(return_distance=False).astype(np.int32)


def neighbour_change(before: IntArray, after: IntArray) -> FloatArray:
    """How many of each digit's k nearest neighbours changed, 1 − |A and B| / |A or B| (Jaccard).

    Blind to rotation, reflection and scale. Two unrelated maps score 1 − k / 2N or so.

    Parameters
    ----------
    before, after : array of int, shape (N, k)
        From `neighbours`, under two encoders.

    Returns
    -------
    array, shape (N,)
        From 0, the same neighbours, to 1, all others.
    """
    _check_lists(before, after)
    k = before.shape[1]
    both = np.sort(np.concatenate([before, after], 1), 1)  # (N, 2k); a shared one stands twice
    shared = np.count_nonzero(both[:, 1:] == both[:, :-1], axis=1)
    return 1.0 - shared / (2 * k - shared)


def relative_change(a: FloatArray, b: FloatArray, near: IntArray) -> FloatArray:
    """How far each digit moved against its neighbours, ‖(bᵢ − aᵢ) − mean over j of (bⱼ − aⱼ)‖.

    j runs over the neighbours of i. So a neighbourhood that moves as one scores 0, however far it
    goes, and a digit that leaves it scores the distance it went.

    Parameters
    ----------
    a, b : array, shape (N, D)
        Codes before and after, brought together by `align`: a turn would move neighbours
        differently.
    near : array of int, shape (N, k)
        From `neighbours`, before.

    Returns
    -------
    array, shape (N,)
        z units, from 0.
    """
    _check_pair(a, b)
    _check_lists(near, near)
    if len(near) != len(a):
        raise ValueError(f"as many lists of neighbours as codes are needed: {len(near)}, {len(a)}")
    moves = np.subtract(b, a, dtype=float)
    mean = np.stack([column[near].mean(1) for column in moves.T], 1)  # not (N, k, D) at once
    return np.linalg.norm(moves - mean, axis=1)


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
    _check_codes(x)
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


def linear_cka(a: FloatArray, b: FloatArray) -> float:
    """Linear centred kernel alignment of two sets of codes.

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) of the centred codes, in Frobenius' norm: Kornblith, Norouzi, Lee &
    Hinton, "Similarity of neural network representations revisited", ICML 2019. Blind to rotation,
    reflection and scale.

    Parameters
    ----------
    a, b : array, shapes (N, D) and (N, E)

    Returns
    -------
    float
        From 0 to 1, the same but for a turn and a scale; NaN, with a warning, if all codes of one
        are the same.
    """
    _check_codes(a)
    _check_codes(b)
    if len(a) != len(b):
        raise ValueError(f"two sets of codes must have one length, got {len(a)} and {len(b)}")
    a, b = (each - each.mean(0, dtype=float) for each in (a, b))
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    if norms == 0:
        warnings.warn("all codes are the same: CKA is undefined", stacklevel=2)
        return float("nan")
    return float(np.linalg.norm(a.T @ b) ** 2 / norms)


def active_units(codes: FloatArray) -> int:
    """Count the dimensions whose mean of q(z|x) varies by more than `ACTIVE_VARIANCE`.

    Parameters
    ----------
    codes : array, shape (N, D)
        Encoder means.

    Returns
    -------
    int
        From 0 to D.
    """
    _check_codes(codes)
    return int(np.count_nonzero(codes.astype(float).var(0) > ACTIVE_VARIANCE))


def knn_right(codes: FloatArray, labels: IntArray, *, k: int, seed: int = 0) -> FloatArray:
    """Whether the k nearest codes of the other folds vote for each digit's label, 0 or 1.

    Their mean is the accuracy of `vae_core.analysis.clusters.knn_accuracy`, fold by fold the same,
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
    _check_labelled(codes, labels)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    votes = cross_val_predict(KNeighborsClassifier(k), codes, labels, cv=folds)
    return (np.asarray(votes) == labels).astype(float)


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
    _check_labelled(codes, labels)
    return np.asarray(silhouette_samples(codes, labels))


def class_spread(codes: FloatArray, labels: IntArray) -> FloatArray:
    """How far digits of each class lie from their mean, √ of the trace of their covariance.

    Parameters
    ----------
    codes, labels
        As in `matched_clusters`.

    Returns
    -------
    array, shape (10,)
        z units, root mean square distance; blind to rotation. NaN for a class without digits.
    """
    _check_labelled(codes, labels)
    spread = np.full(N_CLASSES, np.nan)
    for digit in np.unique(labels):
        spread[digit] = np.sqrt(codes[labels == digit].astype(float).var(0).sum())
    return spread


def bootstrap_means(
    values: FloatArray, *, n_resamples: int, confidence: float, seed: int
) -> FloatArray:
    """Percentile bootstrap intervals of means over digits (Efron & Tibshirani 1993, ch. 13).

    Parameters
    ----------
    values : array, shape (M, N)
        M figures, each a value per digit; all are resampled alike.
    n_resamples, seed : int
    confidence : float
        Between 0 and 1.

    Returns
    -------
    array, shape (M, 2)
        Lower and upper ends.
    """
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise ValueError(f"values must be finite, of shape (M, N) with N ≥ 2, got {values.shape}")
    found = bootstrap(
        (values,),
        np.mean,
        axis=1,
        n_resamples=n_resamples,
        batch=_RESAMPLES_AT_ONCE,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return np.stack(found.confidence_interval, 1)


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
    _check_lists(near, near)
    _check_labels(labels, len(near))
    pairs = labels[:, None].astype(np.int64) * N_CLASSES + labels[near]  # (N, k)
    counts = np.bincount(pairs.ravel(), minlength=N_CLASSES**2).astype(float)
    counts = counts.reshape(N_CLASSES, N_CLASSES)
    totals = counts.sum(1, keepdims=True)
    if absent := np.flatnonzero(totals == 0).tolist():
        warnings.warn(f"no digits of classes {absent}: their rows are NaN", stacklevel=2)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


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
        From 1 to N.
    seed : int
        Of the starts.
    method : {"k-means", "mixture"}
        A mixture of Gaussians with full covariances finds stretched clusters, k-means round ones.
    """
    _check_labelled(codes, labels)
    _check_count("n_clusters", n_clusters, len(codes))
    if method == "k-means":
        found: Any = KMeans(n_clusters, n_init="auto", random_state=seed)
    else:
        found = GaussianMixture(n_clusters, random_state=seed)
    clusters = found.fit_predict(codes)
    counts = np.zeros((N_CLASSES, n_clusters), np.int64)
    np.add.at(counts, (labels, clusters), 1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    class_of = np.full(n_clusters, -1)
    class_of[columns] = rows
    classes = class_of[clusters]
    return MatchedClusters(classes, class_of, counts, float(np.mean(classes == labels)))


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


def _check_lists(a: IntArray, b: IntArray) -> None:
    if a.ndim != 2 or a.shape != b.shape or not a.size:
        raise ValueError(
            f"lists of neighbours must have one shape (N, k), got {a.shape}, {b.shape}"
        )


def _check_labelled(codes: FloatArray, labels: IntArray) -> None:
    _check_codes(codes)
    _check_labels(labels, len(codes))


def _check_labels(labels: IntArray, n: int) -> None:
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        got = f"{labels.dtype} {labels.shape}"
        raise ValueError(f"labels must be whole numbers of shape ({n},), got {got}")
    if labels.min() < 0 or labels.max() >= N_CLASSES:
        raise ValueError(f"labels must be from 0 to 9, got {labels.min()} to {labels.max()}")


def _check_count(name: str, count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise ValueError(f"{name} must be from 1 to {most} with so many codes, got {count}")
