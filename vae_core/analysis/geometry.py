"""Paths between latents, and how far the decoded picture moves along them.

Two ways to measure a step dz, the same in every function:

- ``"image"``: Euclidean distance of the decoded means, ds² = dzᵀ JᵀJ dz. Unit: image units, 1 for
  one pixel going from paper to ink.
- ``"fisher-rao"``: the Fisher-Rao distance of p(x|z), ds² = dzᵀ G dz. Unit: nats^½, so that a
  small step costs KL ≈ ½ ds² nats.

Each likelihood is given coordinates in which the distance of two decoded distributions, however
far apart, has a closed form: 2 arcsin √p per Bernoulli pixel (Rao 1945), f/σ for a Gaussian with
fixed σ, and the hyperbolic half-space for one with its own σ (Atkinson & Mitchell 1981). Nothing
here knows where the data lie: a shortest path may cross regions that no digit is encoded in.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from vae_core.config import N_PIXELS
from vae_core.likelihoods import Bernoulli, Gaussian, GaussianLearnedSigma
from vae_core.models import VAE

Metric = Literal["image", "fisher-rao"]

_CHUNK = 4096  # latents decoded at once
_OPPOSITE = 1e-6  # length of u + v below which the unit vectors u, v count as opposite
_FINE = 8  # points to measure arc length with, per point asked for
_NODES = 72  # per side of the lattice
_RADIUS = 3.5  # z units, of the lattice unless an end is further out; 0.2 % of the prior is outside
_MARGIN = 1.1  # lattice radius per distance of the farther end, so that it lies well inside
_STENCIL = ((1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))  # half of 16
_GRADIENT_TOLERANCE = 1e-3  # of the relaxation; leaves some 1e-5 of the energy, or less
_MAX_ITERATIONS = 200  # of the relaxation; 40 are seldom needed
_RIDGE = 1e-6  # relative, against directions in which no picture changes


class Geodesic(NamedTuple):
    """A shortest path found by `geodesic`, in its metric's unit."""

    curve: Tensor  # (T, 2), z units, in equal steps
    length: float  # of `curve`
    straight_length: float  # of the straight line between the ends; never less than `length`
    energy: float  # of `curve`, the unit squared
    converged: bool  # whether the minimiser met its tolerance
    n_iterations: int  # of the minimiser


def lerp(a: Tensor, b: Tensor, n: int) -> Tensor:
    """Straight line in n equally spaced points.

    Parameters
    ----------
    a, b : Tensor, shape (D,)
        Ends, both included.
    n : int
        At least 2.

    Returns
    -------
    Tensor, shape (n, D)
        z units.

    Raises
    ------
    ValueError
        Bad ends or a bad count.
    """
    _check_path(a, b, n)
    return torch.lerp(a, b, _unit_interval(n, a).unsqueeze(-1))


def slerp(a: Tensor, b: Tensor, n: int) -> Tensor:
    """Arc about the origin from `a` to `b`, angle and radius both changing evenly.

    Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, with the radius
    interpolated linearly, so that ends of different radii are met exactly. Parameters and
    result as `lerp`.

    Raises
    ------
    ValueError
        Bad ends or a bad count, equal ends, an end at the origin, or opposite ends, between which
        there is no arc, or no single one.
    """
    _check_path(a, b, n)
    if torch.equal(a, b):
        raise ValueError(f"an arc needs two different ends, got {a.tolist()} twice")
    start, end = a.double(), b.double()
    radii = torch.stack([start.norm(), end.norm()])
    if not radii.all():
        raise ValueError("an arc about the origin needs both ends away from it, got one there")
    u, v = start / radii[0], end / radii[1]
    if (u + v).norm() < _OPPOSITE:
        raise ValueError(
            f"opposite ends have no single arc between them, got {a.tolist()} and {b.tolist()}"
        )
    angle = 2.0 * torch.atan2((u - v).norm(), (u + v).norm())  # accurate for all angles (Kahan)
    across = v - (u @ v) * u
    across = across / across.norm().clamp_min(torch.finfo(torch.double).tiny)  # 0 on one ray
    t = _unit_interval(n, start).unsqueeze(-1)  # (n, 1)
    path = torch.lerp(radii[0], radii[1], t) * ((t * angle).cos() * u + (t * angle).sin() * across)
    return torch.cat([a.unsqueeze(0), path[1:-1].to(a.dtype), b.unsqueeze(0)])


