"""What a map shows and what comes back from it, as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHEET_DIGITS = 10_000  # "images:3" are digits 30,000 to 39,999
N_SHEETS = 7


class Pick(NamedTuple):
    """A place on the plane, and the digit that lies there if one was meant."""

    coords: tuple[float, float]  # position on the plane
    id: int | None = None  # the digit, None for bare latent space


class Mark(NamedTuple):
    """A stop of a walk: a lettered end, such as A or B, or a way-point between them."""

    coords: tuple[float, float]  # position on the plane
    text: str  # one to three letters
    id: int | None = None  # the digit, None for bare latent space
    is_on_way: bool = False  # a way-point, drawn as a diamond; ends are discs


class Line(NamedTuple):
    """A curve on the plane, in a stroke of its own."""

    points: np.ndarray | Sequence[tuple[float, float]]  # (T, 2): its corners
    dash: Sequence[int] = ()  # CSS pixels on and off; empty for a line without gaps


class Drag(NamedTuple):
    """A mark that was dragged, by its letters, and where it was let go."""

    text: str
    pick: Pick


class Ellipse(NamedTuple):
    """A Gaussian on the plane, drawn to scale at one and two standard deviations."""

    center: tuple[float, float]  # its mean
    cov: np.ndarray | Sequence[Sequence[float]]  # (2, 2): its covariance


class Beside(NamedTuple):
    """One of several maps side by side: a digit pointed at in one lights up in all."""

    group: str  # name that these maps share; a selection made in one is made in all
    side: str  # which of them this is, in links
    is_view_shared: bool  # whether all pan and zoom as one


class MapView(NamedTuple):
    """What a link says of a map's looks."""

    # x0, x1, y0, y1 of the plane, to be in sight; None for the fitted view
    view: tuple[float, float, float, float] | None = None
    # of the vocabulary's `LAYERS`, those that are on; None for the usual ones
    layers: tuple[str, ...] | None = None
    colour: str = "label"  # of its `COLOURS`, what the points' colour says
    opening: int = 0  # which of the addresses that the session has opened asks for it, from 1 on


class Layers(NamedTuple):
    """Payloads that a map draws from, by the ids under which `send` gives them to the browser."""

    # the two that the map cannot be without
    decoder: str
    points: str
    # sheets of digits' pictures; the browser asks for others in `read_wants`. None if the page has
    # none to give.
    images: Sequence[tuple[int, str]] | None = None
    # for the layers under the points and for the points' colours, None until the browser wants them
    fields: str | None = None
    values: str | None = None
    drift: str | None = None  # for a colour of its own; None where nothing is compared


class Marked(NamedTuple):
    """Places and digits of a map that stand out."""

    pin: Pick | None = None  # the picked place
    # whether the page shows the picked place beside the map: no lens repeats it there unasked
    is_pin_beside: bool = False
    ellipse: Ellipse | None = None  # q(z|x) on the plane, drawn at one and two standard deviations
    ends: Sequence[Mark] = ()  # lettered ends
    highlight: Sequence[int] = ()  # digits to draw a ring round
    # digits that stand out, while all others are dimmed
    selected: NDArray[np.integer[Any]] | None = None


class Overlays(NamedTuple):
    """Curves over a map."""

    # (T, 2): a line with a dot at every step
    path: NDArray[np.floating[Any]] | Sequence[tuple[float, float]] | None = None
    lines: Sequence[Line] = ()  # other curves, under the path


class Shown(NamedTuple):
    """How a map is seen."""

    start: MapView | None = None  # how it looks at first; applied once per distinct value
    beside: Beside | None = None  # the maps beside this one
    # (2, 2): orthogonal: how the plane of the payloads was turned, coords @ turn, after the fields
    # were computed
    turn: NDArray[np.floating[Any]] | None = None


class Callbacks(NamedTuple):
    """What is called, without arguments, when the user did something on a map."""

    pick: Callable[[], None] | None = None  # after a click, tap or Enter; see `read_pick`
    # after a lasso or a box; see `read_selection`. None: the map selects nothing.
    select: Callable[[], None] | None = None
    # when Escape lets go of the pin. None: Escape leaves the pin where it is.
    release: Callable[[], None] | None = None
    # after a mark was dragged; see `read_drag`. None: marks stay where they are.
    drag: Callable[[], None] | None = None
