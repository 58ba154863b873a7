"""log p(x) of a VAE: exact by a lattice when D ≤ 2, and the usual estimators beside it.

All values are in nats per image. `x` is binary for a Bernoulli likelihood (grey values give a
lower bound on the expected binarised log-likelihood, not a likelihood) and grey for a Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from vae_core.config import N_PIXELS
from vae_core.lattices import Tile, lattice, lattice_tiles, on_border
from vae_core.models import VAE, Posterior
from vae_core.training import log_qz_x

REPORTED_SPACING = 0.02  # z units; of figures in headers
LIVE_SPACING = 0.04  # z units; of figures computed while a user waits
# z units. The prior's mass outside is 6.7e-10; with 4.6 (2.5e-5) the few digits whose codes lie
# farther out came out up to 13 nats too low.
RADIUS = 6.5

_NODE_CHUNK = 1024  # latents per sublattice at once
_IMAGE_CHUNK = 1024
_MANY_IMAGES = 10_000  # whose mass per tile is held at once, 64 MB
# Nats. The rule's error falls with the fourth power of what it is at twice the spacing: sublattices
# that agree within this left up to 0.08 nat on 500 digits of each shipped model, with 0.5 up to
# 0.28.
DISAGREEMENT = 0.2
HALVINGS = 3
WIDER = 2.0  # z units by which the disc grows for an image whose mass reaches its border
_UNIT_SPACING, _UNIT_RADIUS = 0.5, 6.0  # standard deviations of q(z|x): its own lattice
_KL_IMAGES = 32  # whose own lattices are decoded at once
_NO_MASS = 16.0  # nats below an image's fullest tile at which another tile does not matter
_DECODE_CHUNK = 16_384  # latents decoded at once


class PosteriorOnLattice(NamedTuple):
    """p(z|x) at the nodes of a lattice: the exact posterior, not q(z|x)."""

    nodes: Tensor  # (N, D)
    log_density: Tensor  # (B, N), nats per z unit^D
    log_px: Tensor  # (B,), nats: what normalises it


class Estimate(NamedTuple):
    """A Monte Carlo estimate per image, each of shape (B,)."""

    value: Tensor  # nats
    stderr: Tensor  # nats, of the value, from the spread of its own samples; NaN for K = 1
    ess: Tensor  # effective sample size of the weights, from 1 to K; NaN where none are used


def log_px_exact(
    model: VAE, x: Tensor, *, spacing: float = REPORTED_SPACING, radius: float = RADIUS
) -> Tensor:
    """log p(x) = log ∫ p(x|z) p(z) dz by the trapezoid rule on a uniform lattice.

    For a smooth integrand that vanishes at the border the rule converges faster than any power
    of the spacing (Trefethen & Weideman, SIAM Review 2014), once the spacing is below about 1.5
    standard deviations of p(z|x). Whether it is, the lattice tells by itself: its 2^D interleaved
    sublattices of twice the spacing integrate the same function. Where they disagree on an image
    the spacing is halved for it, up to three times, in the parts of the plane that hold its mass;
    where its mass reaches the lattice's border the lattice is widened. `lattice_error` certifies
    the result.

    Parameters
    ----------
    model : VAE
        With latent_dim 1 or 2 and a Gaussian q(z|x), that is, a prior.
    x : Tensor, shape (B, 784)
        In [0, 1].
    spacing, radius : float
        Of the lattice, in z units; it covers |z| < radius at least.

    Returns
    -------
    Tensor, shape (B,)
        Nats.

    Raises
    ------
    ValueError
        latent_dim above 2, a plain autoencoder, a bad spacing or radius, or bad images.
    """
    _check_images(x)
    _check_prior(model)
    with torch.no_grad():
        statistics = model.likelihood.statistics(x)
        parts = statistics.split(_MANY_IMAGES)
        return torch.cat([_log_px(model, part, spacing, radius) for part in parts])


def _log_px(model: VAE, statistics: Tensor, spacing: float, radius: float) -> Tensor:
    tiles = lattice_tiles(model.config.latent_dim, spacing=spacing, radius=radius)
    mass = torch.stack([_log_mass(model, statistics, tile) for tile in tiles])  # (T, 2^D, B)
    is_cut = holds_mass(mass)[on_border(tiles)].any(0)
    for _ in range(HALVINGS):
        is_coarse = (sublattice_gap(mass) > DISAGREEMENT) & ~is_cut
        if not is_coarse.any():
            break
        tiles = [tile.halved() for tile in tiles]
        for tile, log_mass, rows in zip(tiles, mass, holds_mass(mass) & is_coarse, strict=True):
            if rows.any():
                log_mass[:, rows] = _log_mass(model, statistics[rows], tile)
    log_px = mass.logsumexp((0, 1))
    if is_cut.any():
        log_px[is_cut] = _log_px(model, statistics[is_cut], spacing, radius + WIDER)
    return log_px


def sublattice_gap(mass: Tensor) -> Tensor:
    """How far the sublattices' own log p(x) lie apart, nats, shape (B,): what tells a coarse one.

    `mass` is log ∫ p(x|z) p(z) dz by tile and sublattice, shape (T, 2^D, B).
    """
    by_sublattice = mass.logsumexp(0)
    return by_sublattice.amax(0) - by_sublattice.amin(0)


def holds_mass(mass: Tensor) -> Tensor:
    """Whether a tile matters to an image, shape (T, B); `mass` as in `sublattice_gap`."""
    in_tile = mass.logsumexp(1)
    return in_tile > in_tile.amax(0) - _NO_MASS


def _log_mass(model: VAE, statistics: Tensor, tile: Tile) -> Tensor:
    """log of ∫ p(x|z) p(z) dz over a tile, by each sublattice's share of it, shape (2^D, B)."""
    n_sublattices = 2**model.config.latent_dim
    result = torch.full((n_sublattices, len(statistics)), -math.inf, device=statistics.device)
    log_volume = model.config.latent_dim * math.log(tile.spacing)
    for nodes in tile.nodes().to(statistics.device).split(_NODE_CHUNK, 1):  # (2^D, N, D)
        z = nodes.flatten(0, 1)
        eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
        log_weight = model.prior.log_pz(z) + log_volume - log_normalizer
        for i in range(0, len(statistics), _IMAGE_CHUNK):
            rows = slice(i, i + _IMAGE_CHUNK)
            log_joint = torch.addmm(log_weight, statistics[rows], eta.T)
            sums = _log_sum_exp_(log_joint.view(-1, n_sublattices, nodes.shape[1]))
            result[:, rows] = torch.logaddexp(result[:, rows], sums.T)
    return result


