"""The map: a Streamlit component that draws the latent plane and decodes under the pointer.

Big, immutable bytes travel once (`send`), the small state of one map travels at every rerun
(`latent_map`).  The browser hovers, pans and zooms on its own; Python hears of
picks, of selections, and of payloads that the browser wants (`read_wants`)::

    send(decoder_payload, key="decoder")
    send(points_payload, key="points")
    latent_map(key="map", decoder_id=payload_id(decoder_payload), ...)

The browser's side is assets/latent_map/latent_map.js and the modules that it imports.
"""

import base64
import binascii
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare
from latent_explorer.components.latent_map.payload import (
    pack_decoder,
    pack_drift,
    pack_fields,
    pack_images,
    pack_points,
    pack_values,
    payload_id,
)
from latent_explorer.vocabulary import COLOURS, LAYERS, map_words

__all__ = [
    "SHEET_DIGITS",
    "Beside",
    "Drag",
    "Ellipse",
    "Line",
    "MapView",
    "Mark",
    "Pick",
    "latent_map",
    "mount_part",
    "pack_decoder",
    "pack_drift",
    "pack_fields",
    "pack_images",
    "pack_points",
    "pack_values",
    "payload_id",
    "preload",
    "read_drag",
    "read_pick",
    "read_selection",
    "read_wants",
    "send",
]

SHEET_DIGITS = 10_000  # "images:3" are digits 30,000 to 39,999
N_SHEETS = 7

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_NOTHING: Callable[[], None] = lambda: None  # noqa: E731


_mount = declare("latent_map")


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


class Line(NamedTuple):
    """A curve on the plane, in a stroke of its own.

    Attributes
    ----------
    points : array-like, shape (T, 2)
        Its corners.
    dash : sequence of int
        Css pixels on and off; empty for a line without gaps.
    """

    points: np.ndarray | Sequence[tuple[float, float]]
    dash: Sequence[int] = ()


class Drag(NamedTuple):
    """A mark that was dragged, by its letters, and where it was let go."""

    text: str
    pick: Pick


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


class Beside(NamedTuple):
    """One of several maps side by side: a digit pointed at in one lights up in all.

    Attributes
    ----------
    group : str
        Name that these maps share; a selection made in one is made in all.
    side : str
        Which of them this is, in links.
    is_view_shared : bool
        Whether all pan and zoom as one.
    """

    group: str
    side: str
    is_view_shared: bool


class MapView(NamedTuple):
    """What a link says of a map's looks.

    Attributes
    ----------
    view : tuple of four floats, or None
        x0, x1, y0, y1 of the plane, to be in sight; None for the fitted view.
    layers : tuple of str, or None
        Of the vocabulary's `LAYERS`, those that are on; None for the usual ones.
    colour : str
        Of its `COLOURS`, what the points' colour says.
    """

    view: tuple[float, float, float, float] | None = None
    layers: tuple[str, ...] | None = None
    colour: str = "label"


def preload() -> None:
    """Let the browser fetch the map's files before it gets a map; takes no room on the page."""
    _mount(key="latent_map_files", data=[None], height=1)


def send(payload: bytes, *, key: str) -> None:
    """Give the browser a payload to keep; takes no room on the page.

    Streamlit transmits it once and refers to it afterwards, as long as it stays the same.

    Parameters
    ----------
    payload : bytes
        What one of the packers returned.
    key : str
        Key of this mount; one per role on the page ("decoder", "points"), not per payload.
    """
    payload_id(payload)  # refuses anything else before it is sent
    _mount(key=key, data=payload, height=1)


