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
from vae_core.lattices import Tile, lattice, lattice_tiles, on_border, tiles_around
from vae_core.models import VAE, Posterior
from vae_core.training import log_qz_x

REPORTED_SPACING = 0.02  # z units; of figures in headers
LIVE_SPACING = 0.04  # z units; of figures computed while a user waits
# z units. The prior's mass outside is 6.7e-10; with 4.6 (2.5e-5) the few digits whose codes lie
# farther out came out up to 13 nats too low.
RADIUS = 6.5

_NODE_CHUNK = 1024  # latents at once
_IMAGE_CHUNK = 1024
_MANY_IMAGES = 10_000  # whose mass per tile is held at once, 56 MB
# Nats by which log p(x) may differ between a lattice and the same one half a spacing farther, and
# between the interleaved sublattices of a lattice, before its spacing is halved. Sublattices alone,
# within 0.2 nat, left 14 of atlas's 10,000 test digits off by more than 0.1 nat.
_SHIFTED, _INTERLEAVED = 0.05, 1.0
HALVINGS = 3
WIDER = 1.0  # z units by which the lattice grows around where an image's mass reaches its border
_UNIT_SPACING, _UNIT_RADIUS = 0.5, 6.0  # standard deviations of q(z|x): its own lattice
_KL_IMAGES = 32  # whose own lattices are decoded at once
# Nats below an image's fullest tile at which the nodes halfway no longer matter, at which the tile
# does not, and at which one on the border hides nothing beyond it.
_PEAK, _NO_MASS, _NO_MASS_BEYOND = 8.0, 14.0, 16.0
# Nats below what an image's log p(x) is known to be at least: no node counts for less. Most would,
# and an exponential that underflows takes ten times as long as one that does not.
_FLOOR = 40.0
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
    standard deviations of p(z|x). Whether it is, lattices tell that integrate the same function:
    the 2^D interleaved ones of twice the spacing that this one consists of, and, where an image's
    mass is, the same one half a spacing farther; the value is the mean with that. Where they
    disagree on an image the spacing is halved for it, up to three times, in the parts of the plane
    that hold its mass; where its mass comes near the lattice's border the lattice is widened.
    `lattice_error` certifies the result.

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
    mass, by_sublattice = _integrate(model, statistics, tiles)
    while (cut := _is_cut_off(tiles, mass)).any():
        is_cut = cut.any(0)  # of (T, B)
        ends = (tiles[i] for i in cut.any(1).nonzero().squeeze(1).tolist())
        new = sorted(tiles_around(ends, WIDER).difference(tiles))
        more, more_by_sublattice = _integrate(model, statistics[is_cut], new)
        tiles += new
        mass = torch.cat([mass, mass.new_full((len(new), mass.shape[1]), -math.inf)])
        mass[-len(new) :, is_cut] = more
        by_sublattice[:, is_cut] = torch.logaddexp(by_sublattice[:, is_cut], more_by_sublattice)
    return _refine(model, statistics, tiles, mass, by_sublattice, HALVINGS)


def _is_cut_off(tiles: list[Tile], mass: Tensor) -> Tensor:
    """Whether an image's mass may go on beyond a tile, bool, shape (T, B)."""
    return holds_mass(mass, _NO_MASS_BEYOND) & on_border(tiles).unsqueeze(1).to(mass.device)


def _refine(
    model: VAE,
    statistics: Tensor,
    tiles: list[Tile],
    mass: Tensor,
    by_sublattice: Tensor,
    halvings: int,
) -> Tensor:
    """log p(x), shape (B,), with finer tiles in place of those that an image's peaks lie in."""
    peaks = holds_mass(mass, _PEAK)
    rest = mass.masked_fill(peaks, -math.inf).logsumexp(0)
    found = peaks.any(1).nonzero().squeeze(1)
    peaks = peaks[found]
    here = mass[found].masked_fill_(~peaks, -math.inf).logsumexp(0)
    between = [tiles[i].between() for i in found.tolist()]
    shifted = _integrate(model, statistics, between, peaks)[0].logsumexp(0)
    # The mean of both lattices: what sets them apart cancels in it.
    log_px = torch.logaddexp(rest, torch.logaddexp(here, shifted) - math.log(2.0))
    # A peak halfway between two nodes weighs the same on the sublattices of both, however narrow.
    is_coarse = disagree(by_sublattice, _INTERLEAVED)
    is_coarse |= disagree(torch.stack([here, shifted]), _SHIFTED)
    if halvings == 0 or not is_coarse.any():
        return log_px
    mass, statistics = mass[:, is_coarse], statistics[is_coarse]
    holds = holds_mass(mass, _NO_MASS)
    rest = mass.masked_fill(holds, -math.inf).logsumexp(0)
    split = holds.any(1).nonzero().squeeze(1)
    parts = [part for i in split.tolist() for part in tiles[i].parts()]
    is_in = holds[split].repeat_interleave(2**model.config.latent_dim, 0)
    in_parts = _integrate(model, statistics, parts, is_in)
    refined = _refine(model, statistics, parts, *in_parts, halvings - 1)
    log_px[is_coarse] = torch.logaddexp(rest, refined)
    return log_px


def disagree(log_px: Tensor, by_more_than: float) -> Tensor:
    """Whether lattices' log p(x), shape (lattices, B), lie so many nats apart, shape (B,)."""
    return log_px.amax(0) - log_px.amin(0) > by_more_than


def holds_mass(mass: Tensor, within: float) -> Tensor:
    """Whether a tile has as much mass as an image's fullest, within so many nats.

    `mass` is log ∫ p(x|z) p(z) dz over each tile, shape (T, B).
    """
    return mass > mass.amax(0) - within


def _integrate(
    model: VAE, statistics: Tensor, tiles: list[Tile], wanted: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """log ∫ p(x|z) p(z) dz over each tile, shape (T, B), and over each sublattice, (2^D, B).

    −inf for the images a tile is not wanted for, bool of shape (T, B).
    """
    dims = model.config.latent_dim
    mass = statistics.new_full((len(tiles), len(statistics)), -math.inf)
    by_sublattice = statistics.new_full((2**dims, len(statistics)), -math.inf)
    for i in range(0, len(tiles), 2**dims):
        group = slice(i, i + 2**dims)
        nodes = torch.stack([tile.nodes() for tile in tiles[group]]).to(statistics)
        z = nodes.flatten(0, 2)  # of (G, 2^D, N, D)
        eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
        log_volume = dims * math.log(tiles[i].spacing)
        log_weight = model.prior.log_pz(z) + log_volume - log_normalizer
        all_rows = _image_chunks(len(statistics)) if wanted is None else [wanted[group].any(0)]
        for rows in all_rows:
            so_far = by_sublattice[:, rows]
            log_joint = torch.addmm(log_weight, statistics[rows], eta.T)
            log_joint.clamp_(min=(so_far.amax(0) - _FLOOR).unsqueeze(1))
            sums = log_joint.view(-1, *nodes.shape[:3]).logsumexp(-1)  # (B, G, 2^D)
            if wanted is not None:
                sums.masked_fill_(~wanted[group][:, rows].T.unsqueeze(2), -math.inf)
            mass[group, rows] = sums.logsumexp(2).T
            by_sublattice[:, rows] = torch.logaddexp(so_far, sums.logsumexp(1).T)
    return mass, by_sublattice


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


def _image_chunks(n_images: int) -> Iterator[slice]:
    return (slice(i, i + _IMAGE_CHUNK) for i in range(0, n_images, _IMAGE_CHUNK))


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
