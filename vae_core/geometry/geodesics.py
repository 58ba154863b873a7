"""Shortest paths between latents, in whatever measures a step.

A measure says how long a step is: `Decoded`, how far the picture moves; `Dense`, how sparse the
digits are where it leads. `geodesic` finds a path that is short in it: Dijkstra's shortest path
over a graph gives a start that knows the way round obstacles (Chen et al., "Fast approximate
geodesics for deep generative models", ICANN 2019), and a natural cubic spline through it is relaxed
to least energy by BFGS. The graph costs most, depends on no end, and can be kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree
from torch import Tensor

from vae_core.geometry.metrics import Metric, embed, metric_tensor, squared_distance
from vae_core.geometry.paths import check_count, check_curve, check_path, cut_evenly, squared_chords
from vae_core.models import VAE
from vae_core.torch_functions import cholesky, norm, to_list

_CHUNK = 4096  # latents decoded at once
_FINE = 8  # points of the spline per point of the result
_NODES = 72  # per side of the lattice
_RADIUS = 3.5  # z units, of the least lattice; 0.2 % of N(0, I) is outside
_GROWTH = 1.5  # from one radius to the next, so that few lattices serve all ends
_MARGIN = 1.1  # lattice radius per distance of the farther end, so that it lies well inside
_STENCIL = ((1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # half of 16
_NEAR = 12  # codes that a code is joined to where no lattice can be
_GRADIENT_TOLERANCE = 1e-3  # of the relaxation; leaves some 1e-5 of the energy, or less
_MAX_ITERATIONS = 200  # of the relaxation; 40 are seldom needed
_RIDGE = 1e-6  # relative, against directions in which no picture changes
_MOST = 50.0  # weight of a step where there is no digit at all


class Geodesic(NamedTuple):
    """A shortest path found by `geodesic`, in its measure's unit."""

    curve: Tensor  # (T, D), z units, in equal steps
    length: float  # of `curve`
    straight_length: float  # of the straight line between the ends; never less than `length`
    energy: float  # of `curve`, the unit squared
    converged: bool  # whether the minimiser met its tolerance
    n_iterations: int  # of the minimiser


class Measure(Protocol):
    """How long steps are."""

    def squares(self, curve: Tensor) -> Tensor:
        """Squared lengths of a polyline's sides, (T, D) to (T − 1,); differentiable."""
        ...

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:
        """Squared lengths of edges between nodes, (N, D) and two rows of indices to (E,)."""
        ...

    def tensor(self, z: Tensor) -> Tensor:
        """Metric tensor, (B, D) to (B, D, D)."""
        ...


class Decoded(NamedTuple):
    """How far what is decoded moves; see `vae_core.geometry.metrics`."""

    model: VAE
    metric: Metric = "image"

    def squares(self, curve: Tensor) -> Tensor:  # noqa: D102
        return squared_chords(self.model, curve, self.metric)

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            parts = [embed(self.model, part, self.metric) for part in torch.split(nodes, _CHUNK)]
            places = torch.cat(parts)
            pairs = zip(torch.split(tails, _CHUNK), torch.split(heads, _CHUNK), strict=True)
            return torch.cat(
                [squared_distance(self.model, places[t], places[h], self.metric) for t, h in pairs]
            )

    def tensor(self, z: Tensor) -> Tensor:  # noqa: D102
        return metric_tensor(self.model, z, self.metric)


