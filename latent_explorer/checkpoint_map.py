"""The map of one checkpoint: its payloads, its palette, and what a page draws on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.latent_map import (
    SHEET_DIGITS,
    Beside,
    Ellipse,
    Line,
    MapView,
    Mark,
    Pick,
    latent_map,
    payload_id,
    read_wants,
    send,
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
    path: NDArray[np.floating[Any]] | None = None,
    lines: Sequence[Line] = (),
    marks: Sequence[Mark] = (),
    highlight: Sequence[int] = (),
    ellipse: Ellipse | None = None,
    selected: NDArray[np.integer[Any]] | None = None,
    drift: bytes | None = None,
    start: MapView | None = None,
    link: Mapping[str, str] | None = None,
    beside: Beside | None = None,
    turn: NDArray[np.floating[Any]] | None = None,
    on_pick: Callable[[], None],
    on_select: Callable[[], None] | None = None,
    on_release: Callable[[], None] | None = None,
    on_drag: Callable[[], None] | None = None,
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
    lines : sequence of Line
        Other curves on the map.
    marks : sequence of Mark
        Lettered ends.
    highlight : sequence of int
        Digits to ring.
    ellipse : Ellipse, optional
        q(z|x) of something else than the pinned digit, such as a drawing.
    selected : array of int, optional
        Digits that stand out.
    drift : bytes, optional
        What `latent_map.pack_drift` made of the split's digits: one more colour.
    start, link : optional
        What a link restores, and what the map's own "Copy link" starts from.
    beside : Beside, optional
        Other maps that show what this one is asked.
    turn : array of shape (2, 2), optional
        Orthogonal: the plane is shown as coords @ turn; places and
        ellipses are given as they are before it, picks come turned: see `pick_before_turn`.
    on_pick : callable
        Called after a click, tap or Enter; `latent_map.read_pick` tells where.
    on_select : callable, optional
        Called after a lasso or a box; `latent_map.read_selection` tells what.
    on_release : callable, optional
        Called when Escape lets go of the pin.
    on_drag : callable, optional
        Called after a mark was dragged; `latent_map.read_drag` tells where to.
    """
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
            decoder_id=payload_id(decoder),
            points_id=payload_id(points),
            label=f"Map of MNIST in the latent space of {ref.name}",
            palette=PALETTE,
            splits=[
                ("train", SPLITS["train"].start),
                ("test", SPLITS["test"].start),
            ],
            pin=None if place is None else Pick(_turned(place.coords, turn), place.id),
            ellipse=_turned_ellipse(ellipse or _ellipse(ref, place), turn),
            path=path,
            lines=lines,
            marks=marks,
            highlight=highlight,
            images=[
                (int(name.partition(":")[2]) * SHEET_DIGITS, payload_id(payload))
                for name, payload in extras.items()
                if name.startswith("images:")
            ],
            fields=_id(extras.get("fields")),
            values=_id(extras.get("values")),
            drift=_id(drift),
            selected=selected,
            start=start,
            link=link,
            beside=beside,
            turn=turn,
            on_pick=on_pick,
            on_select=on_select,
            on_release=on_release,
            on_drag=on_drag,
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
