"""What lies along a walk through latent space: priors, digits nearby, how the picture changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor, nn

from vae_core.analysis.fields import Grid, log_aggregate_density
from vae_core.models import VAE

Floats = NDArray[np.floating[Any]]

N_CLASSES = 10

_DROP = 40.0  # nats below its peak at which a density on a grid counts as none
_PART = 1024  # digits that stand for all where no grid can be
_WITHIN = 0.99  # share of held-out digits that the region with data holds


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


def log_prior(model: VAE, z: Floats) -> Floats:
    """log p(z) at places of latent space, (T, D) to (T,); nats per z unit^D."""
    with torch.no_grad():
        return model.prior.log_pz(torch.as_tensor(z, dtype=torch.float32)).numpy()


def changes(images: Floats) -> NDArray[np.float64]:
    """How far each picture is from the last, (T, F) to (T,), image units; 0 for the first."""
    found = np.zeros(len(images))
    found[1:] = np.linalg.norm(np.diff(images.astype(np.float64), axis=0), axis=1)
    return found


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