def pullback_metric(model: VAE, z: Tensor) -> Tensor:
    """G(z) = J(z)ᵀ J(z) of the decoded mean: the ``"image"`` metric.

    Parameters
    ----------
    model : VAE
    z : Tensor, shape (B, D)
        Latents.

    Returns
    -------
    Tensor, shape (B, D, D)
        Image units² per z unit²; symmetric, no negative eigenvalue.

    Raises
    ------
    ValueError
        `z` has another shape.
    """
    return _metric_tensor(model, z, "image")


def fisher_rao_metric(model: VAE, z: Tensor) -> Tensor:
    """Fisher information of p(x|z) about z: the ``"fisher-rao"`` metric.

    Bernoulli: Jᵀ diag(p(1 − p)) J of the logits. Gaussian: JᵀJ/σ² of the mean and, with a learned
    σ, 2 · 784 ∇log σ ∇log σᵀ more. Arvanitidis et al., "Pulling back information geometry",
    AISTATS 2022. Parameters and errors as `pullback_metric`.

    Returns
    -------
    Tensor, shape (B, D, D)
        Nats per z unit²; symmetric, no negative eigenvalue.
    """
    return _metric_tensor(model, z, "fisher-rao")


def curve_energy(model: VAE, curve: Tensor, *, metric: Metric = "image") -> Tensor:
    """Energy of a discrete curve, (T − 1) Σ chord², differentiable in the curve.

    It is at least the squared length, and equal to it when all steps are equal.

    Parameters
    ----------
    model : VAE
    curve : Tensor, shape (T, D)
        Latents in order, T ≥ 2.
    metric : "image" or "fisher-rao"
        What a chord measures; see the module.

    Returns
    -------
    Tensor, shape ()
        The metric's unit squared.

    Raises
    ------
    ValueError
        A bad curve or metric.
    """
    return (len(curve) - 1) * _squared_chords(model, curve, metric).sum()


def curve_length(model: VAE, curve: Tensor, *, metric: Metric = "image") -> Tensor:
    """Length of a discrete curve, the sum of its chords: a lower bound that rises with T.

    Parameters and errors as `curve_energy`.

    Returns
    -------
    Tensor, shape ()
        The metric's unit.
    """
    return _squared_chords(model, curve, metric).sqrt().sum()


def even_steps(model: VAE, curve: Tensor, n: int, *, metric: Metric = "image") -> Tensor:
    """Walk a curve in n points that cut its decoded length into equal parts, ends included.

    Parameters
    ----------
    model : VAE
    curve : Tensor, shape (T, D)
        Corners of a polyline in latent space, T ≥ 2.
    n : int
        At least 2.
    metric : "image" or "fisher-rao"

    Returns
    -------
    Tensor, shape (n, D)
        Points of the polyline, z units.

    Raises
    ------
    ValueError
        A bad curve, count or metric, or a curve along which nothing changes.
    """
    _check_curve(model, curve, metric)
    _check_count("n", n, 2)
    t = _unit_interval(math.ceil(_FINE * n / (len(curve) - 1)) + 1, curve)[:-1, None]
    within = torch.lerp(curve[:-1, None], curve[1:, None], t)  # (T − 1, points per side, D)
    fine = torch.cat([within.flatten(0, 1), curve[-1:]])
    with torch.no_grad():
        steps = _squared_chords(model, fine, metric).sqrt()
    walked = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    if not walked[-1] > 0:
        raise ValueError("nothing decoded changes along the curve, so it has no even steps")
    targets = walked[-1] * _unit_interval(n, walked)[1:-1]
    tiny = torch.finfo(steps.dtype).tiny
    side = torch.searchsorted(walked, targets, right=True).clamp(1, len(steps)) - 1
    part = ((targets - walked[side]) / steps[side].clamp_min(tiny)).clamp(0.0, 1.0).unsqueeze(-1)
    return torch.cat([fine[:1], torch.lerp(fine[side], fine[side + 1], part), fine[-1:]])


