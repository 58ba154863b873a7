from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from vae_core.config import ModelConfig
from vae_core.models import VAE
from vae_core.posterior import Posterior
from vae_core.priors import DigitMixture, LearnedMixture


@pytest.fixture
def prior() -> LearnedMixture:
    """Every component tilted, stretched and placed differently."""
    learned = LearnedMixture()
    generator = Generator().manual_seed(0)
    for parameter in learned.parameters():
        parameter.data += 0.4 * torch.randn(parameter.shape, generator=generator)
    return learned


def posteriors(n: int) -> tuple[Tensor, Tensor]:
    generator = Generator().manual_seed(1)
    mu = 1.5 * torch.randn(n, 2, generator=generator)
    return mu, torch.randn(n, 2, generator=generator) - 3.0


def component(prior: LearnedMixture, k: int) -> MultivariateNormal:
    mixture = prior.mixture()
    return MultivariateNormal(mixture.means[k], scale_tril=mixture.scale_tril[k])


def test_density_is_that_of_the_mixture_with_the_transport(prior: LearnedMixture) -> None:
    z = 3.0 * torch.randn(500, 2, generator=Generator().manual_seed(2))
    mixture = prior.mixture()
    assert isinstance(mixture, DigitMixture)
    wanted = mixture.log_pz(z.double())
    torch.testing.assert_close(prior.log_pz(z).double(), wanted, rtol=1e-5, atol=1e-4)
    each = torch.stack([component(prior, k).log_prob(z.double()) for k in range(10)], -1)
    by_torch = torch.logsumexp(each + mixture.weights.log(), -1)
    torch.testing.assert_close(prior.log_pz(z).double(), by_torch, rtol=1e-5, atol=1e-4)


def test_kl_to_a_class_is_torch_s(prior: LearnedMixture) -> None:
    mu, logvar = posteriors(40)
    labels = torch.arange(40) % 10
    q = MultivariateNormal(mu.double(), scale_tril=torch.diag_embed((0.5 * logvar).exp()).double())
    got = prior.kl_to_class(Posterior(mu, logvar), labels)
    for i, label in enumerate(labels.tolist()):
        one = MultivariateNormal(q.loc[i], scale_tril=q.scale_tril[i])
        wanted = kl_divergence(one, component(prior, label)) - prior.mixture().weights[label].log()
        assert got[i].item() == pytest.approx(wanted.item(), rel=1e-4, abs=1e-4)


def test_kl_to_the_mixture_is_its_monte_carlo_estimate(prior: LearnedMixture) -> None:
    mu, logvar = posteriors(12)
    eps = torch.randn(20_000, 12, 2, generator=Generator().manual_seed(3))
    z = mu + (0.5 * logvar).exp() * eps
    log_q = (-0.5 * (eps.square() + logvar + math.log(2 * math.pi))).sum(-1)
    draws = log_q - prior.log_pz(z)
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((prior.kl(Posterior(mu, logvar)) - draws.mean(0)).abs() < 4.5 * error).all()


def test_label_s_bound_is_below_the_mixture_s(prior: LearnedMixture) -> None:
    """As log p(x, y) ≤ log p(x)."""
    mu, logvar = posteriors(200)
    labels = torch.arange(200) % 10
    assert (
        prior.kl_to_class(Posterior(mu, logvar), labels) > prior.kl(Posterior(mu, logvar)) - 1e-4
    ).all()


def test_second_moment_is_the_unit_gaussian_s(prior: LearnedMixture) -> None:
    z = prior.sample(100_000, Generator().manual_seed(5))
    assert z.square().sum(-1).mean().item() == pytest.approx(2.0, rel=0.02)


def test_samples_follow_the_density(prior: LearnedMixture) -> None:
    z = prior.sample(50_000, Generator().manual_seed(4))
    mixture = prior.mixture()
    mean = (mixture.weights.unsqueeze(-1) * mixture.means).sum(0)
    torch.testing.assert_close(z.double().mean(0), mean, rtol=0.0, atol=0.05)


def test_a_model_carries_its_parameters() -> None:
    model = VAE(ModelConfig(prior="digit-mixture"))
    names = {name for name in model.state_dict() if name.startswith("prior.")}
    assert names == {"prior.means", "prior.log_diagonal", "prior.slope", "prior.logits"}
    assert not [name for name in VAE(ModelConfig()).state_dict() if name.startswith("prior.")]
