"""A model whose prior is a mixture, seen through the mixture's transport g to N(0, I)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vae_core.exact.explanation import Explanation
from vae_core.priors import DigitMixture, StandardNormal
from vae_core.torch_functions import unique

Decode = Callable[[Tensor], Tensor]

SPACING = 0.01  # of the lattice in u, units of N(0, I)
_N = 8  # nodes along the side of one of its squares
_NO_MASS = 16.0  # nats below an image's fullest node at which another does not matter


class Conservation(NamedTuple):
    """Log densities of latents in nats, each of shape (N,), on both sides of the transport."""

    log_pz: Tensor  # of the mixture, at z
    log_pu: Tensor  # log N(g(z); 0, I) + log |det ∂g/∂z|, which should be the same


def conservation(mixture: DigitMixture, z: Tensor) -> Conservation:
    """Check the change of variables, with ∂g/∂z by differentiating g itself.

    Parameters
    ----------
    mixture : DigitMixture
    z : Tensor, shape (N, 2)
    """
    at = z.detach().double().clone().requires_grad_()
    u = mixture.to_normal(at)
    # u₁ does not depend on z₂: the determinant is the product of the diagonal.
    slopes = [torch.autograd.grad(u[:, d].sum(), at, retain_graph=True)[0][:, d] for d in (0, 1)]
    log_det = torch.stack(slopes).log().sum(0)
    log_normal = StandardNormal(2).log_pz(u.detach())
    return Conservation(mixture.log_pz(at.detach()), log_normal + log_det.detach())


def log_px_in_u(
    mixture: DigitMixture, explained: Explanation, decode: Decode, *, spacing: float = SPACING
) -> float:
    """log p(x) = log ∫ p(x|g⁻¹(u)) N(u; 0, I) du, nats, on a lattice of its own in u.

    Only the squares of u are decoded that hold some of the image's mass, as `explained` has it,
    and those beside them.

    Parameters
    ----------
    mixture : DigitMixture
    explained : Explanation
        The image, explained by a lattice in z.
    decode : callable
        Gives log p(x|z) of the image at latents of shape (N, 2).
    spacing : float
        Of the lattice in u.
    """
    log_mass = explained.log_posterior + explained.log_volume
    held = explained.z[log_mass > log_mass.max() - _NO_MASS].double()
    square: Tensor = unique((mixture.to_normal(held) / (_N * spacing)).floor().long(), dim=0)
    around = torch.cartesian_prod(*[torch.arange(-1, 2)] * 2)
    square = unique((square.unsqueeze(1) + around).flatten(0, 1), dim=0)  # (T, 2)
    steps = torch.cartesian_prod(*[torch.arange(_N)] * 2)
    u = (_N * square.unsqueeze(1) + steps).flatten(0, 1).double() * spacing
    log_joint = decode(mixture.from_normal(u).float()).double() + StandardNormal(2).log_pz(u)
    return float(log_joint.logsumexp(0)) + 2.0 * math.log(spacing)
