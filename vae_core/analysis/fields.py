"""Quantities over the plane that digits are shown on, on a regular grid: a map's layers.

All results are NumPy arrays whose row 0 is the lowest y and whose column 0 is the lowest x, and
belong to the centres of the cells.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import zoom
from scipy.spatial import KDTree

from vae_core.geometry.metrics import pullback_metric
from vae_core.models import VAE
from vae_core.torch_functions import eigvalsh

Floats = NDArray[np.floating[Any]]
Extent = tuple[float, float, float, float]

N_CLASSES = 10

_VOTE_CHUNK = 8192  # places whose neighbours' labels are held at once
_DIGIT_CHUNK = 8192  # digits whose densities along both axes are held at once
_PAIR_CHUNK = 4_000_000  # pairs of places and digits held at once, where those were not enough
_METRIC_CHUNK = 512  # latents differentiated at once
# A factor of the density below e to the first counts as 0, so that no product of two underflows,
# which is slow; what that leaves out is less than 1e-50 of a density above the second.
_LOG_NO_FACTOR, _NO_DENSITY = -320.0, 1e-80
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Grid:
    """Cells of a rectangle of the plane.

    Parameters
    ----------
    extent : tuple of four floats
        x0, x1, y0, y1: its outer borders.
    x, y : array, shapes (W,) and (H,)
        Centres of the columns and of the rows, both rising.
    """

    def __init__(self, extent: Extent, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.extent = extent
        self.x = x
        self.y = y

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return len(self.y), len(self.x)

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """Centres of all cells, row by row, shape (H · W, 2)."""
        x, y = np.meshgrid(self.x, self.y)
        return np.stack([x.ravel(), y.ravel()], -1)


def plane_grid(extent: Extent, n: int) -> Grid:
    """Cut a rectangle into cells, `n` along its longer side, as square as whole numbers allow.

    Parameters
    ----------
    extent : tuple of four floats
        x0, x1, y0, y1.
    n : int
        At least 1.

    Raises
    ------
    ValueError
        The rectangle is empty or not finite, or `n` is below 1.
    """
    x0, x1, y0, y1 = extent
    if not (np.isfinite(extent).all() and x0 < x1 and y0 < y1):
        raise ValueError(f"extent must be finite with x0 < x1 and y0 < y1, got {extent}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    side = max(x1 - x0, y1 - y0) / n
    return Grid((x0, x1, y0, y1), _centers(x0, x1, side), _centers(y0, y1, side))


def _centers(low: float, high: float, side: float) -> NDArray[np.float64]:
    """Centres of equal cells from `low` to `high`, of about this side."""
    edges = np.linspace(low, high, max(1, round((high - low) / side)) + 1)
    return (edges[:-1] + edges[1:]) / 2


def class_field(codes: Floats, labels: NDArray[np.integer], grid: Grid, k: int) -> Floats:
    """Shares of the classes among the k nearest codes of each place.

    Parameters
    ----------
    codes : array, shape (N, 2)
        Of labelled digits.
    labels : array, shape (N,)
        0 to 9.
    grid : Grid
    k : int
        From 1 to N.

    Returns
    -------
    array, shape (10, H, W)
        From 0 to 1, float32; they sum to 1 at each place.

    Raises
    ------
    ValueError
        Another shape or count.
    """
    votes = neighbour_votes(codes, labels, grid.points, k)
    return np.ascontiguousarray(votes.T).reshape(N_CLASSES, *grid.shape)


def neighbour_votes(
    codes: Floats, labels: NDArray[np.integer], places: Floats, k: int, *, skip_self: bool = False
) -> NDArray[np.float32]:
    """Shares of the classes among the k nearest codes, shape (M, 10).

    Parameters
    ----------
    codes, labels : array, shapes (N, D) and (N,)
        Who votes.
    places : array, shape (M, D)
        Where.
    k : int
        How many vote, from 1.
    skip_self : bool
        The places are the codes themselves, row for row, and none votes at its own place.

    Raises
    ------
    ValueError
        Another shape or count.
    """
    n_voters = len(codes) - skip_self
    if codes.ndim != 2 or labels.shape != (len(codes),) or places.shape[1:] != codes.shape[1:]:
        got = f"{codes.shape}, {labels.shape} and {places.shape}"
        raise ValueError(f"need shapes (N, D), (N,) and (M, D), got {got}")
    if not 1 <= k <= n_voters:
        raise ValueError(f"k must be from 1 to {n_voters}, got {k}")
    tree: Any = KDTree(codes)
    shares = np.empty((len(places), N_CLASSES), np.float32)
    for start in range(0, len(places), _VOTE_CHUNK):
        part = slice(start, start + _VOTE_CHUNK)
        # k given as a list keeps the axis of length 1
        _, near = tree.query(places[part], list(range(1, k + 1 + skip_self)))
        if skip_self:
            near = _without_self(near, np.arange(start, start + len(near)))
        rows = np.arange(len(near))[:, None] * N_CLASSES
        counts = np.bincount((rows + labels[near]).ravel(), minlength=len(near) * N_CLASSES)
        shares[part] = counts.reshape(-1, N_CLASSES) / k
    return shares


def vote_confusion(labels: NDArray[np.integer], votes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Count digits by label (row) and by what their neighbours vote for (column).

    Parameters
    ----------
    labels, votes : array, shape (N,)
        0 to 9.

    Returns
    -------
    array, shape (10, 10)
        All on the diagonal is best.
    """
    pairs = labels.astype(np.intp) * N_CLASSES + votes
    return np.bincount(pairs, minlength=N_CLASSES**2).reshape(N_CLASSES, N_CLASSES)


