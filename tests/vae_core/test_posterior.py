from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.distributions import Independent, Normal

from vae_core.models import VAE
from vae_core.posterior import Posterior

MakeModel = Callable[..., VAE]


def test_samples_are_mu_plus_std_times_noise(make_model: MakeModel, grey_x: Tensor) -> None:
    model = make_model(latent_dim=3)
    posterior = model.encode(grey_x)
    z = posterior.sample(Generator().manual_seed(4), 6)
    eps = torch.randn((6, 24, 3), generator=Generator().manual_seed(4))
    torch.testing.assert_close(z, posterior.mu + posterior.logvar.exp().sqrt() * eps)


def test_samples_have_the_moments_of_q() -> None:
    posterior = Posterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, -3.0]]))
    z = posterior.sample(Generator().manual_seed(0), 40_000)[:, 0]
    std = (0.5 * posterior.logvar[0]).exp()
    assert ((z.mean(0) - posterior.mu[0]).abs() < 5 * std / 200).all()
    torch.testing.assert_close(z.std(0), std, rtol=0.02, atol=0.0)


def test_samples_are_differentiable_in_mu_and_logvar() -> None:
    mu = torch.tensor([[0.3, -1.0]], requires_grad=True)
    logvar = torch.tensor([[0.2, -0.4]], requires_grad=True)
    z = Posterior(mu, logvar).sample(Generator().manual_seed(1))
    d_mu, d_logvar = torch.autograd.grad(z.sum(), [mu, logvar])
    torch.testing.assert_close(d_mu, torch.ones(1, 2))
    torch.testing.assert_close(d_logvar, 0.5 * (z[0] - mu).detach())  # ½ std · eps


def test_log_prob_is_the_distribution_s() -> None:
    generator = Generator().manual_seed(0)
    mu, logvar = torch.randn(2, 5, 3, generator=generator).double().unbind()
    z = torch.randn(4, 5, 3, generator=generator).double()
    oracle = Independent(Normal(mu, (0.5 * logvar).exp()), 1)
    torch.testing.assert_close(Posterior(mu, logvar).log_prob(z), oracle.log_prob(z))


def test_a_posterior_is_given_by_its_std_and_cut_in_batches() -> None:
    mu, std = torch.randn(2, 5, 3, generator=Generator().manual_seed(0)).unbind()
    posterior = Posterior.from_std(mu, std.abs())
    torch.testing.assert_close(posterior.std, std.abs())
    parts = posterior.split(2)
    assert [len(part.mu) for part in parts] == [2, 2, 1]
    for got, whole in zip(zip(*parts, strict=True), posterior, strict=True):
        assert torch.equal(torch.cat(got), whole)