def lattice_error(
    model: VAE, x: Tensor, *, spacing: float = REPORTED_SPACING, radius: float = RADIUS
) -> Tensor:
    """Certify `log_px_exact`: its change when the spacing is halved and the disc widened by 1.

    Costs five times what it certifies. Parameters and errors as there.

    Returns
    -------
    Tensor, shape (B,)
        Absolute change, nats.
    """
    finer = log_px_exact(model, x, spacing=spacing / 2, radius=radius + 1.0)
    return (finer - log_px_exact(model, x, spacing=spacing, radius=radius)).abs()


def log_posterior(
    model: VAE, x: Tensor, *, spacing: float = LIVE_SPACING, radius: float = RADIUS
) -> PosteriorOnLattice:
    """Exact log p(z|x) = log p(x|z) + log p(z) − log p(x) at the nodes of a lattice.

    Parameters and errors as `log_px_exact`. Meant for a few images: every pair is kept.
    """
    log_px = log_px_exact(model, x, spacing=spacing, radius=radius)
    nodes = lattice(model.config.latent_dim, spacing=spacing, radius=radius).to(x.device)
    with torch.no_grad():
        statistics = model.likelihood.statistics(x)
        parts: list[Tensor] = []
        for z in nodes.split(4 * _NODE_CHUNK):
            eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
            log_weight = model.prior.log_pz(z) - log_normalizer
            parts.append(torch.addmm(log_weight, statistics, eta.T))
    return PosteriorOnLattice(nodes, torch.cat(parts, 1) - log_px.unsqueeze(1), log_px)


