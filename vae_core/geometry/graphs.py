"""Graphs in latent space on which a shortest path is looked for first.

Dijkstra's shortest path over a graph knows the way round obstacles (Chen et al., "Fast approximate
geodesics for deep generative models", ICANN 2019). A graph costs most, depends on no end, and can
be kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree
from torch import Tensor

from vae_core.geometry.measures import Measure
from vae_core.torch_functions import norm, to_list

FIRST_NODES = 4_000  # of a lattice that is there in a second, and may miss a finer valley
MOST_NODES = 80_000  # of a lattice; its edges take some 10 MB
_PER_WIDTH = 0.6  # spacing of a lattice per standard deviation of q(z|x), so that it sees them
_RADIUS = 3.5  # z units, of the least lattice; 0.2 % of N(0, I) is outside
_GROWTH = 1.15  # from one radius to the next, so that few lattices serve all ends
_MARGIN = 1.05  # lattice radius per distance of the farther end, so that it lies inside
_STENCIL = ((1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # half of 16
_REACH = 2  # rows that an edge leads down at most
_STRIP = 16  # rows of a lattice measured at once
_NEAR = 12  # codes that a code is joined to where no lattice can be
_WAVES = 6  # of the field that lengths are multiplied by for another try
_LENGTH = (0.5, 2.0)  # z units, the least and the greatest length of those waves
_STRENGTH = 0.25  # standard deviation of the field's logarithm


class Graph(NamedTuple):
    """Places joined to those near them, with the lengths of the joints."""

    nodes: Tensor  # (N, D), z units
    lengths: Any  # sparse (N, N), each joint once


def lattice_radius(reach: float) -> float:
    """Radius of the lattice that holds all within a distance of the origin; one of few values."""
    growth = math.log(max(_MARGIN * reach, _RADIUS) / _RADIUS) / math.log(_GROWTH)
    return _RADIUS * _GROWTH ** math.ceil(growth - 1e-9)


def lattice_spacing(radius: float, width: float) -> float:
    """Spacing of a lattice that sees valleys of some width, or the finest that is affordable.

    Parameters
    ----------
    radius : float
        Of the lattice, z units.
    width : float
        Standard deviation of a typical q(z|x), z units: pictures change within it.
    """
    return max(_PER_WIDTH * width, spacing_of(MOST_NODES, radius))


def spacing_of(n_nodes: int, radius: float) -> float:
    """Spacing with which a disc holds so many nodes."""
    return radius * math.sqrt(math.pi / n_nodes)


def lattice_graph(
    measure: Measure,
    radius: float,
    spacing: float,
    like: Tensor,
    tell: Callable[[float], None] = lambda _: None,
) -> Graph:
    """Join the nodes of a square lattice in a disc to 16 neighbours each.

    With 8 neighbours lengths come out up to 8 % too long, with 16 up to 3 %.

    Parameters
    ----------
    measure : Measure
    radius, spacing : float
        z units.
    like : Tensor
        Gives data type and device.
    tell : callable
        Called with the share that is done, from 0 to 1.
    """
    n = 2 * math.ceil(radius / spacing) + 1
    axis = spacing * torch.arange(n).sub(n // 2).to(like)
    nodes = torch.cartesian_prod(axis, axis)  # (n², 2)
    inside = nodes.square().sum(-1).le(radius**2).view(n, n)
    edges: list[Tensor] = []
    squares: list[Tensor] = []
    for first in range(0, n - 1, _STRIP):
        last = min(first + _STRIP + _REACH, n)  # rows of the next strip that edges lead to
        found = _measured_strip(measure, nodes.view(n, n, 2)[first:last], inside[first:last])
        edges.append(found[0] + first * n)
        squares.append(found[1])
        tell(min(first + _STRIP, n - 1) / (n - 1))
    return _graph(nodes, torch.cat(edges, 1), torch.cat(squares).sqrt())


def _measured_strip(measure: Measure, strip: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Edges of a strip's nodes, (2, E), that begin in its own rows, and their squared lengths."""
    rows, n, _ = strip.shape
    of_all = torch.arange(rows * n, device=strip.device).view(rows, n)
    of_inside = inside.flatten().cumsum(0).sub(1).view(rows, n)
    edges: list[Tensor] = []
    for i, j in _STENCIL:
        tail, head = _ends(rows, n, i, j)
        is_edge = inside[tail] & inside[head]
        is_edge[_STRIP:] = False  # they begin in the next strip
        edges.append(torch.stack([each[end][is_edge] for each in (of_all, of_inside)
                                  for end in (tail, head)]))  # fmt: skip
    every = torch.cat(edges, 1)
    return every[:2], measure.squared_edges(strip[inside], *every[2:])


