"""Points, lines and pictures that move between two places, by a slider in the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, ink_bytes, read_number, to_base64

_morph = declare("morph", "stage.css")

Floats = NDArray[np.floating[Any]]
_NOTHING: Callable[[], None] = lambda: None  # noqa: E731


class Line(NamedTuple):
    """A line of as many points at the start as at the end."""

    start: Floats  # (T, 2)
    end: Floats  # (T, 2)
    seen: Literal["always", "start", "end"]  # where it shows; it fades towards the other end


class Trace(NamedTuple):
    """One point that is followed, and a picture of it at either end."""

    row: int
    name: str
    pixels: Floats  # (2, 784): ink from 0 to 1


class Picture(NamedTuple):
    """A picture of a digit that moves along."""

    pixels: Floats  # (784,): ink from 0 to 1
    start: Sequence[float] | Floats  # x, y
    end: Sequence[float] | Floats


def morph(
    *,
    key: str,
    start: Floats,
    end: Floats,
    ends: tuple[str, str],
    labels: NDArray[np.uint8],
    splits: Sequence[tuple[str, int]],
    halves: tuple[float, float],
    label: str,
    palette: Mapping[str, Sequence[str]],
    lines: Sequence[Line] = (),
    pictures: Sequence[Picture] = (),
    trails: NDArray[np.integer[Any]] | None = None,
    trace: Trace | None = None,
    on_pick: Callable[[], None] | None = None,
    at: float = 0.0,
    opening: int | None = None,
) -> None:
    """Draw points that go straight from `start` to `end`, both ends exact in float32.

    Nothing of it changes while the slider moves, so the browser gets it once.

    Parameters
    ----------
    key : str
    start, end : array, shape (N, 2)
        Where each point is.
    ends : tuple of two str
        What the start and the end are called.
    labels : array, shape (N,)
        uint8, 0 to 9: the points' colours.
    splits : sequence of (name, first row)
        How rows are named: after ("test", 60000) row 60,004 is "test #4". Ascending.
    halves : tuple of two float
        Half the side of the square in sight, which is centred on the origin, at the start and at
        the end; if they differ, the square says how far it reaches.
    label : str
        What is seen, for those who cannot see it.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each.
    lines, pictures : sequence
        What else moves.
    trails : array of int, optional
        Rows that draw their way behind them.
    trace : Trace, optional
        A point that is followed.
    on_pick : callable, optional
        Called after a click on a point; see `read_row`.
    at : float
        Where the slider is at first, from 0 to 1; later the browser keeps it.
    opening : int, optional
        Which of the addresses that the session has opened asks for `at`, from 1 on; 0 if none does.
        None: neither the address nor a link holds where the slider is.
    """
    n = len(labels)
    if labels.dtype != np.uint8 or labels.shape != (n,) or (n and labels.max() > 9):
        raise ValueError(f"labels must be uint8 of shape (N,), 0 to 9, got {labels.dtype}")
    for name, rows in (("trails", trails), ("trace", None if trace is None else [trace.row])):
        if rows is not None and any(not 0 <= row < n for row in rows):
            raise ValueError(f"{name} must name rows from 0 to {n - 1}, got {rows}")
    data = {
        "start": _coords("start", start, n),
        "end": _coords("end", end, n),
        "ends": list(ends),
        "labels": to_base64(labels),
        "splits": [[name, int(first)] for name, first in splits],
        "halves": list(halves),
        "name": key,
        "at": at,
        "opening": opening,
        "label": label,
        "palette": {theme: list(colours) for theme, colours in palette.items()},
        "lines": [
            {
                "start": _coords("a line's start", line.start, len(line.start)),
                "end": _coords("a line's end", line.end, len(line.start)),
                "seen": line.seen,
            }
            for line in lines
        ],
        "pictures": [
            {
                "start": [float(value) for value in picture.start],
                "end": [float(value) for value in picture.end],
                "pixels": to_base64(ink_bytes(picture.pixels)),
            }
            for picture in pictures
        ],
        "trails": [] if trails is None else [int(row) for row in trails],
        "trace": trace
        and {
            "row": trace.row,
            "name": trace.name,
            "pictures": [to_base64(ink_bytes(pixels)) for pixels in trace.pixels],
        },
        "picks": on_pick is not None,
    }
    _morph(key=key, data=data, on_pick_change=on_pick or _NOTHING)


def read_row(key: str) -> int | None:
    """Read which point was clicked, inside its `on_pick` callback; None for anything else."""
    return read_number(key, "pick")


def _coords(name: str, values: Floats, n: int) -> str:
    """Little-endian float32 in base64."""
    if values.shape != (n, 2) or not np.isfinite(values).all():
        raise ValueError(f"{name} needs finite numbers of shape ({n}, 2), got {values.shape}")
    return to_base64(values.astype("<f4"))
