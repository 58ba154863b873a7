"""A mixture prior, and its digits carried to N(0, I) by the transport g."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.digits import Floats
from latent_explorer.data.encoding import decode, test_codes
from latent_explorer.data.lattice import explanation, image_tensor
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.priors import DigitMixture

Doubles = NDArray[np.float64]
_ELLIPSES, _RINGS = (1.0, 2.0), (1.0, 2.0, 3.0)  # standard deviations
_TURN_STEPS = 73
_GRID_REACH, _GRID_STEP = 4, 0.75  # lines of the grid on either side of 0, and units between them
_LINE_STEPS = 49  # points of a line; every corner of the grid is one


class Unfolded(NamedTuple):
    """What the transport g carries from a mixture's z to N(0, I)'s u; pairs are (z, u)."""

    codes: tuple[Doubles, Doubles]  # (10000, 2) of the test digits
    ellipses: tuple[Doubles, Doubles]  # (20, T, 2): components at one and two sigmas
    rings: tuple[Doubles, Doubles]  # (3, T, 2): N(0, I) at one, two and three
    grid: tuple[Doubles, Doubles]  # (L, T, 2): straight in u
    corners: tuple[Doubles, Doubles]  # (P, 2): where its inner lines cross
    pictures: Floats  # (P, 784), decoded there
    weights: Doubles  # (10,)
    mean_log_pz: float  # of the codes, nats, in z
    mean_log_pu: float  # the same by N(g(z); 0, I) and the derivative of g
    largest_gap: float  # between the two, nats


@st.cache_resource(max_entries=2, show_spinner="Carrying the digits over…")
def unfolded(ref: CheckpointRef) -> Unfolded:
    """Carry what a model with a mixture prior knows through the transport g to N(0, I)."""
    import torch

    from vae_core.analysis.transport import conservation

    mixture = _mixture(ref)
    codes = torch.from_numpy(test_codes(ref)).double()
    density = conservation(mixture, codes)
    turn = torch.linspace(0.0, 2.0 * torch.pi, _TURN_STEPS, dtype=torch.double)
    circle = torch.stack([turn.cos(), turn.sin()], -1)  # (T, 2)
    ellipses = torch.stack(
        [
            mean + r * circle @ tril.T
            for mean, tril in zip(mixture.means, mixture.scale_tril, strict=True)
            for r in _ELLIPSES
        ]
    )
    rings = torch.stack([r * circle for r in _RINGS])
    places = torch.arange(-_GRID_REACH, _GRID_REACH + 1, dtype=torch.double) * _GRID_STEP
    along = torch.linspace(float(places[0]), float(places[-1]), _LINE_STEPS, dtype=torch.double)
    upright = torch.stack(torch.meshgrid(places, along, indexing="ij"), -1)  # (L, T, 2)
    grid = torch.cat([upright, upright.flip(-1)])
    corners = torch.cartesian_prod(places[1:-1], places[1:-1])
    decoded_from = mixture.from_normal(corners)
    return Unfolded(
        codes=(codes.numpy(), mixture.to_normal(codes).numpy()),
        ellipses=(ellipses.numpy(), mixture.to_normal(ellipses).numpy()),
        rings=(mixture.from_normal(rings).numpy(), rings.numpy()),
        grid=(mixture.from_normal(grid).numpy(), grid.numpy()),
        corners=(decoded_from.numpy(), corners.numpy()),
        pictures=decode(ref, decoded_from.numpy()),
        weights=mixture.weights.numpy(),
        mean_log_pz=float(density.log_pz.mean()),
        mean_log_pu=float(density.log_pu.mean()),
        largest_gap=float((density.log_pz - density.log_pu).abs().max()),
    )


@st.cache_data(max_entries=32, show_spinner="Adding up p(x) twice…")
def log_px_both_ways(ref: CheckpointRef, x: bytes) -> tuple[float, float]:
    """Sum log p(x) over z, and over u = g(z) with the prior N(0, I); `x` as in `explanation`."""
    import torch

    from vae_core.analysis.transport import log_px_in_u

    model, image = checkpoint(ref).model, image_tensor(x)

    def log_px_z(z: Tensor) -> Tensor:
        with torch.no_grad():
            return model.likelihood.log_px_z(model.decoder(z), image)

    explained = explanation(ref, x)
    return explained.log_px, log_px_in_u(_mixture(ref), explained, log_px_z)


def prior_gaussians(ref: CheckpointRef) -> list[tuple[Floats, Floats]]:
    """Means and Cholesky factors of the prior's Gaussians: one, or one per digit."""
    if stored(ref).header.model.prior == "normal":
        return [(np.zeros(2, np.float32), np.eye(2, dtype=np.float32))]
    mixture = _mixture(ref)
    return [
        (mean.float().numpy(), factor.float().numpy())
        for mean, factor in zip(mixture.means, mixture.scale_tril, strict=True)
    ]


def _mixture(ref: CheckpointRef) -> DigitMixture:
    from vae_core.priors import LearnedMixture

    prior = checkpoint(ref).model.prior
    if not isinstance(prior, LearnedMixture):
        raise ValueError(f"{ref.name} has no mixture as its prior")
    return prior.mixture()
