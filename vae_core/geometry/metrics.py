"""How far what is decoded moves as z does, in two metrics.

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
from typing import Literal

import torch
from torch import Tensor

from vae_core.config import N_PIXELS
from vae_core.likelihoods import Bernoulli, Gaussian, GaussianLearnedSigma
from vae_core.models import VAE

Metric = Literal["image", "fisher-rao"]


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


def check_latents(model: VAE, z: Tensor) -> None:
    """Refuse what is no row of latents of a model."""
    n_dims = model.config.latent_dim
    if z.ndim != 2 or z.shape[1] != n_dims:
        raise ValueError(f"latents must have shape (B, {n_dims}), got {tuple(z.shape)}")
