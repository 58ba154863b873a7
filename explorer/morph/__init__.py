"""Points, lines and pictures that move between two places, by a slider in the browser."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from streamlit.components.v2 import component

from explorer.digit_strip import INK_JS

_HERE = Path(__file__).parent
_morph = component(
    "morph",
    html=(_HERE / "morph.html").read_text(encoding="utf-8"),
    css=(_HERE / "morph.css").read_text(encoding="utf-8"),
    js=INK_JS + (_HERE / "morph.js").read_text(encoding="utf-8"),
)

Floats = NDArray[np.floating[Any]]


class Line(NamedTuple):
    """A line of as many points at the start as at the end."""

    start: Floats  # (T, 2)
    end: Floats  # (T, 2)
    seen: Literal["always", "start", "end"]  # where it shows; it fades towards the other end


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
    labels: NDArray[np.uint8],
    name: str,
    half: float,
    ends: tuple[str, str],
    label: str,
    palette: Mapping[str, Sequence[str]],
    lines: Sequence[Line] = (),
    pictures: Sequence[Picture] = (),
) -> None:
    """Draw points that go straight from `start` to `end`, both ends exact in float32.

    Nothing of it changes while the slider moves, so the browser gets it once.

    Parameters
    ----------
    key : str
        Key of the component.
    start, end : array, shape (N, 2)
        Where each point is.
    labels : array, shape (N,)
        uint8, 0 to 9: the points' colours.
    name : str
        Of row i: "test" for "test #1,234".
    half : float
        Half the side of the square in sight, which is centred on the origin.
    ends : tuple of two str
        What the start and the end are called.
    label : str
        What is seen, for those who cannot see it.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each.
    lines, pictures : sequence
        What else moves.

    Raises
    ------
    ValueError
        A shape is wrong or a number not finite.
    """
    n = len(labels)
    if labels.dtype != np.uint8 or labels.shape != (n,) or (n and labels.max() > 9):
        raise ValueError(f"labels must be uint8 of shape (N,), 0 to 9, got {labels.dtype}")
    data = {
        "start": _coords("start", start, n),
        "end": _coords("end", end, n),
        "labels": base64.b64encode(labels.tobytes()).decode(),
        "name": name,
        "half": half,
        "ends": list(ends),
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
                "pixels": base64.b64encode(
                    np.rint(255 * picture.pixels.clip(0, 1)).astype(np.uint8).tobytes()
                ).decode(),
            }
            for picture in pictures
        ],
    }
    _morph(key=key, data=data)


def _coords(name: str, values: Floats, n: int) -> str:
    """Little-endian float32 in base64."""
    if values.shape != (n, 2) or not np.isfinite(values).all():
        raise ValueError(f"{name} needs finite numbers of shape ({n}, 2), got {values.shape}")
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
