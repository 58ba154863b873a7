from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from vae_core.analysis.clusters import cluster_figures, knn_accuracy

Array = NDArray[Any]


@pytest.fixture
def blobs() -> tuple[Array, Array]:
    """400 codes of 4 overlapping classes in the plane, with their labels."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(400) % 4)
    centres = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    return centres[labels] + rng.normal(size=(400, 2)), labels


def pairwise_distances(codes: Array) -> Array:
    return np.sqrt(np.square(codes[:, None] - codes).sum(-1))


def brute_force_knn(codes: Array, labels: Array, k: int, seed: int) -> float:
    """The same folds; neighbours and votes by hand, ties to the smaller label."""
    distances = pairwise_distances(codes)
    shares: list[float] = []
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    for train, test in folds.split(codes, labels):
        nearest = train[distances[np.ix_(test, train)].argsort(1)[:, :k]]
        votes = np.array([np.bincount(row, minlength=4).argmax() for row in labels[nearest]])
        shares.append(float((votes == labels[test]).mean()))
    return float(np.mean(shares))


@pytest.mark.parametrize("k", [1, 10, 50])
def test_knn_accuracy_by_brute_force(blobs: tuple[Array, Array], k: int) -> None:
    codes, labels = blobs
    got = knn_accuracy(codes, labels, k=k, seed=3)
    assert got == pytest.approx(brute_force_knn(codes, labels, k, 3), abs=1e-12)
    assert 0.6 < got < 0.95


def test_no_digit_is_its_own_neighbour() -> None:
    rng = np.random.default_rng(1)
    codes, labels = rng.normal(size=(1000, 2)), np.arange(1000) % 10
    assert knn_accuracy(codes, labels, k=1) < 0.2  # 1 if it were, 0.1 by chance


def test_silhouette_by_its_definition(blobs: tuple[Array, Array]) -> None:
    codes, labels = blobs
    distances = pairwise_distances(codes)
    values: list[float] = []
    for i, own in enumerate(labels):
        means = [
            distances[i, labels == c].sum() / ((labels == c).sum() - (c == own)) for c in range(4)
        ]
        a, b = means[own], min(m for c, m in enumerate(means) if c != own)
        values.append((b - a) / max(a, b))
    assert cluster_figures(codes, labels).silhouette == pytest.approx(np.mean(values), abs=1e-9)


def test_separate_classes_are_found(blobs: tuple[Array, Array]) -> None:
    _, labels = blobs
    rng = np.random.default_rng(2)
    codes = 100.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[labels] + rng.normal(size=(400, 2))
    figures = cluster_figures(codes, labels)
    assert figures.knn == {1: 1.0, 10: 1.0, 50: 1.0}
    assert figures.nmi == pytest.approx(1.0)
    assert figures.ari == pytest.approx(1.0)
    assert figures.silhouette > 0.97


def test_clusters_that_say_nothing_of_the_classes() -> None:
    rng = np.random.default_rng(3)
    side = np.arange(600) % 2  # what k-means finds
    labels = (np.arange(600) // 2) % 2  # independent of it
    codes = 50.0 * side[:, None] + rng.normal(size=(600, 2))
    figures = cluster_figures(codes, labels)
    assert figures.nmi == pytest.approx(0.0, abs=1e-9)  # exactly independent
    assert figures.ari == pytest.approx(0.0, abs=0.01)
    assert figures.silhouette < 0.01
    assert all(0.35 < share < 0.65 for share in figures.knn.values())


def test_figures_do_not_depend_on_the_names_of_the_classes(blobs: tuple[Array, Array]) -> None:
    codes, labels = blobs
    renamed = np.array([7, 2, 9, 4])[labels]
    one, other = cluster_figures(codes, labels), cluster_figures(codes, renamed)
    assert one.silhouette == pytest.approx(other.silhouette)
    assert one.nmi == pytest.approx(other.nmi)
    assert one.ari == pytest.approx(other.ari)


def test_the_same_seed_gives_the_same_figures(blobs: tuple[Array, Array]) -> None:
    codes, labels = blobs
    assert cluster_figures(codes, labels, seed=1) == cluster_figures(codes, labels, seed=1)
    assert knn_accuracy(codes, labels, k=1, seed=1) != knn_accuracy(codes, labels, k=1, seed=2)
