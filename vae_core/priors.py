"""p(z): the standard normal."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor


class StandardNormal:
    """N(0, I) in D dimensions.

    Parameters
    ----------
    latent_dim : int
        D.
    """

    def __init__(self, latent_dim: int) -> None:
        self.latent_dim = latent_dim

    def log_pz(self, z: Tensor) -> Tensor:
        """Log density in nats of `z`, shape (…, D); returns shape (…,)."""
        return -0.5 * (z.square().sum(-1) + self.latent_dim * math.log(2.0 * math.pi))

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw z ~ p(z), shape (n, D)."""
        return torch.randn(n, self.latent_dim, generator=generator, device=generator.device)

    def kl_per_dim(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """KL from a diagonal Gaussian q(z|x) to the prior, in nats.

        Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.

        Parameters
        ----------
        mu, logvar : Tensor, shape (B, D)
            Mean and log-variance of q(z|x).

        Returns
        -------
        Tensor, shape (B, D)
            Never negative; sum the last axis to get the KL of each example.
        """
        return 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar)
