from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from vae_core.analysis import projection
from vae_core.analysis.projection import encode_images, map_digits
from vae_core.data import DataSet
from vae_core.models import VAE

MakeModel = Callable[..., VAE]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_BATCH", 64)  # 200 digits: four batches, the last smaller


@pytest.mark.parametrize("posterior", ["gaussian", "point"])
@pytest.mark.parametrize("shape", [(200, 28, 28), (200, 784)])
def test_encoding_in_batches_is_encoding(
    make_model: MakeModel, few_digits: DataSet, posterior: str, shape: tuple[int, ...]
) -> None:
    model = make_model(latent_dim=3, posterior=posterior)
    got = encode_images(model, few_digits.images.reshape(shape))
    x = torch.from_numpy(few_digits.images.reshape(200, 784).astype(np.float32) / 255.0)
    wanted = model.encode(x)
    torch.testing.assert_close(got.mu, wanted.mu)
    torch.testing.assert_close(got.logvar, wanted.logvar)
    assert not got.mu.requires_grad


def test_the_real_batch_size_is_crossed_too(
    make_model: MakeModel, test_digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    model = make_model()
    got = encode_images(model, test_digits.images[:4500]).mu
    ends = [0, 1999, 2000, 3999, 4000, 4499]
    torch.testing.assert_close(got[ends], encode_images(model, test_digits.images[ends]).mu)
    assert len(got) == 4500


def test_in_two_dimensions_the_plane_is_z_space(make_model: MakeModel, few_digits: DataSet) -> None:
    model = make_model()
    coords, center, axes = map_digits(model, few_digits.images)
    np.testing.assert_array_equal(coords, encode_images(model, few_digits.images).mu)
    assert center.tolist() == [0.0, 0.0]
    assert axes.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_in_one_dimension_the_plane_s_first_axis_is_z(
    make_model: MakeModel, few_digits: DataSet
) -> None:
    model = make_model(latent_dim=1)
    coords, center, axes = map_digits(model, few_digits.images)
    mu = encode_images(model, few_digits.images).mu.numpy()
    np.testing.assert_array_equal(coords, np.hstack([mu, np.zeros_like(mu)]))
    np.testing.assert_array_equal(center + coords @ axes.T, mu)


@pytest.mark.parametrize("latent_dim", [3, 6])
def test_above_it_is_spanned_by_the_leading_principal_axes(
    make_model: MakeModel, few_digits: DataSet, latent_dim: int
) -> None:
    model = make_model(latent_dim=latent_dim, seed=1)
    coords, center, axes = map_digits(model, few_digits.images)
    mu = encode_images(model, few_digits.images).mu.double().numpy()
    assert coords.shape == (200, 2)
    assert axes.shape == (latent_dim, 2)
    np.testing.assert_allclose(center, mu.mean(0), atol=1e-5)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-6)
    _, s, vt = np.linalg.svd(mu - mu.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(axes.T @ vt[:2].T), np.eye(2), atol=1e-3)  # up to sign
    np.testing.assert_allclose(coords.var(0), s[:2] ** 2 / 200, rtol=1e-4)
    np.testing.assert_allclose(coords, (mu - mu.mean(0)) @ axes, atol=1e-4)
    assert {a.dtype for a in (coords, center, axes)} == {np.dtype(np.float32)}


def test_the_images_are_left_alone(make_model: MakeModel, few_digits: DataSet) -> None:
    before = few_digits.images.copy()
    map_digits(make_model(), few_digits.images)
    np.testing.assert_array_equal(few_digits.images, before)
