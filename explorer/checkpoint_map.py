"""The map of one checkpoint: its payloads, its palette, and what a page draws on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer import loaders, state
from explorer.latent_map import Ellipse, Mark, Pick, latent_map, payload_id, send
from explorer.theme import PALETTE
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split


def checkpoint_map(
    ref: CheckpointRef,
    split: Split,
    *,
    key: str,
    place: state.Place | None = None,
    path: NDArray[np.floating[Any]] | None = None,
    marks: Sequence[Mark] = (),
    highlight: Sequence[int] = (),
    on_pick: Callable[[], None],
) -> None:
    """Draw a checkpoint's map of the digits of a split.

    Parameters
    ----------
    ref, split
        What to show.
    key : str
        Key of the map; the browser keeps its pan and zoom under it.
    place : Place, optional
        Pinned; a digit gets q(z|x) drawn round it, to scale.
    path : array, shape (T, 2), optional
        Steps of a walk on the map.
    marks : sequence of Mark
        Lettered ends.
    highlight : sequence of int
        Digits to ring.
    on_pick : callable
        Called after a click, tap or Enter; `explorer.latent_map.read_pick` tells where.
    """
    decoder, points = loaders.payloads(ref, split)
    with st.container(gap=None):
        send(decoder, key=f"{key}_decoder")
        send(points, key=f"{key}_points")
        latent_map(
            key=key,
            decoder_id=payload_id(decoder),
            points_id=payload_id(points),
            label=f"Map of MNIST in the latent space of {ref.name}",
            palette=PALETTE,
            splits=[
                ("train", loaders.SPLITS["train"].start),
                ("test", loaders.SPLITS["test"].start),
            ],
            pin=None if place is None else Pick(place.coords, place.id),
            ellipse=_ellipse(ref, place),
            path=path,
            marks=marks,
            highlight=highlight,
            on_pick=on_pick,
        )


def _ellipse(ref: CheckpointRef, place: state.Place | None) -> Ellipse | None:
    if place is None or place.id is None:
        return None
    return state.posterior_ellipse(ref, loaders.encode(ref, place.id))