def colliding_pairs(confusion: NDArray[np.integer], n: int) -> list[tuple[int, int]]:
    """List the n pairs of classes that are taken for one another most often, worst first.

    Parameters
    ----------
    confusion : array, shape (10, 10)
        As of `vote_confusion`.
    n : int
        At most 45.

    Returns
    -------
    list of tuple
        The smaller class first in each.
    """
    mutual = np.triu(confusion + confusion.T, 1)
    worst = mutual.ravel().argsort(kind="stable")[::-1][:n]
    rows, columns = np.unravel_index(worst, mutual.shape)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _without_self(near: NDArray[np.intp], own: NDArray[np.intp]) -> NDArray[np.intp]:
    """Drop each row's own index; where codes coincide and it is not among them, the farthest."""
    is_own = near == own[:, None]
    is_own[~is_own.any(1), -1] = True
    return near[~is_own].reshape(len(near), -1)


def log_aggregate_density(mu: Floats, std: Floats, grid: Grid) -> NDArray[np.float64]:
    """Log density of the aggregate posterior q(z) = (1/N) Σ q(z|x_i), exact, at each place.

    Each q(z|x_i) has a diagonal covariance, so on a grid its density is an outer product, and
    the sum over digits one matrix product: no pair of place and digit is ever held. Where that
    product is too small for float64, the pairs are summed in logarithms.

    Parameters
    ----------
    mu, std : array, shape (N, 2)
        Means and standard deviations, z units; std above 0.
    grid : Grid

    Returns
    -------
    array, shape (H, W)
        Nats per z unit²; finite.

    Raises
    ------
    ValueError
        Another shape, or a std that is not above 0.
    """
    if mu.ndim != 2 or mu.shape[1] != 2 or std.shape != mu.shape or len(mu) == 0:
        raise ValueError(f"mu and std must have shape (N, 2), got {mu.shape} and {std.shape}")
    if not (std > 0).all():
        raise ValueError(f"std must be above 0, got {std.min()}")
    mu, std = mu.astype(np.float64), std.astype(np.float64)
    total = np.zeros(grid.shape)
    for start in range(0, len(mu), _DIGIT_CHUNK):
        part = slice(start, start + _DIGIT_CHUNK)
        total += (
            _normal_density(grid.y, mu[part, 1], std[part, 1]).T
            @ _normal_density(grid.x, mu[part, 0], std[part, 0])
        )  # fmt: skip
    is_tiny = total < _NO_DENSITY
    log_density = np.log(np.where(is_tiny, 1.0, total))
    if is_tiny.any():
        log_density[is_tiny] = _log_sum_density(grid.points[is_tiny.ravel()], mu, std)
    return log_density - math.log(len(mu))


