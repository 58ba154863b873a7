"""The strip and the player of a walk, in the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.latent_map import Mark, mount_part, payload_id
from latent_explorer.data import payloads
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.pages.interpolate.around import Around
from latent_explorer.theme import point
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
    around: Around,
    stops: NDArray[np.floating[Any]],
    marks: Sequence[Mark],
    is_loop: bool,
) -> None:
    """Draw the strip of a walk and its player.

    Parameters
    ----------
    ref, split
        What the page's map shows.
    key, map_key : str
        Of the player and of the map: each marks the step that is pointed at on the other.
    z, images : array, shapes (T, D) and (T, 784)
        The steps; ink from 0 to 1.
    around : Around
        What lies around them.
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
    turns, outside = set(around.turns), around.outside
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
                    "pixels": _base64(images[i]),
                    "caption": f"{around.classes[i]} · {around.shares[i].max():.0%}",
                    "said": _said(z[i], around, i),
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


def _said(z: NDArray[np.floating[Any]], around: Around, i: int) -> str:
    said = (
        f"z = {point(z, 2)}; {around.shares[i].max():.0%} of the {N_VOTERS} nearest "
        f"digits are {around.classes[i]}s"
    )
    return said + ("; outside the region with data" if around.outside[i] else "")


def _base64(image: NDArray[np.floating[Any]]) -> str:
    return base64.b64encode(np.rint(image.clip(0, 1) * 255).astype(np.uint8).tobytes()).decode()
