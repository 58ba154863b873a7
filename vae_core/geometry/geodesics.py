"""Short paths between latents, in whatever measures a step.

`geodesic` starts from the straight line and from the shortest path over a graph, on request also
from shortest paths over disturbed copies of it, and relaxes a natural cubic spline through a start
to least energy by BFGS. What it finds is the shortest of so many paths, each locally shortest;
that nothing shorter exists is not shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from torch import Tensor

from vae_core.geometry.graphs import (
    FIRST_NODES,
    Graph,
    disturbed,
    farthest,
    lattice_graph,
    lattice_radius,
    spacing_of,
    way_across,
)
from vae_core.geometry.measures import Decoded, Measure
from vae_core.geometry.paths import check_count, check_curve, check_path, cut_evenly
from vae_core.torch_functions import cholesky, to_list

_FINE = 8  # points of the spline per point of the result
_GRADIENT_TOLERANCE = 1e-3  # of the relaxation; leaves some 1e-5 of the energy, or less
_MAX_ITERATIONS = 200  # of the relaxation; 40 are seldom needed
_RIDGE = 1e-6  # relative, against directions in which no picture changes


class Geodesic(NamedTuple):
    """The shortest path that `geodesic` found, in its measure's unit."""

    curve: Tensor  # (T, D), z units, in equal steps
    length: float  # of `curve`
    straight_length: float  # of the straight line between the ends; never less than `length`
    energy: float  # of `curve`, the unit squared
    converged: bool  # whether the minimiser met its tolerance: the path is locally shortest
    n_iterations: int  # of the minimiser, for all starts
    n_starts: int  # paths relaxed, of which this is the shortest


def geodesic(
    measure: Measure,
    a: Tensor,
    b: Tensor,
    *,
    graph: Graph | None = None,
    n_points: int = 64,
    n_knots: int = 14,
    n_restarts: int = 0,
) -> Geodesic:
    """Find a short path between two latents.

    The starts of least energy are relaxed, one and as many more as are asked for, and the shortest
    is the result; where the straight line beats it, that: a path is never longer than the straight
    line. A valley finer than the graph's spacing may be missed.

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
    n_restarts : int
        From 0: paths over disturbed copies of the graph that are tried as well.

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
        radius = lattice_radius(farthest(ends))
        graph = lattice_graph(measure, radius, spacing_of(FIRST_NODES, radius), ends)
    starts = _starts(measure, graph, ends, n_knots + 2, n_restarts)[: 1 + n_restarts]
    found = [relax(measure, way, n_points=n_points, n_knots=n_knots) for way in starts]
    best = min(found, key=lambda each: each.length)
    with torch.no_grad():
        straight = cut_evenly(ends, n_points, measure.squares)
        squares = measure.squares(straight)
    straight_length = float(squares.sqrt().sum())
    if straight_length < best.length:
        energy = (n_points - 1) * float(squares.sum())
        best = best._replace(curve=straight, length=straight_length, energy=energy)
    return Geodesic(
        curve=best.curve.flip(0) if swapped else best.curve,
        length=best.length,
        straight_length=straight_length,
        energy=best.energy,
        converged=best.converged,
        n_iterations=sum(each.n_iterations for each in found),
        n_starts=len(found),
    )


def _starts(
    measure: Measure, graph: Graph | None, ends: Tensor, n_knots: int, n_restarts: int
) -> list[Tensor]:
    """Knots (n_knots, D) of the straight line and of paths over the graph, least energy first."""
    ways = [ends]
    if graph is not None:
        graphs = [graph, *(disturbed(graph, seed) for seed in range(n_restarts))]
        ways += [way for each in graphs if (way := way_across(each, ends)) is not None]
    with torch.no_grad():
        starts = [cut_evenly(way, n_knots, measure.squares) for way in ways]
        return sorted(starts, key=lambda start: float(measure.squares(start).sum()))


class Relaxed(NamedTuple):
    """A path that `relax` found, in its measure's unit."""

    curve: Tensor  # (T, D), z units, in equal steps
    length: float
    energy: float  # the unit squared
    converged: bool  # whether the minimiser met its tolerance: the path is locally shortest
    n_iterations: int


def relax(measure: Measure, way: Tensor, *, n_points: int = 64, n_knots: int = 14) -> Relaxed:
    """Make a way between two latents short, its ends fixed.

    A natural cubic spline through even steps of it is moved to least energy by BFGS, in
    coordinates in which the energy's second derivative would be the identity if the metric stayed
    as it is along the start; that saves nine tenths of the decodes.

    Parameters
    ----------
    measure : Measure
    way : Tensor, shape (S, D)
        A polyline, along which something changes.
    n_points, n_knots : int
        As in `geodesic`.

    Raises
    ------
    ValueError
        Nothing changes along the way.
    """
    spline = _spline_basis(n_knots + 2, n_points, way)
    with torch.no_grad():
        start = cut_evenly(way, n_knots + 2, measure.squares)

    def energy_of(knots: Tensor) -> Tensor:
        squares = measure.squares(spline @ knots)
        return len(squares) * squares.sum()

    with torch.no_grad():
        scale = float(energy_of(start))
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
    finer = _spline_basis(n_knots + 2, _FINE * n_points + 1, way)
    with torch.no_grad():
        curve = cut_evenly(finer @ moved(torch.as_tensor(found.x)), n_points, measure.squares)
        squares = measure.squares(curve)
    return Relaxed(
        curve,
        length=float(squares.sqrt().sum()),
        energy=(n_points - 1) * float(squares.sum()),
        converged=bool(found.success),
        n_iterations=int(found.nit),
    )


def _spline_basis(n_knots: int, n: int, like: Tensor) -> Tensor:
    """Matrix (n, n_knots) from knots to evenly timed points of their natural cubic spline."""
    spline = CubicSpline(np.linspace(0.0, 1.0, n_knots), np.eye(n_knots), bc_type="natural")
    rows = spline(np.linspace(0.0, 1.0, n))
    rows[[0, -1]] = np.eye(n_knots)[[0, -1]]  # exact ends
    return torch.as_tensor(rows).to(like)
