"""What the map's layers show: one function each, by the layer's name in the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.latent_map.payload import pack_fields
from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.digits import SPLITS, Floats, labels
from latent_explorer.data.encoding import positions, posteriors
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.data.transport import prior_gaussians
from latent_explorer.vocabulary import LAYERS
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from vae_core.analysis.fields import Grid

_SIDE = 192  # cells along the side of a layer
_COARSER = 2  # of the sensitivity's cells, the costly ones; interpolated between them
_HALF = 0.6  # half a layer's side, in sides of the box that holds 99.8 % of the codes
_PRIOR_RADIUS = 3.5  # z units that the layers cover at least where there is a prior
_TAIL = 0.001  # share of the codes beyond each side of that box


class OnGrid(NamedTuple):
    """Numbers on the grid, and one line on how they were computed."""

    values: NDArray[Any]  # (H, W), or (10, H, W) for the classes' probabilities
    said: str


class Outlines(NamedTuple):
    """Gaussians to draw the outlines of, and one line on what they are."""

    gaussians: list[tuple[NDArray[Any], NDArray[Any]]]  # mean (2,), lower Cholesky factor (2, 2)
    said: str


Compute = Callable[[CheckpointRef, "Grid"], OnGrid | Outlines | None]  # None: there is none


def _classes(ref: CheckpointRef, grid: Grid) -> OnGrid:
    from vae_core.analysis.fields import class_field

    train = SPLITS["train"]
    codes = positions(ref).coords[train]
    is_plane = stored(ref).header.model.latent_dim == 2
    where = "in z" if is_plane else "on this map, a projection"
    said = (
        f"Shares of the digits among the {N_VOTERS} training digits whose codes are nearest "
        f"{where}."
    )
    return OnGrid(class_field(codes, labels()[train], grid, N_VOTERS), said)


def _prior(ref: CheckpointRef, grid: Grid) -> Outlines | None:
    del grid  # outlines know no cells
    if not _has_prior(ref):
        return None
    is_normal = stored(ref).header.model.prior == "normal"
    what = "N(0, I)" if is_normal else "a mixture of one Gaussian per digit"
    return Outlines(prior_gaussians(ref), f"The prior p(z), {what}.")


def _density(ref: CheckpointRef, grid: Grid) -> OnGrid | None:
    from vae_core.analysis.fields import log_aggregate_density

    if not _has_prior(ref):
        return None
    mu, std = posteriors(ref)
    said = (
        "Log density, in nats, of the aggregate posterior: the mean of q(z|x) over all "
        f"{len(mu):,} digits, exact."
    )
    return OnGrid(log_aggregate_density(mu, std, grid), said)


def _sensitivity(ref: CheckpointRef, grid: Grid) -> OnGrid | None:
    from vae_core.analysis.fields import log_sensitivity, plane_grid, refine

    if stored(ref).header.model.latent_dim != 2:
        return None
    coarse = log_sensitivity(checkpoint(ref).model, plane_grid(grid.extent, _SIDE // _COARSER))
    said = (
        "Log of √det JᵀJ, J the derivative of the decoder's mean by z: how far the picture "
        f"changes per step in z; exact on {coarse.shape[0]} × {coarse.shape[1]} places, "
        "interpolated between."
    )
    return OnGrid(refine(coarse, _COARSER), said)


COMPUTED: Mapping[str, Compute] = MappingProxyType(
    {"classes": _classes, "prior": _prior, "density": _density, "sensitivity": _sensitivity}
)


@st.cache_resource(max_entries=4, show_spinner=False)
def fields(ref: CheckpointRef) -> bytes:
    """Pack the layers that lie under the digits; all where z has two dimensions.

    A map that is a projection gets the classes alone, as they lie on it; a plain autoencoder
    has no prior and no q(z|x).
    """
    from vae_core.analysis.fields import plane_grid

    extent = field_extent(positions(ref).coords, has_prior=_has_prior(ref))
    grid = plane_grid(extent, _SIDE)
    found = {
        name: layer
        for name, compute in COMPUTED.items()
        if (layer := compute(ref, grid)) is not None
    }
    not_computed = [
        layer.name for layer in LAYERS.values() if layer.is_computed and layer.name not in COMPUTED
    ]
    return pack_fields(
        extent=extent,
        grids={name: one.values for name, one in found.items() if isinstance(one, OnGrid)},
        outlines={name: one.gaussians for name, one in found.items() if isinstance(one, Outlines)},
        said={name: layer.said for name, layer in found.items()}
        | dict.fromkeys(not_computed, "Nothing computes this layer."),
    )


def _has_prior(ref: CheckpointRef) -> bool:
    """Whether there are a q(z|x) and a prior on the map's plane."""
    config = stored(ref).header.model
    return config.posterior == "gaussian" and config.latent_dim == 2


def field_extent(coords: Floats, *, has_prior: bool) -> tuple[float, float, float, float]:
    """Square that holds nearly all codes with a margin, and the prior's rings if there are any."""
    low, high = np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0)
    half = max(float((high - low).max()) * _HALF, np.finfo(np.float32).eps)
    x, y = ((low + high) / 2).tolist()
    x0, x1, y0, y1 = x - half, x + half, y - half, y + half
    if not has_prior:
        return x0, x1, y0, y1
    r = _PRIOR_RADIUS
    x0, x1, y0, y1 = min(x0, -r), max(x1, r), min(y0, -r), max(y1, r)
    side = max(x1 - x0, y1 - y0)
    grow_x, grow_y = (side - (x1 - x0)) / 2, (side - (y1 - y0)) / 2
    return x0 - grow_x, x1 + grow_x, y0 - grow_y, y1 + grow_y
