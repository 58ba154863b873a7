"""Links that restore what was seen: which parameters there are, read and written.

``?checkpoint=atlas&split=test&z=0.1,0.5&view=-1,1,-1,1&layers=prior,points&colour=elbo``; the page
is the address's path.  The map's own parameters (view, layers, colour) are written by the map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np

from latent_explorer.components.latent_map import MapView
from latent_explorer.data import loaders
from latent_explorer.data.selection import SearchError, parse_search, read_ids
from latent_explorer.pages.interpolate.ways import MOST_STEPS, MOST_VIA, NAMES, Spacing, Way
from latent_explorer.vocabulary import COLOURS, LAYERS
from vae_core.data import N_TEST, N_TRAIN, Split

SIDES = ("1", "2", "3", "4")  # of maps side by side
MOST_OTHERS = len(SIDES) - 1
SECTIONS = ("maps", "morph", "drift", "classes", "figures", "training")
ALIGNED = ("none", "all", "selection")
VIEWS = ("linked", "free")
FEWEST_NEIGHBOURS, MOST_NEIGHBOURS = 5, 100
MEASURES = ("displacement", "neighbours", "relative")
METHODS = ("k-means", "mixture")
TRAILS = ("none", "50", "200", "500", "selection")  # by how many digits, the most changed
LOOKS = ("points", "mosaic", "both")
CHAPTERS = ("1", "2", "3", "4", "5", "6")
_MAX_LENGTH = 500  # of a value, letters
_MAX_DIGITS_LENGTH = 12_000  # of which digits are selected, a bit each at the most


class BadLinkError(ValueError):
    """A link holds what the app cannot restore; the message says what and what is allowed."""


class Target(NamedTuple):
    """A place of latent space by its digit or its z; one of the two is None."""

    id: int | None
    z: tuple[float, ...] | None


class WalkLink(NamedTuple):
    """What a link says of a walk besides its ends."""

    ways: tuple[Way, ...] = ()  # on the map
    way: Way | None = None  # of the strip
    steps: int | None = None
    spacing: Spacing | None = None
    loop: bool = False
    via: tuple[Target, ...] = ()  # way-points, in order


class CompareLink(NamedTuple):
    """What a link says of the Compare page besides the first checkpoint."""

    others: tuple[str, ...] = ()  # checkpoints compared with
    section: str | None = None
    aligned: str | None = None  # on what the maps are aligned
    views: str | None = None
    maps: tuple[MapView, ...] = (MapView(),) * len(SIDES)
    measure: str | None = None  # of drift
    k: int | None = None  # neighbours
    against: str | None = None  # the one of the others that is set against the first
    threshold: float | None = None  # of drift
    shown: str | None = None  # the checkpoint on whose map drift is shown
    at: float | None = None  # where the slider of a morph or a training is
    trails: str | None = None  # which digits of a morph draw their way
    look: str | None = None  # of a training
    method: str | None = None  # of clusters
    folder: str | None = None  # of snapshots; it may be gone


class Link(NamedTuple):
    """What a link restores; None where it says nothing."""

    checkpoint: str | None = None
    split: Split | None = None
    map: MapView = MapView()
    pin: Target | None = None
    ends: tuple[Target | None, Target | None] = (None, None)  # of a walk, A and B
    compare: CompareLink = CompareLink()
    select: str | None = None  # a search
    digits: tuple[int, ...] = ()  # selected otherwise, by id
    chapter: int | None = None  # of the Likelihood page
    walk: WalkLink = WalkLink()


def read_link(
    params: Mapping[str, str],
    *,
    checkpoints: Collection[str],
    latent_dim: Callable[[str | None], int],
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

    Raises
    ------
    BadLinkError
        At the first value that cannot be restored.
    """
    for name, value in params.items():
        most = _MAX_DIGITS_LENGTH if name == "digits" else _MAX_LENGTH
        if len(value) > most:
            raise BadLinkError(_sentence(name, value, f"at most {most} letters"))
    checkpoint = _one_of("checkpoint", params, checkpoints)
    split = _one_of("split", params, tuple(loaders.SPLITS))
    chapter = _one_of("chapter", params, CHAPTERS)
    return Link(
        checkpoint=checkpoint,
        split=next((known for known in loaders.SPLITS if known == split), None),
        map=_map(params),
        pin=_target("", params, latent_dim, checkpoint),
        ends=(
            _target("a_", params, latent_dim, checkpoint),
            _target("b_", params, latent_dim, checkpoint),
        ),
        compare=_compare(params, checkpoints),
        select=_search(params),
        digits=_digits(params),
        chapter=None if chapter is None else int(chapter),
        walk=_walk(params, latent_dim, checkpoint),
    )