class Dense(NamedTuple):
    """Steps in z, each longer the sparser the digits are: ds = (q₀/q(z))^(1/D) |dz|.

    The spacing of N digits of density q is (N q)^(−1/D), so a step counts in proportion to the
    spacing about it (the density-based distances of Bousquet, Chapelle & Hein, NIPS 2003). Where
    q is q₀ it counts in z units, and nowhere more than 50 times that.
    """

    log_density: Callable[[Tensor], Tensor]  # log q(z), (B, D) to (B,), nats; differentiable
    log_reference: float  # log q₀

    def weights(self, z: Tensor) -> Tensor:
        """ds/|dz|, shape (B,)."""
        root = ((self.log_density(z) - self.log_reference) / z.shape[-1]).exp()
        return 1.0 / (root + 1.0 / _MOST)

    def squares(self, curve: Tensor) -> Tensor:  # noqa: D102
        weights = self.weights(curve)
        means = 0.5 * (weights[1:] + weights[:-1])
        return means.square() * curve.diff(dim=0).square().sum(-1)

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            weights = torch.cat([self.weights(part) for part in torch.split(nodes, _CHUNK)])
        means = 0.5 * (weights[tails] + weights[heads])
        return means.square() * (nodes[tails] - nodes[heads]).square().sum(-1)

    def tensor(self, z: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            squares = self.weights(z).square()
        return squares[:, None, None] * torch.eye(z.shape[-1]).to(z)


class Graph(NamedTuple):
    """Places joined to those near them, with the lengths of the joints."""

    nodes: Tensor  # (N, D), z units
    lengths: Any  # sparse (N, N)


def lattice_radius(*places: Tensor) -> float:
    """Radius of the lattice that holds some places well inside; one of few values."""
    reach = _MARGIN * max(float(norm(place, dim=-1).max()) for place in places)
    growth = math.log(max(reach, _RADIUS) / _RADIUS) / math.log(_GROWTH)
    return _RADIUS * _GROWTH ** math.ceil(growth - 1e-9)


def lattice_graph(measure: Measure, radius: float, like: Tensor) -> Graph:
    """Join the nodes of a square lattice in a disc, 72 across, to 16 neighbours each.

    With 8 neighbours lengths come out up to 8 % too long.

    Parameters
    ----------
    measure : Measure
    radius : float
        z units.
    like : Tensor
        Gives data type and device.
    """
    axis = torch.linspace(-radius, radius, _NODES, dtype=like.dtype, device=like.device)
    nodes = torch.cartesian_prod(axis, axis)  # (n², 2)
    inside = nodes.square().sum(-1).le(radius**2).view(_NODES, _NODES)
    index = torch.arange(_NODES**2, device=like.device).view(_NODES, _NODES)
    edges: list[Tensor] = []
    for i, j in _STENCIL:
        tail = (slice(0, _NODES - i), slice(max(0, -j), _NODES - max(0, j)))
        head = (slice(i, _NODES), slice(max(0, j), _NODES + min(0, j)))
        edges.append(torch.stack([index[tail], index[head]])[:, inside[tail] & inside[head]])
    return _graph(measure, nodes, torch.cat(edges, 1))


def codes_graph(measure: Measure, codes: Tensor) -> Graph:
    """Join each of some codes, shape (N, D), to the 12 nearest: for more than two dimensions."""
    tree: Any = KDTree(codes.cpu().numpy())
    _, near = tree.query(codes.cpu().numpy(), min(_NEAR + 1, len(codes)))
    rows = np.repeat(np.arange(len(codes)), near.shape[1])
    pairs = np.unique(np.sort(np.stack([rows, near.ravel()]), axis=0), axis=1)
    edges = torch.as_tensor(pairs[:, pairs[0] != pairs[1]]).to(codes.device)
    return _graph(measure, codes, edges)


def _graph(measure: Measure, nodes: Tensor, edges: Tensor) -> Graph:
    lengths = measure.squared_edges(nodes, *edges).sqrt()
    positive = lengths.clamp_min(torch.finfo(lengths.dtype).tiny)  # 0 would be no edge
    shape = (len(nodes), len(nodes))
    entries = (positive.double().cpu().numpy(), edges.cpu().numpy())
    return Graph(nodes, coo_array(entries, shape=shape).tocsr())


def geodesic(
    measure: Measure,
    a: Tensor,
    b: Tensor,
    *,
    graph: Graph | None = None,
    n_points: int = 64,
    n_knots: int = 14,
) -> Geodesic:
    """Shortest path between two latents.

    Where the straight line beats the graph's path it is the start instead, and where it beats the
    result it is the result: a path is never longer than the straight line. A detour finer than
    the graph's spacing may be missed.

    Parameters
    ----------
    measure : Measure
        What is made short.
    a, b : Tensor, shape (D,)
        Different ends. Swapping them gives the same path backwards.
    graph : Graph, optional
        Made with the same measure. By default a lattice about both ends if D is 2, and none
        otherwise: the straight line is then the only start.
    n_points : int
        T, of the result, from 8.
    n_knots : int
        Free points of the spline, from 1.

    Raises
    ------
    ValueError
        Bad or equal ends, a bad option, or a path along which nothing changes.
    """
    check_path(a, b, 2)
    if torch.equal(a, b):
        raise ValueError(f"need two different ends, got {to_list(a)} twice")
    check_count("n_points", n_points, 8)
    check_count("n_knots", n_knots, 1)
    if isinstance(measure, Decoded):
        check_curve(measure.model, torch.stack([a, b]), measure.metric)
    ends = torch.stack([a, b])
    if swapped := to_list(b) < to_list(a):  # one canonical direction, for exact symmetry
        ends = ends.flip(0)
    if graph is None and len(a) == 2:
        graph = lattice_graph(measure, lattice_radius(ends), ends)
    with torch.no_grad():
        straight = cut_evenly(ends, n_points, measure.squares)
        ways = [ends] if graph is None else [ends, *_across(graph, ends)]
        starts = [cut_evenly(way, n_knots + 2, measure.squares) for way in ways]
    spline = _spline_basis(n_knots + 2, n_points, ends)
    knots, converged, n_iterations = _relax(measure, starts, spline)
    with torch.no_grad():
        fine = _spline_basis(n_knots + 2, _FINE * n_points + 1, ends) @ knots
        candidates = [cut_evenly(fine, n_points, measure.squares), straight]
        squares = [measure.squares(curve) for curve in candidates]
        lengths = [float(each.sqrt().sum()) for each in squares]
        best = 0 if lengths[0] < lengths[1] else 1
        energy = (n_points - 1) * float(squares[best].sum())
    curve = candidates[best].flip(0) if swapped else candidates[best]
    return Geodesic(curve, min(lengths), lengths[1], energy, converged, n_iterations)


def _across(graph: Graph, ends: Tensor) -> list[Tensor]:
    """Shortest path over the graph, shape (T, D), ends included; none if there is no path."""
    first, last = to_list(torch.cdist(ends, graph.nodes).argmin(-1))
    _, came_from = dijkstra(
        graph.lengths, directed=False, indices=first, return_predecessors=True
    )  # fmt: skip
    path = [last]
    while path[-1] != first:
        path.append(int(came_from[path[-1]]))
        if path[-1] < 0:
            return []
    return [torch.cat([ends[:1], graph.nodes[path[-2:0:-1]], ends[1:]])]


def _relax(measure: Measure, starts: list[Tensor], spline: Tensor) -> tuple[Tensor, bool, int]:
    """Spline knots of least energy from the better start, whether they converged, iterations.

    BFGS, in coordinates in which the energy's second derivative would be the identity if the
    metric stayed as it is along the start; that saves nine tenths of the decodes.
    """

    def energy_of(knots: Tensor) -> Tensor:
        squares = measure.squares(spline @ knots)
        return len(squares) * squares.sum()

    with torch.no_grad():
        scale, start = min(((float(energy_of(s)), s) for s in starts), key=lambda pair: pair[0])
        halfway = 0.5 * (spline[1:] + spline[:-1]) @ start
        sides = spline.diff(dim=0)[:, 1:-1]  # (T − 1, knots)
        tensor = measure.tensor(halfway)
        hessian = torch.einsum("tk,tl,tde->kdle", sides, sides, tensor).flatten(2).flatten(0, 1)
        hessian = 2.0 * len(sides) / scale * hessian.double()
        hessian.diagonal().add_(_RIDGE * hessian.diagonal().mean())
        colour = torch.inverse(cholesky(hessian)).mT

    def moved(white: Tensor) -> Tensor:
        inner = start[1:-1] + (colour @ white.to(colour)).view(-1, start.shape[1]).to(start)
        return torch.cat([start[:1], inner, start[-1:]])

    def relative_energy(flat: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        white = torch.as_tensor(flat).requires_grad_()
        with torch.enable_grad():
            energy = energy_of(moved(white)) / scale
        (gradient,) = torch.autograd.grad(energy, white)
        return float(energy.detach()), gradient.numpy()

    options = {"gtol": _GRADIENT_TOLERANCE, "maxiter": _MAX_ITERATIONS}
    origin = np.zeros(len(colour))
    found: Any = minimize(relative_energy, origin, jac=True, method="BFGS", options=options)
    return moved(torch.as_tensor(found.x)), bool(found.success), int(found.nit)


def _spline_basis(n_knots: int, n: int, like: Tensor) -> Tensor:
    """Matrix (n, n_knots) from knots to evenly timed points of their natural cubic spline."""
    spline = CubicSpline(np.linspace(0.0, 1.0, n_knots), np.eye(n_knots), bc_type="natural")
    rows = spline(np.linspace(0.0, 1.0, n))
    rows[[0, -1]] = np.eye(n_knots)[[0, -1]]  # exact ends
    return torch.as_tensor(rows).to(like)
