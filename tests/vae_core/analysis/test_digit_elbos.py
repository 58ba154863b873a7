"""The ELBO per digit and its parts, against many samples and the headers' estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator

from vae_core.analysis import digit_elbos as module
from vae_core.analysis.digit_elbos import digit_elbos
from vae_core.analysis.evaluation import model_input
from vae_core.data import DataSet
from vae_core.estimators import elbo_samples
from vae_core.models import VAE

MakeModel = Callable[..., VAE]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 64)  # 200 digits: four batches, the last smaller


@pytest.mark.parametrize("n_dims", [1, 2, 3, 10])
def test_the_corners_have_the_moments_of_a_normal(n_dims: int) -> None:
    corners = module._simplex(n_dims).double()
    assert corners.shape == (n_dims + 1, n_dims)
    torch.testing.assert_close(corners.mean(0), torch.zeros(n_dims, dtype=torch.double))
    covariance = corners.T @ corners / (n_dims + 1)
    torch.testing.assert_close(covariance, torch.eye(n_dims, dtype=torch.double))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"latent_dim": 1},
        {"latent_dim": 4},
        {"likelihood": "gaussian", "sigma": 0.5},
        {"likelihood": "gaussian-learned-sigma"},
    ],
)
def test_against_many_samples(
    make_model: MakeModel, few_digits: DataSet, config: dict[str, Any]
) -> None:
    model = make_model(gain=1.5, **config)
    got = digit_elbos(model, few_digits)
    x = model_input(model, few_digits)
    kl, log_px_z = elbo_samples(model, x, n_samples=500, generator=Generator().manual_seed(0))
    assert got.kl is not None
    assert got.elbo is not None
    torch.testing.assert_close(got.kl, kl)
    torch.testing.assert_close(got.elbo, got.reconstruction - got.kl)
    noise = log_px_z.std(0) / 500**0.5
    # the rule's own error: an untrained encoder's q(z|x) is as wide as the prior
    slack = 4 * noise + 0.2 * log_px_z.std(0) + 1e-3
    assert ((got.reconstruction - log_px_z.mean(0)).abs() < slack).all()


def test_it_beats_eight_samples(tiny_vae: VAE, few_digits: DataSet) -> None:
    x = model_input(tiny_vae, few_digits)

    def sampled(n: int, seed: int) -> torch.Tensor:
        generator = Generator().manual_seed(seed)
        return elbo_samples(tiny_vae, x, n_samples=n, generator=generator)[1].mean(0)

    truth = sampled(2000, 0)
    got = digit_elbos(tiny_vae, few_digits).reconstruction
    assert (got - truth).square().mean() < (sampled(8, 1) - truth).square().mean()


def test_a_plain_autoencoder_has_only_its_reconstruction(
    make_model: MakeModel, few_digits: DataSet
) -> None:
    model = make_model(posterior="point")
    got = digit_elbos(model, few_digits)
    assert got.elbo is None
    assert got.kl is None
    x = model_input(model, few_digits)
    expected = model.likelihood.log_px_z(model.decoder(model.encode(x).mu), x)
    torch.testing.assert_close(got.reconstruction, expected)
    assert not got.reconstruction.requires_grad


def test_the_shipped_figures_are_their_means() -> None:
    """What a header says of the test set is, within its own noise, the mean over its digits."""
    from latent_explorer.folders import SHIPPED_WEIGHTS
    from vae_core.checkpoints import list_checkpoints, load_checkpoint
    from vae_core.data import load_mnist

    ref = next(r for r in list_checkpoints(SHIPPED_WEIGHTS) if r.name == "elbo")
    checkpoint = load_checkpoint(ref)
    got = digit_elbos(checkpoint.model, load_mnist("test"))
    assert got.elbo is not None
    assert got.kl is not None
    figures = checkpoint.metrics
    assert float(got.kl.mean()) == pytest.approx(figures["kl"].value, abs=0.01)
    assert float(got.elbo.mean()) == pytest.approx(figures["elbo"].value, abs=0.1)
