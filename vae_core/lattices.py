"""Sets of latents that stand for all of latent space when there are one or two dimensions."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from vae_core.torch_functions import ndtri

# Generator of the R2 sequence: the plastic number, the positive root of g³ = g + 1.
_PLASTIC = 1.32471795724474602596


def lattice(latent_dim: int, *, spacing: float, radius: float) -> Tensor:
    """Nodes of a square lattice through the origin inside a disc, shape (N, D).

    Raises
    ------
    ValueError
        latent_dim is not 1 or 2, or spacing or radius is not a positive number.
    """
    check_lattice(latent_dim, spacing, radius)
    n = math.ceil(radius / spacing)
    axis = torch.arange(-n, n + 1, dtype=torch.float64) * spacing
    nodes = torch.cartesian_prod(*[axis] * latent_dim).reshape(-1, latent_dim)
    return nodes[nodes.square().sum(-1) < radius**2].float()


def shifted_prior_nodes(n: int, generator: Generator) -> Tensor:
    """Nodes that stand for N(0, I) in the plane with equal weights, shape (n, 2).

    The R2 low-discrepancy sequence on the unit square (Roberts 2018), shifted at random as a
    whole (Cranley & Patterson, SIAM J. Numer. Anal. 1976), through the normal quantile. The mean
    of a function over them is an unbiased estimate of its mean under the prior.
    """
    device = generator.device
    i = torch.arange(1, n + 1, dtype=torch.float64, device=device)
    sequence = torch.stack([i / _PLASTIC, i / _PLASTIC**2], -1)
    shift = torch.rand(1, 2, generator=generator, dtype=torch.float64, device=device)
    unit = ((sequence + shift) % 1.0).clamp(1e-9, 1 - 1e-9)
    return ndtri(unit).float()


def check_lattice(latent_dim: int, spacing: float, radius: float) -> None:
    """Refuse what is no lattice inside a disc."""
    if latent_dim not in (1, 2):
        raise ValueError(f"a lattice needs latent_dim 1 or 2, got {latent_dim}; use log_px_iwae")
    if not (0 < spacing < radius < math.inf):
        raise ValueError(f"need 0 < spacing < radius, got spacing {spacing} and radius {radius}")
