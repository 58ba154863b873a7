"""What the exact posterior of one image says: its regions, its width, what it costs to sample."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Region(NamedTuple):
    """The smallest part of latent space that holds a share of the posterior."""

    log_density: float  # of p(z|x) on its border, nats per z unit^D
    volume: float  # z units^D
    prior_mass: float  # p(z) integrated over it


class Explanation(NamedTuple):
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
        keys, order = _place_number((self.z[alive] / unit).round().long()).sort()
        alive, level = alive[order], level[order]
        found = torch.full((len(z),), -1)
        # At each spacing, the finest first; the last is that of the nodes which the finer replaced.
        for halvings in range(int(level.max()) + 2):
            step = 2**halvings
            key = _place_number((z / (unit * step)).round().long() * step)
            at = torch.searchsorted(keys, key).clamp_max(len(keys) - 1)
            fits = (found < 0) & (keys[at] == key) & (level[at] <= halvings)
            found = torch.where(fits, alive[at], found)
        return found


def _place_number(place: Tensor) -> Tensor:
    """Give each place, whole numbers below a million of shape (M, D), a number of its own."""
    return number_of(place + 2**20, 2**21)


def number_of(digits: Tensor, base: int) -> Tensor:
    """Read the last axis as the digits of a number, the first counting most."""
    code = digits[..., 0]
    for i in range(1, digits.shape[-1]):
        code = code * base + digits[..., i]
    return code
