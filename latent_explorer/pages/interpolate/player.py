"""The strip and the player of a walk, in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import ink_bytes, to_base64
from latent_explorer.components.latent_map.mounting import mount_part
from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.components.latent_map.values import Mark
from latent_explorer.data import payloads
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.pages.interpolate.neighbourhood import Neighbourhood
from latent_explorer.theme import percent, point
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split


def walk_player(
    ref: CheckpointRef,
    split: Split,
    *,
    key: str,
    map_key: str,
    z: NDArray[np.floating[Any]],
    images: NDArray[np.floating[Any]],
    near: Neighbourhood,
    stops: NDArray[np.floating[Any]],
    marks: Sequence[Mark],
    is_loop: bool,
) -> None:
    """Draw the strip of a walk and its player.

    Parameters
    ----------
    ref, split
    key, map_key : str
        Of the player and of the map: each marks the step that is pointed at on the other.
    z, images : array, shapes (T, D) and (T, 784)
        The steps; ink from 0 to 1.
    near : Neighbourhood
        The digits near them.
    stops : array, shape (S, D)
        A, way-points, B; a loop's A again.
    marks : sequence of Mark
        The ends, then the way-points.
    is_loop : bool
        Whether the walk comes back.
    """
    first, last, *on_way = [mark.text for mark in marks]
    order = [first, *on_way, last, *([first] if is_loop else [])]
    titles = step_titles(len(z), is_loop=is_loop)
    turns, outside = set(near.turns), near.outside
    mount_part(
        "walk",
        {
            "map": map_key,
            "decoder": payload_id(payloads.map_payloads(ref, split).decoder),
            "z": z.tolist(),
            "stops": [
                {"text": text, "z": stop} for text, stop in zip(order, stops.tolist(), strict=True)
            ],
            "loop": is_loop,
            "images": [
                {
                    "title": titles[i],
                    "pixels": to_base64(ink_bytes(images[i])),
                    "caption": f"{near.classes[i]} · {percent(near.shares[i].max())}",
                    "said": _said(z[i], near, i),
                    "turns": i in turns,
                    "outside": bool(outside[i]),
                }
                for i in range(len(z))
            ],
        },
        key=key,
    )


def step_titles(n: int, *, is_loop: bool) -> list[str]:
    """Name steps: A, step 1, …, B; a loop ends at A."""
    return ["A", *(f"step {i}" for i in range(1, n - 1)), "A again" if is_loop else "B"]


def _said(z: NDArray[np.floating[Any]], near: Neighbourhood, i: int) -> str:
    said = (
        f"z = {point(z, 2)}; {percent(near.shares[i].max())} of the {N_VOTERS} nearest "
        f"digits are {near.classes[i]}s"
    )
    return said + ("; outside the region with data" if near.outside[i] else "")