def geodesic(
    model: VAE,
    a: Tensor,
    b: Tensor,
    *,
    metric: Metric = "image",
    n_points: int = 64,
    n_knots: int = 14,
) -> Geodesic:
    """Shortest path between two latents of a plane.

    Dijkstra's shortest path over a decoded lattice (16 neighbours, since 8 overestimate lengths by
    up to 8 %) finds the way round obstacles (Chen et al., "Fast approximate geodesics for deep
    generative models", ICANN 2019); a natural cubic spline through it is then relaxed to least
    energy by BFGS. Where the straight line beats the lattice it is the start instead, and where
    it beats the result it is the result. The lattice has 72 × 72 nodes over the disc |z| < 3.5,
    or over a larger one that covers both ends; a detour finer than its spacing may be missed.

    Parameters
    ----------
    model : VAE
        With latent_dim 2.
    a, b : Tensor, shape (2,)
        Different ends. Swapping them gives the same path backwards.
    metric : "image" or "fisher-rao"
        What is made short.
    n_points : int
        T, of the result, from 8.
    n_knots : int
        Free points of the spline, from 1.

    Raises
    ------
    ValueError
        Another latent_dim, bad or equal ends, a bad option, or a path along which nothing changes.
    """
    _check_path(a, b, 2)
    if len(a) != 2 or torch.equal(a, b):
        raise ValueError(f"need two different ends of shape (2,), got {a.tolist()}, {b.tolist()}")
    _check_count("n_points", n_points, 8)
    _check_count("n_knots", n_knots, 1)
    ends = torch.stack([a, b])
    if swapped := b.tolist() < a.tolist():  # one canonical direction, for exact symmetry
        ends = ends.flip(0)
    with torch.no_grad():
        straight = even_steps(model, ends, n_points, metric=metric)
        across = _lattice_path(model, ends, metric)
        starts = [even_steps(model, path, n_knots + 2, metric=metric) for path in (across, ends)]
    spline = _spline_basis(n_knots + 2, n_points, ends)
    knots, converged, n_iterations = _relax(model, starts, spline, metric)
    with torch.no_grad():
        fine = _spline_basis(n_knots + 2, _FINE * n_points, ends) @ knots
        candidates = [even_steps(model, fine, n_points, metric=metric), straight]
        lengths = [float(curve_length(model, curve, metric=metric)) for curve in candidates]
        curve = candidates[0] if lengths[0] < lengths[1] else straight
        energy = float(curve_energy(model, curve, metric=metric))
    curve = curve.flip(0) if swapped else curve
    return Geodesic(curve, min(lengths), lengths[1], energy, converged, n_iterations)


