from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from vae_core.data import DataSet
from vae_core.errors import VaeCoreError
from vae_core.neighbours import gaussianise, neighbour_codes


@pytest.fixture
def two_moons() -> Any:
    """1,000 points far from normal: two arcs of unequal width, off the origin."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0.0, np.pi, 1000)
    side = np.arange(1000) % 2
    x = np.cos(angle) * (1 - 2 * side) + side
    y = np.sin(angle) * (1 - 2 * side) + 0.3 * side
    return 7.0 + 3.0 * np.stack([x, y], 1) + 0.05 * rng.normal(size=(1000, 2))


def nearest(points: Any) -> Any:
    distances = np.square(points[:, None] - points).sum(-1)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(1)[:, :10]


def test_many_rounds_make_points_standard_normal_along_every_direction(two_moons: Any) -> None:
    codes = gaussianise(two_moons, rounds=200)
    assert codes.shape == (1000, 2)
    assert codes.dtype == np.float32
    for angle in np.linspace(0.0, np.pi, 7):
        along = codes @ [np.cos(angle), np.sin(angle)]
        assert kstest(along, "norm").pvalue > 0.01


def test_a_few_rounds_go_part_of_the_way(two_moons: Any) -> None:
    white, near = (gaussianise(two_moons, rounds=rounds) for rounds in (0, 3))
    np.testing.assert_allclose(np.cov(white.T), np.eye(2), atol=1e-5)
    np.testing.assert_allclose(white.mean(0), 0.0, atol=1e-5)

    def distance(codes: Any) -> float:  # to N(0, 1) along the axes
        return sum(kstest(axis, "norm").statistic for axis in codes.T)

    assert distance(near) < 0.8 * distance(white)


def test_gaussianising_keeps_neighbours(two_moons: Any) -> None:
    before, after = nearest(two_moons), nearest(gaussianise(two_moons, rounds=3))
    kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(before, after, strict=True)])
    assert kept > 0.5  # 0.01 by chance


def test_gaussianising_is_repeatable_and_keeps_its_input(two_moons: Any) -> None:
    before = two_moons.copy()
    np.testing.assert_array_equal(gaussianise(two_moons, rounds=3), gaussianise(before, rounds=3))
    np.testing.assert_array_equal(two_moons, before)


def test_without_umap_the_message_says_what_to_install(
    few_digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(VaeCoreError, match="pip install umap-learn"):
        neighbour_codes(few_digits.images, seed=0)


def test_codes_come_from_the_embedding_of_the_principal_components(
    few_digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With UMAP replaced by "the first two components", which are easily had by another way."""
    asked: list[dict[str, Any]] = []

    class FirstTwo:
        def __init__(self, **options: Any) -> None:
            asked.append(options)

        def fit_transform(self, components: Any) -> Any:
            assert components.shape == (200, 30)
            return components[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=FirstTwo))
    codes = neighbour_codes(few_digits.images, seed=5)
    assert asked[0]["random_state"] == 5
    pixels = few_digits.images.reshape(200, -1) / 255.0
    u, s, _ = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)
    wanted = gaussianise(u[:, :2] * s[:2], rounds=3)
    # Signs of components are arbitrary; distances to the centre hardly notice.
    radius, wanted_radius = np.linalg.norm(codes, axis=1), np.linalg.norm(wanted, axis=1)
    assert np.corrcoef(radius, wanted_radius)[0, 1] > 0.8