def pin_params(digit: int | None, z: Sequence[float], prefix: str = "") -> dict[str, str]:
    """Write a place of latent space for a link."""
    if digit is not None:
        return {f"{prefix}id": str(digit)}
    # the shortest digits that are read back as the same float32
    return {f"{prefix}z": ",".join(str(np.float32(value)) for value in z)}


def walk_params(
    *,
    ends: Sequence[tuple[int | None, Sequence[float]]],
    via: Sequence[tuple[int | None, Sequence[float]]],
    ways: Sequence[Way],
    way: Way,
    steps: int,
    spacing: Spacing,
    is_loop: bool,
) -> dict[str, str]:
    """Write a walk for a link; places are a digit's id, None for a bare latent, and z."""
    params = {"ways": ",".join(ways), "way": way, "steps": str(steps), "spacing": spacing}
    for prefix, (digit, z) in zip(("a_", "b_"), ends, strict=True):
        params |= pin_params(digit, z, prefix)
    if via:
        params["via"] = ";".join(
            f"#{digit}" if digit is not None else _short(z) for digit, z in via
        )
    if is_loop:
        params["loop"] = "1"
    return params


def _short(z: Sequence[float]) -> str:
    """Write a latent so that some of them fit into one value."""
    return ",".join(f"{value:.7g}" if len(z) <= 3 else f"{value:.4g}" for value in z)


def _sentence(name: str, value: str, allowed: str) -> str:
    short = value if len(value) <= 60 else f"{value[:60]}…"
    return (
        f"The link could not be restored, here is the default view: {name} is “{short}”, "
        f"it must be {allowed}."
    )


def _one_of(name: str, params: Mapping[str, str], allowed: Collection[str]) -> str | None:
    value = params.get(name)
    if value is not None and value not in allowed:
        raise BadLinkError(_sentence(name, value, f"one of {', '.join(allowed)}"))
    return value


def _map(params: Mapping[str, str], side: str = "") -> MapView:
    colour = _one_of(f"colour{side}", params, COLOURS)
    return MapView(
        _view(f"view{side}", params), _layers(f"layers{side}", params), colour or MapView().colour
    )


def _compare(params: Mapping[str, str], checkpoints: Collection[str]) -> CompareLink:
    others = tuple(filter(None, params.get("other", "").split(",")))
    unknown = [name for name in others if name not in checkpoints]
    if unknown or len(others) > MOST_OTHERS:
        allowed = f"one to {MOST_OTHERS} of {', '.join(checkpoints)}"
        raise BadLinkError(_sentence("other", unknown[0] if unknown else params["other"], allowed))
    k = params.get("k")
    if k is not None and k not in map(str, range(FEWEST_NEIGHBOURS, MOST_NEIGHBOURS + 1)):
        allowed = f"a whole number from {FEWEST_NEIGHBOURS} to {MOST_NEIGHBOURS}"
        raise BadLinkError(_sentence("k", k, allowed))
    return CompareLink(
        others=others,
        section=_one_of("section", params, SECTIONS),
        aligned=_one_of("aligned", params, ALIGNED),
        views=_one_of("views", params, VIEWS),
        maps=tuple(_map(params, side) for side in SIDES),
        measure=_one_of("measure", params, MEASURES),
        k=None if k is None else int(k),
        against=_one_of("against", params, others),
        threshold=_number("threshold", params),
        shown=_one_of("shown", params, checkpoints),
        at=_number("at", params),
        trails=_one_of("trails", params, TRAILS),
        look=_one_of("look", params, LOOKS),
        method=_one_of("method", params, METHODS),
        folder=params.get("folder"),
    )


