"""The ways between stops: what each is, how it is drawn, how long it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from latent_explorer.data import catalogue
from latent_explorer.pages.interpolate import geometry
from latent_explorer.pages.interpolate.geometry import Latents, Leg, Short
from vae_core.checkpoints import CheckpointRef

Way = Literal["straight", "spherical", "image", "fisher-rao", "density"]
Spacing = Literal["z", "image"]

NAMES: dict[Way, str] = {
    "straight": "Straight",
    "spherical": "Spherical",
    "image": "Geodesic",
    "fisher-rao": "Fisher–Rao",
    "density": "Density",
}
KINDS: dict[Way, str] = {  # within a sentence
    "straight": "straight line",
    "spherical": "spherical arc",
    "image": "geodesic",
    "fisher-rao": "Fisher–Rao geodesic",
    "density": "density-following way",
}
ABOUT: dict[Way, str] = {
    "straight": "the straight line in z",
    "spherical": "an arc about the origin, angle and radius changing evenly",
    "image": "shortest for the eye: metric JᵀJ of the decoder's mean",
    "fisher-rao": "shortest in the Fisher–Rao metric of p(x|z)",
    "density": "follows the digits: each step counts (q₀/q(z))^(1/D) times, q the aggregate "
    "posterior, q₀ its geometric mean over digits",
}
DASHES: dict[Way, tuple[int, ...]] = {  # css px on and off
    "straight": (),
    "spherical": (2, 6),
    "image": (14, 5),
    "fisher-rao": (14, 4, 2, 4),
    "density": (6, 4),
}
SHORT: dict[Way, Short] = {"image": "image", "fisher-rao": "fisher-rao", "density": "density"}
UNITS: dict[Short, str] = {
    "image": "image units",
    "fisher-rao": "nats^½",
    "density": "weighted z units",
}
MOST_STEPS, MOST_VIA = 64, 6  # of a walk
_FINE = 128  # points of an arc
_CHORDS = 127  # of which a length is the sum
_KEPT = 256  # shortest paths remembered

LegKey = tuple[str, Short, tuple[float, ...], tuple[float, ...]]


class NoWayError(ValueError):
    """There is no such way between these stops; the message says why."""


class Found(NamedTuple):
    """A way through all stops."""

    way: Way
    curve: Latents  # (T, D), a fine polyline
    energy: float | None  # in its own measure, the unit squared; None for a formula
    converged: bool
    n_iterations: int


def find(
    ref: CheckpointRef, ways: Sequence[Way], stops: Latents, kept: dict[LegKey, Leg]
) -> dict[Way, Found | str]:
    """Find some ways through stops, shape (S, D); for one that does not exist, why not.

    Parameters
    ----------
    ref : CheckpointRef
    ways : sequence of Way
    stops : array
        Not all the same.
    kept : dict
        Shortest paths found before; new ones are added, the oldest go.
    """
    pairs = [(tuple(a), tuple(b)) for a, b in pairwise(stops.tolist()) if a != b]
    asked: list[Way] = [way for way in ways if is_short(way) and lack(ref, way) is None]
    keys: dict[Way, list[LegKey]] = {
        way: [(ref.sha256, SHORT[way], a, b) for a, b in pairs] for way in asked
    }
    # Caches are filled here, not in a thread: Streamlit says meanwhile what takes long.
    reach = geometry.radius(ref, stops) if asked else 0.0
    tools = {
        way: (geometry.measure(ref, SHORT[way]), geometry.graph(ref, SHORT[way], reach))
        for way in asked
    }
    missing: dict[LegKey, Way] = {key: way for way in asked for key in keys[way] if key not in kept}
    problems: dict[str, str] = {}
    # At once: torch lets go of the interpreter while it decodes.
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        jobs = [
            (way, key, pool.submit(geometry.shortest, *tools[way], *key[2:]))
            for key, way in missing.items()
        ]
    for way, key, job in jobs:
        try:
            kept[key] = job.result()
        except ValueError as err:
            problems[way] = str(err)
    found: dict[Way, Found | str] = {
        way: problems.get(way) or _found(ref, way, stops, keys, kept) for way in ways
    }
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]
    return found


def is_short(way: Way) -> bool:
    """Whether a way is a shortest path of some measure, rather than a formula."""
    return SHORT.get(way) is not None


def lack(ref: CheckpointRef, way: Way) -> str | None:
    """Say why a checkpoint has no such way at all, None if it has."""
    if way == "density" and not catalogue.has_posterior(ref):
        return "a plain autoencoder has no q(z|x), so there is no density to follow"
    return None


def _found(
    ref: CheckpointRef,
    way: Way,
    stops: Latents,
    keys: dict[Way, list[LegKey]],
    kept: dict[LegKey, Leg],
) -> Found | str:
    if (missing := lack(ref, way)) is not None:
        return missing
    if is_short(way):
        legs = [kept[key] for key in keys[way]]
        return Found(
            way,
            _joined([leg.curve for leg in legs]),
            # each leg has the energy length²; so has the whole, walked at even speed
            sum(leg.energy**0.5 for leg in legs) ** 2,
            all(leg.converged for leg in legs),
            sum(leg.n_iterations for leg in legs),
        )
    try:
        pairs = pairwise(stops)
        return Found(way, _joined([_formula(way, a, b) for a, b in pairs]), None, True, 0)
    except NoWayError as err:
        return str(err)


def _formula(way: Way, a: Latents, b: Latents) -> Latents:
    if way == "straight":
        return np.stack([a, b])
    if (a == b).all():
        return a[None]
    import torch  # here, because the first walk is drawn before torch has been imported

    from vae_core.geometry.paths import slerp

    try:
        return slerp(torch.tensor(a), torch.tensor(b), _FINE).numpy()
    except ValueError as err:
        raise NoWayError(str(err)) from err


def _joined(legs: list[Latents]) -> Latents:
    return np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])


def steps(ref: CheckpointRef, curve: Latents, n: int, spacing: Spacing) -> Latents:
    """Walk a curve in n steps, even in z or in the image, ends included; shape (n, D).

    Raises
    ------
    NoWayError
        Nothing changes along the curve, so that it has no even steps.
    """
    if spacing == "image":
        import torch

        from vae_core.geometry.paths import cut_evenly

        try:
            squares = geometry.measure(ref, "image").squares
            even = cut_evenly(torch.from_numpy(curve).float(), n, squares).double().numpy()
        except ValueError as err:
            raise NoWayError(str(err)) from err
        even[0], even[-1] = curve[0], curve[-1]
        return even
    sides = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    walked = np.concatenate([[0.0], sides.cumsum()])
    if not walked[-1] > 0:
        return np.repeat(curve[:1], n, axis=0)
    at = np.linspace(0.0, walked[-1], n)
    even = np.stack([np.interp(at, walked, column) for column in curve.T], axis=-1)
    even[0], even[-1] = curve[0], curve[-1]
    return even


class Row(NamedTuple):
    """A way's lengths: in z units and by each measure."""

    way: Way
    z: float
    image: float
    fisher_rao: float
    density: float | None
    found: Found


def measured(ref: CheckpointRef, found: Found, *, with_density: bool) -> Row:
    """Measure a way by every measure."""
    evenly = steps(ref, found.curve, _CHORDS + 1, "z")
    return Row(
        found.way,
        float(np.linalg.norm(np.diff(found.curve, axis=0), axis=1).sum()),
        geometry.length(ref, "image", evenly),
        geometry.length(ref, "fisher-rao", evenly),
        geometry.length(ref, "density", evenly) if with_density else None,
        found,
    )
