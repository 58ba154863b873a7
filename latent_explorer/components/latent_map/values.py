"""What a map shows and what comes back from it, as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHEET_DIGITS = 10_000  # "images:3" are digits 30,000 to 39,999
N_SHEETS = 7


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


class Layers(NamedTuple):
    """Payloads that a map draws from, by the ids under which `send` gives them to the browser.

    Attributes
    ----------
    decoder, points : str
        What the map cannot be without.
    images : sequence of (first id, payload id), or None
        Sheets of digits' pictures; the browser asks for others in `read_wants`. None if the page
        has none to give.
    fields, values : str or None
        For the layers under the points and for the points' colours, None until the browser wants
        them.
    drift : str or None
        For a colour of its own; None where nothing is compared.
    """

    decoder: str
    points: str
    images: Sequence[tuple[int, str]] | None = None
    fields: str | None = None
    values: str | None = None
    drift: str | None = None


class Marked(NamedTuple):
    """Places and digits of a map that stand out.

    Attributes
    ----------
    pin : Pick or None
        The picked place; the lens rests there.
    ellipse : Ellipse or None
        q(z|x) on the plane, drawn at one and two standard deviations.
    ends : sequence of Mark
        Lettered ends.
    highlight : sequence of int
        Digits to draw a ring round.
    selected : ndarray of int or None
        Digits that stand out, while all others are dimmed.
    """

    pin: Pick | None = None
    ellipse: Ellipse | None = None
    ends: Sequence[Mark] = ()
    highlight: Sequence[int] = ()
    selected: NDArray[np.integer[Any]] | None = None


class Overlays(NamedTuple):
    """Curves over a map.

    Attributes
    ----------
    path : array-like, shape (T, 2), or None
        A line with a dot at every step.
    lines : sequence of Line
        Other curves, under the path.
    """

    path: NDArray[np.floating[Any]] | Sequence[tuple[float, float]] | None = None
    lines: Sequence[Line] = ()


class Shown(NamedTuple):
    """How a map is seen.

    Attributes
    ----------
    start : MapView or None
        How it looks at first; applied once per distinct value.
    beside : Beside or None
        The maps beside this one.
    turn : array of shape (2, 2) or None
        Orthogonal: how the plane of the payloads was turned, coords @ turn, after the fields were
        computed.
    """

    start: MapView | None = None
    beside: Beside | None = None
    turn: NDArray[np.floating[Any]] | None = None


class Callbacks(NamedTuple):
    """What is called, without arguments, when the user did something on a map.

    Attributes
    ----------
    pick : callable or None
        After a click, tap or Enter; see `read_pick`.
    select : callable or None
        After a lasso or a box; see `read_selection`. None: the map selects nothing.
    release : callable or None
        When Escape lets go of the pin. None: Escape leaves the pin where it is.
    drag : callable or None
        After a mark was dragged; see `read_drag`. None: marks stay where they are.
    """

    pick: Callable[[], None] | None = None
    select: Callable[[], None] | None = None
    release: Callable[[], None] | None = None
    drag: Callable[[], None] | None = None
