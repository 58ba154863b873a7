"""Where the mass of the exact p(z|x) of one image is, and p(z|x) there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data import catalogue, lattice
from latent_explorer.data.digits import Floats
from latent_explorer.data.encoding import Encoded
from latent_explorer.plots.likelihoods import Window
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from vae_core.exact.explanation import Explanation, Region

_SHARE = 0.99
_SIDE = 32  # cells along the side of the zoomed picture, each decoded
_LEAST_SIDE = 0.06  # z units
_AROUND = 1.3  # side of the zoomed picture over the region's
_Q_STDS = 2.5  # of q(z|x) that it holds too


class Mass(NamedTuple):
    """Where the mass of p(z|x) is."""

    explained: Explanation
    region: Region
    low: NDArray[np.float64]  # (D,): corners of a box that holds the region and q(z|x)
    high: NDArray[np.float64]

    @property
    def n_dims(self) -> int:
        """Dimensions of z, one or two."""
        return len(self.low)

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle of the zoomed picture, shape (D,)."""
        return (self.low + self.high) / 2

    @property
    def half(self) -> float:
        """Half the side of the zoomed picture, z units."""
        return max(_AROUND * float((self.high - self.low).max()), _LEAST_SIDE) / 2

    @property
    def window(self) -> Window:
        """What the zoomed picture shows of a plane: a square round the mass."""
        x, y = self.middle.tolist()
        return x - self.half, x + self.half, y - self.half, y + self.half


def mass_of(ref: CheckpointRef, x: Floats, encoded: Encoded) -> Mass:
    """Look where p(z|x) of an image is, of shape (784,), and q(z|x)."""
    explained = lattice.explanation(ref, x.tobytes())
    region = explained.region(_SHARE)
    is_inside = (explained.log_posterior >= region.log_density) & explained.log_volume.isfinite()
    z = explained.z[is_inside].double().numpy()
    mu, std = encoded.mu.astype(np.float64), encoded.std.astype(np.float64)
    low = np.minimum(z.min(0), mu - _Q_STDS * std)
    high = np.maximum(z.max(0), mu + _Q_STDS * std)
    return Mass(explained, region, low, high)


def middle_of(
    picture: Floats, span: tuple[float, float], reach: float
) -> tuple[Floats, tuple[float, float]]:
    """Keep |z₁|, |z₂| < reach of a picture, and every second node of each axis."""
    n = len(picture)
    width = (span[1] - span[0]) / n
    cut = max(0, int((span[1] - reach) / width))
    kept = picture[cut : n - cut : 2, cut : n - cut : 2]
    # A node that is left stands for two; the last one's second may lie beyond the cut.
    first = span[0] + (cut - 0.5) * width
    return kept, (first, first + 2 * width * len(kept))


def log_posterior(ref: CheckpointRef, x: Floats, mass: Mass) -> Floats:
    """Exact log p(z|x) in the cells of the mass's window, shape (S, S).

    It is that of a cell's middle or of its densest node: a peak that is narrower than a cell is
    found by the lattice, which is finer there.
    """
    import torch

    from vae_core.analysis.fields import plane_grid

    model, explained = catalogue.checkpoint(ref).model, mass.explained
    z = torch.from_numpy(plane_grid(mass.window, _SIDE).points).float()
    with torch.no_grad():
        log_px_z = model.likelihood.log_px_z(model.decoder(z), torch.from_numpy(x))
        found = (log_px_z + model.prior.log_pz(z) - explained.log_px).numpy().reshape(_SIDE, _SIDE)
    x0, x1, y0, y1 = mass.window
    nodes = explained.z.numpy()
    column = np.floor((nodes[:, 0] - x0) / (x1 - x0) * _SIDE).astype(np.intp)
    row = np.floor((nodes[:, 1] - y0) / (y1 - y0) * _SIDE).astype(np.intp)
    inside = (column >= 0) & (column < _SIDE) & (row >= 0) & (row < _SIDE)
    density = explained.log_posterior.numpy()[inside]
    np.maximum.at(found, (row[inside], column[inside]), density)
    return found


def along_line(explained: Explanation) -> dict[str, NDArray[np.float64]]:
    """List what is known along a line of z as `posterior_line` takes it, z ascending."""
    stands = explained.log_volume.isfinite()
    order = explained.z[stands][:, 0].argsort()
    return {
        "z": explained.z[stands][order, 0].double().numpy(),
        "log_px_z": explained.log_px_z[stands][order].double().numpy(),
        "log_posterior": explained.log_posterior[stands][order].double().numpy(),
    }


def log_gaussian(z: NDArray[np.float64], mu: float, std: float) -> NDArray[np.float64]:
    """Log density of q(z|x) along a line of z, nats per z unit."""
    return -0.5 * ((z - mu) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
