from itertools import permutations

import numpy as np
import pytest

from vae_core.analysis.compare import (
    align,
    class_confusion,
    displacement,
    matched_clusters,
    neighbour_change,
    relative_change,
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
    assert neighbour_change(a, a, k=5).max() == 0.0
    assert relative_change(a, a, k=5).max() == 0.0


@pytest.mark.parametrize("reflect", [False, True])
def test_nothing_drifts_from_a_turned_copy_once_aligned(reflect: bool):
    a = codes()
    b = a @ turn(2.1, reflect=reflect)
    assert displacement(a, b).max() > 1.0
    assert neighbour_change(a, b, k=5).max() == 0.0
    aligned = align(a, b).aligned
    assert displacement(aligned, b).max() < 1e-12
    assert relative_change(aligned, b, k=5).max() < 1e-12


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
    np.testing.assert_allclose(neighbour_change(a, b, k=k), want)


def test_a_digit_is_not_its_own_neighbour_even_among_copies():
    a = np.repeat(codes(6), 5, axis=0)  # five digits at each place
    labels = np.repeat(np.arange(6), 5)
    np.testing.assert_allclose(class_confusion_of_present(a, labels, k=4), np.eye(6))
    assert neighbour_change(a, a, k=4).max() == 0.0


def class_confusion_of_present(a: np.ndarray, labels: np.ndarray, *, k: int) -> np.ndarray:
    with pytest.warns(UserWarning, match="rows are NaN"):
        return class_confusion(a, labels, k=k)[:6, :6]


def test_relative_change_is_that_of_brute_force():
    a, b = codes(), codes() + 0.3 * codes(seed=1)
    moves = b - a
    want = [
        np.linalg.norm(moves[i] - np.mean([moves[j] for j in near], axis=0))
        for i, near in enumerate(nearest(a, 6))
    ]
    np.testing.assert_allclose(relative_change(a, b, k=6), want)


def test_relative_change_sees_who_leaves_but_not_who_moves_along():
    a = codes()
    b = a + np.array([3.0, -1.0])
    assert relative_change(a, b, k=5).max() < 1e-12
    b[0] += [0.0, 2.0]
    assert relative_change(a, b, k=5)[0] == pytest.approx(2.0)


@pytest.mark.parametrize("k", [1, 5])
def test_class_confusion_is_that_of_brute_force(k: int):
    a, labels = codes(), some_labels()
    want = np.zeros((10, 10))
    for r in range(10):
        near = [labels[list(s)] for s, own in zip(nearest(a, k), labels, strict=True) if own == r]
        want[r] = np.bincount(np.concatenate(near), minlength=10) / (k * len(near))
    got = class_confusion(a, labels, k=k)
    np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(got.sum(1), 1.0)


def test_class_confusion_of_an_absent_class_is_nan_and_says_so():
    labels = some_labels() % 9
    with pytest.warns(UserWarning, match=r"no digits of classes \[9\]"):
        got = class_confusion(codes(), labels, k=3)
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


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda a: align(a, a[:5]), "one shape"),
        (lambda a: align(np.ones((5, 3)), np.ones((5, 3))), r"\(N, 2\), got \(5, 3\)"),
        (lambda a: align(np.zeros_like(a), a), "overlap is 0"),
        (lambda a: displacement(a, a * np.nan), "finite"),
        (lambda a: displacement(a[0], a[0]), r"\(N, D\)"),
        (lambda a: neighbour_change(a, a, k=0), "k must be from 1 to 59"),
        (lambda a: relative_change(a, a, k=60), "k must be from 1 to 59"),
        (lambda a: class_confusion(a, some_labels() + 1, k=3), "from 0 to 9, got 1 to 10"),
        (lambda a: class_confusion(a, some_labels()[:9], k=3), "labels must be"),
        (lambda a: class_confusion(a, some_labels() * 1.0, k=3), "whole numbers"),
        (
            lambda a: matched_clusters(a, some_labels(), n_clusters=61, seed=0),
            "n_clusters must be from 1 to 60",
        ),
    ],
)
def test_misuse_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call(codes())