def _relax(
    model: VAE, starts: list[Tensor], spline: Tensor, metric: Metric
) -> tuple[Tensor, bool, int]:
    """Spline knots of least energy from the better start, whether they converged, iterations.

    BFGS, in coordinates in which the energy's second derivative would be the identity if the
    metric stayed as it is along the start; that saves nine tenths of the decodes.
    """

    def energy_of(knots: Tensor) -> Tensor:
        return curve_energy(model, spline @ knots, metric=metric)

    with torch.no_grad():
        scale, start = min(((float(energy_of(s)), s) for s in starts), key=lambda pair: pair[0])
        halfway = 0.5 * (spline[1:] + spline[:-1]) @ start
        sides = spline.diff(dim=0)[:, 1:-1]  # (T − 1, knots)
        tensor = _metric_tensor(model, halfway, metric)
        hessian = torch.einsum("tk,tl,tde->kdle", sides, sides, tensor).flatten(2).flatten(0, 1)
        hessian = 2.0 * len(sides) / scale * hessian.double()
        hessian.diagonal().add_(_RIDGE * hessian.diagonal().mean())
        colour = torch.linalg.inv(torch.linalg.cholesky(hessian)).mT

    def moved(white: Tensor) -> Tensor:
        inner = start[1:-1] + (colour @ white.to(colour)).view(-1, 2).to(start)
        return torch.cat([start[:1], inner, start[-1:]])

    def relative_energy(flat: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
        white = torch.from_numpy(flat).requires_grad_()
        with torch.enable_grad():
            energy = energy_of(moved(white)) / scale
        (gradient,) = torch.autograd.grad(energy, white)
        return float(energy.detach()), gradient.numpy()

    options = {"gtol": _GRADIENT_TOLERANCE, "maxiter": _MAX_ITERATIONS}
    origin = np.zeros(len(colour))
    found: Any = minimize(relative_energy, origin, jac=True, method="BFGS", options=options)
    return moved(torch.from_numpy(found.x)), bool(found.success), int(found.nit)


def _lattice_path(model: VAE, ends: Tensor, metric: Metric) -> Tensor:
    """Shortest path over lattice nodes from one end to the other, shape (T, 2), ends included."""
    n, radius = _NODES, max(_RADIUS, _MARGIN * float(ends.norm(dim=-1).max()))
    axis = torch.linspace(-radius, radius, n, dtype=ends.dtype, device=ends.device)
    nodes = torch.cartesian_prod(axis, axis)  # (n², 2)
    places = torch.cat([_embed(model, part, metric) for part in nodes.split(_CHUNK)])
    inside = nodes.square().sum(-1).le(radius**2).view(n, n)
    index = torch.arange(n * n, device=ends.device).view(n, n)
    edges: list[Tensor] = []
    for i, j in _STENCIL:
        tail = (slice(0, n - i), slice(max(0, -j), n - max(0, j)))
        head = (slice(i, n), slice(max(0, j), n + min(0, j)))
        edges.append(torch.stack([index[tail], index[head]])[:, inside[tail] & inside[head]])
    weights = [_squared_distance(model, places[t], places[h], metric).sqrt() for t, h in edges]
    positive = torch.cat(weights).clamp_min(torch.finfo(ends.dtype).tiny)  # 0 would be no edge
    tails_heads = torch.cat(edges, 1).cpu().numpy()  # (2, E)
    graph: Any = coo_array((positive.double().cpu().numpy(), tails_heads), shape=(n * n, n * n))
    first, last = torch.cdist(ends, nodes).argmin(-1).tolist()
    _, came_from = dijkstra(graph.tocsr(), directed=False, indices=first, return_predecessors=True)
    path = [last]
    while path[-1] != first:
        path.append(int(came_from[path[-1]]))
    return torch.cat([ends[:1], nodes[path[-2:0:-1]], ends[1:]])


def _spline_basis(n_knots: int, n: int, like: Tensor) -> Tensor:
    """Matrix (n, n_knots) from knots to evenly timed points of their natural cubic spline."""
    spline = CubicSpline(np.linspace(0.0, 1.0, n_knots), np.eye(n_knots), bc_type="natural")
    rows = spline(np.linspace(0.0, 1.0, n))
    rows[[0, -1]] = np.eye(n_knots)[[0, -1]]  # exact ends
    return torch.from_numpy(rows).to(like)


def _squared_chords(model: VAE, curve: Tensor, metric: Metric) -> Tensor:
    """Squared distances between neighbours of a curve, shape (T − 1,)."""
    _check_curve(model, curve, metric)
    places = _embed(model, curve, metric)
    return _squared_distance(model, places[:-1], places[1:], metric)


def _embed(model: VAE, z: Tensor, metric: Metric) -> Tensor:
    """Coordinates of what is decoded, for `_squared_distance`, shape (B, F)."""
    outputs, likelihood = model.decoder(z), model.likelihood
    if metric == "image":
        return likelihood.mean(outputs)
    if isinstance(likelihood, Bernoulli):
        return 2.0 * (outputs / 4.0).tanh().atan()  # 2 arcsin √p − π/2, sound for all logits
    if not isinstance(likelihood, Gaussian):
        raise TypeError(f"no Fisher-Rao distance is known for {type(likelihood).__name__}")
    mean, sigma = likelihood.mean(outputs), likelihood.log_sigma(outputs).exp().unsqueeze(-1)
    if _has_own_sigma(model, metric):
        return torch.cat([mean, sigma], -1)
    return mean / sigma


def _squared_distance(model: VAE, p: Tensor, q: Tensor, metric: Metric) -> Tensor:
    """Squared distance of decoded distributions given by `_embed`, shape (B,)."""
    if not _has_own_sigma(model, metric):
        return (p - q).square().sum(-1)
    # Points (f/√1568, σ) of a half-space of curvature −1/1568, at 2 √1568 arsinh(√ratio).
    dims = 2 * N_PIXELS
    gaps = (p - q).square()
    ratio = (gaps[..., :-1].sum(-1) / dims + gaps[..., -1]) / (4.0 * p[..., -1] * q[..., -1])
    safe = ratio.clamp_min(torch.finfo(ratio.dtype).tiny)  # the root has no slope at 0
    return torch.where(ratio > 0, 4.0 * dims * safe.sqrt().asinh().square(), 0.0)


def _metric_tensor(model: VAE, z: Tensor, metric: Metric) -> Tensor:
    """JᵀJ of the coordinates of `_embed`, or what stands for it on a half-space, (B, D, D).

    Jᵀw is linear in w, so its derivative by w is a column of J per latent dimension, for all rows
    at once. torch.func.jvp does the same, but loads torch.jit at first use.
    """
    _check_latents(model, z)
    with torch.enable_grad():
        at = z.detach().requires_grad_()
        places = _embed(model, at, metric)  # (B, F)
        w = torch.zeros_like(places, requires_grad=True)
        (pulled,) = torch.autograd.grad(places, at, w, create_graph=True)  # (B, D)
        columns = [torch.autograd.grad(d.sum(), w, retain_graph=True)[0] for d in pulled.unbind(-1)]
    jacobian = torch.stack(columns, -1)  # (B, F, D)
    if _has_own_sigma(model, metric):
        jacobian /= places.detach()[:, -1, None, None]
        jacobian[:, -1] *= math.sqrt(2.0 * N_PIXELS)
    return jacobian.mT @ jacobian


def _has_own_sigma(model: VAE, metric: Metric) -> bool:
    return metric == "fisher-rao" and isinstance(model.likelihood, GaussianLearnedSigma)


def _unit_interval(n: int, like: Tensor) -> Tensor:
    return torch.linspace(0.0, 1.0, n, dtype=like.dtype, device=like.device)


def _check_path(a: Tensor, b: Tensor, n: int) -> None:
    if a.ndim != 1 or a.shape != b.shape or not (a.is_floating_point() and a.dtype == b.dtype):
        got = f"{a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        raise ValueError(f"ends must be float tensors of one type and shape (D,), got {got}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"ends must be finite, got {a.tolist()} and {b.tolist()}")
    _check_count("n", n, 2)


def _check_latents(model: VAE, z: Tensor) -> None:
    n_dims = model.config.latent_dim
    if z.ndim != 2 or z.shape[1] != n_dims:
        raise ValueError(f"latents must have shape (B, {n_dims}), got {tuple(z.shape)}")


def _check_curve(model: VAE, curve: Tensor, metric: Metric) -> None:
    _check_latents(model, curve)
    if len(curve) < 2 or not curve.isfinite().all():
        raise ValueError(f"a curve needs at least 2 points, all finite, got {len(curve)} points")
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, got {metric!r}")


def _check_count(name: str, count: int, least: int) -> None:
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
