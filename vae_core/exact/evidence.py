"""log p(x) of many images, exact, and the certificate of how exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from vae_core.estimators import check_images
from vae_core.exact.adaptive import RADIUS, REPORTED_SPACING, SUM_RULE, Sums, refine, widen
from vae_core.exact.tiles import Tile, lattice_tiles, on_border
from vae_core.joint import decode_nodes
from vae_core.models import VAE
from vae_core.pixels import Images
from vae_core.progress import Report, Stages, unreported

# Nodes along the side of a tile: large, as all images share the tiles' decoded nodes.
TILE_SIDE = 16
# Images weighed at once at the nodes of a few tiles: their log p(x, z) takes 4 MB.
_IMAGE_CHUNK = 1024
# Images whose mass per tile is held at once, 56 MB.
_MANY_IMAGES = 10_000
# Nats below what an image's log p(x) is known to be at least: no node counts for less. Most would,
# and an exponential that underflows takes ten times as long as one that does not.
_FLOOR = 40.0
# Times that the tiles of the first lattice are summed over, about: once, and to test it.
_PASSES = 2


def log_px_exact(
    model: VAE,
    x: Images,
    *,
    spacing: float = REPORTED_SPACING,
    radius: float = RADIUS,
    report: Report = unreported,
) -> Tensor:
    """log p(x) = log ∫ p(x|z) p(z) dz by the trapezoid rule on a lattice, see `adaptive`.

    The value is the mean with the lattice half a spacing farther. `lattice_error` certifies it.

    Parameters
    ----------
    model : VAE
        With latent_dim 1 or 2 and a Gaussian q(z|x), that is, a prior.
    x : Tensor or array, shape (B, 784) or (B, 28, 28)
        In [0, 1]; binary for a Bernoulli likelihood.
    spacing, radius : float
        Of the lattice, in z units; it covers |z| < radius at least.
    report : Report
        Told how far it is, as one lattice and its test half a spacing farther go.

    Returns
    -------
    Tensor, shape (B,)
        Nats.

    Raises
    ------
    ValueError
        latent_dim above 2, a plain autoencoder, a bad spacing or radius, or bad images.
    """
    x = check_images(model, x)
    with torch.no_grad():
        statistics = model.likelihood.statistics(x)
        parts = torch.split(statistics, _MANY_IMAGES)
        stages = Stages(report, {str(i): len(part) for i, part in enumerate(parts)})
        found = [
            _log_px(model, part, spacing, radius, stages.of(str(i))) for i, part in enumerate(parts)
        ]
    report(1.0)
    return torch.cat(found)


def _log_px(
    model: VAE, statistics: Tensor, spacing: float, radius: float, report: Report
) -> Tensor:
    dims = model.config.latent_dim
    tiles = lattice_tiles(dims, spacing=spacing, radius=radius, n=TILE_SIDE)
    n_done, n_expected = 0, _PASSES * len(tiles)

    def count(n_tiles: int) -> None:
        nonlocal n_done
        n_done += n_tiles
        report(min(1.0, n_done / n_expected))

    def integrate(statistics: Tensor, tiles: list[Tile], wanted: Tensor | None = None) -> Sums:
        return _integrate(model, statistics, tiles, wanted, count)

    sums = integrate(statistics, tiles)
    tiles, sums = widen(integrate, statistics, tiles, sums, SUM_RULE, on_border(tiles))
    return refine(integrate, statistics, tiles, sums, SUM_RULE)[0]


def _integrate(
    model: VAE,
    statistics: Tensor,
    tiles: list[Tile],
    wanted: Tensor | None,
    count: Callable[[int], None],
) -> Sums:
    """Sum p(x|z) p(z) over tiles, 2^D of them decoded at once, and count them; see `Integrate`."""
    dims = model.config.latent_dim
    mass = statistics.new_full((len(tiles), len(statistics)), -math.inf)
    by_sublattice = statistics.new_full((2**dims, len(statistics)), -math.inf)
    for i in range(0, len(tiles), 2**dims):
        group = slice(i, i + 2**dims)
        nodes = torch.stack([tile.nodes() for tile in tiles[group]]).to(statistics)
        decoded = decode_nodes(model, nodes.flatten(0, 2))  # of (G, 2^D, N, D)
        log_volume = dims * math.log(tiles[i].spacing)
        all_rows = _image_chunks(len(statistics)) if wanted is None else [wanted[group].any(0)]
        for rows in all_rows:
            so_far = by_sublattice[:, rows]
            log_joint = decoded.log_joint(statistics[rows], log_volume=log_volume)
            log_joint.clamp_(min=(so_far.amax(0) - _FLOOR).unsqueeze(1))
            sums = log_joint.view(-1, *nodes.shape[:3]).logsumexp(-1)  # (B, G, 2^D)
            if wanted is not None:
                sums.masked_fill_(~wanted[group][:, rows].T.unsqueeze(2), -math.inf)
            mass[group, rows] = sums.logsumexp(2).T
            by_sublattice[:, rows] = torch.logaddexp(so_far, sums.logsumexp(1).T)
        count(len(tiles[group]))
    return Sums(mass, by_sublattice)


def _image_chunks(n_images: int) -> Iterator[slice]:
    return (slice(i, i + _IMAGE_CHUNK) for i in range(0, n_images, _IMAGE_CHUNK))


def lattice_error(
    model: VAE, x: Images, *, spacing: float = REPORTED_SPACING, radius: float = RADIUS
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
