from __future__ import annotations

import numpy as np
import pytest
from sklearn import manifold
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import StratifiedKFold

from tests.vae_core.comparison.conftest import (
    Array,
    near,
    nearest_sets,
    some_codes,
    some_labels,
    turn,
)
from vae_core.comparison.drift import neighbour_change
from vae_core.comparison.neighbourhoods import (
    class_confusion,
    knn_accuracy,
    knn_right,
    trustworthiness,
)


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


def test_a_digit_is_not_its_own_neighbour_even_among_copies():
    a = np.repeat(some_codes(6), 5, axis=0)  # five digits at each place
    labels = np.repeat(np.arange(6), 5)
    np.testing.assert_allclose(class_confusion_of_present(a, labels, k=4), np.eye(6))
    assert neighbour_change(near(a, 4), near(a, 4)).max() == 0.0


def class_confusion_of_present(a: np.ndarray, labels: np.ndarray, *, k: int) -> np.ndarray:
    with pytest.warns(UserWarning, match="rows are NaN"):
        return class_confusion(near(a, k), labels)[:6, :6]


def test_neighbours_rise_by_distance_so_that_fewer_are_the_first_columns():
    a = some_codes()
    distances = pairwise_distances(a)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(near(a, 59)[:, :7], np.argsort(distances, 1)[:, :7])
    np.testing.assert_array_equal(near(a, 59)[:, :7], near(a, 7))


@pytest.mark.parametrize("k", [1, 5])
def test_class_confusion_is_that_of_brute_force(k: int):
    a, labels = some_codes(), some_labels()
    want = np.zeros((10, 10))
    for r in range(10):
        found = [
            labels[list(s)] for s, own in zip(nearest_sets(a, k), labels, strict=True) if own == r
        ]
        want[r] = np.bincount(np.concatenate(found), minlength=10) / (k * len(found))
    got = class_confusion(near(a, k), labels)
    np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(got.sum(1), 1.0)


def test_class_confusion_of_an_absent_class_is_nan_and_says_so():
    labels = some_labels() % 9
    with pytest.warns(UserWarning, match=r"no digits of classes \[9\]"):
        got = class_confusion(near(some_codes(), 3), labels)
    assert np.isnan(got[9]).all()
    assert np.isfinite(got[:9]).all()


@pytest.mark.parametrize("n", [60, 1203])  # one block of rows, and three
@pytest.mark.parametrize("k", [1, 7])
def test_trustworthiness_is_scikit_learn_s(n: int, k: int):
    images = np.random.default_rng(1).normal(size=(n, 30))  # no ties, which it breaks at random
    a = some_codes(n) + images[:, :2]
    got = trustworthiness(images, near(a, k))
    want = manifold.trustworthiness(images, a, n_neighbors=k)
    assert got.mean() == pytest.approx(want, abs=1e-7)
    turned = a @ turn(1.1, reflect=True)
    np.testing.assert_array_equal(got, trustworthiness(images, near(turned, k)))
    assert trustworthiness(images, near(images, k)).min() == 1.0


@pytest.mark.parametrize("k", [1, 6])
def test_knn_right_averages_to_the_accuracy(k: int):
    labels = np.repeat(np.arange(4), 15)
    a = some_codes() + 1.2 * np.stack([labels % 2, labels // 2], 1)
    right = knn_right(a, labels, k=k)
    assert set(right.tolist()) == {0.0, 1.0}
    assert right.mean() == pytest.approx(knn_accuracy(a, labels, k=k))


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
