"""The aggregate posterior q(z) = mean q(z|x) of a data set against the prior, over the plane."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vae_core.analysis.fields import Floats, Grid, log_aggregate_density, plane_grid
from vae_core.models import VAE
from vae_core.posterior import Posterior
from vae_core.torch_functions import to_list

SPACING = 0.02  # z units, below every usual std of q(z|x)

_REACH = 6.0  # of the widest q(z|x)'s standard deviations that the grid leaves round the means
_DROP = 40.0  # nats below its peak at which a density on a grid counts as none
_PART = 1024  # digits that stand for all where no grid can be


class Aggregate(NamedTuple):
    """q(z) and p(z) on one grid, both log densities in nats per z unit², shape (H, W)."""

    grid: Grid
    log_qz: NDArray[np.float64]
    log_pz: NDArray[np.float64]

    @property
    def kl(self) -> float:
        """KL(q(z) ‖ p(z)) in nats, the sum over the grid's cells; never negative."""
        mass = np.exp(self.log_qz)
        return float((mass * (self.log_qz - self.log_pz)).sum() / mass.sum())

    def is_hole(self, factor: float) -> NDArray[np.bool_]:
        """Where p(z) is more than `factor` times q(z), shape (H, W)."""
        return self.log_pz - self.log_qz > math.log(factor)

    def hole_mass(self, factor: float) -> float:
        """Share of the prior's mass in these holes, 0 to 1, with all that lies off the grid."""
        height, width = self.grid.shape
        x0, x1, y0, y1 = self.grid.extent
        cell = (x1 - x0) / width * (y1 - y0) / height
        held = float(np.exp(self.log_pz[~self.is_hole(factor)]).sum()) * cell
        return max(1.0 - held, 0.0)  # the sum over cells may exceed 1 by its rounding


def aggregate_posterior(model: VAE, posterior: Posterior, *, spacing: float = SPACING) -> Aggregate:
    """Compare the mean of q(z|x) over images with the prior.

    Parameters
    ----------
    model : VAE
        With latent_dim 2 and a Gaussian q(z|x), that is, a prior.
    posterior : Posterior
        q(z|x) of the images.
    spacing : float
        Of the grid, z units. It reaches six standard deviations beyond the outermost means.

    Raises
    ------
    ValueError
        The model is another.
    """
    if model.config.posterior == "point" or model.config.latent_dim != 2:
        raise ValueError("the aggregate posterior needs latent_dim 2 and a Gaussian q(z|x)")
    mu, std = posterior.mu, posterior.std
    reach = _REACH * float(std.max())
    (x0, y0), (x1, y1) = to_list(mu.amin(0) - reach), to_list(mu.amax(0) + reach)
    n_cells = math.ceil(max(x1 - x0, y1 - y0) / spacing)
    grid = plane_grid((x0, x1, y0, y1), n_cells)
    log_qz = log_aggregate_density(mu.numpy(), std.numpy(), grid)
    with torch.no_grad():
        log_pz = model.prior.log_pz(torch.as_tensor(grid.points)).numpy()
    return Aggregate(grid, log_qz, log_pz.reshape(grid.shape))


class GridLogDensity:
    """log q(z) of the plane, interpolated by cubics between the cells of a grid; differentiable.

    Beyond the grid, and more than 40 nats below its peak, it is constant.
    """

    def __init__(self, mu: Floats, std: Floats, grid: Grid) -> None:
        values = log_aggregate_density(mu, std, grid)
        values = np.maximum(values, values.max() - _DROP)
        self._values = torch.as_tensor(values)[None, None]  # (1, 1, H, W)
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
    means, precision = (torch.as_tensor(part) for part in (mu[rows], std[rows] ** -2.0))
    log_peak = 0.5 * precision.log().sum(1) - 0.5 * means.shape[1] * np.log(2.0 * np.pi)
    constant = log_peak - 0.5 * (means.square() * precision).sum(1) - np.log(len(rows))

    def log_density(z: Tensor) -> Tensor:
        scores = (means * precision).to(z) @ z.T - 0.5 * precision.to(z) @ z.square().T
        return (scores + constant.to(z)[:, None]).logsumexp(0)

    return log_density
