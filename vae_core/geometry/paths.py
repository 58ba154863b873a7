"""Curves between latents: straight lines, arcs, their decoded length, and even steps along them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from vae_core.geometry.metrics import Metric, check_latents, embed, squared_distance
from vae_core.models import VAE
from vae_core.torch_functions import norm, to_list

_OPPOSITE = 1e-6  # length of u + v below which the unit vectors u, v count as opposite
_FINE = 8  # points to measure arc length with, per point asked for


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
    check_path(a, b, n)
    return torch.lerp(a, b, unit_interval(n, a).unsqueeze(-1))


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
    check_path(a, b, n)
    if torch.equal(a, b):
        raise ValueError(f"an arc needs two different ends, got {to_list(a)} twice")
    start, end = a.double(), b.double()
    radii = torch.stack([norm(start), norm(end)])
    if not radii.all():
        raise ValueError("an arc about the origin needs both ends away from it, got one there")
    u, v = start / radii[0], end / radii[1]
    if norm(u + v) < _OPPOSITE:
        raise ValueError(
            f"opposite ends have no single arc between them, got {to_list(a)} and {to_list(b)}"
        )
    angle = 2.0 * torch.atan2(norm(u - v), norm(u + v))  # accurate for all angles (Kahan)
    across = v - (u @ v) * u
    across = across / norm(across).clamp_min(torch.finfo(torch.double).tiny)  # 0 on one ray
    t = unit_interval(n, start).unsqueeze(-1)  # (n, 1)
    path = torch.lerp(radii[0], radii[1], t) * ((t * angle).cos() * u + (t * angle).sin() * across)
    return torch.cat([a.unsqueeze(0), path[1:-1].to(a.dtype), b.unsqueeze(0)])


def curve_energy(model: VAE, curve: Tensor, *, metric: Metric = "image") -> Tensor:
    """Energy of a discrete curve, (T − 1) Σ chord², differentiable in the curve.

    It is at least the squared length, and equal to it when all steps are equal.

    Parameters
    ----------
    model : VAE
    curve : Tensor, shape (T, D)
        Latents in order, T ≥ 2.
    metric : "image" or "fisher-rao"
        What a chord measures; see `vae_core.geometry.metrics`.

    Returns
    -------
    Tensor, shape ()
        The metric's unit squared.

    Raises
    ------
    ValueError
        A bad curve or metric.
    """
    return (len(curve) - 1) * squared_chords(model, curve, metric).sum()


def curve_length(model: VAE, curve: Tensor, *, metric: Metric = "image") -> Tensor:
    """Length of a discrete curve, the sum of its chords: a lower bound that rises with T.

    Parameters and errors as `curve_energy`.

    Returns
    -------
    Tensor, shape ()
        The metric's unit.
    """
    return squared_chords(model, curve, metric).sqrt().sum()


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
    check_curve(model, curve, metric)
    return cut_evenly(curve, n, lambda fine: squared_chords(model, fine, metric))


def cut_evenly(curve: Tensor, n: int, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """Walk a curve in n points that cut its length into equal parts, whatever measures it.

    Parameters
    ----------
    curve : Tensor, shape (T, D)
        Corners of a polyline, T ≥ 2.
    n : int
        At least 2.
    measure : callable
        Squared lengths, shape (T − 1,), of the sides of such a polyline.

    Raises
    ------
    ValueError
        A bad count, or a curve of no length.
    """
    check_count("n", n, 2)
    t = unit_interval(math.ceil(_FINE * n / (len(curve) - 1)) + 1, curve)[:-1, None]
    within = torch.lerp(curve[:-1, None], curve[1:, None], t)  # (T − 1, points per side, D)
    fine = torch.cat([within.flatten(0, 1), curve[-1:]])
    with torch.no_grad():
        steps = measure(fine).sqrt()
    walked = torch.cat([steps.new_zeros(1), steps.cumsum(0)])
    if not walked[-1] > 0:
        raise ValueError("nothing decoded changes along the curve, so it has no even steps")
    targets = walked[-1] * unit_interval(n, walked)[1:-1]
    tiny = torch.finfo(steps.dtype).tiny
    side = torch.searchsorted(walked, targets, right=True).clamp(1, len(steps)) - 1
    part = ((targets - walked[side]) / steps[side].clamp_min(tiny)).clamp(0.0, 1.0).unsqueeze(-1)
    return torch.cat([fine[:1], torch.lerp(fine[side], fine[side + 1], part), fine[-1:]])


def squared_chords(model: VAE, curve: Tensor, metric: Metric) -> Tensor:
    """Squared distances between neighbours of a curve, shape (T − 1,)."""
    check_curve(model, curve, metric)
    places = embed(model, curve, metric)
    return squared_distance(model, places[:-1], places[1:], metric)


def unit_interval(n: int, like: Tensor) -> Tensor:
    """n evenly spaced numbers from 0 to 1, both included."""
    return torch.linspace(0.0, 1.0, n, dtype=like.dtype, device=like.device)


def check_path(a: Tensor, b: Tensor, n: int) -> None:
    """Refuse ends that no path can have, or too few points."""
    if a.ndim != 1 or a.shape != b.shape or not (a.is_floating_point() and a.dtype == b.dtype):
        got = f"{a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        raise ValueError(f"ends must be float tensors of one type and shape (D,), got {got}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"ends must be finite, got {to_list(a)} and {to_list(b)}")
    check_count("n", n, 2)


def check_curve(model: VAE, curve: Tensor, metric: Metric) -> None:
    """Refuse what is no curve in a model's latent space, or no metric."""
    check_latents(model, curve)
    if len(curve) < 2 or not curve.isfinite().all():
        raise ValueError(f"a curve needs at least 2 points, all finite, got {len(curve)} points")
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, got {metric!r}")


def check_count(name: str, count: int, least: int) -> None:
    """Refuse a count below the least."""
    if count < least:
        raise ValueError(f"{name} must be at least {least}, got {count}")
