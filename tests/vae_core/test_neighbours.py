from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vae_core.data import DataSet
from vae_core.errors import VaeCoreError
from vae_core.neighbours import neighbour_codes, whitened


def test_whitening_is_affine() -> None:
    rng = np.random.default_rng(0)
    points = 7.0 + rng.exponential(size=(1000, 2)) @ np.array([[3.0, 1.0], [0.0, 0.2]])
    codes = whitened(points)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.cov(codes.T), np.eye(2), atol=1e-5)
    _, residuals, *_ = np.linalg.lstsq(np.column_stack([points, np.ones(1000)]), codes, rcond=None)
    assert residuals.max() < 1e-6


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
    wanted = whitened(u[:, :2] * s[:2])
    # Signs of components are arbitrary; distances to the centre hardly notice.
    radius, wanted_radius = np.linalg.norm(codes, axis=1), np.linalg.norm(wanted, axis=1)
    assert np.corrcoef(radius, wanted_radius)[0, 1] > 0.8
