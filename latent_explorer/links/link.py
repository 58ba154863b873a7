"""Links that restore what was seen: the part that all pages share, and the parts handed in.

``?checkpoint=atlas&split=test&z=0.1,0.5&view=-1,1,-1,1&layers=prior,points&colour=elbo``; the page
is the address's path.  The map's own parameters (view, layers, colour) are written by the map.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol, TypeVar

from latent_explorer.components.latent_map.values import MapView
from latent_explorer.data.digits import SPLITS
from latent_explorer.data.selection import SearchError, parse_search, read_ids
from latent_explorer.links.codec import Reader, Target, bad
from vae_core.data import Split

_MAX_LENGTH = 500  # of a value, letters
_MAX_DIGITS_LENGTH = 12_000  # of which digits are selected, a bit each at the most

_Self = TypeVar("_Self")
_Part = TypeVar("_Part", bound="Part")


class Part(Protocol):
    """What a link says of one page: an immutable value that says nothing unless it is told."""

    def __init__(self) -> None: ...

    @classmethod
    def read(cls: type[_Self], params: Reader) -> _Self:
        """Read the page's own parameters; `BadLinkError` for what cannot be restored."""
        ...

    def params(self) -> dict[str, str]:
        """Write them as `read` reads them, but for a map's own."""
        ...


class Link(NamedTuple):
    """What a link restores; None where it says nothing."""

    checkpoint: str | None = None
    split: Split | None = None
    map: MapView = MapView()
    pin: Target | None = None
    select: str | None = None  # a search
    digits: tuple[int, ...] = ()  # selected otherwise, by id
    parts: tuple[Part, ...] = ()  # one for each page that has its own

    def part(self, kind: type[_Part]) -> _Part:
        """Tell what it says of one page."""
        return next((part for part in self.parts if isinstance(part, kind)), None) or kind()


def read_link(
    params: Mapping[str, str],
    *,
    checkpoints: Collection[str],
    latent_dim: Callable[[str | None], int],
    parts: Collection[type[Part]],
) -> Link:
    """Read the parameters of an address; names that are not ours are passed over.

    Parameters
    ----------
    params : mapping
        Names to values.
    checkpoints : collection of str
        Those that there are.
    latent_dim : callable
        Gives the latent dimensions of one of them; of the app's default for None.
    parts : collection of Part
        How the pages read their own.

    Raises
    ------
    BadLinkError
        At the first value that cannot be restored.
    """
    for name, value in params.items():
        most = _MAX_DIGITS_LENGTH if name == "digits" else _MAX_LENGTH
        if len(value) > most:
            raise bad(name, value, f"at most {most} letters")
    reader = Reader(params, checkpoints, lambda: latent_dim(params.get("checkpoint")))
    return Link(
        checkpoint=reader.one_of("checkpoint", checkpoints),
        split=reader.one_of("split", SPLITS),
        map=reader.map_view(),
        pin=reader.target(),
        select=_search(params.get("select")),
        digits=_digits(params.get("digits")),
        parts=tuple(part.read(reader) for part in parts),
    )


def _search(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        parse_search(text)
    except SearchError as err:
        allowed = "a search such as label 7 or the 50 worst reconstructions"
        raise bad("select", text, allowed) from err
    return text


def _digits(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        return tuple(read_ids(text).tolist())
    except ValueError as err:
        allowed = "which digits are selected, as a copied link says it"
        raise bad("digits", text, allowed) from err
