"""Models whose decoded surface is known, and clouds of codes."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as BernoulliOf
from torch.distributions import Independent, Normal

from vae_core.config import N_PIXELS, LikelihoodName, ModelConfig
from vae_core.likelihoods import Gaussian
from vae_core.models import VAE

LIKELIHOODS: tuple[LikelihoodName, ...] = ("bernoulli", "gaussian", "gaussian-learned-sigma")


def random_vae(likelihood: LikelihoodName = "bernoulli", latent_dim: int = 2) -> VAE:
    config = ModelConfig(
        latent_dim=latent_dim,
        likelihood=likelihood,
        sigma=0.3,
        encoder_hidden=(4,),
        decoder_hidden=(16,),
        activation="tanh",
        fourier_features=3,
        fourier_std=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = VAE(config).double().requires_grad_(False)
    for layer in model.decoder.net.layers:  # so that pixels are neither all grey nor all alike
        layer.weight *= 3.0
    return model


def latents(n: int, latent_dim: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, latent_dim, generator=generator, dtype=torch.double)


class Raw(Gaussian):
    """A Gaussian whose mean is the decoder's output itself, so that surfaces can be planned."""

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs[..., :N_PIXELS]


class Surface(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        columns = torch.stack(self.function(z[..., 0], z[..., 1]), -1)
        pad = columns.new_zeros(*columns.shape[:-1], N_PIXELS - columns.shape[-1])
        return torch.cat([columns, pad], -1)


def surface_vae(function, *, sigma: float = 1.0) -> VAE:
    model = random_vae("gaussian")
    model.decoder = Surface(function)
    model.likelihood = Raw(sigma)
    return model


def flat(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return 2.0 * x + y, x - 0.5 * y, 3.0 * y


def bent(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """A plane in other coordinates: its shortest paths are straight in (x, y + x²)."""
    return x, y + x.square()


def hill(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return x, y, 4.0 * (-2.0 * (x.square() + y.square())).exp()


def distribution(model: VAE, z: Tensor) -> Independent:
    outputs = model.decoder(z)
    mean = model.likelihood.mean(outputs)
    if model.config.likelihood == "bernoulli":
        return Independent(BernoulliOf(probs=mean), 1)
    sigma = model.likelihood.log_sigma(outputs).exp().unsqueeze(-1)
    return Independent(Normal(mean, sigma.expand_as(mean)), 1)


def distance_to_line(points: Tensor, a: Tensor, b: Tensor) -> float:
    u = (b - a) / (b - a).norm()
    offset = points - a
    return float((offset - (offset @ u).unsqueeze(-1) * u).norm(dim=-1).max())


def cloud(n: int, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, d)), generator.uniform(0.2, 0.6, size=(n, d))