def _number(name: str, params: Mapping[str, str]) -> float | None:
    text = params.get(name)
    return None if text is None else _numbers(name, text, 1, "a number")[0]


def _view(name: str, params: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    text = params.get(name)
    if text is None:
        return None
    allowed = "x0,x1,y0,y1 with x0 below x1 and y0 below y1"
    x0, x1, y0, y1 = _numbers(name, text, 4, allowed)
    if not (x0 < x1 and y0 < y1):
        raise BadLinkError(_sentence(name, text, allowed))
    return x0, x1, y0, y1


def _layers(name: str, params: Mapping[str, str]) -> tuple[str, ...] | None:
    text = params.get(name)
    if text is None:
        return None
    layers = () if text == "none" else tuple(text.split(","))
    if unknown := [layer for layer in layers if layer not in LAYERS]:
        raise BadLinkError(_sentence(name, unknown[0], f"none, or some of {', '.join(LAYERS)}"))
    return layers


def _walk(
    params: Mapping[str, str], latent_dim: Callable[[str | None], int], checkpoint: str | None
) -> WalkLink:
    ways = tuple(filter(None, params.get("ways", "").split(",")))
    if unknown := [name for name in ways if name not in NAMES]:
        raise BadLinkError(_sentence("ways", unknown[0], f"some of {', '.join(NAMES)}"))
    way = _one_of("way", params, tuple(NAMES))
    steps = params.get("steps")
    if steps is not None and steps not in map(str, range(2, MOST_STEPS + 1)):
        allowed = f"a whole number from 2 to {MOST_STEPS}"
        raise BadLinkError(_sentence("steps", steps, allowed))
    spacing = _one_of("spacing", params, get_args(Spacing))
    via: list[Target] = []
    for part in filter(None, params.get("via", "").split(";")):
        name = "via_id" if part.startswith("#") else "via_z"
        target = _target("via_", {name: part.removeprefix("#")}, latent_dim, checkpoint)
        via += [] if target is None else [target]
    if len(via) > MOST_VIA:
        raise BadLinkError(_sentence("via", params["via"], f"at most {MOST_VIA} places"))
    return WalkLink(
        ways=tuple(known for known in NAMES if known in ways),
        way=next((known for known in NAMES if known == way), None),
        steps=None if steps is None else int(steps),
        spacing=next((known for known in get_args(Spacing) if known == spacing), None),
        loop=_one_of("loop", params, ("0", "1")) == "1",
        via=tuple(via),
    )


def _target(
    prefix: str,
    params: Mapping[str, str],
    latent_dim: Callable[[str | None], int],
    checkpoint: str | None,
) -> Target | None:
    if (text := params.get(f"{prefix}id")) is not None:
        digit = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
        if not 0 <= digit < N_TRAIN + N_TEST:
            allowed = f"a whole number from 0 to {N_TRAIN + N_TEST - 1:,}"
            raise BadLinkError(_sentence(f"{prefix}id", text, allowed))
        return Target(digit, None)
    if (text := params.get(f"{prefix}z")) is not None:
        n = latent_dim(checkpoint)
        allowed = f"{n} number{'s' if n > 1 else ''} between −1,000,000 and 1,000,000"
        return Target(None, _numbers(f"{prefix}z", text, n, allowed))
    return None


def _numbers(name: str, text: str, n: int, allowed: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as err:
        raise BadLinkError(_sentence(name, text, allowed)) from err
    if len(values) != n or not all(math.isfinite(v) and abs(v) < 1e6 for v in values):
        raise BadLinkError(_sentence(name, text, allowed))
    return values


def _search(params: Mapping[str, str]) -> str | None:
    text = params.get("select")
    if text is None:
        return None
    try:
        parse_search(text)
    except SearchError as err:
        allowed = "a search such as label 7 or the 50 worst reconstructions"
        raise BadLinkError(_sentence("select", text, allowed)) from err
    return text


def _digits(params: Mapping[str, str]) -> tuple[int, ...]:
    text = params.get("digits")
    if text is None:
        return ()
    try:
        return tuple(read_ids(text).tolist())
    except ValueError as err:
        allowed = "which digits are selected, as a copied link says it"
        raise BadLinkError(_sentence("digits", text, allowed)) from err