def kl_to_posterior(model: VAE, x: Tensor, log_px: Tensor) -> Tensor:
    """KL(q(z|x) ‖ p(z|x)) in nats, shape (B,): what the ELBO lacks to log p(x).

    By a lattice of its own for each q(z|x), half a standard deviation apart and six wide, so it
    owes nothing to the samples of `elbo`: that log p(x) = ELBO + KL is then a check of both.

    Parameters
    ----------
    model : VAE
        With latent_dim 1 or 2 and a Gaussian q(z|x).
    x : Tensor, shape (B, 784)
        In [0, 1].
    log_px : Tensor, shape (B,)
        From `log_px_exact`.

    Raises
    ------
    ValueError
        As `log_px_exact`.
    """
    _check_images(x)
    _check_prior(model)
    units = lattice(model.config.latent_dim, spacing=_UNIT_SPACING, radius=_UNIT_RADIUS).to(x)
    weights = (-0.5 * units.square().sum(-1)).softmax(0)
    kls: list[Tensor] = []
    with torch.no_grad():
        for rows, evidence in zip(x.split(_KL_IMAGES), log_px.split(_KL_IMAGES), strict=True):
            posterior = model.encode(rows)
            z = posterior.mu + (0.5 * posterior.logvar).exp() * units.unsqueeze(1)  # (N, B, D)
            log_joint = _log_px_z(model, z, rows) + model.prior.log_pz(z)
            log_ratio = log_qz_x(posterior, z) - log_joint + evidence
            kls.append(weights @ log_ratio)
    return torch.cat(kls)


def elbo(model: VAE, x: Tensor, *, n_samples: int, generator: Generator) -> Estimate:
    """ELBO with analytic KL and `n_samples` draws of z ~ q(z|x) for the reconstruction.

    Parameters
    ----------
    model : VAE
        With a Gaussian q(z|x).
    x : Tensor, shape (B, 784)
        In [0, 1].
    n_samples : int
        K.
    generator : Generator
        On the device of `x`.

    Returns
    -------
    Estimate
        `ess` is NaN: the ELBO weighs its samples equally.

    Raises
    ------
    ValueError
        A plain autoencoder, K below 1, or bad images.
    """
    kl, log_px_z = elbo_terms(model, x, n_samples=n_samples, generator=generator)
    value = log_px_z.mean(0) - kl
    return Estimate(value, _standard_error(log_px_z), torch.full_like(value, math.nan))


def elbo_terms(
    model: VAE,
    x: Tensor,
    *,
    n_samples: int,
    generator: Generator,
    posterior: Posterior | None = None,
) -> tuple[Tensor, Tensor]:
    """KL(q(z|x) ‖ p(z)), shape (B,), and log p(x|z) at samples of q, shape (K, B); see `elbo`.

    `posterior` is q(z|x) where it is at hand already.
    """
    _check_images(x)
    _check_prior(model)
    with torch.no_grad():
        posterior = posterior or model.encode(x)
        kl = model.prior.kl(*posterior)

        def draw(n: int) -> Tensor:
            return _log_px_z(model, model.reparameterize(posterior, generator, n), x)

        return kl, torch.cat(list(_in_chunks(draw, n_samples, len(x))))


