"""What lies along a walk through latent space: priors, digits nearby, how the picture changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor, nn

from vae_core.analysis.fields import Grid, log_aggregate_at, log_aggregate_density
from vae_core.models import VAE

Floats = NDArray[np.floating[Any]]

N_CLASSES = 10

_DROP = 40.0  # nats below its peak at which a density on a grid counts as none
_PART = 1024  # digits that stand for all where no grid can be
_WITHIN = 0.99  # share of held-out digits that the region with data holds


class Profile(NamedTuple):
    """One number per step, shape (T,); None where a plain autoencoder has none."""

    log_prior: Floats | None  # log p(z), nats per z unit^D
    log_aggregate: Floats | None  # log q(z), nats per z unit^D
    nearest: Floats  # distance to the nearest code, z units
    change: Floats  # Euclidean distance from the last step's picture, image units; 0 at first
    shares: Floats  # (T, 10): of the classes among the nearest codes


class Codes:
    """Labelled codes to be near to, and how near digits are that were held out.

    Parameters
    ----------
    codes, labels : array, shapes (N, D) and (N,)
    held_out : array, shape (M, D)
        Codes of other digits.

    Attributes
    ----------
    reach : float
        Distance, z units, within which 99 % of the held-out digits have a code: what is farther
        from all of them is outside the region with data.
    """

    def __init__(self, codes: Floats, labels: NDArray[np.integer], held_out: Floats) -> None:
        self.codes = codes
        self.labels = labels
        self._tree: Any = KDTree(codes)
        self.reach = float(np.quantile(self._tree.query(held_out)[0], _WITHIN))

    def nearest(self, z: Floats) -> NDArray[np.float64]:
        """Distances to the nearest code, (T, D) to (T,), z units."""
        return self._tree.query(z)[0]

    def shares(self, z: Floats, k: int) -> NDArray[np.float64]:
        """Shares of the classes among the k nearest codes, (T, D) to (T, 10)."""
        _, near = self._tree.query(z, list(range(1, k + 1)))
        return np.stack([np.bincount(row, minlength=N_CLASSES) / k for row in self.labels[near]])


def profile(
    model: VAE,
    z: Floats,
    images: Floats,
    codes: Codes,
    *,
    k: int,
    posteriors: tuple[Floats, Floats] | None,
) -> Profile:
    """Measure what lies along a walk.

    Parameters
    ----------
    model : VAE
    z : array, shape (T, D)
        Its steps.
    images : array, shape (T, 784)
        Their pictures, ink from 0 to 1.
    codes : Codes
    k : int
        How many codes vote.
    posteriors : tuple of arrays, each of shape (N, D), or None
        Means and standard deviations of q(z|x) of all digits; None for a plain autoencoder, which
        has no prior either.
    """
    log_prior = log_aggregate = None
    if posteriors is not None:
        with torch.no_grad():
            log_prior = model.prior.log_pz(torch.as_tensor(z, dtype=torch.float32)).numpy()
        log_aggregate = log_aggregate_at(*posteriors, z)
    change = np.zeros(len(z))
    change[1:] = np.linalg.norm(np.diff(images, axis=0), axis=1)
    return Profile(log_prior, log_aggregate, codes.nearest(z), change, codes.shares(z, k))


class GridLogDensity:
    """log q(z) of the plane, interpolated by cubics between the cells of a grid; differentiable.

    Beyond the grid, and more than 40 nats below its peak, it is constant.
    """

    def __init__(self, mu: Floats, std: Floats, grid: Grid) -> None:
        values = log_aggregate_density(mu, std, grid)
        values = np.maximum(values, values.max() - _DROP)
        self._values = torch.from_numpy(values)[None, None]  # (1, 1, H, W)
        x0, x1, y0, y1 = grid.extent
        self._low = torch.tensor([x0, y0], dtype=torch.double)
        self._side = torch.tensor([x1 - x0, y1 - y0], dtype=torch.double)

    def __call__(self, z: Tensor) -> Tensor:
        """Nats per z unit², (B, 2) to (B,)."""
        at = 2.0 * (z.double() - self._low) / self._side - 1.0
        found = nn.functional.grid_sample(
            self._values, at[None, None], "bicubic", "border", align_corners=False
        )
        return found[0, 0, 0].to(z.dtype)


def mixture_log_density(mu: Floats, std: Floats) -> Callable[[Tensor], Tensor]:
    """log q(z) of 1,024 evenly chosen digits, for any D; differentiable."""
    rows = np.unique(np.linspace(0, len(mu) - 1, _PART).astype(int))
    means, precision = (torch.from_numpy(part) for part in (mu[rows], std[rows] ** -2.0))
    log_peak = 0.5 * precision.log().sum(1) - 0.5 * means.shape[1] * np.log(2.0 * np.pi)
    constant = log_peak - 0.5 * (means.square() * precision).sum(1) - np.log(len(rows))

    def log_density(z: Tensor) -> Tensor:
        scores = (means * precision).to(z) @ z.T - 0.5 * precision.to(z) @ z.square().T
        return (scores + constant.to(z)[:, None]).logsumexp(0)

    return log_density
