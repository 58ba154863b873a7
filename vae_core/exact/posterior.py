"""The exact posterior p(z|x) on a lattice, and how far q(z|x) is from it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vae_core.estimators import check_images
from vae_core.exact.adaptive import LIVE_SPACING, RADIUS
from vae_core.exact.evidence import log_px_exact
from vae_core.joint import decode_nodes, log_joint
from vae_core.lattices import lattice
from vae_core.models import VAE
from vae_core.pixels import Images

# Latents decoded at once.
_NODE_CHUNK = 4096
# Standard deviations of q(z|x) between the nodes of its own lattice: the trapezoid rule is exact
# to float32 for a Gaussian at this.
_UNIT_SPACING = 0.5
# Standard deviations that its own lattice reaches: 1.5e-8 of q(z|x) lies outside.
_UNIT_RADIUS = 6.0
# Images whose own lattices, of 437 nodes each, are decoded at once.
_KL_IMAGES = 32


class PosteriorOnLattice(NamedTuple):
    """p(z|x) at the nodes of a lattice: the exact posterior, not q(z|x)."""

    nodes: Tensor  # (N, D)
    log_density: Tensor  # (B, N), nats per z unit^D
    log_px: Tensor  # (B,), nats: what normalises it


def log_posterior(
    model: VAE, x: Images, *, spacing: float = LIVE_SPACING, radius: float = RADIUS
) -> PosteriorOnLattice:
    """Exact log p(z|x) = log p(x|z) + log p(z) − log p(x) at the nodes of a lattice.

    Parameters and errors as `log_px_exact`. Meant for a few images: every pair is kept.
    """
    x = check_images(model, x)
    log_px = log_px_exact(model, x, spacing=spacing, radius=radius)
    nodes = lattice(model.config.latent_dim, spacing=spacing, radius=radius).to(x.device)
    with torch.no_grad():
        statistics = model.likelihood.statistics(x)
        parts = [
            decode_nodes(model, z).log_joint(statistics) for z in torch.split(nodes, _NODE_CHUNK)
        ]
    return PosteriorOnLattice(nodes, torch.cat(parts, 1) - log_px.unsqueeze(1), log_px)


def kl_to_posterior(model: VAE, x: Images, log_px: Tensor) -> Tensor:
    """KL(q(z|x) ‖ p(z|x)) in nats, shape (B,): what the ELBO lacks to log p(x).

    By a lattice of its own for each q(z|x), half a standard deviation apart and six wide, so it
    owes nothing to the samples of `elbo`: that log p(x) = ELBO + KL is then a check of both.

    Parameters
    ----------
    model : VAE
        With latent_dim 1 or 2 and a Gaussian q(z|x).
    x : Tensor or array, shape (B, 784) or (B, 28, 28)
        As `log_px_exact` takes it.
    log_px : Tensor, shape (B,)
        From `log_px_exact`.

    Raises
    ------
    ValueError
        As `log_px_exact`.
    """
    x = check_images(model, x)
    units = lattice(model.config.latent_dim, spacing=_UNIT_SPACING, radius=_UNIT_RADIUS).to(x)
    weights = (-0.5 * units.square().sum(-1)).softmax(0)
    kls: list[Tensor] = []
    with torch.no_grad():
        parts = (torch.split(each, _KL_IMAGES) for each in (x, log_px))
        for rows, evidence in zip(*parts, strict=True):
            posterior = model.encode(rows)
            z = posterior.mu + posterior.std * units.unsqueeze(1)  # (N, B, D)
            log_ratio = posterior.log_prob(z) - log_joint(model, z, rows) + evidence
            kls.append(weights @ log_ratio)
    return torch.cat(kls)
