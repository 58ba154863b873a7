"""A linear-Gaussian model, whose log p(x) is log N(x; b, W Wᵀ + σ² I): an oracle."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.distributions import LowRankMultivariateNormal

from vae_core.config import ModelConfig
from vae_core.likelihoods import Gaussian
from vae_core.models import VAE
from vae_core.posterior import Posterior

SIGMA = 0.5


class LinearGaussian(Gaussian):
    """N(outputs, σ²I): the mean is not squashed."""

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs


class ExactEncoder(nn.Module):
    """The true posterior of a linear-Gaussian model whose columns of W are orthogonal."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = weight.double(), bias.double()

    def forward(self, x: Tensor) -> Posterior:
        precision = 1.0 + self.weight.square().sum(0) / SIGMA**2  # (D,)
        mu = (x.double() - self.bias) @ self.weight / SIGMA**2 / precision
        return Posterior(mu.float(), (-precision.log()).expand_as(mu).float())


def linear_gaussian(latent_dim: int) -> VAE:
    generator = Generator().manual_seed(latent_dim)
    columns, _ = torch.linalg.qr(torch.randn(784, latent_dim, generator=generator))
    model = VAE(ModelConfig(latent_dim=latent_dim, likelihood="gaussian", sigma=SIGMA))
    model.likelihood = LinearGaussian(SIGMA)
    decoder = nn.Linear(latent_dim, 784)
    decoder.weight.data = columns * torch.tensor([2.0, 1.0])[:latent_dim]
    decoder.bias.data = 0.4 + 0.2 * torch.rand(784, generator=generator)
    model.decoder = decoder  # type: ignore[assignment]
    model.encoder = ExactEncoder(decoder.weight.data, decoder.bias.data)  # type: ignore[assignment]
    return model.eval().requires_grad_(False)


def linear_images(model: VAE, n: int) -> Tensor:
    """Draws from the model, kept in [0, 1], and two images unlike any draw."""
    generator = Generator().manual_seed(0)
    mean: Tensor = model.decoder(model.prior.sample(n - 2, generator))
    x = mean + 0.15 * torch.randn(mean.shape, generator=generator)
    return torch.cat([x, torch.zeros(1, 784), torch.ones(1, 784)]).clamp(0.0, 1.0)


def closed_form(model: VAE, x: Tensor) -> Tensor:
    weight: Tensor = model.decoder.weight.double()  # type: ignore[assignment, operator]
    bias: Tensor = model.decoder.bias.double()  # type: ignore[assignment, operator]
    noise = torch.full((784,), SIGMA**2, dtype=torch.float64)
    return LowRankMultivariateNormal(bias, weight, noise).log_prob(x.double())
