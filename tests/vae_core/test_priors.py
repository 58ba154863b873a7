from __future__ import annotations

import pytest
import torch
from torch import Generator
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from vae_core.posterior import Posterior
from vae_core.priors import StandardNormal

every_dim = pytest.mark.parametrize("latent_dim", [1, 2, 5])


@every_dim
def test_log_pz_is_the_distribution_s(latent_dim: int) -> None:
    z = 3.0 * torch.randn(4, 6, latent_dim, generator=Generator().manual_seed(0)).double()
    oracle = MultivariateNormal(torch.zeros(latent_dim).double(), torch.eye(latent_dim).double())
    got = StandardNormal(latent_dim).log_pz(z)
    assert got.shape == (4, 6)
    torch.testing.assert_close(got, oracle.log_prob(z))


@every_dim
def test_kl_is_the_distribution_s(latent_dim: int) -> None:
    generator = Generator().manual_seed(1)
    mu = 2.0 * torch.randn(7, latent_dim, generator=generator).double()
    logvar = 2.0 * torch.randn(7, latent_dim, generator=generator).double()
    per_dim = StandardNormal(latent_dim).kl_per_dim(Posterior(mu, logvar))
    q, p = Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(per_dim, kl_divergence(q, p))
    whole = kl_divergence(Independent(q, 1), Independent(p, 1))
    torch.testing.assert_close(per_dim.sum(-1), whole)
    assert (per_dim >= 0).all()


def test_kl_is_zero_only_at_the_prior() -> None:
    prior = StandardNormal(2)
    assert torch.equal(
        prior.kl_per_dim(Posterior(torch.zeros(1, 2), torch.zeros(1, 2))), torch.zeros(1, 2)
    )
    assert (prior.kl_per_dim(Posterior(torch.full((1, 2), 0.1), torch.zeros(1, 2))) > 0).all()
    assert (prior.kl_per_dim(Posterior(torch.zeros(1, 2), torch.full((1, 2), 0.1))) > 0).all()


@every_dim
def test_samples_are_standard_normal_and_repeatable(latent_dim: int) -> None:
    n = 20_000
    prior = StandardNormal(latent_dim)
    z = prior.sample(n, Generator().manual_seed(2))
    assert z.shape == (n, latent_dim)
    assert z.mean(0).abs().max() < 5 / n**0.5
    torch.testing.assert_close(
        z.T @ z / n, torch.eye(latent_dim), rtol=0.0, atol=5 * (2 / n) ** 0.5
    )
    assert torch.equal(z, prior.sample(n, Generator().manual_seed(2)))
    assert not torch.equal(z, prior.sample(n, Generator().manual_seed(3)))
