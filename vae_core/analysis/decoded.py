"""All of a low-dimensional latent space decoded once, so that an image is explained quickly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from vae_core.analysis.marginal import (
    HALVINGS,
    LIVE_SPACING,
    RADIUS,
    WIDER,
    disagree,
    holds_mass,
)
from vae_core.config import N_PIXELS
from vae_core.lattices import Tile, lattice_tiles, on_border, tiles_around
from vae_core.models import VAE

TILE_SIDE = 4  # nodes; small, so that few are decoded anew where a posterior is sharp
_DECODE_CHUNK = 1024
# Stricter than in `marginal`: the nodes halfway only test a lattice here, and a tile, with fewer
# nodes and farther apart, shows less of what passes between them. All in nats.
SHIFTED, _INTERLEAVED = 0.02, 0.5
_NO_MASS = 24.0


class Region(NamedTuple):
    """The smallest part of latent space that holds a share of the posterior."""

    log_density: float  # of p(z|x) on its border, nats per z unit^D
    volume: float  # z units^D
    prior_mass: float  # p(z) integrated over it


class Explained(NamedTuple):
    """One image, explained by the nodes of a lattice that is finer where p(z|x) is sharp.

    The first nodes are those of the `DecodedLattice`, in its order; where finer ones take the
    place of some, these stay and stand for nothing: their log_volume is −inf. Others may follow
    that lie farther out.
    """

    z: Tensor  # (N, D)
    log_volume: Tensor  # (N,), log of the z units^D that a node stands for
    log_pz: Tensor  # (N,)
    log_px_z: Tensor  # (N,), nats
    log_px: float  # nats, exact
    n_first: int  # how many nodes the `DecodedLattice` has

    @property
    def log_posterior(self) -> Tensor:
        """log p(z|x), nats per z unit^D, shape (N,)."""
        return self.log_px_z + self.log_pz - self.log_px

    def region(self, share: float = 0.99) -> Region:
        """Highest-density region of p(z|x) that holds a share of it, between 0 and 1.

        Raises
        ------
        ValueError
            `share` is no such number.
        """
        if not 0.0 < share < 1.0:
            raise ValueError(f"share must lie between 0 and 1, got {share}")
        log_density = self.log_posterior
        order = log_density.argsort(descending=True)
        order = order[self.log_volume[order].isfinite()]
        held = (log_density + self.log_volume)[order].double().exp().cumsum(0)
        n = min(int((held < share).sum()) + 1, len(order))
        inside = order[:n]
        volume = self.log_volume[inside].double().exp()
        return Region(
            float(log_density[inside[-1]]),
            float(volume.sum()),
            float(volume @ self.log_pz[inside].double().exp()),
        )

    def std(self) -> Tensor:
        """Measure the width of p(z|x), all its modes: standard deviations, z units, (D,)."""
        mass = (self.log_posterior + self.log_volume).double().exp()
        z = self.z.double()
        return (mass @ (z - mass @ z).square()).sqrt().float()

    def relative_variance(self) -> float:
        """Variance of p(x|z) under the prior over the square of its mean, which is p(x).

        The mean of K draws has this over K, so log p(x) by naive Monte Carlo has a standard error
        of s nats, where that is small, with K = relative variance / s² prior samples.
        """
        log_prior = (self.log_pz + self.log_volume).double()
        second = (log_prior + 2.0 * (self.log_px_z.double() - self.log_px)).logsumexp(0)
        return math.exp(float(second)) - 1.0

    def nearest_finer(self, z: Tensor) -> Tensor:
        """Find the finer node nearest to each latent whose first node stands for nothing.

        Parameters
        ----------
        z : Tensor, shape (M, D)
            Whose nearest node of the `DecodedLattice` has finer ones in its place.

        Returns
        -------
        Tensor, shape (M,)
            int64. Where finer and coarser nodes meet, the finer ones' side of a cell may count
            for the node in its middle.
        """
        dims = z.shape[1]
        alive = self.log_volume[self.n_first :].isfinite().nonzero().squeeze(1) + self.n_first
        spacing = (self.log_volume[alive] / dims).exp()
        unit = float(spacing.min())
        level = (spacing / unit).log2().round().long()  # 0 is the finest
        keys, order = _key((self.z[alive] / unit).round().long()).sort()
        alive, level = alive[order], level[order]
        found = torch.full((len(z),), -1)
        # At each spacing, the finest first; the last is that of the nodes which the finer replaced.
        for halvings in range(int(level.max()) + 2):
            step = 2**halvings
            key = _key((z / (unit * step)).round().long() * step)
            at = torch.searchsorted(keys, key).clamp_max(len(keys) - 1)
            fits = (found < 0) & (keys[at] == key) & (level[at] <= halvings)
            found = torch.where(fits, alive[at], found)
        return found


class _Nodes(NamedTuple):
    """Tiles of latent space and what their nodes say of one image; see `Explained`."""

    tiles: list[Tile]
    log_volume: Tensor  # (T,), of a node of each tile
    z: Tensor  # (N, D)
    log_pz: Tensor
    log_px_z: Tensor

    def mass(self) -> Tensor:
        """log ∫ p(x|z) p(z) dz by tile and sublattice, shape (T, 2^D)."""
        log_joint = (self.log_px_z + self.log_pz).view(len(self.tiles), 2 ** self.z.shape[1], -1)
        return log_joint.logsumexp(-1) + self.log_volume.unsqueeze(1)


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
        if model.config.posterior == "point":
            raise ValueError("a plain autoencoder has no prior, so it gives images no likelihood")
        self.model = model
        self.spacing = spacing
        self.radius = radius
        self._tiles = lattice_tiles(
            model.config.latent_dim, spacing=spacing, radius=radius, n=TILE_SIDE
        )
        self._is_border = on_border(self._tiles)
        self.z = _nodes(self._tiles)  # (N, D)
        with torch.no_grad():
            self.log_pz = model.prior.log_pz(self.z)
            parts = [self._decoded(z) for z in self.z.split(_DECODE_CHUNK)]
        self._eta = torch.cat([eta for eta, _ in parts])  # (N, F)
        self._log_normalizer = torch.cat([log_normalizer for _, log_normalizer in parts])

    def log_px_z(self, x: Tensor) -> Tensor:
        """log p(x|z) in nats at the nodes `z`, shape (N,), of an image, shape (784,)."""
        statistics = self._statistics(x)
        return torch.addmv(-self._log_normalizer, self._eta, statistics)

    def mean_log_px_z(self, statistics: Tensor) -> Tensor:
        """Mean log p(x|z) in nats at the nodes `z`, shape (N,), of images by T(x), shape (B, F).

        It is linear in T(x): the images' own mean is all it takes.
        """
        return torch.addmv(-self._log_normalizer, self._eta, statistics.mean(0))

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
        table[_code(place - low, size)] = torch.arange(len(corners))
        at = ((z + 0.5 * self.spacing) / side).floor().long() - low
        if not ((at >= 0) & (at < size)).all() or (table[_code(at, size)] < 0).any():
            raise ValueError("z must lie inside the lattice")
        tile = table[_code(at, size)]
        spacings = corners.new_full((len(z),), self.spacing)
        in_tile = _place_in_tile(z, corners[tile], spacings)
        return tile * TILE_SIDE ** z.shape[1] + in_tile

    def explain(self, x: Tensor) -> Explained:
        """Explain one image by all of latent space.

        By the rule of `vae_core.analysis.marginal.log_px_exact`: where the lattice proves too
        coarse its spacing is halved in the parts that hold the image's mass, up to three times;
        where that mass reaches the lattice's border the lattice is widened there. The nodes
        halfway only test the lattice, so `log_px` may be up to 0.01 nat off.

        Parameters
        ----------
        x : Tensor, shape (784,)
            In [0, 1]; binary for a Bernoulli likelihood.

        Raises
        ------
        ValueError
            `x` is no such image.
        """
        statistics = self._statistics(x)
        dims = self.z.shape[1]
        log_volume = torch.full((len(self._tiles),), dims * math.log(self.spacing))
        seen = _Nodes(list(self._tiles), log_volume, self.z, self.log_pz, self.log_px_z(x))
        is_border = self._is_border
        mass = seen.mass()
        while (is_cut := holds_mass(mass.logsumexp(1), _NO_MASS) & is_border).any():
            ends = (seen.tiles[i] for i in is_cut.nonzero().squeeze(1).tolist())
            seen = self._with(seen, tiles_around(ends, WIDER).difference(seen.tiles), statistics)
            is_border = on_border(seen.tiles)
            mass = seen.mass()
        for _ in range(HALVINGS):
            by_tile = mass.logsumexp(1)
            held = holds_mass(by_tile, _NO_MASS).nonzero().squeeze(1)
            tiles = [seen.tiles[i] for i in held.tolist()]
            if not disagree(mass.logsumexp(0), _INTERLEAVED):
                between = self._explained([tile.between() for tile in tiles], statistics)
                both = torch.stack([by_tile[held].logsumexp(0), between.mass().logsumexp((0, 1))])
                if not disagree(both, SHIFTED):
                    break
            seen.log_volume[held] = -math.inf
            seen = self._with(seen, (part for tile in tiles for part in tile.parts()), statistics)
            mass = seen.mass()
        return Explained(
            z=seen.z,
            log_volume=seen.log_volume.repeat_interleave(TILE_SIDE**dims),
            log_pz=seen.log_pz,
            log_px_z=seen.log_px_z,
            log_px=float(mass.logsumexp((0, 1))),
            n_first=len(self.z),
        )

    def _with(self, seen: _Nodes, tiles: Iterable[Tile], statistics: Tensor) -> _Nodes:
        """Add more tiles to what explains an image of these statistics."""
        more = self._explained(list(tiles), statistics)
        tensors = map(torch.cat, zip(seen[1:], more[1:], strict=True))
        return _Nodes(seen.tiles + more.tiles, *tensors)

    def _explained(self, tiles: list[Tile], statistics: Tensor) -> _Nodes:
        """Decode tiles for an image of these statistics."""
        z = _nodes(tiles)
        with torch.no_grad():
            eta, log_normalizer = self._decoded(z)
            log_pz = self.model.prior.log_pz(z)
        spacings = torch.tensor([tile.spacing for tile in tiles])
        log_px_z = torch.addmv(-log_normalizer, eta, statistics)
        return _Nodes(tiles, z.shape[1] * spacings.log(), z, log_pz, log_px_z)

    def _statistics(self, x: Tensor) -> Tensor:
        if x.shape != (N_PIXELS,) or not (x.min() >= 0 and x.max() <= 1):  # nor NaN
            raise ValueError(f"x must have shape ({N_PIXELS},) and lie in [0, 1]")
        return self.model.likelihood.statistics(x.unsqueeze(0)).squeeze(0)

    def _decoded(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.likelihood.natural_parameters(self.model.decoder(z))


def _nodes(tiles: list[Tile]) -> Tensor:
    """Nodes of tiles, tile by tile and sublattice by sublattice, shape (N, D)."""
    return torch.stack([tile.nodes() for tile in tiles]).flatten(0, 2)


def _corners(tiles: list[Tile]) -> Tensor:
    return torch.tensor([tile.corner for tile in tiles])  # (T, D)


def _place_in_tile(z: Tensor, corners: Tensor, spacings: Tensor) -> Tensor:
    """Which of its tile's nodes, in the order of `Tile.nodes`, is nearest to each z, shape (M,)."""
    step = ((z - corners) / spacings.unsqueeze(-1)).round().clamp(0, TILE_SIDE - 1).long()
    sublattice, place = step % 2, step // 2
    per_sublattice = (TILE_SIDE // 2) ** z.shape[1]
    return _code(sublattice, 2) * per_sublattice + _code(place, TILE_SIDE // 2)


def _key(place: Tensor) -> Tensor:
    """Give each place, whole numbers below a million of shape (M, D), a number of its own."""
    return _code(place + 2**20, 2**21)


def _code(digits: Tensor, base: int) -> Tensor:
    """Read the last axis as the digits of a number, the first counting most."""
    code = digits[..., 0]
    for i in range(1, digits.shape[-1]):
        code = code * base + digits[..., i]
    return code
