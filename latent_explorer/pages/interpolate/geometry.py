"""What walks of one checkpoint go by: its codes, densities, measures and graphs, cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.layers import field_extent
from latent_explorer.pages.interpolate.curves import Latents
from latent_explorer.pages.interpolate.ways import Short
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from vae_core.geometry.geodesics import Graph, Measure
    from vae_core.geometry.walks import Codes

_SIDE = 192  # cells along the side of the density's grid
_TAIL = 0.001  # share of the codes beyond each side of the box that a lattice holds at least
_JOINED = 2000  # training digits whose codes a path may follow above two dimensions


@st.cache_resource(max_entries=4, show_spinner="Looking where the digits lie…")
def codes(ref: CheckpointRef) -> Codes:
    """Codes of the training digits; how near the test digits are to them."""
    from vae_core.geometry.walks import Codes

    means = code_means(ref)
    train, test = digits.SPLITS["train"], digits.SPLITS["test"]
    return Codes(means[train], digits.labels()[train], means[test])


def code_means(ref: CheckpointRef) -> NDArray[np.floating[Any]]:
    """Codes of all digits, shape (70000, D)."""
    coords, center, axes = encoding.positions(ref)
    if len(center) <= 2:  # the map holds the whole code
        return center + coords @ axes.T
    return encoding.posteriors(ref)[0]


@st.cache_resource(max_entries=4, show_spinner="Summing up q(z) over 70,000 digits…")
def dense(ref: CheckpointRef) -> Measure:
    """Measure of steps by the aggregate posterior: 1 where q(z) is what it is at most digits."""
    import torch

    from vae_core.analysis.aggregate import GridLogDensity, mixture_log_density
    from vae_core.analysis.fields import plane_grid
    from vae_core.geometry.geodesics import Dense

    mu, std = encoding.posteriors(ref)
    if mu.shape[1] == 2:
        grid = plane_grid(field_extent(mu, has_prior=False), _SIDE)
        log_density = GridLogDensity(mu, std, grid)
    else:
        log_density = mixture_log_density(mu, std)
    some = torch.from_numpy(mu[digits.SPLITS["test"]][::10])
    return Dense(log_density, float(log_density(some).mean()))


def measure(ref: CheckpointRef, name: Short) -> Measure:
    """Look up what makes a step long."""
    from vae_core.geometry.geodesics import Decoded

    return dense(ref) if name == "density" else Decoded(catalogue.checkpoint(ref).model, name)


@st.cache_resource(max_entries=16, show_spinner="Measuring the lattice…")
def graph(ref: CheckpointRef, name: Short, reach: float) -> Graph | None:
    """Where a shortest path is looked for first; on a line there is but one path."""
    import torch

    from vae_core.geometry.geodesics import codes_graph, lattice_graph

    latent_dim = catalogue.stored(ref).header.model.latent_dim
    if latent_dim == 1:
        return None
    if latent_dim == 2:
        return lattice_graph(measure(ref, name), reach, torch.zeros(1))
    every = digits.SPLITS["train"].stop // _JOINED
    some = code_means(ref)[digits.SPLITS["train"]][::every]
    return codes_graph(measure(ref, name), torch.from_numpy(np.ascontiguousarray(some)))


def radius(ref: CheckpointRef, stops: Latents) -> float:
    """Reach of the lattice, z units: it holds the digits, and grows to hold the stops."""
    import torch

    from vae_core.geometry.geodesics import lattice_radius

    if catalogue.stored(ref).header.model.latent_dim != 2:
        return 0.0
    return lattice_radius(torch.from_numpy(_corners(ref)), torch.from_numpy(stops))


@st.cache_resource(max_entries=16, show_spinner=False)
def _corners(ref: CheckpointRef) -> NDArray[np.floating[Any]]:
    """Two opposite corners of the box that holds the codes, shape (2, 2); asked at each drag."""
    coords, center, axes = encoding.positions(ref)
    return center + np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0) @ axes.T
