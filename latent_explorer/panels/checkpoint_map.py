"""The map of one checkpoint: its payloads, its palette, and what a page draws on top."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.latent_map.messages import read_wants
from latent_explorer.components.latent_map.mounting import latent_map, send
from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.components.latent_map.values import (
    SHEET_DIGITS,
    Callbacks,
    Ellipse,
    Layers,
    Marked,
    Overlays,
    Pick,
    Shown,
)
from latent_explorer.data import catalogue, encoding, layers, payloads
from latent_explorer.data.digits import SPLITS
from latent_explorer.session.places import Place, posterior_ellipse
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split


def checkpoint_map(
    ref: CheckpointRef,
    split: Split,
    *,
    key: str,
    place: Place | None = None,
    marked: Marked = Marked(),
    overlays: Overlays = Overlays(),
    drift: bytes | None = None,
    shown: Shown = Shown(),
    on: Callbacks,
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
    marked : Marked
        What else stands out; its ellipse, if any, is drawn instead of the pinned digit's.
    overlays : Overlays
        Curves.
    drift : bytes, optional
        What `pack_drift` made of the split's digits: one more colour.
    shown : Shown
        How the map is seen. Where it is turned, places and ellipses are given as they are before
        it, picks come turned: see `pick_before_turn`.
    on : Callbacks
        What is called when the user did something.
    """
    turn = shown.turn
    decoder, points = payloads.map_payloads(ref, split, None if turn is None else turn.tobytes())
    wants = read_wants(key, decoder_id=payload_id(decoder), points_id=payload_id(points))
    extras = _extras(ref, split, wants)
    if wants:  # the map is drawn: until then the browser's files would wait for torch's
        catalogue.warm_up()
    with st.container(gap=None):
        send(decoder, key=f"{key}_decoder")
        send(points, key=f"{key}_points")
        if drift is not None:
            send(drift, key=f"{key}_drift")
        latent_map(
            key=key,
            label=f"Map of MNIST in the latent space of {ref.name}",
            palette=PALETTE,
            layers=Layers(
                payload_id(decoder),
                payload_id(points),
                images=[
                    (int(name.partition(":")[2]) * SHEET_DIGITS, payload_id(payload))
                    for name, payload in extras.items()
                    if name.startswith("images:")
                ],
                fields=_id(extras.get("fields")),
                values=_id(extras.get("values")),
                drift=_id(drift),
            ),
            splits=[("train", SPLITS["train"].start), ("test", SPLITS["test"].start)],
            marked=marked._replace(
                pin=None if place is None else Pick(_turned(place.coords, turn), place.id),
                ellipse=_turned_ellipse(marked.ellipse or _ellipse(ref, place), turn),
            ),
            overlays=overlays,
            shown=shown,
            on=on,
        )
        for name, payload in extras.items():  # below the map, so that it keeps its place
            send(payload, key=f"{key}_{name.replace(':', '_')}")


def _extras(ref: CheckpointRef, split: Split, wants: frozenset[str]) -> dict[str, bytes]:
    """Payloads that the browser has asked for, by name."""
    found: dict[str, bytes] = {}
    for name in sorted(wants):
        if name == "fields":
            found[name] = layers.fields(ref)
        elif name == "values":
            found[name] = payloads.values(ref, split)
        else:
            found[name] = payloads.image_sheet(int(name.partition(":")[2]))
    return found


def _id(payload: bytes | None) -> str | None:
    return None if payload is None else payload_id(payload)


def _ellipse(ref: CheckpointRef, place: Place | None) -> Ellipse | None:
    if place is None or place.id is None:
        return None
    return posterior_ellipse(ref, encoding.encode(ref, place.id))


def _turned(
    coords: tuple[float, float], turn: NDArray[np.floating[Any]] | None
) -> tuple[float, float]:
    if turn is None:
        return coords
    x, y = (np.array(coords) @ turn).tolist()
    return x, y


def _turned_ellipse(
    ellipse: Ellipse | None, turn: NDArray[np.floating[Any]] | None
) -> Ellipse | None:
    if ellipse is None or turn is None:
        return ellipse
    return Ellipse(_turned(ellipse.center, turn), turn.T @ np.asarray(ellipse.cov) @ turn)


def pick_before_turn(pick: Pick, turn: NDArray[np.floating[Any]] | None) -> Pick:
    """Tell where a pick on a turned map lies before the turn."""
    return pick if turn is None else pick._replace(coords=_turned(pick.coords, turn.T))
