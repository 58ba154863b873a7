"""Curves of a walk: arcs and shortest paths, their lengths, and even steps along them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch is imported where it is used: the first walk is drawn without it
    from collections.abc import Sequence

    from vae_core.geometry.graphs import Graph
    from vae_core.geometry.measures import Measure

Latents = NDArray[np.float64]

# Arguments of `geodesic`: with fewer points a way changes; with more knots a drag waits.
FIRST = {"n_points": 40, "n_knots": 12}
# Found after the first is drawn. Three restarts find most of the valleys that twenty find.
REFINED = {"n_points": 64, "n_knots": 20, "n_restarts": 3}
_ARC_POINTS = 128


class NoWayError(ValueError):
    """There is no such way between these stops; the message says why."""


class Leg(NamedTuple):
    """The shortest path found from one stop to the next."""

    curve: Latents  # (T, D)
    energy: float  # its measure's unit squared
    converged: bool
    n_iterations: int
    n_starts: int
    is_refined: bool


def arc(a: Latents, b: Latents) -> Latents:
    """Arc about the origin, shape (T, D); `NoWayError` if there is none, or more than one."""
    if (a == b).all():
        return a[None]
    import torch

    from vae_core.geometry.paths import slerp

    try:
        return slerp(torch.tensor(a), torch.tensor(b), _ARC_POINTS).numpy()
    except ValueError as err:
        raise NoWayError(str(err)) from err


def shortest(
    measure: Measure,
    graph: Graph | None,
    a: tuple[float, ...],
    b: tuple[float, ...],
    *,
    is_refined: bool,
) -> Leg:
    """Find a short path between two different stops; `ValueError` if nothing changes on it."""
    import torch

    from vae_core.geometry.geodesics import geodesic

    ends = (torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    found = geodesic(measure, *ends, graph=graph, **(REFINED if is_refined else FIRST))
    curve = found.curve.double().numpy()
    curve[0], curve[-1] = a, b
    return Leg(curve, found.energy, found.converged, found.n_iterations, found.n_starts, is_refined)


def join(legs: Sequence[Latents]) -> Latents:
    """Join curves, each of which starts where the last one ends."""
    return np.concatenate([legs[0], *(leg[1:] for leg in legs[1:])])


def length(curve: Latents) -> float:
    """Length of a curve in z units."""
    return float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())


def length_by(measure: Measure, curve: Latents) -> float:
    """Length of a curve in a measure's unit."""
    import torch

    with torch.no_grad():
        squares = measure.squares(torch.from_numpy(curve).float())
    return float(squares.sqrt().sum())


def even_steps(curve: Latents, n: int) -> Latents:
    """Walk a curve in n steps even in z, ends included; shape (n, D)."""
    sides = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    walked = np.concatenate([[0.0], sides.cumsum()])
    if not walked[-1] > 0:
        return np.repeat(curve[:1], n, axis=0)
    at = np.linspace(0.0, walked[-1], n)
    even = np.stack([np.interp(at, walked, column) for column in curve.T], axis=-1)
    even[0], even[-1] = curve[0], curve[-1]
    return even


def even_steps_by(measure: Measure, curve: Latents, n: int) -> Latents:
    """Walk a curve in n steps even in a measure, shape (n, D); `NoWayError` if nothing changes."""
    import torch

    from vae_core.geometry.paths import cut_evenly

    try:
        even = cut_evenly(torch.from_numpy(curve).float(), n, measure.squares).double().numpy()
    except ValueError as err:
        raise NoWayError(str(err)) from err
    even[0], even[-1] = curve[0], curve[-1]
    return even