def mount_part(
    part: str, state: Mapping[str, Any], *, key: str, on_choose: Callable[[], None] = _NOTHING
) -> None:
    """Mount another part of the component, which shares payloads with the page's maps.

    Parameters
    ----------
    part : str
        "walk": the strip and the player of a walk.
    state : mapping
        What the part shows; JSON.
    key : str
        Key of the mount.
    on_choose : callable
        Called when something of the part is chosen.
    """
    _mount(key=key, data=[{"part": part, **state}], on_choose_change=on_choose)


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
    lines: Sequence[Line] = (),
    marks: Sequence[Mark] = (),
    highlight: Sequence[int] = (),
    images: Sequence[tuple[int, str]] | None = None,
    fields: str | None = None,
    values: str | None = None,
    drift: str | None = None,
    selected: NDArray[np.integer[Any]] | None = None,
    start: MapView | None = None,
    link: Mapping[str, str] | None = None,
    beside: Beside | None = None,
    turn: NDArray[np.floating[Any]] | None = None,
    on_pick: Callable[[], None] = _NOTHING,
    on_select: Callable[[], None] | None = None,
    on_release: Callable[[], None] | None = None,
    on_drag: Callable[[], None] | None = None,
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
    lines : sequence of Line
        Other curves, under the path.
    marks : sequence of Mark
        Lettered ends.
    highlight : sequence of int
        Digits to draw a ring round.
    images : sequence of (first id, payload id), or None
        Sheets of digits' pictures that `send` gives to the browser; the browser asks for others
        in `read_wants`. None if the page has none to give.
    fields, values : str or None
        Payloads for the layers under the points and for the points' colours, None until the
        browser wants them.
    drift : str or None
        Payload for a colour of its own; None where nothing is compared.
    selected : ndarray of int or None
        Digits that stand out, while all others are dimmed.
    start : MapView or None
        How the map looks at first; applied once per distinct value.
    link : mapping or None
        Query parameters of a link to this page; the map adds its view, layers and colour.
    beside : Beside or None
        The maps beside this one.
    turn : array of shape (2, 2) or None
        How the plane of the payloads was turned, coords @ turn, after the fields were computed.
    on_pick : callable
        Called without arguments after a click, tap or Enter; see `read_pick`.
    on_select : callable or None
        Called after a lasso or a box; see `read_selection`. None: the map selects nothing.
    on_release : callable or None
        Called when Escape lets go of the pin. None: Escape leaves the pin where it is.
    on_drag : callable or None
        Called after a mark was dragged; see `read_drag`. None: marks stay where they are.
    """
    state: dict[str, Any] = {
        "key": key,  # the frontend's own key is made up by Streamlit
        "decoder": decoder_id,
        "points": points_id,
        "label": label,
        "vocabulary": map_words(),
        "palette": {theme: list(palette[theme]) for theme in ("light", "dark")},
        "splits": [[name, int(first_id)] for name, first_id in splits],
        "pin": pin and {"coords": _numbers("pin", pin.coords, (2,)), "id": _maybe_int(pin.id)},
        "ellipse": ellipse
        and {
            "center": _numbers("ellipse.center", ellipse.center, (2,)),
            "cov": _numbers("ellipse.cov", ellipse.cov, (2, 2)),
        },
        "path": None if path is None else {"points": _numbers("path", path, (len(path), 2))},
        "lines": [
            {"points": _numbers("line", line.points, (len(line.points), 2)), "dash": [*line.dash]}
            for line in lines
        ],
        "marks": [
            {
                "coords": _numbers(f"mark {mark.text}", mark.coords, (2,)),
                "text": mark.text,
                "id": _maybe_int(mark.id),
            }
            for mark in marks
        ],
        "highlight": [int(digit) for digit in highlight],
        "images": None if images is None else [[int(first), name] for first, name in images],
        "fields": fields,
        "values": values,
        "drift": drift,
        "selected": None if selected is None else _bits(selected),
        "start": None if start is None else _start(start),
        "link": None if link is None else dict(link),
        "group": beside
        and {
            "name": beside.group,
            "side": beside.side,
            "isViewShared": beside.is_view_shared,
        },
        "turn": None if turn is None else _numbers("turn", turn, (2, 2)),
        "selects": on_select is not None,
        "releases": on_release is not None,
        "drags": on_drag is not None,
    }
    _mount(
        key=key,
        data=[state],  # in a dict Streamlit would look for data frames: 0.3 s to import pandas
        on_pick_change=on_pick,
        on_select_change=on_select or _NOTHING,
        on_release_change=on_release or _NOTHING,
        on_drag_change=on_drag or _NOTHING,
        on_wants_change=_NOTHING,
    )


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
    return _read(key, "pick", "pick", _parse_pick)


def read_drag(key: str) -> Drag | None:
    """Read which mark was dragged on a map, and where to, inside its `on_drag` callback.

    Parameters
    ----------
    key : str
        Key of the map.

    Returns
    -------
    Drag or None
        None outside the callback's run, and for a message that is not a drag.
    """
    return _read(key, "drag", "drag", _parse_drag)


def read_selection(key: str) -> NDArray[np.intp] | None:
    """Read which digits were selected on a map, inside its `on_select` callback.

    Parameters
    ----------
    key : str
        Key of the map.

    Returns
    -------
    ndarray of int, or None
        Ids in ascending order; empty if the selection was cleared. None outside the callback's
        run, and for a message that is not a selection.
    """
    return _read(key, "select", "selection", _parse_selection)


def read_wants(key: str, *, decoder_id: str, points_id: str) -> frozenset[str]:
    """Read what a map's browser has asked for: "fields", "values", "images:0" to "images:6".

    Parameters
    ----------
    key : str
        Key of the map.
    decoder_id, points_id : str
        Payloads that the map shows now: what was asked for with others is of no use any more.

    Returns
    -------
    frozenset of str
        Names of payloads; what is unknown is left out.
    """
    raw = _said(key, "wants")
    if not isinstance(raw, list):
        return frozenset()
    names = {f"images:{i}": f"images:{i}" for i in range(N_SHEETS)}
    names[f"fields:{decoder_id}"] = "fields"
    names[f"values:{decoder_id}:{points_id}"] = "values"
    return frozenset(name for asked, name in names.items() if asked in raw)


def _said(key: str, name: str) -> Any:
    """Get what the browser last said under a name, None if it did not."""
    value = st.session_state.get(key)
    return value.get(name) if isinstance(value, Mapping) else None


def _read(key: str, name: str, what: str, parse: Callable[[object], _T | None]) -> _T | None:
    """Parse what the browser said under a name; None if nothing, or not what it must be."""
    raw = _said(key, name)
    if raw is None:
        return None
    parsed = parse(raw)
    if parsed is None:
        _LOGGER.warning("Map %r sent %.200r, which is not a %s; it is ignored.", key, raw, what)
    return parsed


def _parse_selection(raw: object) -> NDArray[np.intp] | None:
    """Take a selection from the browser's JSON; None unless every part is what it must be."""
    if not isinstance(raw, Mapping):
        return None
    bits, n, first_id = raw.get("bits"), raw.get("n"), raw.get("first_id")
    if not isinstance(bits, str) or type(n) is not int or type(first_id) is not int:
        return None
    try:
        raw_bytes = base64.b64decode(bits, validate=True)
    except (binascii.Error, ValueError):
        return None
    marks = np.unpackbits(np.frombuffer(raw_bytes, np.uint8), bitorder="little")
    ids = np.flatnonzero(marks) + first_id
    return ids if first_id >= 0 and len(ids) == n else None


