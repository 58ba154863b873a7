"""What a map's browser says: picks, selections, drags, and the payloads that it wants.

Each is read by the map's key: None outside the callback's run, and for a message that is not one.
"""

from __future__ import annotations

import base64
import binascii
import logging
import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import said
from latent_explorer.components.latent_map.values import N_SHEETS, Drag, Pick

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")


def read_pick(key: str) -> Pick | None:
    """Read what was picked on a map, inside its `on_pick` callback."""
    return _read(key, "pick", "pick", _parse_pick)


def read_drag(key: str) -> Drag | None:
    """Read which mark was dragged on a map, and where to, inside its `on_drag` callback."""
    return _read(key, "drag", "drag", _parse_drag)


def read_selection(key: str) -> NDArray[np.intp] | None:
    """Read which digits were selected on a map, inside its `on_select` callback.

    Ids in ascending order; empty if the selection was cleared.
    """
    return _read(key, "select", "selection", _parse_selection)


def read_wants(key: str, *, decoder_id: str, points_id: str) -> frozenset[str]:
    """Read what a map's browser has asked for: "fields", "values", "images:0" to "images:6".

    Parameters
    ----------
    key : str
    decoder_id, points_id : str
        Payloads that the map shows now: what was asked for with others is of no use any more.
    """
    raw = said(key, "wants")
    if not isinstance(raw, list):
        return frozenset()
    names = {f"images:{i}": f"images:{i}" for i in range(N_SHEETS)}
    names[f"fields:{decoder_id}"] = "fields"
    names[f"values:{decoder_id}:{points_id}"] = "values"
    return frozenset(name for asked, name in names.items() if asked in raw)


def _read(key: str, name: str, what: str, parse: Callable[[object], _T | None]) -> _T | None:
    """Parse what the browser said under a name; None if nothing, or not what it must be."""
    raw = said(key, name)
    if raw is None:
        return None
    parsed = parse(raw)
    if parsed is None:
        _LOGGER.warning("Map %r sent %.200r, which is not a %s; it is ignored.", key, raw, what)
    return parsed


def _parse_selection(raw: object) -> NDArray[np.intp] | None:
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


def _parse_pick(raw: object) -> Pick | None:
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
