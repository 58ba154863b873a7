"""What the browser is sent of a checkpoint and a split, packed once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map import N_SHEETS, SHEET_DIGITS
from latent_explorer.components.latent_map.payload import (
    pack_decoder,
    pack_fields,
    pack_images,
    pack_points,
    pack_values,
)
from latent_explorer.data import digits
from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.data.digits import SPLITS, Floats, labels
from latent_explorer.data.encoding import positions, posteriors
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.data.transport import prior_gaussians
from vae_core.checkpoints import CheckpointRef
from vae_core.config import MIN_LOG_SIGMA
from vae_core.data import Split

_FIELD_SIDE = 192  # cells along the side of a layer
_COARSER = 2  # of the sensitivity's cells, the costly ones; interpolated between them
_FIELD_HALF = 0.6  # half a layer's side, in sides of the box that holds 99.8 % of the codes
_PRIOR_RADIUS = 3.5  # z units that the layers cover at least where there is a prior
_TAIL = 0.001  # share of the codes beyond each side of that box


class Payloads(NamedTuple):
    """What the browser is sent once."""

    decoder: bytes
    points: bytes


@st.cache_resource(max_entries=8, show_spinner=False)
def map_payloads(ref: CheckpointRef, split: Split, turn: bytes | None = None) -> Payloads:
    """Pack what the map in the browser needs of a checkpoint and a data split.

    `turn`, the bytes of a float64 array of shape (2, 2), turns its plane: coords @ turn.
    """
    header, tensors = stored(ref)
    n_layers = len(header.model.decoder_hidden) + 1
    names = [f"decoder.net.layers.{i}" for i in range(n_layers)]
    weights = [tensors[f"{name}.weight"] for name in names]
    biases = [tensors[f"{name}.bias"] for name in names]
    frequencies = tensors["decoder.frequencies"]
    likelihood = header.model.likelihood
    coords, center, axes = positions(ref)
    if turn is not None:
        rotation = np.frombuffer(turn).reshape(2, 2)
        coords = (coords @ rotation).astype(np.float32)
        axes = (axes @ rotation).astype(np.float32)
    decoder = pack_decoder(
        weights=weights,
        biases=biases,
        activation=header.model.activation,
        residual=header.model.residual,
        fourier=frequencies if frequencies.size else None,
        center=center,
        axes=axes,
        likelihood="bernoulli" if likelihood == "bernoulli" else "gaussian",
        sigma=header.model.sigma if likelihood == "gaussian" else None,
        min_log_sigma=MIN_LOG_SIGMA if likelihood == "gaussian-learned-sigma" else None,
    )
    rows = SPLITS[split]
    points = pack_points(coords=coords[rows], labels=labels()[rows], first_id=rows.start)
    return Payloads(decoder, points)


@st.cache_resource(max_entries=N_SHEETS, show_spinner=False)
def image_sheet(i: int) -> bytes:
    """Pack the pictures of digits 10,000 i to 10,000 i + 9,999."""
    if not 0 <= i < N_SHEETS:
        raise ValueError(f"i must be from 0 to {N_SHEETS - 1}, got {i}")
    first = i * SHEET_DIGITS
    return pack_images(digits.data_set().images[first : first + SHEET_DIGITS], first_id=first)


@st.cache_resource(max_entries=4, show_spinner=False)
def fields(ref: CheckpointRef) -> bytes:
    """Pack the layers that lie under the digits; all where z has two dimensions.

    A map that is a projection gets the classes alone, as they lie on it; a plain autoencoder
    has no prior and no q(z|x).
    """
    from vae_core.analysis import fields as core

    config = stored(ref).header.model
    has_posterior = config.posterior == "gaussian"
    has_prior = has_posterior and config.latent_dim == 2
    coords = positions(ref).coords
    extent = field_extent(coords, has_prior=has_prior)
    grid = core.plane_grid(extent, _FIELD_SIDE)
    train = SPLITS["train"]
    where = "in z" if config.latent_dim == 2 else "on this map, a projection"
    said = {
        "classes": f"Shares of the digits among the {N_VOTERS} training digits whose codes are "
        f"nearest {where}."
    }
    log_density = log_sensitivity = None
    if has_prior:
        said["prior"] = (
            "The prior p(z), N(0, I)."
            if config.prior == "normal"
            else "The prior p(z), a mixture of one Gaussian per digit."
        )
        mu, std = posteriors(ref)
        log_density = core.log_aggregate_density(mu, std, grid)
        said["density"] = (
            f"Log density, in nats, of the aggregate posterior: the mean of q(z|x) over all "
            f"{len(mu):,} digits, exact."
        )
    if config.latent_dim == 2:
        coarse = core.log_sensitivity(
            checkpoint(ref).model, core.plane_grid(extent, _FIELD_SIDE // _COARSER)
        )
        log_sensitivity = core.refine(coarse, _COARSER)
        said["sensitivity"] = (
            "Log of √det JᵀJ, J the derivative of the decoder's mean by z: how far the picture "
            f"changes per step in z; exact on {coarse.shape[0]} × {coarse.shape[1]} places, "
            "interpolated between."
        )
    return pack_fields(
        extent=extent,
        classes=core.class_field(coords[train], labels()[train], grid, N_VOTERS),
        log_density=log_density,
        log_sensitivity=log_sensitivity,
        prior=prior_gaussians(ref) if has_prior else [],
        said=said,
    )


def field_extent(coords: Floats, *, has_prior: bool) -> tuple[float, float, float, float]:
    """Square that holds nearly all codes with a margin, and the prior's rings if there are any."""
    low, high = np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0)
    half = max(float((high - low).max()) * _FIELD_HALF, np.finfo(np.float32).eps)
    x, y = ((low + high) / 2).tolist()
    x0, x1, y0, y1 = x - half, x + half, y - half, y + half
    if not has_prior:
        return x0, x1, y0, y1
    r = _PRIOR_RADIUS
    x0, x1, y0, y1 = min(x0, -r), max(x1, r), min(y0, -r), max(y1, r)
    side = max(x1 - x0, y1 - y0)
    grow_x, grow_y = (side - (x1 - x0)) / 2, (side - (y1 - y0)) / 2
    return x0 - grow_x, x1 + grow_x, y0 - grow_y, y1 + grow_y


@st.cache_resource(max_entries=8, show_spinner=False)
def values(ref: CheckpointRef, split: Split) -> bytes:
    """Pack the numbers that digits can be coloured by."""
    terms = digit_terms(ref, split)
    return pack_values(
        first_id=SPLITS[split].start,
        elbo=terms.elbo,
        reconstruction=terms.reconstruction,
        knn_wrong=terms.knn_wrong,
        said=said_of_terms(ref),
    )
