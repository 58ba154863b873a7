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
from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from vae_core.config import N_PIXELS
from vae_core.likelihoods import Bernoulli, Gaussian, GaussianLearnedSigma
from vae_core.models import VAE

Metric = Literal["image", "fisher-rao"]

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
    t = unit_interval(n, start).unsqueeze(-1)  # (n, 1)
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
    return metric_tensor(model, z, "image")


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
    return metric_tensor(model, z, "fisher-rao")


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


def embed(model: VAE, z: Tensor, metric: Metric) -> Tensor:
    """Coordinates of what is decoded, for `squared_distance`, shape (B, F)."""
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


def squared_distance(model: VAE, p: Tensor, q: Tensor, metric: Metric) -> Tensor:
    """Squared distance of decoded distributions given by `embed`, shape (B,)."""
    if not _has_own_sigma(model, metric):
        return (p - q).square().sum(-1)
    # Points (f/√1568, σ) of a half-space of curvature −1/1568, at 2 √1568 arsinh(√ratio).
    dims = 2 * N_PIXELS
    gaps = (p - q).square()
    ratio = (gaps[..., :-1].sum(-1) / dims + gaps[..., -1]) / (4.0 * p[..., -1] * q[..., -1])
    safe = ratio.clamp_min(torch.finfo(ratio.dtype).tiny)  # the root has no slope at 0
    return torch.where(ratio > 0, 4.0 * dims * safe.sqrt().asinh().square(), 0.0)


def metric_tensor(model: VAE, z: Tensor, metric: Metric) -> Tensor:
    """JᵀJ of the coordinates of `embed`, or what stands for it on a half-space, (B, D, D).

    Jᵀw is linear in w, so its derivative by w is a column of J per latent dimension, for all rows
    at once. torch.func.jvp does the same, but loads torch.jit at first use.
    """
    check_latents(model, z)
    with torch.enable_grad():
        at = z.detach().requires_grad_()
        places = embed(model, at, metric)  # (B, F)
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


def unit_interval(n: int, like: Tensor) -> Tensor:
    """n evenly spaced numbers from 0 to 1, both included."""
    return torch.linspace(0.0, 1.0, n, dtype=like.dtype, device=like.device)


def check_path(a: Tensor, b: Tensor, n: int) -> None:
    """Refuse ends that no path can have, or too few points."""
    if a.ndim != 1 or a.shape != b.shape or not (a.is_floating_point() and a.dtype == b.dtype):
        got = f"{a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        raise ValueError(f"ends must be float tensors of one type and shape (D,), got {got}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(f"ends must be finite, got {a.tolist()} and {b.tolist()}")
    check_count("n", n, 2)


def check_latents(model: VAE, z: Tensor) -> None:
    """Refuse what is no row of latents of a model."""
    n_dims = model.config.latent_dim
    if z.ndim != 2 or z.shape[1] != n_dims:
        raise ValueError(f"latents must have shape (B, {n_dims}), got {tuple(z.shape)}")


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
