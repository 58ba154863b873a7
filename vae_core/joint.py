"""log p(x, z) of many images at many latents: one matrix product.

Every likelihood is an exponential family, log p(x|z) = T(x)·η(z) − A(z), so once latents are
decoded to η and A, what all images say of them all is T(x) times η, transposed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vae_core.likelihoods import Likelihood
from vae_core.priors import Prior


class Generative(Protocol):
    """What a joint density consists of: every VAE, whatever encodes for it."""

    @property
    def decoder(self) -> Callable[[Tensor], Tensor]:
        """z, shape (…, D), to the likelihood's raw outputs."""
        ...

    @property
    def likelihood(self) -> Likelihood:
        """p(x|z) of these outputs."""
        ...

    @property
    def prior(self) -> Prior:
        """p(z)."""
        ...


class DecodedNodes(NamedTuple):
    """N latents and all that is needed to weigh any image there; from `decode_nodes`.

    `statistics` are T(x) of images, shape (B, F), from the likelihood; or of one, shape (F,).
    """

    z: Tensor  # (N, D)
    log_pz: Tensor  # (N,), nats
    eta: Tensor  # (N, F), natural parameters of p(x|z)
    log_normalizer: Tensor  # (N,), nats

    def log_px_z(self, statistics: Tensor) -> Tensor:
        """log p(x|z) in nats of every pair, shape (B, N); of one image, shape (N,)."""
        return self._product(-self.log_normalizer, statistics)

    def log_joint(self, statistics: Tensor, *, log_volume: float = 0.0) -> Tensor:
        """log p(x, z), nats, of every pair, shape (B, N); of one image, shape (N,).

        With `log_volume`, the log of the z units^D that a node stands for, their exponentials add
        up to an integral over z.
        """
        return self._product(self.log_pz + log_volume - self.log_normalizer, statistics)

    def _product(self, log_weight: Tensor, statistics: Tensor) -> Tensor:
        if statistics.ndim == 1:
            return torch.addmv(log_weight, self.eta, statistics)
        return torch.addmm(log_weight, statistics, self.eta.T)


def decode_nodes(model: Generative, z: Tensor) -> DecodedNodes:
    """Decode latents, shape (N, D), to weigh images there."""
    eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
    return DecodedNodes(z, model.prior.log_pz(z), eta, log_normalizer)


def log_px_z(model: Generative, z: Tensor, x: Tensor) -> Tensor:
    """log p(x|z), nats, of latents that each have their own image, or one for all.

    Parameters
    ----------
    model : Generative
    z : Tensor, shape (…, B, D)
    x : Tensor, shape (B, 784) or (784,)

    Returns
    -------
    Tensor, shape (…, B)
    """
    return model.likelihood.log_px_z(model.decoder(z), x)


def log_joint(model: Generative, z: Tensor, x: Tensor) -> Tensor:
    """log p(x, z), nats, of such pairs; parameters and result as `log_px_z`."""
    return log_px_z(model, z, x) + model.prior.log_pz(z)
