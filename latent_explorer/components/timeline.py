"""A training seen as a film: maps, mosaics and curves that move with a time slider.

The film's bytes travel once (`send_film`), what is chosen travels at every rerun (`timeline`).
Moving between two snapshots is the browser's own, and linear.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, ink_bytes, read_number, to_base64

N_PIXELS = 784
_SIDE = 28
_timeline = declare("timeline", "stage.css")

Floats = NDArray[np.floating[Any]]


class Film(NamedTuple):
    """What `pack_film` packed, and its name: the hash of its content."""

    id: str
    payload: bytes


class Curve(NamedTuple):
    """A figure of every snapshot."""

    title: str
    unit: str
    digits: int  # after the decimal point
    how: str  # how it was computed
    values: Sequence[float | None]  # (S,)


class Followed(NamedTuple):
    """A digit whose way through training is drawn."""

    row: int
    original: Floats  # (784,), ink from 0 to 1
    reconstructions: Floats  # (S, 784)


def pack_film(*, coords: Floats, labels: NDArray[np.uint8], mosaics: Floats, half: float) -> Film:
    """Pack the pictures of a training for the browser.

    Parameters
    ----------
    coords : array, shape (S, N, 2)
        Where each digit is at each snapshot.
    labels : array, shape (N,)
        uint8, 0 to 9.
    mosaics : array, shape (S, G, G, 784)
        Ink from 0 to 1, decoded at the centres of G × G cells of the square; first row on top.
    half : float
        Half the side of the square in sight, which is centred on the origin.
    """
    n_moments, n, _ = coords.shape
    grid = mosaics.shape[1]
    if coords.shape != (n_moments, n, 2) or not np.isfinite(coords).all():
        raise ValueError(f"coords need finite numbers of shape (S, N, 2), got {coords.shape}")
    if labels.dtype != np.uint8 or labels.shape != (n,) or (n and labels.max() > 9):
        raise ValueError(f"labels must be uint8 of shape ({n},), 0 to 9, got {labels.dtype}")
    if mosaics.shape != (n_moments, grid, grid, N_PIXELS) or not np.isfinite(mosaics).all():
        raise ValueError(f"mosaics need shape ({n_moments}, G, G, 784), got {mosaics.shape}")
    if not half > 0:
        raise ValueError(f"half must be above 0, got {half}")
    tiles = ink_bytes(mosaics).reshape(n_moments, grid, grid, _SIDE, _SIDE)
    pictures = tiles.transpose(0, 1, 3, 2, 4)  # (S, G, 28, G, 28): each a picture, row by row
    body = coords.astype("<f4").tobytes() + labels.tobytes() + pictures.tobytes()
    said = {"n": n, "moments": n_moments, "grid": grid, "half": half}
    name = hashlib.sha256(json.dumps(said).encode() + body).hexdigest()[:16]
    head = json.dumps(said | {"id": name}).encode()
    head += b" " * (-len(head) % 4)  # float32 must start at a multiple of 4
    return Film(name, struct.pack("<I", len(head)) + head + body)


class Seen(NamedTuple):
    """What a training opens with."""

    at: float  # snapshots, from the first on; between two of them it is interpolated
    look: str  # "points", "mosaic" or "both"
    opening: int  # which of the addresses that the session has opened asks for it; 0 if none does


def send_film(film: Film, *, key: str) -> None:
    """Give the browser a film to keep; takes no room on the page."""
    _timeline(key=key, data=film.payload, height=1)


def timeline(
    *,
    key: str,
    film_id: str,
    name: str,
    seen: Seen,
    epochs: Sequence[float],
    curves: Sequence[Curve],
    followed: Followed | None,
    label: str,
    palette: Mapping[str, Sequence[str]],
    on_choose: Callable[[], None],
) -> None:
    """Draw a film that was sent, with its slider and its curves.

    Parameters
    ----------
    key : str
    film_id : str
        Of the film.
    name : str
        Of the training: the browser keeps its moment and look over reruns and changes of page.
    seen : Seen
        What it opens with when the browser knows neither.
    epochs : sequence of float
        Of each snapshot, rising from 0 or more.
    curves : sequence of Curve
    followed : Followed, optional
    label : str
        What is seen, for those who cannot see it.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each.
    on_choose : callable
        Called without arguments after a point was clicked, see `read_chosen`.
    """
    n_moments = len(epochs)
    if n_moments < 2 or epochs[0] < 0 or (np.diff(epochs) <= 0).any():
        raise ValueError(f"epochs must rise from 0 or more, at least two, got {epochs}")
    for curve in curves:
        if len(curve.values) != n_moments:
            raise ValueError(f"{curve.title} needs {n_moments} values, got {len(curve.values)}")
    chosen = None
    if followed is not None:
        if followed.reconstructions.shape != (n_moments, N_PIXELS):
            raise ValueError(
                f"reconstructions need shape ({n_moments}, 784), "
                f"got {followed.reconstructions.shape}"
            )
        chosen = {
            "row": followed.row,
            "original": to_base64(ink_bytes(followed.original)),
            "reconstructions": to_base64(ink_bytes(followed.reconstructions)),
        }
    data = {
        "film": film_id,
        "name": name,
        "start": seen._asdict(),
        "epochs": [float(epoch) for epoch in epochs],
        "curves": [curve._asdict() | {"values": list(curve.values)} for curve in curves],
        "followed": chosen,
        "label": label,
        "palette": {theme: list(colours) for theme, colours in palette.items()},
    }
    _timeline(key=key, data=data, on_choose_change=on_choose)


def read_chosen(key: str) -> int | None:
    """Row of the point just clicked, inside an `on_choose` callback."""
    return read_number(key, "choose")
