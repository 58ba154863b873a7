"""q(z|x): the diagonal Gaussians that an encoder gives."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Posterior(NamedTuple):
    """q(z|x) = N(mu, diag(exp(logvar))), each of shape (B, D); logvar −inf means a point."""

    mu: Tensor
    logvar: Tensor

    @classmethod
    def from_std(cls, mu: Tensor, std: Tensor) -> Posterior:
        """Build q(z|x) of its standard deviations, shape (B, D), instead of its variances."""
        return cls(mu, 2.0 * std.log())

    @property
    def std(self) -> Tensor:
        """Standard deviations, z units, shape (B, D)."""
        return (0.5 * self.logvar).exp()

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats of `z`, shape (K, B, D); returns shape (K, B)."""
        squares = (z - self.mu).square() * (-self.logvar).exp()
        return -0.5 * (squares + self.logvar + math.log(2.0 * math.pi)).sum(-1)

    def sample(self, generator: Generator, n: int = 1) -> Tensor:
        """Draw z = mu + std · eps, shape (n, B, D), differentiably in mu and logvar."""
        shape = (n, *self.mu.shape)
        eps = torch.randn(shape, generator=generator, device=self.mu.device, dtype=self.mu.dtype)
        return self.mu + self.std * eps

    def split(self, size: int) -> list[Posterior]:
        """Cut the images into batches of a size; the last may be smaller."""
        return [
            Posterior(mu, logvar)
            for mu, logvar in zip(*(torch.split(each, size) for each in self), strict=True)
        ]
