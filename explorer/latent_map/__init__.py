"""The map: a Streamlit component that draws the latent plane and decodes under the pointer.

Big, immutable bytes travel once (`send`), the small state of one map travels at every rerun
(`latent_map`).  The browser hovers, pans and zooms on its own; Python hears only picks::

    send(decoder_payload, key="decoder")
    send(points_payload, key="points")
    latent_map(key="map", decoder_id=payload_id(decoder_payload), ...)
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from explorer.latent_map.payload import pack_decoder, pack_points, payload_id

__all__ = [
    "Ellipse",
    "Mark",
    "Pick",
    "latent_map",
    "pack_decoder",
    "pack_points",
    "payload_id",
    "read_pick",
    "send",
]

_LOGGER = logging.getLogger(__name__)
_HERE = Path(__file__).parent
_component = component(
    "latent_map",
    html='<div class="mount"></div>',
    css=(_HERE / "latent_map.css").read_text(encoding="utf-8"),
    js=(_HERE / "latent_map.js").read_text(encoding="utf-8"),
)


class Pick(NamedTuple):
    """A place on the plane, and the digit that lies there if one was meant.

    Attributes
    ----------
    coords : tuple of two floats
        Position on the plane.
    id : int or None
        The digit, None for bare latent space.
    """

    coords: tuple[float, float]
    id: int | None = None


class Mark(NamedTuple):
    """A lettered end, such as A or B of an interpolation.

    Attributes
    ----------
    coords : tuple of two floats
        Position on the plane.
    text : str
        One or two letters.
    id : int or None
        The digit, None for bare latent space.
    """

    coords: tuple[float, float]
    text: str
    id: int | None = None


class Ellipse(NamedTuple):
    """A Gaussian on the plane, drawn to scale at one and two standard deviations.

    Attributes
    ----------
    center : tuple of two floats
        Its mean.
    cov : array-like, shape (2, 2)
        Its covariance.
    """

    center: tuple[float, float]
    cov: np.ndarray | Sequence[Sequence[float]]


def send(payload: bytes, *, key: str) -> None:
    """Give the browser a payload to keep; takes no room on the page.

    Streamlit transmits it once and refers to it afterwards, as long as it stays the same.

    Parameters
    ----------
    payload : bytes
        What `pack_decoder` or `pack_points` returned.
    key : str
        Key of this mount; one per role on the page ("decoder", "points"), not per payload.
    """
    payload_id(payload)  # refuses anything else before it is sent
    _component(key=key, data=payload, height=1)


def latent_map(
    *,
    key: str,
    decoder_id: str,
    points_id: str,
    label: str,
    palette: Mapping[str, Sequence[str]],
    splits: Sequence[tuple[str, int]] = (("", 0),),
    pin: Pick | None = None,
    ellipse: Ellipse | None = None,
    path: np.ndarray | Sequence[tuple[float, float]] | None = None,
    marks: Sequence[Mark] = (),
    highlight: Sequence[int] = (),
    on_pick: Callable[[], None] = lambda: None,
) -> None:
    """Draw one map.

    Parameters
    ----------
    key : str
        Key of the map; its pan and zoom last in the browser under this key.
    decoder_id, points_id : str
        Names of payloads that `send` gives to the browser on the same page.
    label : str
        What the map shows, for those who cannot see it.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each, one per digit class.
    splits : sequence of (name, first id)
        How digits are named: digit 60,004 is "test #4" after ("test", 60000). Ascending.
    pin : Pick or None
        The picked place; the lens rests there.
    ellipse : Ellipse or None
        q(z|x) on the plane, drawn at one and two standard deviations.
    path : array-like, shape (T, 2), or None
        A line with a dot at every step.
    marks : sequence of Mark
        Lettered ends.
    highlight : sequence of int
        Digits to draw a ring round.
    on_pick : callable
        Called without arguments after a click, tap or Enter; see `read_pick`.
    """
    state: dict[str, Any] = {
        "key": key,  # the frontend's own key is made up by Streamlit
        "decoder": decoder_id,
        "points": points_id,
        "label": label,
        "palette": {theme: list(palette[theme]) for theme in ("light", "dark")},
        "splits": [[name, int(first_id)] for name, first_id in splits],
        "pin": pin and {"coords": _numbers("pin", pin.coords, (2,)), "id": _maybe_int(pin.id)},
        "ellipse": ellipse
        and {
            "center": _numbers("ellipse.center", ellipse.center, (2,)),
            "cov": _numbers("ellipse.cov", ellipse.cov, (2, 2)),
        },
        "path": None if path is None else {"points": _numbers("path", path, (len(path), 2))},
        "marks": [
            {
                "coords": _numbers(f"mark {mark.text}", mark.coords, (2,)),
                "text": mark.text,
                "id": _maybe_int(mark.id),
            }
            for mark in marks
        ],
        "highlight": [int(digit) for digit in highlight],
    }
    _component(key=key, data=state, on_pick_change=on_pick)


def read_pick(key: str) -> Pick | None:
    """Read what was picked on a map, inside its `on_pick` callback.

    Parameters
    ----------
    key : str
        Key of the map.

    Returns
    -------
    Pick or None
        None outside the callback's run, and for a message that is not a pick.
    """
    value = st.session_state.get(key)
    raw = value.get("pick") if isinstance(value, Mapping) else None
    if raw is None:
        return None
    pick = _parse_pick(raw)
    if pick is None:
        _LOGGER.warning("Map %r sent %.200r, which is not a pick; it is ignored.", key, raw)
    return pick


def _parse_pick(raw: object) -> Pick | None:
    """Take a pick from the browser's JSON; None unless every part is what it must be."""
    if not isinstance(raw, Mapping):
        return None
    coords, digit = raw.get("coords"), raw.get("id")
    if not isinstance(coords, list) or len(coords) != 2:
        return None
    if not all(_is_finite_number(value) for value in coords):
        return None
    if digit is not None and (type(digit) is not int or digit < 0):
        return None
    return Pick((float(coords[0]), float(coords[1])), digit)


def _is_finite_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _numbers(name: str, values: Any, shape: tuple[int, ...]) -> list[Any]:
    """Nested lists of finite floats: JSON has no NaN, and one would blank the whole map."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} is {values!r}; it must hold finite numbers of shape {shape}.")
    return array.tolist()


def _maybe_int(value: int | None) -> int | None:
    return None if value is None else int(value)