def log_aggregate_at(mu: Floats, std: Floats, places: Floats) -> NDArray[np.float64]:
    """Log density of the aggregate posterior, exact, at any places of latent space.

    Parameters
    ----------
    mu, std : array, shape (N, D)
        Means and standard deviations of q(z|x), z units; std above 0.
    places : array, shape (M, D)

    Returns
    -------
    array, shape (M,)
        Nats per z unit^D; finite.
    """
    total = _log_sum_density(
        places.astype(np.float64), mu.astype(np.float64), std.astype(np.float64)
    )
    return total - math.log(len(mu))


def _normal_density(at: Floats, mu: Floats, std: Floats) -> NDArray[np.float64]:
    """Density of N(mu, std²) at each place of an axis, shape (N, len(at))."""
    scores = at - mu[:, None]
    scores /= std[:, None]
    scores *= scores
    scores *= -0.5
    is_none = scores < _LOG_NO_FACTOR
    scores[is_none] = 0.0
    density = np.exp(scores, out=scores)
    density *= math.exp(-_HALF_LOG_2PI) / std[:, None]
    density[is_none] = 0.0
    return density


def _log_sum_density(points: Floats, mu: Floats, std: Floats) -> NDArray[np.float64]:
    """Log of the summed densities at places far from all digits, shape (M,)."""
    precision = std**-2
    # log N(z; mu, std) as a product: (z², z, 1) times these, of the digits
    constant = -0.5 * (mu**2 * precision).sum(1) - np.log(std).sum(1) - mu.shape[1] * _HALF_LOG_2PI
    of_digits = np.vstack([-0.5 * precision.T, (mu * precision).T, constant])  # (2 D + 1, N)
    of_places = np.hstack([points**2, points, np.ones((len(points), 1))])  # (M, 2 D + 1)
    result = np.empty(len(points))
    chunk = max(1, _PAIR_CHUNK // len(mu))
    for start in range(0, len(points), chunk):
        log_terms = of_places[start : start + chunk] @ of_digits
        peak = log_terms.max(1)
        log_terms -= peak[:, None]
        result[start : start + chunk] = peak + np.log(np.exp(log_terms, out=log_terms).sum(1))
    return result


def log_sensitivity(model: VAE, grid: Grid) -> NDArray[np.float64]:
    """½ log det of the pullback metric JᵀJ of the decoder's mean, at each place.

    The exponential is by how much the decoder stretches an area of latent space on its way to
    the images. Directions in which float32 sees no change count as its rounding.

    Parameters
    ----------
    model : VAE
        With latent_dim 2.
    grid : Grid
        In z units.

    Returns
    -------
    array, shape (H, W)
        Log of image units² per z unit²; see `vae_core.geometry.metrics`.

    Raises
    ------
    ValueError
        latent_dim is not 2.
    """
    if model.config.latent_dim != 2:
        raise ValueError(f"latent_dim must be 2, got {model.config.latent_dim}")
    like = next(model.parameters())
    z = torch.as_tensor(grid.points).to(like)
    metric = torch.cat([pullback_metric(model, part) for part in torch.split(z, _METRIC_CHUNK)])
    eigenvalues = eigvalsh(metric.double()).cpu().numpy()  # rising, (M, 2)
    info = torch.finfo(like.dtype)
    least, most = eigenvalues.T
    most = np.maximum(most, info.tiny)
    least = np.maximum(least, most * info.eps)
    return (0.5 * (np.log(least) + np.log(most))).reshape(grid.shape)


def refine(field: Floats, factor: int) -> NDArray[np.float64]:
    """Interpolate a field, shape (H, W), linearly to cells `factor` times finer each way."""
    finer: Any = zoom(field.astype(np.float64), factor, order=1, mode="nearest", grid_mode=True)
    return finer
