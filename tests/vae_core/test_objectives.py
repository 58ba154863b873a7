from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vae_core.config import TrainConfig
from vae_core.models import VAE
from vae_core.objectives import (
    BatchObjective,
    batch_objective,
    beta_elbo,
    elbo,
    fit_objective,
    iwae,
)


@pytest.fixture
def log_w() -> Tensor:
    return 10.0 * torch.randn(6, 5, generator=Generator().manual_seed(0)).double() - 100.0


def test_elbo_and_beta_elbo() -> None:
    log_px_z, kl = torch.tensor([-100.0, -80.0]), torch.tensor([4.0, 6.5])
    assert elbo(log_px_z, kl).tolist() == [-104.0, -86.5]
    assert beta_elbo(log_px_z, kl, 4.0).tolist() == [-116.0, -106.0]
    assert torch.equal(beta_elbo(log_px_z, kl, 1.0), elbo(log_px_z, kl))


def test_iwae_is_the_log_of_the_mean_weight(log_w: Tensor) -> None:
    torch.testing.assert_close(iwae(log_w), log_w.exp().mean(0).log())


def test_iwae_of_one_sample_is_its_weight(log_w: Tensor) -> None:
    assert torch.equal(iwae(log_w[:1]), log_w[0])


def test_iwae_lies_between_the_mean_and_the_largest(log_w: Tensor) -> None:
    assert (iwae(log_w) > log_w.mean(0)).all()  # Jensen
    assert (iwae(log_w) < log_w.amax(0)).all()
    constant = torch.full((7, 2), -3.0, dtype=torch.float64)
    torch.testing.assert_close(iwae(constant), constant[0])


def test_iwae_does_not_underflow() -> None:
    log_w = torch.tensor([[-5000.0], [-5000.0 + math.log(3.0)]])
    assert iwae(log_w).item() == pytest.approx(-5000.0 + math.log(2.0), abs=1e-3)


def test_iwae_with_one_sample_is_the_elbo_s_integrand_under_the_same_noise(
    make_model: Callable[..., VAE], binary_x: Tensor
) -> None:
    model = make_model(latent_dim=3, gain=2.0)
    got = batch_objective(
        model, binary_x, TrainConfig(objective="iwae"), Generator().manual_seed(7)
    )

    mu, logvar = model.encode(binary_x)
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    z = mu + (0.5 * logvar).exp() * torch.randn((24, 3), generator=Generator().manual_seed(7))
    log_px_z = Independent(Bernoulli(logits=model.decoder(z)), 1).log_prob(binary_x)
    log_pz = Independent(Normal(torch.zeros(3), torch.ones(3)), 1).log_prob(z)
    integrand = log_px_z + log_pz - q.log_prob(z)
    torch.testing.assert_close(got.objective, integrand, rtol=1e-5, atol=1e-3)
    # and its mean over many draws is the ELBO with the analytic KL
    whole = TrainConfig(objective="iwae", n_samples=1)
    generator = Generator().manual_seed(8)
    draws = torch.stack(
        [batch_objective(model, binary_x, whole, generator).objective for _ in range(400)]
    )
    bounds = TrainConfig(objective="elbo")
    generator = Generator().manual_seed(8)
    analytic = torch.stack(
        [batch_objective(model, binary_x, bounds, generator).elbo for _ in range(400)]
    )
    difference = draws - analytic  # same noise: only the KL is sampled or not
    stderr = difference.std(0) / 20.0
    assert (difference.mean(0).abs() < 4.5 * stderr + 1e-4).all()


@pytest.mark.parametrize("n_samples", [1, 4])
def test_objectives_against_torch_distributions(
    make_model: Callable[..., VAE], binary_x: Tensor, n_samples: int
) -> None:
    model = make_model(latent_dim=3, gain=2.0)
    mu, logvar = model.encode(binary_x)
    q = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    p = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    eps = torch.randn((n_samples, 24, 3), generator=Generator().manual_seed(1))
    z = mu + (0.5 * logvar).exp() * eps
    log_px_z = Independent(Bernoulli(logits=model.decoder(z)), 1).log_prob(binary_x)  # (K, B)
    kl = kl_divergence(q, p)
    log_w = log_px_z + p.log_prob(z) - q.log_prob(z)
    wanted = {
        "elbo": log_px_z[0] - kl,
        "beta-elbo": log_px_z[0] - 4.0 * kl,
        "iwae": torch.logsumexp(log_w, 0) - math.log(n_samples),
    }
    names = ["iwae"] if n_samples > 1 else ["elbo", "beta-elbo", "iwae"]
    for name in names:
        config = TrainConfig(
            objective=name, beta=4.0 if name == "beta-elbo" else 1.0, n_samples=n_samples
        )
        got = batch_objective(model, binary_x, config, Generator().manual_seed(1))
        close = {"rtol": 1e-5, "atol": 1e-3}
        torch.testing.assert_close(got.objective, wanted[name], **close)
        torch.testing.assert_close(got.elbo, log_px_z.mean(0) - kl, **close)
        torch.testing.assert_close(got.kl, kl, **close)
        torch.testing.assert_close(got.reconstruction, log_px_z.mean(0), **close)


def test_objectives_of_an_autoencoder_are_deterministic_and_no_bound(
    make_model: Callable[..., VAE], grey_x: Tensor
) -> None:
    model = make_model(posterior="point", likelihood="gaussian", sigma=0.5)
    config = TrainConfig(objective="autoencoder")
    got = batch_objective(model, grey_x, config, Generator().manual_seed(0))
    wanted = Independent(Normal(model.reconstruct(grey_x), 0.5), 1).log_prob(grey_x)
    torch.testing.assert_close(got.objective, wanted)
    assert torch.equal(got.objective, got.reconstruction)
    assert got.elbo.isnan().all()
    assert got.kl.isnan().all()
    assert torch.equal(got.objective, batch_objective(model, grey_x, config, Generator()).objective)


def test_fit_objective_is_best_at_the_given_codes(
    make_model: Callable[..., VAE], binary_x: Tensor
) -> None:
    model = make_model()
    mu, logvar = model.encode(binary_x)

    def at(codes: Tensor) -> BatchObjective:
        return fit_objective(model, binary_x, codes, Generator().manual_seed(0))

    there, away = at(mu), at(mu + torch.tensor([3.0, 0.0]))
    narrowness = (0.5 * logvar - math.log(0.06)).square().sum(-1)
    torch.testing.assert_close(there.objective, there.reconstruction - 10.0 * narrowness)
    torch.testing.assert_close(
        away.objective, away.reconstruction - 900.0 - 10.0 * narrowness, rtol=1e-5, atol=1e-2
    )
    assert there.elbo.isnan().all()
    assert there.kl.isnan().all()
