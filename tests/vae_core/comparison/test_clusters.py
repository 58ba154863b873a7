from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.mixture import GaussianMixture

from tests.vae_core.comparison.conftest import Array, some_codes, some_labels, turn
from vae_core.comparison.clusters import (
    ClusterMethod,
    class_agreement,
    k_means_agreement,
    matched_clusters,
    shared_clusters,
    silhouettes,
    split_classes,
)
from vae_core.comparison.neighbourhoods import knn_accuracy


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
    assert class_agreement(codes, labels).silhouette == pytest.approx(np.mean(values), abs=1e-9)


def test_separate_classes_are_found(blobs: tuple[Array, Array]) -> None:
    _, labels = blobs
    rng = np.random.default_rng(2)
    codes = 100.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[labels] + rng.normal(size=(400, 2))
    figures = class_agreement(codes, labels)
    assert figures.knn == {1: 1.0, 10: 1.0, 50: 1.0}
    assert figures.nmi == pytest.approx(1.0)
    assert figures.ari == pytest.approx(1.0)
    assert figures.silhouette > 0.97


def test_clusters_that_say_nothing_of_the_classes() -> None:
    rng = np.random.default_rng(3)
    side = np.arange(600) % 2  # what k-means finds
    labels = (np.arange(600) // 2) % 2  # independent of it
    codes = 50.0 * side[:, None] + rng.normal(size=(600, 2))
    figures = class_agreement(codes, labels)
    assert figures.nmi == pytest.approx(0.0, abs=1e-9)  # exactly independent
    assert figures.ari == pytest.approx(0.0, abs=0.01)
    assert figures.silhouette < 0.01
    assert all(0.35 < share < 0.65 for share in figures.knn.values())


def test_figures_do_not_depend_on_the_names_of_the_classes(blobs: tuple[Array, Array]) -> None:
    codes, labels = blobs
    renamed = np.array([7, 2, 9, 4])[labels]
    one, other = class_agreement(codes, labels), class_agreement(codes, renamed)
    assert one.silhouette == pytest.approx(other.silhouette)
    assert one.nmi == pytest.approx(other.nmi)
    assert one.ari == pytest.approx(other.ari)


def test_the_same_seed_gives_the_same_figures(blobs: tuple[Array, Array]) -> None:
    codes, labels = blobs
    assert class_agreement(codes, labels, seed=1) == class_agreement(codes, labels, seed=1)
    assert knn_accuracy(codes, labels, k=1, seed=1) != knn_accuracy(codes, labels, k=1, seed=2)


def test_silhouettes_average_to_scikit_learn_s_and_know_no_turn():
    a, labels = some_codes(), some_labels()
    got = silhouettes(a, labels)
    assert got.mean() == pytest.approx(silhouette_score(a, labels))
    np.testing.assert_allclose(got, silhouettes(a @ turn(0.7, reflect=True), labels))


def test_matched_clusters_finds_separate_classes():
    labels = some_labels(100)
    centres = 50.0 * np.stack([np.cos(np.arange(10)), np.arange(10)], 1)
    found = matched_clusters(centres[labels] + some_codes(100), labels, n_clusters=10, seed=0)
    assert found.accuracy == 1.0
    np.testing.assert_array_equal(found.classes, labels)
    assert found.counts.shape == (10, 10)
    assert found.counts.sum() == 100


@pytest.mark.parametrize("n_clusters", [3, 12])
def test_matched_clusters_is_the_best_matching(n_clusters: int):
    a, labels = some_codes(), some_labels() % 4
    found = matched_clusters(a, labels, n_clusters=n_clusters, seed=0)
    counts = found.counts[:4]
    small, large = sorted((4, n_clusters))
    best = max(
        sum(counts[(i, j) if n_clusters >= 4 else (j, i)] for i, j in enumerate(chosen))
        for chosen in permutations(range(large), small)
    )
    assert found.accuracy == pytest.approx(best / len(a))
    named = found.classes[found.classes >= 0]
    assert len(np.unique(named)) <= n_clusters
    again = matched_clusters(a, labels, n_clusters=n_clusters, seed=0)
    np.testing.assert_array_equal(found.classes, again.classes)


def test_a_mixture_tells_a_tight_class_from_a_wide_one_and_k_means_does_not():
    labels = np.arange(400) % 2
    a = some_codes(400) * np.where(labels == 0, 0.1, 1.5)[:, None] + labels[:, None] * [2.0, 0.0]
    found = matched_clusters(a, labels, n_clusters=2, seed=0, method="mixture")
    assert found.accuracy > 0.97
    want = GaussianMixture(2, random_state=0).fit_predict(a)
    np.testing.assert_array_equal(found.classes, found.class_of[want])
    np.testing.assert_array_equal(
        found.counts[:2], [np.bincount(want[labels == c], minlength=2) for c in (0, 1)]
    )
    assert matched_clusters(a, labels, n_clusters=2, seed=0).accuracy < 0.9


def test_clusters_that_classes_share_and_classes_that_clusters_split():
    counts = np.array([[60, 40, 0], [50, 5, 45], [0, 0, 9], [0, 0, 0]])
    assert shared_clusters(counts, share=0.4) == [(0, 1, 0), (1, 2, 2)]
    assert shared_clusters(counts, share=0.46) == [(0, 1, 0)]
    assert split_classes(counts, share=0.4) == [(0, [0, 1]), (1, [0, 2])]
    assert split_classes(counts, share=0.45) == [(1, [0, 2])]
    assert split_classes(np.diag([3, 4]), share=0.1) == []


@pytest.mark.parametrize("method", ["k-means", "mixture"])
def test_codes_that_are_few_fill_few_clusters(method: ClusterMethod) -> None:
    """Of a collapsed encoder all codes are one; there is nothing to warn of."""
    labels = some_labels()
    codes = np.zeros((len(labels), 2), np.float32)
    found = matched_clusters(codes, labels, n_clusters=10, seed=0, method=method)
    assert sorted(found.counts.sum(0).tolist())[-2:] == [0, len(labels)]
    assert sorted(found.class_of.tolist()) == list(range(10))
    codes[::2] = 1.0
    found = matched_clusters(codes, labels, n_clusters=10, seed=0, method=method)
    assert np.count_nonzero(found.counts.sum(0)) == 2
    assert k_means_agreement(np.zeros_like(codes), labels) == (0.0, 0.0)
