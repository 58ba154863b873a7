from itertools import permutations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import manifold
from sklearn.metrics import pairwise_distances, silhouette_score
from sklearn.mixture import GaussianMixture

from vae_core.analysis.clusters import knn_accuracy
from vae_core.analysis.compare import (
    active_units,
    align,
    bootstrap_means,
    class_confusion,
    class_spread,
    displacement,
    knn_right,
    linear_cka,
    matched_clusters,
    neighbour_change,
    neighbours,
    relative_change,
    shared_clusters,
    silhouettes,
    split_classes,
    trustworthiness,
)


def codes(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def some_labels(n: int = 60) -> np.ndarray:
    return np.random.default_rng(7).permutation(np.arange(n) % 10)


def turn(angle: float, *, reflect: bool) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]]) @ np.diag([1.0, -1.0 if reflect else 1.0])


def nearest(points: np.ndarray, k: int) -> list[set[int]]:
    """Brute force, ties to the lower index."""
    sets: list[set[int]] = []
    for i, point in enumerate(points):
        order = np.argsort(((points - point) ** 2).sum(1), kind="stable")
        sets.append(set(order[order != i][:k].tolist()))
    return sets


def near(points: np.ndarray, k: int) -> np.ndarray:
    return neighbours(points, k=k)


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, 3.0, -2.0])
def test_align_recovers_a_planted_turn(angle: float, reflect: bool):
    a, planted = codes(), turn(angle, reflect=reflect)
    found = align(a, a @ planted)
    np.testing.assert_allclose(found.rotation, planted, atol=1e-12)
    np.testing.assert_allclose(found.aligned, a @ planted, atol=1e-12)
    assert found.residual == pytest.approx(0.0, abs=1e-12)


def test_align_neither_moves_nor_scales():
    a = codes()
    found = align(a, 2.0 * a)
    np.testing.assert_allclose(found.aligned, a, atol=1e-12)
    assert found.residual == pytest.approx(np.sqrt((a**2).sum(1).mean()))
    moved = align(a, a + np.array([5.0, 0.0]))
    np.testing.assert_allclose(moved.aligned.mean(0) @ moved.aligned.mean(0), a.mean(0) @ a.mean(0))


def test_align_is_the_best_of_all_turns():
    a, b = codes(), codes(seed=1)
    found = align(a, b)
    tried = [
        np.sqrt(((a @ turn(angle, reflect=reflect) - b) ** 2).sum(1).mean())
        for angle in np.linspace(-np.pi, np.pi, 721)
        for reflect in (False, True)
    ]
    assert found.residual <= min(tried)
    assert found.residual == pytest.approx(min(tried), rel=1e-4)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(2), atol=1e-12)


def test_nothing_drifts_from_itself():
    a = codes()
    assert displacement(a, a).max() == 0.0
    assert neighbour_change(near(a, 5), near(a, 5)).max() == 0.0
    assert relative_change(a, a, near(a, 5)).max() == 0.0


@pytest.mark.parametrize("reflect", [False, True])
def test_nothing_drifts_from_a_turned_copy_once_aligned(reflect: bool):
    a = codes()
    b = a @ turn(2.1, reflect=reflect)
    assert displacement(a, b).max() > 1.0
    assert neighbour_change(near(a, 5), near(b, 5)).max() == 0.0
    aligned = align(a, b).aligned
    assert displacement(aligned, b).max() < 1e-12
    assert relative_change(aligned, b, near(aligned, 5)).max() < 1e-12


def test_displacement_is_a_distance():
    np.testing.assert_allclose(
        displacement(np.zeros((3, 2)), np.array([[3, 4], [0, 0], [0, 1]])), [5, 0, 1]
    )


@pytest.mark.parametrize("k", [1, 4, 59])
def test_neighbour_change_is_that_of_brute_force(k: int):
    a, b = codes(), codes() + 0.3 * codes(seed=1)
    want = [
        1.0 - len(p & q) / len(p | q) for p, q in zip(nearest(a, k), nearest(b, k), strict=True)
    ]
    np.testing.assert_allclose(neighbour_change(near(a, k), near(b, k)), want)


def test_a_digit_is_not_its_own_neighbour_even_among_copies():
    a = np.repeat(codes(6), 5, axis=0)  # five digits at each place
    labels = np.repeat(np.arange(6), 5)
    np.testing.assert_allclose(class_confusion_of_present(a, labels, k=4), np.eye(6))
    assert neighbour_change(near(a, 4), near(a, 4)).max() == 0.0


