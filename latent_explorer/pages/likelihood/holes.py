"""The prior's holes: where p(z) is far above q(z), over a grid of the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vae_core.analysis.aggregate import Aggregate

FACTOR = 10.0  # of p(z) over q(z) from which a place is a hole
_BLOCK = 3  # cells of the grid along a side of one in the picture
_REACH = 4.5  # z units shown


def cell_of(found: Aggregate, z: tuple[float, ...]) -> tuple[int, int] | None:
    """Row and column of the grid's cell that holds z; None off the grid."""
    x0, x1, y0, y1 = found.grid.extent
    if not (x0 <= z[0] < x1 and y0 <= z[1] < y1):
        return None
    height, width = found.grid.shape
    return int((z[1] - y0) / (y1 - y0) * height), int((z[0] - x0) / (x1 - x0) * width)


def block_means(found: Aggregate) -> dict[str, NDArray[np.float64]]:
    """Mean densities of blocks of cells near the origin, in logarithms, with their places."""
    x, y = found.grid.x, found.grid.y
    columns, rows = _blocks(x), _blocks(y)
    inside = np.ix_(rows.ravel(), columns.ravel())
    shape = (len(rows), _BLOCK, len(columns), _BLOCK)

    def mean(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(np.exp(log_density[inside]).reshape(shape).mean((1, 3)) + 1e-300)

    return {
        "x": x[columns].mean(1),
        "y": y[rows].mean(1),
        "log_pz": mean(found.log_pz),
        "log_qz": mean(found.log_qz),
    }


def _blocks(centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Cells of one axis that are shown, by blocks, shape (n, _BLOCK)."""
    shown = np.flatnonzero(np.abs(centers) < _REACH)
    return shown[: len(shown) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)


def sample_hole(found: Aggregate, generator: np.random.Generator) -> tuple[float, float]:
    """Draw z ~ p(z), given that it is in a hole."""
    mass = np.exp(found.log_pz) * found.is_hole(FACTOR)
    cell = generator.choice(mass.size, p=(mass / mass.sum()).ravel())
    x, y = found.grid.points[cell].tolist()
    return x, y