def _ends(rows: int, columns: int, i: int, j: int) -> tuple[tuple[slice, slice], ...]:
    """Slices of a lattice with the tails and the heads of all edges (i, j)."""
    tail = (slice(0, rows - i), slice(max(0, -j), columns - max(0, j)))
    head = (slice(i, rows), slice(max(0, j), columns + min(0, j)))
    return tail, head


def codes_graph(measure: Measure, codes: Tensor) -> Graph:
    """Join each of some codes, shape (N, D), to the 12 nearest: for more than two dimensions."""
    tree: Any = KDTree(codes.cpu().numpy())
    _, near = tree.query(codes.cpu().numpy(), min(_NEAR + 1, len(codes)))
    rows = np.repeat(np.arange(len(codes)), near.shape[1])
    pairs = np.unique(np.sort(np.stack([rows, near.ravel()]), axis=0), axis=1)
    edges = torch.as_tensor(pairs[:, pairs[0] != pairs[1]]).to(codes.device)
    return _graph(codes, edges, measure.squared_edges(codes, *edges).sqrt())


def _graph(nodes: Tensor, edges: Tensor, lengths: Tensor) -> Graph:
    positive = lengths.clamp_min(torch.finfo(lengths.dtype).tiny)  # 0 would be no edge
    shape = (len(nodes), len(nodes))
    entries = (positive.double().cpu().numpy(), edges.cpu().numpy())
    return Graph(nodes, coo_array(entries, shape=shape).tocsr())


def way_across(graph: Graph, ends: Tensor) -> Tensor | None:
    """Shortest path over a graph between the nodes next to two ends, shape (T, D), ends included.

    None if there is no path.
    """
    first, last = to_list(torch.cdist(ends, graph.nodes).argmin(-1))
    _, came_from = dijkstra(
        graph.lengths, directed=False, indices=first, return_predecessors=True
    )  # fmt: skip
    path = [last]
    while path[-1] != first:
        path.append(int(came_from[path[-1]]))
        if path[-1] < 0:
            return None
    return torch.cat([ends[:1], graph.nodes[path[-2:0:-1]], ends[1:]])


def disturbed(graph: Graph, seed: int) -> Graph:
    """Make some regions of a graph up to half as long again, others shorter: for another try.

    Lengths are multiplied by exp of a sum of plane waves, some 0.25 of standard deviation, so that
    Dijkstra's path may lead through another valley; relaxed in the true measure it is a path as
    good as any.
    """
    made = np.random.default_rng(seed)
    n_dims = graph.nodes.shape[1]
    directions = made.normal(size=(n_dims, _WAVES))
    directions /= np.linalg.norm(directions, axis=0)
    waves = 2 * math.pi * directions / made.uniform(*_LENGTH, size=_WAVES)
    phases = graph.nodes.double().cpu().numpy() @ waves + made.uniform(0, 2 * math.pi, _WAVES)
    field = np.exp(_STRENGTH * math.sqrt(2 / _WAVES) * np.cos(phases).sum(-1))
    lengths = graph.lengths.copy()
    lengths.data *= np.repeat(field, np.diff(lengths.indptr))
    return Graph(graph.nodes, lengths)


def farthest(places: Tensor) -> float:
    """Greatest distance from the origin among places, (N, D)."""
    return float(norm(places, dim=-1).max())
