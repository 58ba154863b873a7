"""Maps and their payloads on the page: what Python says to the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, to_base64
from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.components.latent_map.values import (
    Callbacks,
    Layers,
    MapView,
    Marked,
    Overlays,
    Shown,
)
from latent_explorer.vocabulary import COLOURS, LAYERS, map_words

_NOTHING: Callable[[], None] = lambda: None  # noqa: E731
_mount = declare("latent_map")


def preload() -> None:
    """Let the browser fetch the map's files before it gets a map; takes no room on the page."""
    _mount(key="latent_map_files", data=[None], height=1)


def send(payload: bytes, *, key: str) -> None:
    """Give the browser a payload to keep; takes no room on the page.

    Streamlit transmits it once and refers to it afterwards, as long as it stays the same. So there
    is a key for each role on the page ("decoder", "points"), not for each payload.
    """
    payload_id(payload)  # refuses anything else before it is sent
    _mount(key=key, data=payload, height=1)


def mount_part(part: str, state: Mapping[str, Any], *, key: str) -> None:
    """Mount another part of the component, such as "walk", with what it shows; it is JSON."""
    _mount(key=key, data=[{"part": part, **state}])


def latent_map(
    *,
    key: str,
    label: str,
    palette: Mapping[str, Sequence[str]],
    layers: Layers,
    splits: Sequence[tuple[str, int]] = (("", 0),),
    marked: Marked = Marked(),
    overlays: Overlays = Overlays(),
    shown: Shown = Shown(),
    on: Callbacks = Callbacks(),
) -> None:
    """Draw one map.

    Parameters
    ----------
    key : str
        Key of the map; its pan and zoom last in the browser under this key.
    label : str
        What the map shows, for those who cannot see it.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each, one per digit class.
    layers : Layers
        Payloads that `send` gives to the browser on the same page.
    splits : sequence of (name, first id)
        How digits are named: digit 60,004 is "test #4" after ("test", 60000). Ascending.
    marked : Marked
        Places and digits that stand out.
    overlays : Overlays
        Curves.
    shown : Shown
        How the map is seen.
    on : Callbacks
        What is called when the user did something.
    """
    pin, ellipse, path = marked.pin, marked.ellipse, overlays.path
    start, beside, turn = shown
    state: dict[str, Any] = {
        "key": key,  # the frontend's own key is made up by Streamlit
        "decoder": layers.decoder,
        "points": layers.points,
        "label": label,
        "vocabulary": map_words(),
        "palette": {theme: list(palette[theme]) for theme in ("light", "dark")},
        "splits": [[name, int(first_id)] for name, first_id in splits],
        "pin": pin and {"coords": _numbers("pin", pin.coords, (2,)), "id": _maybe_int(pin.id)},
        "pinIsBeside": marked.is_pin_beside,
        "ellipse": ellipse
        and {
            "center": _numbers("ellipse.center", ellipse.center, (2,)),
            "cov": _numbers("ellipse.cov", ellipse.cov, (2, 2)),
        },
        "path": None if path is None else {"points": _numbers("path", path, (len(path), 2))},
        "lines": [
            {"points": _numbers("line", line.points, (len(line.points), 2)), "dash": [*line.dash]}
            for line in overlays.lines
        ],
        "marks": [
            {
                "coords": _numbers(f"mark {mark.text}", mark.coords, (2,)),
                "text": mark.text,
                "id": _maybe_int(mark.id),
                "isOnWay": mark.is_on_way,
            }
            for mark in marked.ends
        ],
        "highlight": [int(digit) for digit in marked.highlight],
        "images": None
        if layers.images is None
        else [[int(first), name] for first, name in layers.images],
        "fields": layers.fields,
        "values": layers.values,
        "drift": layers.drift,
        "selected": None if marked.selected is None else _bits(marked.selected),
        "start": None if start is None else _start(start),
        "group": beside
        and {"name": beside.group, "side": beside.side, "isViewShared": beside.is_view_shared},
        "turn": None if turn is None else _numbers("turn", turn, (2, 2)),
        "selects": on.select is not None,
        "releases": on.release is not None,
        "drags": on.drag is not None,
    }
    _mount(
        key=key,
        data=[state],  # in a dict Streamlit would look for data frames: 0.3 s to import pandas
        on_pick_change=on.pick or _NOTHING,
        on_select_change=on.select or _NOTHING,
        on_release_change=on.release or _NOTHING,
        on_drag_change=on.drag or _NOTHING,
        on_wants_change=_NOTHING,
    )


def _bits(ids: NDArray[np.integer[Any]]) -> dict[str, Any] | None:
    """Write a set of digits as the browser reads it: bit i, lowest first, is digit first_id + i."""
    ids = np.asarray(ids)
    if not ids.size:
        return None
    first_id = int(ids.min())
    marks = np.zeros(int(ids.max()) - first_id + 1, np.uint8)
    marks[ids - first_id] = 1
    return {"first_id": first_id, "bits": to_base64(np.packbits(marks, bitorder="little"))}


def _start(start: MapView) -> dict[str, Any]:
    """Check a link's view."""
    layers = None if start.layers is None else list(start.layers)
    unknown = sorted({*(layers or [])} - {*LAYERS})
    if unknown:
        raise ValueError(f"layers has {', '.join(unknown)}; allowed are {', '.join(LAYERS)}.")
    if start.colour not in COLOURS:
        raise ValueError(f"colour is {start.colour!r}; allowed are {', '.join(COLOURS)}.")
    view = None if start.view is None else _numbers("view", start.view, (4,))
    return {"view": view, "layers": layers, "colour": start.colour, "opening": start.opening}


def _numbers(name: str, values: Any, shape: tuple[int, ...]) -> list[Any]:
    """Nested lists of finite floats: JSON has no NaN, and one would blank the whole map."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} is {values!r}; it must hold finite numbers of shape {shape}.")
    return array.tolist()


def _maybe_int(value: int | None) -> int | None:
    return None if value is None else int(value)
