"""The measures of the Compare page for two checkpoints, without Streamlit's caches.

The likelihood terms of each digit are left out: the Figures section shares them with the map,
and a checkpoint's file may hold them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import KDTree
from sklearn import manifold

from latent_explorer.data import catalogue, encoding
from tests.benchmarks.harness import interleave, repeats, report
from vae_core.comparison import alignment, clusters, drift, intervals, neighbourhoods, spread
from vae_core.data import load_mnist, load_mnist_labels

N_DIGITS, K, MOST = 10_000, 10, 100
ROUNDS = 3
_FEW = 2000  # digits of which scikit-learn can hold all distances and ranks

Codes = np.ndarray


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@pytest.fixture(scope="module")
def pair() -> tuple[Codes, Codes]:
    """Codes of two shipped encoders, shape (70000, 2) each."""

    a, b = [
        ref
        for ref in catalogue.checkpoints()[0]
        if catalogue.stored(ref).header.model.latent_dim == 2
    ][:2]
    return encoding.positions(a).coords.astype(float), encoding.positions(b).coords.astype(float)


def test_all_measures(pair: tuple[Codes, Codes]) -> None:
    """Drift, classes and figures of 10,000 test digits under two encoders."""
    labels = load_mnist_labels("test")
    images = load_mnist("test").images.reshape(N_DIGITS, -1)
    a, b = (codes[-N_DIGITS:] for codes in pair)
    series: dict[str, list[float]] = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        series.setdefault(name, []).append(timed(work))

    for turn in range(repeats(ROUNDS) + 1):
        if turn == 1:
            series.clear()  # a warm-up
        begin = time.perf_counter()
        near = [neighbourhoods.neighbours(codes, k=MOST) for codes in (a, b)]
        series.setdefault("neighbours", []).append(time.perf_counter() - begin)
        aligned = alignment.align(b, a).aligned

        def movement(aligned: Codes = aligned, near: list[Codes] = near) -> None:
            drift.displacement(a, aligned)
            drift.neighbour_change(near[0][:, :K], near[1][:, :K])
            drift.relative_change(a, aligned, near[0][:, :K])

        def classes(near: list[Codes] = near) -> None:
            for codes, lists in zip((a, b), near, strict=True):
                neighbourhoods.class_confusion(lists[:, :K], labels)
                spread.class_spread(codes, labels)
                clusters.matched_clusters(codes, labels, n_clusters=10, seed=0)

        def accuracy() -> None:
            for codes in (a, b):
                for k in (1, 10, 50):
                    neighbourhoods.knn_right(codes, labels, k=k)

        def figures(near: list[Codes] = near) -> None:
            for codes, lists in zip((a, b), near, strict=True):
                values = np.stack([neighbourhoods.trustworthiness(images, lists[:, :K])] * 9)
                alignment.linear_cka(codes, a)
                intervals.bootstrap_means(values, n_resamples=999, confidence=0.95, seed=0)

        measure("drift", movement)
        measure("classes", classes)
        measure("kNN accuracy", accuracy)
        measure("silhouettes", lambda: [clusters.silhouettes(codes, labels) for codes in (a, b)])
        measure("trust, CKA, bootstrap", figures)
        series.setdefault("all", []).append(time.perf_counter() - begin)
    report(
        "All measures of two checkpoints on 10,000 digits",
        "s",
        series,
        what="neighbours: 100; classes: with k-means; goal: all ≤ 10 on two cores.",
        digits=2,
    )


def test_neighbours(pair: tuple[Codes, Codes]) -> None:
    """The neighbours of all 70,000 in two dimensions, against SciPy's tree."""
    codes = pair[0]
    series = interleave(
        {
            "SciPy": lambda: timed(lambda: KDTree(codes).query(codes, MOST + 1, workers=-1)),
            "neighbours": lambda: timed(lambda: neighbourhoods.neighbours(codes, k=MOST)),
        },
        rounds=repeats(ROUNDS),
    )
    report("100 neighbours of 70,000 digits", "s", series, baseline="SciPy",
           what="goal: ≤ 3 on two cores.", digits=2)  # fmt: skip


def test_trustworthiness(pair: tuple[Codes, Codes]) -> None:
    """Trustworthiness by blocks, against scikit-learn's on as many digits as it can hold."""
    codes = pair[0][-_FEW:]
    images = load_mnist("test").images.reshape(N_DIGITS, -1)[-_FEW:].astype(np.float64)
    near = neighbourhoods.neighbours(codes, k=K)
    series = interleave(
        {
            "scikit-learn": lambda: timed(
                lambda: manifold.trustworthiness(images, codes, n_neighbors=K)
            ),
            "by blocks": lambda: timed(lambda: neighbourhoods.trustworthiness(images, near)),
        },
        rounds=repeats(ROUNDS),
    )
    report(f"Trustworthiness of {_FEW:,} digits", "s", series, baseline="scikit-learn",
           what="the same figure to 1e-6.", digits=3)  # fmt: skip
    theirs = manifold.trustworthiness(images, codes, n_neighbors=K)
    assert neighbourhoods.trustworthiness(images, near).mean() == pytest.approx(theirs, abs=1e-6)