def class_confusion_of_present(a: np.ndarray, labels: np.ndarray, *, k: int) -> np.ndarray:
    with pytest.warns(UserWarning, match="rows are NaN"):
        return class_confusion(near(a, k), labels)[:6, :6]


def test_relative_change_is_that_of_brute_force():
    a, b = codes(), codes() + 0.3 * codes(seed=1)
    moves = b - a
    want = [
        np.linalg.norm(moves[i] - np.mean([moves[j] for j in js], axis=0))
        for i, js in enumerate(nearest(a, 6))
    ]
    np.testing.assert_allclose(relative_change(a, b, near(a, 6)), want)


def test_relative_change_sees_who_leaves_but_not_who_moves_along():
    a = codes()
    b = a + np.array([3.0, -1.0])
    assert relative_change(a, b, near(a, 5)).max() < 1e-12
    b[0] += [0.0, 2.0]
    assert relative_change(a, b, near(a, 5))[0] == pytest.approx(2.0)


@pytest.mark.parametrize("k", [1, 5])
def test_class_confusion_is_that_of_brute_force(k: int):
    a, labels = codes(), some_labels()
    want = np.zeros((10, 10))
    for r in range(10):
        found = [labels[list(s)] for s, own in zip(nearest(a, k), labels, strict=True) if own == r]
        want[r] = np.bincount(np.concatenate(found), minlength=10) / (k * len(found))
    got = class_confusion(near(a, k), labels)
    np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(got.sum(1), 1.0)


def test_class_confusion_of_an_absent_class_is_nan_and_says_so():
    labels = some_labels() % 9
    with pytest.warns(UserWarning, match=r"no digits of classes \[9\]"):
        got = class_confusion(near(codes(), 3), labels)
    assert np.isnan(got[9]).all()
    assert np.isfinite(got[:9]).all()


def test_matched_clusters_finds_separate_classes():
    labels = some_labels(100)
    centres = 50.0 * np.stack([np.cos(np.arange(10)), np.arange(10)], 1)
    found = matched_clusters(centres[labels] + codes(100), labels, n_clusters=10, seed=0)
    assert found.accuracy == 1.0
    np.testing.assert_array_equal(found.classes, labels)
    assert found.counts.shape == (10, 10)
    assert found.counts.sum() == 100


@pytest.mark.parametrize("n_clusters", [3, 12])
def test_matched_clusters_is_the_best_matching(n_clusters: int):
    a, labels = codes(), some_labels() % 4
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
    a = codes(400) * np.where(labels == 0, 0.1, 1.5)[:, None] + labels[:, None] * [2.0, 0.0]
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


def test_neighbours_rise_by_distance_so_that_fewer_are_the_first_columns():
    a = codes()
    distances = pairwise_distances(a)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(near(a, 59)[:, :7], np.argsort(distances, 1)[:, :7])
    np.testing.assert_array_equal(near(a, 59)[:, :7], near(a, 7))


def test_neighbour_change_compares_codes_of_any_dimensions():
    a = codes()
    wide = np.hstack([a, np.zeros((60, 3))])
    assert neighbour_change(near(a, 5), near(wide, 5)).max() == 0.0


@pytest.mark.parametrize("n", [60, 1203])  # one block of rows, and three
@pytest.mark.parametrize("k", [1, 7])
def test_trustworthiness_is_scikit_learn_s(n: int, k: int):
    images = np.random.default_rng(1).normal(size=(n, 30))  # no ties, which it breaks at random
    a = codes(n) + images[:, :2]
    got = trustworthiness(images, near(a, k))
    want = manifold.trustworthiness(images, a, n_neighbors=k)
    assert got.mean() == pytest.approx(want, abs=1e-7)
    turned = a @ turn(1.1, reflect=True)
    np.testing.assert_array_equal(got, trustworthiness(images, near(turned, k)))
    assert trustworthiness(images, near(images, k)).min() == 1.0


def test_linear_cka_is_that_of_the_gram_matrices():
    a, b = codes(), np.hstack([codes(), codes(seed=1)]) + 0.5
    centring = np.eye(60) - 1 / 60
    k, m = (centring @ (each @ each.T) @ centring for each in (a, b))
    want = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(a, b) == pytest.approx(want)
    assert linear_cka(b, a) == pytest.approx(want)
    assert linear_cka(3.0 * a @ turn(0.4, reflect=True) + 1.0, b) == pytest.approx(want)
    assert linear_cka(a, -2.0 * a) == pytest.approx(1.0)


