"""A square to draw a digit on, with mouse, pen, finger or keys.

The strokes stay in the browser; Python gets a small picture of them, at most every 150 ms while
they are drawn and once more when the pen is lifted, and never a newer one before it has answered
the last.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, said

SIDE = 112  # pixels of what is sent; four for each of the 28 that a model sees

_LOGGER = logging.getLogger(__name__)
_pad = declare("drawing")


class Sent(NamedTuple):
    """What the browser sent: its number, and the ink, None if all was cleared."""

    n: int
    ink: NDArray[np.float32] | None  # (SIDE, SIDE), in [0, 1]


def drawing(*, key: str, seen: int, on_ink: Callable[[], None]) -> None:
    """Draw the square, with the strokes that the browser keeps under this key.

    Parameters
    ----------
    key : str
    seen : int
        `Sent.n` of what this run has already shown, 0 for nothing: the browser waits for it
        before it sends more. So call this after showing it.
    on_ink : callable
        Called without arguments when ink arrives, see `read_ink`.
    """
    _pad(key=key, data={"key": key, "seen": seen, "side": SIDE}, on_ink_change=on_ink)


def read_ink(key: str) -> Sent | None:
    """Read what has just been drawn, inside an `on_ink` callback; None if it makes no sense."""
    value = said(key, "ink")
    if value is None:
        return None
    try:
        return _parse(value)
    except (TypeError, KeyError, ValueError, binascii.Error) as err:
        _LOGGER.warning("What the browser sent is not a drawing: %s", err)
        return None


def _parse(value: Any) -> Sent:
    n, levels = value["n"], value["levels"]
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n is {n!r}; it must be a whole number from 1.")
    if levels is None:
        return Sent(n, None)
    raw = base64.b64decode(levels, validate=True)
    if len(raw) != SIDE * SIDE:
        raise ValueError(f"there are {len(raw)} levels; there must be {SIDE * SIDE}.")
    ink = np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE).astype(np.float32) / np.float32(255)
    return Sent(n, ink if ink.any() else None)
