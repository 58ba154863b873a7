"""All of a low-dimensional latent space decoded once, so that an image is explained quickly."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vae_core.config import N_PIXELS
from vae_core.estimators import check_prior
from vae_core.exact.adaptive import (
    EXPLANATION_RULE,
    LIVE_SPACING,
    RADIUS,
    Level,
    Sums,
    refine,
    widen,
)
from vae_core.exact.explanation import Explanation, number_of
from vae_core.exact.tiles import Tile, lattice_tiles, on_border
from vae_core.joint import DecodedNodes, decode_nodes
from vae_core.models import VAE

# Nodes along the side of a tile: small, so that few are decoded anew where a posterior is sharp.
TILE_SIDE = 4
# Nodes decoded at once.
_DECODE_CHUNK = 1024


class _Part(NamedTuple):
    """Tiles of one spacing and what their nodes say of one image; see `Explanation`."""

    tiles: list[Tile]
    mass: Tensor  # (T, 2^D), log ∫ p(x|z) p(z) dz by tile and sublattice
    z: Tensor  # (N, D)
    log_pz: Tensor
    log_px_z: Tensor


class _Image:
    """One image on the adaptive lattice: integrates it as `Integrate` and keeps the nodes."""

    def __init__(self, model: VAE, statistics: Tensor) -> None:
        self.statistics = statistics.unsqueeze(0)
        self._model = model
        self._parts: list[_Part] = []

    def __call__(self, statistics: Tensor, tiles: list[Tile], wanted: Tensor | None = None) -> Sums:
        with torch.no_grad():
            nodes = decode_nodes(self._model, _nodes_of(tiles))
        return self.keep(tiles, nodes, nodes.log_px_z(statistics[0]))

    def keep(self, tiles: list[Tile], nodes: DecodedNodes, log_px_z: Tensor) -> Sums:
        """Keep what the nodes of some tiles say, and add it up."""
        log_joint = (log_px_z + nodes.log_pz).view(len(tiles), 2 ** nodes.z.shape[1], -1)
        mass = log_joint.logsumexp(-1) + _log_volume(tiles[0])
        self._parts.append(_Part(tiles, mass, nodes.z, nodes.log_pz, log_px_z))
        return Sums(mass.logsumexp(1, keepdim=True), mass.logsumexp(0).unsqueeze(1))

    def explanation(self, levels: list[Level], *, n_first: int) -> Explanation:
        """Explain the image by the nodes of these levels, not by those that only tested one."""
        tiles = [tile for level in levels for tile in level.tiles]
        parts: list[_Part] = []
        for part in self._parts:
            done = sum(len(p.tiles) for p in parts)
            if done < len(tiles) and part.tiles[0] == tiles[done]:
                parts.append(part)
        log_volume = torch.cat(
            [torch.full((len(level.tiles),), _log_volume(level.tiles[0])) for level in levels]
        )
        is_halved = torch.cat([level.is_halved for level in levels])
        log_volume = log_volume.masked_fill(is_halved, -math.inf)
        mass = torch.cat([part.mass for part in parts])
        mass = mass.masked_fill(is_halved.unsqueeze(1), -math.inf)
        z, log_pz, log_px_z = (
            torch.cat(each) for each in zip(*(part[2:] for part in parts), strict=True)
        )
        return Explanation(
            z=z,
            log_volume=log_volume.repeat_interleave(len(z) // len(tiles)),
            log_pz=log_pz,
            log_px_z=log_px_z,
            log_px=float(mass.logsumexp((0, 1))),
            n_first=n_first,
        )


class DecodedLattice:
    """A model decoded at every node of a lattice, kept so that an image costs one product.

    Takes 4 bytes per node and natural parameter: 280 MB in the plane at the default spacing.

    Parameters
    ----------
    model : VAE
        With latent_dim 1 or 2 and a Gaussian q(z|x), that is, a prior. Not to be changed later.
    spacing, radius : float
        Of the lattice, in z units; it covers |z| < radius.

    Raises
    ------
    ValueError
        latent_dim above 2, a plain autoencoder, or a bad spacing or radius.
    """

    def __init__(
        self, model: VAE, *, spacing: float = LIVE_SPACING, radius: float = RADIUS
    ) -> None:
        check_prior(model)
        self.model = model
        self.spacing = spacing
        self.radius = radius
        self._tiles = lattice_tiles(
            model.config.latent_dim, spacing=spacing, radius=radius, n=TILE_SIDE
        )
        self._is_border = on_border(self._tiles)
        z = _nodes_of(self._tiles)
        with torch.no_grad():
            parts = [decode_nodes(model, part) for part in torch.split(z, _DECODE_CHUNK)]
        self._nodes = DecodedNodes(*map(torch.cat, zip(*parts, strict=True)))
        self.z, self.log_pz = self._nodes.z, self._nodes.log_pz

    def log_px_z(self, x: Tensor) -> Tensor:
        """log p(x|z) in nats at the nodes `z`, shape (N,), of an image, shape (784,)."""
        return self._nodes.log_px_z(self._statistics(x))

    def mean_log_px_z(self, statistics: Tensor) -> Tensor:
        """Mean log p(x|z) in nats at the nodes `z`, shape (N,), of images by T(x), shape (B, F).

        It is linear in T(x): the images' own mean is all it takes.
        """
        return self._nodes.log_px_z(statistics.mean(0))

    def raster(self, values: Tensor) -> tuple[Tensor, tuple[float, float]]:
        """Lay values at the nodes `z`, shape (N,), out as a picture of latent space.

        Returns
        -------
        tuple
            The picture, shape (S, S), its row 0 at the lowest y, or (S,) of a line, NaN beyond
            the lattice; and the lowest and highest z of its outer borders, on every axis.
        """
        place = (self.z / self.spacing).round().long()  # (N, D)
        low, high = int(place.min()), int(place.max())
        picture = values.new_full((high - low + 1,) * self.z.shape[1], math.nan)
        picture[tuple((place - low).T.flip(0))] = values
        return picture, ((low - 0.5) * self.spacing, (high + 0.5) * self.spacing)

    def nearest(self, z: Tensor) -> Tensor:
        """Find the node nearest to each latent, shape (M, D), inside the lattice, shape (M,)."""
        side = TILE_SIDE * self.spacing
        corners = _corners(self._tiles)
        place = (corners / side).round().long()  # (T, D)
        low = place.amin(0)
        size = int((place - low).max()) + 1
        table = torch.full((size ** z.shape[1],), -1)
        table[number_of(place - low, size)] = torch.arange(len(corners))
        at = ((z + 0.5 * self.spacing) / side).floor().long() - low
        if not ((at >= 0) & (at < size)).all() or (table[number_of(at, size)] < 0).any():
            raise ValueError("z must lie inside the lattice")
        tile = table[number_of(at, size)]
        spacings = corners.new_full((len(z),), self.spacing)
        in_tile = _place_in_tile(z, corners[tile], spacings)
        return tile * TILE_SIDE ** z.shape[1] + in_tile

    def explain(self, x: Tensor) -> Explanation:
        """Explain one image by all of latent space.

        On the adaptive lattice of `vae_core.exact.adaptive`. The nodes halfway only test it, so
        `log_px` may be up to 0.01 nat off.

        Parameters
        ----------
        x : Tensor, shape (784,)
            In [0, 1]; binary for a Bernoulli likelihood.

        Raises
        ------
        ValueError
            `x` is no such image.
        """
        image = _Image(self.model, self._statistics(x))
        sums = image.keep(self._tiles, self._nodes, self._nodes.log_px_z(image.statistics[0]))
        tiles, sums = widen(
            image, image.statistics, self._tiles, sums, EXPLANATION_RULE, self._is_border
        )
        _, levels = refine(image, image.statistics, tiles, sums, EXPLANATION_RULE)
        return image.explanation(levels, n_first=len(self.z))

    def _statistics(self, x: Tensor) -> Tensor:
        if x.shape != (N_PIXELS,) or not (x.min() >= 0 and x.max() <= 1):  # nor NaN
            raise ValueError(f"x must have shape ({N_PIXELS},) and lie in [0, 1]")
        return self.model.likelihood.statistics(x.unsqueeze(0)).squeeze(0)


def _nodes_of(tiles: list[Tile]) -> Tensor:
    """Nodes of tiles, tile by tile and sublattice by sublattice, shape (N, D)."""
    return torch.stack([tile.nodes() for tile in tiles]).flatten(0, 2)


def _log_volume(tile: Tile) -> float:
    """Log of the z units^D that a node of a tile stands for."""
    return len(tile.corner) * math.log(tile.spacing)


def _corners(tiles: list[Tile]) -> Tensor:
    return torch.tensor([tile.corner for tile in tiles])  # (T, D)


def _place_in_tile(z: Tensor, corners: Tensor, spacings: Tensor) -> Tensor:
    """Which of its tile's nodes, in the order of `Tile.nodes`, is nearest to each z, shape (M,)."""
    step = ((z - corners) / spacings.unsqueeze(-1)).round().clamp(0, TILE_SIDE - 1).long()
    sublattice, place = step % 2, step // 2
    per_sublattice = (TILE_SIDE // 2) ** z.shape[1]
    return number_of(sublattice, 2) * per_sublattice + number_of(place, TILE_SIDE // 2)
