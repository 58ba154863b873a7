"""p(x|z) of a decoder: Bernoulli, or Gaussian with a fixed or a learned sigma.

Each is an exponential family, log p(x|z) = T(x)·η(z) − A(z) + const, which is what makes the
exact log p(x) over a lattice of z one matrix product. The parameters come from the decoder's raw
outputs; means are in [0, 1].
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vae_core.config import MIN_LOG_SIGMA, N_PIXELS, ModelConfig

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class NaturalParameters(NamedTuple):
    """η, shape (N, F), and A, shape (N,), with log p(x|z_n) = T(x)·η_n − A_n in nats."""

    eta: Tensor
    log_normalizer: Tensor


class Likelihood(Protocol):
    """What every likelihood offers; `outputs` are a decoder's, shape (…, n_outputs)."""

    n_outputs: int

    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of p(x|z), shape (…, 784), in [0, 1]."""
        ...

    def log_px_z(self, outputs: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) in nats, summed over pixels, shape (…,)."""
        ...

    def sample(self, outputs: Tensor, generator: Generator) -> Tensor:
        """Draw x ~ p(x|z), shape (…, 784)."""
        ...

    def statistics(self, x: Tensor) -> Tensor:
        """T(x), shape (B, F)."""
        ...

    def natural_parameters(self, outputs: Tensor) -> NaturalParameters:
        """η and A at each of N latents, for log p(x|z) of all pairs by one matrix product."""
        ...


class Bernoulli:
    """Independent binary pixels; the outputs are their logits."""

    n_outputs = N_PIXELS

    def mean(self, outputs: Tensor) -> Tensor:
        """Probability of ink, shape (…, 784)."""
        return torch.sigmoid(outputs)

    def log_px_z(self, outputs: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) in nats for binary `x`, shape (…,); for grey `x` its expectation."""
        return (x * outputs - F.softplus(outputs)).sum(-1)

    def sample(self, outputs: Tensor, generator: Generator) -> Tensor:
        """Draw binary images, shape (…, 784)."""
        return torch.bernoulli(torch.sigmoid(outputs), generator=generator)

    def statistics(self, x: Tensor) -> Tensor:
        """T(x) = x."""
        return x

    def natural_parameters(self, outputs: Tensor) -> NaturalParameters:
        """η = logits, A = Σ softplus(logits)."""
        return NaturalParameters(outputs, F.softplus(outputs).sum(-1))


class Gaussian:
    """N(f(z), σ²I) with one σ for all z; f(z) = sigmoid(outputs)."""

    n_outputs = N_PIXELS

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma

    def mean(self, outputs: Tensor) -> Tensor:
        """f(z), shape (…, 784)."""
        return torch.sigmoid(outputs[..., :N_PIXELS])

    def log_sigma(self, outputs: Tensor) -> Tensor:
        """log σ, broadcastable to shape (…,)."""
        return outputs.new_tensor(math.log(self.sigma)).expand(outputs.shape[:-1])

    def log_px_z(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Log density in nats, summed over pixels, shape (…,); it may exceed 0."""
        log_sigma = self.log_sigma(outputs)
        squares = (x - self.mean(outputs)).square().sum(-1)
        return -0.5 * squares * (-2.0 * log_sigma).exp() - N_PIXELS * (log_sigma + _HALF_LOG_2PI)

    def sample(self, outputs: Tensor, generator: Generator) -> Tensor:
        """Draw images, shape (…, 784); pixels may fall outside [0, 1]."""
        mean = self.mean(outputs)
        eps = torch.randn(mean.shape, generator=generator, device=mean.device)
        return mean + self.log_sigma(outputs).exp().unsqueeze(-1) * eps

    def statistics(self, x: Tensor) -> Tensor:
        """T(x) = (x, ‖x‖²)."""
        return torch.cat([x, x.square().sum(-1, keepdim=True)], -1)  # (B, 785)

    def natural_parameters(self, outputs: Tensor) -> NaturalParameters:
        """η = (f/σ², −1/2σ²), A = ‖f‖²/2σ² + 784 (log σ + ½ log 2π)."""
        mean, log_sigma = self.mean(outputs), self.log_sigma(outputs)
        precision = (-2.0 * log_sigma).exp()  # (N,)
        eta = torch.cat([mean * precision.unsqueeze(-1), -0.5 * precision.unsqueeze(-1)], -1)
        energy = 0.5 * mean.square().sum(-1) * precision
        return NaturalParameters(eta, energy + N_PIXELS * (log_sigma + _HALF_LOG_2PI))


class GaussianLearnedSigma(Gaussian):
    """N(f(z), σ(z)²I): one more output is log σ(z), shared by all pixels."""

    n_outputs = N_PIXELS + 1

    def __init__(self) -> None:
        super().__init__(sigma=1.0)

    def log_sigma(self, outputs: Tensor) -> Tensor:
        """log σ(z), shape (…,)."""
        return outputs[..., N_PIXELS].clamp_min(MIN_LOG_SIGMA)


def likelihood_of(config: ModelConfig) -> Likelihood:
    """Build the likelihood a configuration names."""
    if config.likelihood == "bernoulli":
        return Bernoulli()
    if config.likelihood == "gaussian":
        return Gaussian(config.sigma)
    return GaussianLearnedSigma()
