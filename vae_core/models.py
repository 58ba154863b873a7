"""Encoder, decoder and the VAE made of them: dense networks on 28 × 28 images."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae_core.config import N_PIXELS, Activation, ModelConfig
from vae_core.likelihoods import Likelihood, likelihood_of
from vae_core.pixels import Images, as_pixels
from vae_core.posterior import Posterior
from vae_core.priors import prior_of
from vae_core.refinement import refine

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}
# Bounds on log-variance: std from 0.001 to 20, so that an untrained or odd input stays finite.
_MIN_LOGVAR, _MAX_LOGVAR = -14.0, 6.0


class _Dense(nn.Module):
    """Linear layers with one activation between them; skips between equal widths on request.

    The layer `exact`, the one that sees z, stays in float32 under autocast: rounding z to bfloat16
    would move it by a fifth of a posterior's width.
    """

    def __init__(
        self, widths: list[int], activation: Activation, *, residual: bool, exact: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths)])
        self.activation = _ACTIVATIONS[activation]
        self.residual = residual
        self.exact = exact % len(self.layers)

    def forward(self, h: Tensor) -> Tensor:
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            with torch.autocast(h.device.type, enabled=False) if i == self.exact else nullcontext():
                y = layer(h.to(layer.weight.dtype) if i == self.exact else h)
            if i == last:
                return y
            y = self.activation(y)
            h = y + h if self.residual and y.shape == h.shape else y
        return h


class Encoder(nn.Module):
    """x, shape (B, 784), to q(z|x)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.latent_dim = config.latent_dim
        self.is_point = config.posterior == "point"
        n_out = config.latent_dim * (1 if self.is_point else 2)
        widths = [N_PIXELS, *config.encoder_hidden, n_out]
        self.net = _Dense(widths, config.activation, residual=False, exact=-1)

    def forward(self, x: Tensor) -> Posterior:
        """See `VAE.encode`."""
        out = self.net(x)
        if self.is_point:
            return Posterior(out, torch.full_like(out, -math.inf))
        mu, logvar = out.split(self.latent_dim, dim=-1)
        return Posterior(mu, logvar.clamp(_MIN_LOGVAR, _MAX_LOGVAR))


class Decoder(nn.Module):
    """z, shape (…, D), to the likelihood's raw outputs, shape (…, n_outputs).

    With Fourier features the first layer sees (z, sin zB, cos zB), B fixed at random; they let a
    smooth network of a low-dimensional input vary fast. Tancik et al., "Fourier features let
    networks learn high frequency functions in low dimensional domains", NeurIPS 2020.
    """

    def __init__(self, config: ModelConfig, n_outputs: int) -> None:
        super().__init__()
        n_fourier = config.fourier_features
        frequencies = torch.randn(config.latent_dim, n_fourier) * config.fourier_std
        self.register_buffer("frequencies", frequencies)
        self.frequencies: Tensor
        widths = [config.latent_dim + 2 * n_fourier, *config.decoder_hidden, n_outputs]
        self.net = _Dense(widths, config.activation, residual=config.residual, exact=0)

    @property
    def output_bias(self) -> Tensor:
        """Bias of the last layer, shape (n_outputs,)."""
        return self.net.layers[-1].bias  # type: ignore[return-value]

    def forward(self, z: Tensor) -> Tensor:
        """Raw outputs at `z`."""
        if self.frequencies.shape[1]:
            with torch.autocast(z.device.type, enabled=False):
                phase = z @ self.frequencies
            z = torch.cat([z, phase.sin(), phase.cos()], -1)
        return self.net(z).to(z.dtype)


class VAEOutput(NamedTuple):
    """What `VAE` makes of images when it is called."""

    recon: Tensor  # (B, 784), mean of p(x|z) at z = mu, in [0, 1]
    mu: Tensor  # (B, D), of q(z|x)
    logvar: Tensor  # (B, D); −inf: a point


class VAE(nn.Module):
    """A variational autoencoder, or with ``posterior="point"`` a plain autoencoder.

    Parameters
    ----------
    config : ModelConfig
        Architecture. Initial weights come from torch's global generator: fork it around the
        construction to choose them (`vae_core.training.start` does).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.likelihood: Likelihood = likelihood_of(config)
        self.prior = prior_of(config)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config, self.likelihood.n_outputs)

    def encode(self, x: Images) -> Posterior:
        """q(z|x) of images; with a `refine_radius` the encoder's proposal, refined.

        See `vae_core.refinement`. No gradients pass through a refined one.

        Parameters
        ----------
        x : Tensor or array, shape (B, 784) or (B, 28, 28)
            uint8, or floats in [0, 1]; see `vae_core.pixels`.

        Returns
        -------
        Posterior
            mu and logvar, each of shape (B, D).

        Raises
        ------
        ValueError
            `x` has another shape or type, or numbers out of range.
        """
        x = as_pixels(x, next(self.parameters()))
        proposal = self.encoder(x)
        radius = self.config.refine_radius
        return refine(self, x, proposal, radius=radius) if radius else proposal

    def forward(self, x: Images) -> VAEOutput:
        """Reconstruct images, so that ``model(x)`` works; deterministic.

        Parameters
        ----------
        x : Tensor or array, shape (B, 784) or (B, 28, 28)
            As `encode` takes it.

        Returns
        -------
        VAEOutput
            The mean of p(x|z) at z = mu(x), and mu and logvar of q(z|x).
        """
        mu, logvar = self.encode(x)
        return VAEOutput(self.decode(mu), mu, logvar)

    def decode(self, z: Tensor) -> Tensor:
        """Mean of p(x|z).

        Parameters
        ----------
        z : Tensor, shape (B, D)
            Latents.

        Returns
        -------
        Tensor, shape (B, 784)
            In [0, 1].

        Raises
        ------
        ValueError
            `z` has another shape.
        """
        if z.ndim != 2 or z.shape[1] != self.config.latent_dim:
            raise ValueError(
                f"z must have shape (B, {self.config.latent_dim}), got {tuple(z.shape)}"
            )
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x: Images) -> Tensor:
        """Mean of p(x|z) at z = mu(x), shape (B, 784); deterministic."""
        return self.decode(self.encode(x).mu)
