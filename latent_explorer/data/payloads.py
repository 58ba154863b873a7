"""What the browser is sent of a checkpoint and a split, packed once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.payload import (
    pack_decoder,
    pack_images,
    pack_points,
    pack_values,
)
from latent_explorer.components.latent_map.values import N_SHEETS, SHEET_DIGITS
from latent_explorer.data import digits
from latent_explorer.data.catalogue import stored
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.data.encoding import positions
from vae_core.checkpoints import CheckpointRef
from vae_core.config import MIN_LOG_SIGMA
from vae_core.data import Split


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
    rows = digits.SPLITS[split]
    points = pack_points(coords=coords[rows], labels=digits.labels()[rows], first_id=rows.start)
    return Payloads(decoder, points)


@st.cache_resource(max_entries=N_SHEETS, show_spinner=False)
def image_sheet(i: int) -> bytes:
    """Pack the pictures of digits 10,000 i to 10,000 i + 9,999."""
    if not 0 <= i < N_SHEETS:
        raise ValueError(f"i must be from 0 to {N_SHEETS - 1}, got {i}")
    first = i * SHEET_DIGITS
    return pack_images(digits.data_set().images[first : first + SHEET_DIGITS], first_id=first)


@st.cache_resource(max_entries=8, show_spinner=False)
def values(ref: CheckpointRef, split: Split) -> bytes:
    """Pack the numbers that digits can be coloured by."""
    terms = digit_terms(ref, split)
    numbers = {"elbo": terms.elbo, "reconstruction": terms.reconstruction, "knn": terms.knn_wrong}
    return pack_values(
        first_id=digits.SPLITS[split].start,
        numbers={name: values for name, values in numbers.items() if values is not None},
        said=said_of_terms(ref),
    )
