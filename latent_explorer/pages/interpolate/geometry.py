"""What walks of one checkpoint go by: its codes, densities, measures and graphs, cached."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.layers import field_extent
from latent_explorer.pages.interpolate.curves import Latents
from latent_explorer.pages.interpolate.ways import Short
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from vae_core.geometry.graphs import Graph
    from vae_core.geometry.measures import Measure
    from vae_core.geometry.walks import Codes

_SIDE = 192  # cells along the side of the density's grid
_TAIL = 0.001  # share of the codes that may lie beyond a lattice
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
    from vae_core.geometry.measures import Dense

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
    from vae_core.geometry.measures import Decoded

    return dense(ref) if name == "density" else Decoded(catalogue.checkpoint(ref).model, name)


@st.cache_resource(max_entries=16, show_spinner="Measuring the lattice…")
def graph(ref: CheckpointRef, name: Short, reach: float) -> Graph | None:
    """Where a short path is looked for at once; on a line there is but one path."""
    import torch

    from vae_core.geometry.graphs import FIRST_NODES, codes_graph, lattice_graph, spacing_of

    latent_dim = catalogue.stored(ref).header.model.latent_dim
    if latent_dim == 1:
        return None
    if latent_dim == 2:
        spacing = spacing_of(FIRST_NODES, reach)
        return lattice_graph(measure(ref, name), reach, spacing, torch.zeros(1))
    every = digits.SPLITS["train"].stop // _JOINED
    some = code_means(ref)[digits.SPLITS["train"]][::every]
    return codes_graph(measure(ref, name), torch.from_numpy(np.ascontiguousarray(some)))


class Progress(NamedTuple):
    """A lattice that is measured in a thread, so that a drag need not wait, nor lose it."""

    graph: Future[Any]  # of a Graph, or None on a line
    shares: list[float]  # done so far, the last is the newest


_LATTICES = ThreadPoolExecutor(1)  # one at a time: each takes all there is of the processor


@st.cache_resource(max_entries=16, show_spinner=False)
def fine_graph(ref: CheckpointRef, name: Short, reach: float) -> Progress:
    """Where a shorter path is looked for once the first is drawn."""
    import torch

    from vae_core.geometry.graphs import lattice_graph

    if catalogue.stored(ref).header.model.latent_dim != 2:
        only: Future[Any] = Future()
        only.set_result(graph(ref, name, reach))
        return Progress(only, [1.0])
    shares = [0.0]
    by, spacing = measure(ref, name), fine_spacing(ref, reach)
    job = _LATTICES.submit(lattice_graph, by, reach, spacing, torch.zeros(1), shares.append)
    return Progress(job, shares)


@st.cache_resource(max_entries=64, show_spinner=False)
def fine_spacing(ref: CheckpointRef, reach: float) -> float:
    """Spacing of the fine lattice, z units."""
    from vae_core.geometry.graphs import lattice_spacing

    has_width = catalogue.has_posterior(ref)
    return lattice_spacing(reach, float(np.median(encoding.posteriors(ref)[1])) if has_width else 0)


def radius(ref: CheckpointRef, stops: Latents) -> float:
    """Reach of the lattice, z units: it holds the digits, and grows to hold the stops."""
    from vae_core.geometry.graphs import lattice_radius

    if catalogue.stored(ref).header.model.latent_dim != 2:
        return 0.0
    return lattice_radius(max(_reach(ref), float(np.linalg.norm(stops, axis=1).max())))


@st.cache_resource(max_entries=16, show_spinner=False)
def _reach(ref: CheckpointRef) -> float:
    """Distance from the origin within which nearly all codes lie; asked at each drag."""
    coords, center, axes = encoding.positions(ref)
    return float(np.quantile(np.linalg.norm(center + coords @ axes.T, axis=1), 1 - _TAIL))
