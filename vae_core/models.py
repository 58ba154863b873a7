"""Encoder, decoder and the VAE made of them: dense networks on 28 × 28 images."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from vae_core.config import N_PIXELS, Activation, ModelConfig
from vae_core.likelihoods import Likelihood, likelihood_of
from vae_core.priors import prior_of

_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}
# Where a refined q(z|x) is sought, in z units: spacing of the lattice, least and largest radius of
# the window round the peak, side of the tiles whose images share nodes, least std still resolved.
_SPACING, _LEAST_WINDOW, _WINDOW, _TILE, _MIN_STD = 0.02, 0.065, 0.15, 1.0, 0.008
_FEW = 8  # images for which sharing is no gain
_CHUNK = 1024  # images at once
# Bounds on log-variance: std from 0.001 to 20, so that an untrained or odd input stays finite.
_MIN_LOGVAR, _MAX_LOGVAR = -14.0, 6.0


class Posterior(NamedTuple):
    """q(z|x) = N(mu, diag(exp(logvar))), each of shape (B, D); logvar −inf means a point."""

    mu: Tensor
    logvar: Tensor


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

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) of images; with a `refine_radius` the encoder's proposal, refined.

        Refined: the Gaussian with the mean and variances of p(z|x) round its highest peak within
        reach of the encoder's mean. Only the search starts from a network, as in Kim et al.,
        "Semi-amortized variational autoencoders", ICML 2018. No gradients pass through it.

        Parameters
        ----------
        x : Tensor, shape (B, 784)
            In [0, 1].

        Returns
        -------
        Posterior
            mu and logvar, each of shape (B, D).

        Raises
        ------
        ValueError
            `x` has another shape.
        """
        if x.ndim != 2 or x.shape[1] != N_PIXELS:
            raise ValueError(f"x must have shape (B, {N_PIXELS}), got {tuple(x.shape)}")
        proposal = self.encoder(x)
        return self._refined(x, proposal) if self.config.refine_radius else proposal

    @torch.no_grad()
    def _refined(self, x: Tensor, proposal: Posterior) -> Posterior:
        mu, logvar = (torch.empty_like(t) for t in proposal)
        if len(x) <= _FEW:
            groups = list(torch.arange(len(x), device=x.device).unsqueeze(-1))
        else:
            _, tile = (proposal.mu / _TILE).floor().unique(dim=0, return_inverse=True)
            groups = [
                part
                for i in range(int(tile.max()) + 1)
                for part in (tile == i).nonzero().squeeze(-1).split(_CHUNK)
            ]
        for rows in groups:
            mu[rows], logvar[rows] = self._peak(x[rows], proposal.mu[rows])
        return Posterior(mu, logvar)

    def _peak(self, x: Tensor, near: Tensor) -> Posterior:
        """Fit the peak of p(z|x) of images whose encoder means, `near`, lie close together."""
        radius = self.config.refine_radius
        reach = radius + _WINDOW + _SPACING
        low = ((near.amin(0) - reach) / _SPACING).floor()
        high = ((near.amax(0) + reach) / _SPACING).ceil()
        ends = torch.stack([low, high], 1).tolist()
        axes = [torch.arange(first, last + 1, device=x.device) for first, last in ends]
        z = torch.cartesian_prod(*axes) * _SPACING  # (N, 2)
        log_joint = z.new_full((len(x), len(z)), -math.inf)
        statistics = self.likelihood.statistics(x)

        def look_at(nodes: Tensor) -> None:
            eta, log_normalizer = self.likelihood.natural_parameters(self.decoder(z[nodes]))
            log_weight = self.prior.log_pz(z[nodes]) - log_normalizer
            log_joint[:, nodes] = torch.addmm(log_weight, statistics, eta.T)

        is_near = torch.cdist(near, z) <= radius + _SPACING  # one node at least is within reach
        is_known = is_near.any(0)
        look_at(is_known)
        peak = log_joint.masked_fill(~is_near, -math.inf).argmax(1, keepdim=True)
        # The nodes round the peak, by their places on the lattice; some are not within reach.
        n = int(_WINDOW / _SPACING)
        steps = torch.arange(-n, n + 1, device=x.device)
        offset = torch.cartesian_prod(steps, steps)  # (W, 2)
        around = peak + offset @ torch.tensor([len(axes[1]), 1]).to(steps)  # (B, W)
        is_new = torch.zeros_like(is_known).index_fill(0, around.flatten(), True) & ~is_known
        if is_new.any():
            look_at(is_new)
        log_joint = log_joint.gather(1, around)
        offset = offset * _SPACING
        distance = offset.square().sum(-1).sqrt()
        window = torch.full_like(near[:, :1], _LEAST_WINDOW)
        mean = std = torch.zeros_like(near)
        for _ in range(4):  # the window widens to four standard deviations, not to the next peak
            share = log_joint.masked_fill(distance > window, -math.inf).softmax(1)
            mean = share @ offset
            std = (share @ offset.square() - mean.square()).clamp_min(_MIN_STD**2).sqrt()
            window = (4.0 * std.amax(1, keepdim=True)).clamp(_LEAST_WINDOW, _WINDOW)
        return Posterior(z[peak.squeeze(1)] + mean, 2.0 * std.log())

    def reparameterize(self, posterior: Posterior, generator: Generator, n: int = 1) -> Tensor:
        """Draw z = mu + std · eps, shape (n, B, D), differentiably in mu and logvar."""
        mu, logvar = posterior
        shape = (n, *mu.shape)
        eps = torch.randn(shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + (0.5 * logvar).exp() * eps

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

    def reconstruct(self, x: Tensor) -> Tensor:
        """Mean of p(x|z) at z = mu(x), shape (B, 784); deterministic."""
        return self.decode(self.encode(x).mu)