def log_px_iwae(
    model: VAE,
    x: Tensor,
    *,
    n_samples: int,
    generator: Generator,
    posterior: Posterior | None = None,
) -> Estimate:
    """Importance-weighted estimate of log p(x) with K samples of q(z|x).

    Its expectation is a lower bound on log p(x), rising with K (Burda et al., ICLR 2016).
    Parameters and errors as `elbo`; `posterior` is q(z|x) where it is at hand already.
    """
    _check_images(x)
    _check_prior(model)
    with torch.no_grad():
        posterior = posterior or model.encode(x)

        def draw(n: int) -> Tensor:
            return _log_weights(model, x, posterior, n, generator)

        return _log_mean(torch.cat(list(_in_chunks(draw, n_samples, len(x)))))


def log_px_naive(model: VAE, x: Tensor, *, n_samples: int, generator: Generator) -> Estimate:
    """Naive Monte Carlo: log of the mean of p(x|z) over K samples of the prior.

    All images share the samples. Unbiased for p(x), far too low for log p(x) until K is huge.
    Parameters and errors as `elbo`.
    """
    _check_images(x)
    _check_prior(model)
    _check_count(n_samples)
    statistics = model.likelihood.statistics(x)
    parts: list[Tensor] = []
    with torch.no_grad():
        for z in model.prior.sample(n_samples, generator).split(_NODE_CHUNK):
            eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
            parts.append(torch.addmm(-log_normalizer, statistics, eta.T).T)  # (K, B)
    return _log_mean(torch.cat(parts))


def _log_weights(
    model: VAE, x: Tensor, posterior: Posterior, n: int, generator: Generator
) -> Tensor:
    """log p(x|z) + log p(z) − log q(z|x) at n samples of q, shape (n, B)."""
    z = model.reparameterize(posterior, generator, n)
    return _log_px_z(model, z, x) + model.prior.log_pz(z) - log_qz_x(posterior, z)


def _log_px_z(model: VAE, z: Tensor, x: Tensor) -> Tensor:
    return model.likelihood.log_px_z(model.decoder(z), x)


def _in_chunks(draw: Callable[[int], Tensor], n_samples: int, n_images: int) -> Iterator[Tensor]:
    """Draw n_samples rows a few at a time, so that memory does not grow with K · B."""
    _check_count(n_samples)
    chunk = max(1, _DECODE_CHUNK // n_images)
    for done in range(0, n_samples, chunk):
        yield draw(min(chunk, n_samples - done))


def _log_mean(log_w: Tensor) -> Estimate:
    """log of the mean weight of K rows, its delta-method error, and Kish's sample size."""
    n_samples = log_w.shape[0]
    value = log_w.logsumexp(0) - math.log(n_samples)
    w = (log_w - value).exp()  # mean 1 over K
    return Estimate(value, _standard_error(w), n_samples / w.square().mean(0))


def _standard_error(samples: Tensor) -> Tensor:
    """Of the mean of K rows; NaN for a single one, which says nothing of its spread."""
    n_samples = samples.shape[0]
    if n_samples == 1:
        return torch.full_like(samples[0], math.nan)
    return samples.std(0) / math.sqrt(n_samples)


def _log_sum_exp_(log_terms: Tensor) -> Tensor:
    """logsumexp over the last axis that overwrites its argument: the lattice's largest buffer."""
    peak = log_terms.amax(-1, keepdim=True)
    return log_terms.sub_(peak).exp_().sum(-1).log_().add_(peak.squeeze(-1))


def _check_images(x: Tensor) -> None:
    if x.ndim != 2 or x.shape[1] != N_PIXELS or len(x) == 0:
        raise ValueError(f"x must have shape (B, {N_PIXELS}) with B ≥ 1, got {tuple(x.shape)}")
    low, high = x.aminmax()
    if not (low >= 0 and high <= 1):  # also true of NaN
        raise ValueError(f"x must lie in [0, 1], got values from {low:.3g} to {high:.3g}")


def _check_prior(model: VAE) -> None:
    if model.config.posterior == "point":
        raise ValueError("a plain autoencoder has no prior, so it gives images no likelihood")


def _check_count(n_samples: int) -> None:
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")
