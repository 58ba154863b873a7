"""Curves of a walk: arcs and shortest paths, their lengths, and even steps along them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch is imported where it is used: the first walk is drawn without it
    from collections.abc import Sequence

    from vae_core.geometry.geodesics import Graph, Measure

Latents = NDArray[np.float64]

N_POINTS = 40  # of a geodesic: with fewer it changes
N_KNOTS = 12  # of a geodesic: with more a drag waits
_ARC_POINTS = 128


class NoWayError(ValueError):
    """There is no such way between these stops; the message says why."""


class Leg(NamedTuple):
    """A shortest path from one stop to the next."""

    curve: Latents  # (T, D)
    energy: float  # its measure's unit squared
    converged: bool
    n_iterations: int


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
    measure: Measure, graph: Graph | None, a: tuple[float, ...], b: tuple[float, ...]
) -> Leg:
    """Shortest path between two different stops; `ValueError` if nothing changes on the way."""
    import torch

    from vae_core.geometry.geodesics import geodesic

    ends = (torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    found = geodesic(measure, *ends, graph=graph, n_points=N_POINTS, n_knots=N_KNOTS)
    curve = found.curve.double().numpy()
    curve[0], curve[-1] = a, b
    return Leg(curve, found.energy, found.converged, found.n_iterations)


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