def test_linear_cka_of_one_place_is_nan_and_says_so():
    with pytest.warns(UserWarning, match="CKA is undefined"):
        assert np.isnan(linear_cka(codes(), np.ones((60, 2))))


def test_active_units_vary_beyond_the_threshold():
    a = np.random.default_rng(0).normal(size=(1000, 3)) * [1.0, 0.11, 0.09] + [0.0, 0.0, 9.0]
    assert active_units(a) == 2


@pytest.mark.parametrize("k", [1, 6])
def test_knn_right_averages_to_the_accuracy(k: int):
    labels = np.repeat(np.arange(4), 15)
    a = codes() + 1.2 * np.stack([labels % 2, labels // 2], 1)
    right = knn_right(a, labels, k=k)
    assert set(right.tolist()) == {0.0, 1.0}
    assert right.mean() == pytest.approx(knn_accuracy(a, labels, k=k))


def test_silhouettes_average_to_scikit_learn_s_and_know_no_turn():
    a, labels = codes(), some_labels()
    got = silhouettes(a, labels)
    assert got.mean() == pytest.approx(silhouette_score(a, labels))
    np.testing.assert_allclose(got, silhouettes(a @ turn(0.7, reflect=True), labels))


def test_class_spread_is_the_root_mean_square_distance_from_the_class_s_mean():
    a, labels = codes(), some_labels() % 9
    want = [
        np.sqrt(((a[labels == c] - a[labels == c].mean(0)) ** 2).sum(1).mean()) for c in range(9)
    ]
    got = class_spread(a, labels)
    np.testing.assert_allclose(got[:9], want)
    assert np.isnan(got[9])
    np.testing.assert_allclose(class_spread(a @ turn(0.7, reflect=True), labels), got)


def test_bootstrap_means_agree_with_the_normal_interval():
    values = np.random.default_rng(0).normal(size=(2, 4000)) * [[1.0], [3.0]] + [[5.0], [-2.0]]
    got = bootstrap_means(values, n_resamples=999, confidence=0.95, seed=0)
    half = norm.ppf(0.975) * values.std(1) / np.sqrt(4000)
    want = values.mean(1)[:, None] + half[:, None] * [-1, 1]
    np.testing.assert_allclose(got, want, atol=0.15 * half.max())
    again = bootstrap_means(values, n_resamples=999, confidence=0.95, seed=0)
    np.testing.assert_array_equal(got, again)
    assert np.ptp(bootstrap_means(np.ones((1, 9)), n_resamples=9, confidence=0.9, seed=0)) == 0.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda a: align(a, a[:5]), "one shape"),
        (lambda a: align(np.ones((5, 3)), np.ones((5, 3))), r"\(N, 2\), got \(5, 3\)"),
        (lambda a: displacement(a, a * np.nan), "finite"),
        (lambda a: displacement(a[0], a[0]), r"\(N, D\)"),
        (lambda a: neighbours(a, k=0), "k must be from 1 to 59"),
        (lambda a: neighbours(a, k=60), "k must be from 1 to 59"),
        (lambda a: neighbour_change(near(a, 3), near(a, 4)), r"one shape \(N, k\)"),
        (lambda a: relative_change(a, a, near(a[:50], 3)), "50, 60"),
        (lambda a: class_confusion(near(a, 3), some_labels() + 1), "from 0 to 9, got 1 to 10"),
        (lambda a: class_confusion(near(a, 3), some_labels()[:9]), "labels must be"),
        (lambda a: class_confusion(near(a, 3), some_labels() * 1.0), "whole numbers"),
        (lambda a: trustworthiness(a, near(a, 30)), "k < N / 2"),
        (lambda a: linear_cka(a, a[:5]), "one length, got 60 and 5"),
        (lambda a: silhouettes(a, some_labels() - 1), "from 0 to 9, got -1"),
        (lambda a: knn_right(a, some_labels()[:9], k=1), "labels must be"),
        (lambda a: class_spread(a, some_labels()[:9]), "labels must be"),
        (lambda a: active_units(a * np.nan), "finite"),
        (
            lambda a: bootstrap_means(a[:, 0], n_resamples=9, confidence=0.9, seed=0),
            r"\(M, N\)",
        ),
        (
            lambda a: matched_clusters(a, some_labels(), n_clusters=61, seed=0),
            "n_clusters must be from 1 to 60",
        ),
    ],
)
def test_misuse_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call(codes())