def _bits(ids: NDArray[np.integer[Any]]) -> dict[str, Any] | None:
    """Write a set of digits as the browser reads it: bit i, lowest first, is digit first_id + i."""
    ids = np.asarray(ids)
    if not ids.size:
        return None
    first_id = int(ids.min())
    marks = np.zeros(int(ids.max()) - first_id + 1, np.uint8)
    marks[ids - first_id] = 1
    bits = base64.b64encode(np.packbits(marks, bitorder="little").tobytes()).decode()
    return {"first_id": first_id, "bits": bits}


def _start(start: MapView) -> dict[str, Any]:
    """Check a link's view."""
    layers = None if start.layers is None else list(start.layers)
    unknown = sorted({*(layers or [])} - {*LAYERS})
    if unknown:
        raise ValueError(f"layers has {', '.join(unknown)}; allowed are {', '.join(LAYERS)}.")
    if start.colour not in COLOURS:
        raise ValueError(f"colour is {start.colour!r}; allowed are {', '.join(COLOURS)}.")
    view = None if start.view is None else _numbers("view", start.view, (4,))
    return {"view": view, "layers": layers, "colour": start.colour}


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


def _parse_drag(raw: object) -> Drag | None:
    pick = _parse_pick(raw)
    text = raw.get("text") if isinstance(raw, Mapping) else None
    return Drag(text, pick) if pick is not None and isinstance(text, str) else None


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
