"""Places in latent space: picked, typed, of a digit; and where they lie on the map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from latent_explorer.components.latent_map.values import Ellipse, Pick
from latent_explorer.data import catalogue, encoding
from latent_explorer.links.codec import Target
from vae_core.checkpoints import CheckpointRef


class Place(NamedTuple):
    """A latent, where it lies on the map, and the digit it is the code of, if any."""

    z: tuple[float, ...]  # D numbers
    coords: tuple[float, float]
    id: int | None


def place_of_pick(ref: CheckpointRef, pick: Pick) -> Place:
    """Place what was picked on the map; a digit's place is its exact code."""
    if pick.id is not None:
        return place_of_digit(ref, pick.id)
    _, center, axes = encoding.positions(ref)
    z = center.astype(np.float64) + axes.astype(np.float64) @ np.array(pick.coords)
    return _placed(ref, z, None)


def place_of_digit(ref: CheckpointRef, digit: int) -> Place:
    """Place a digit where the encoder puts it: at the mean of q(z|x)."""
    coords, center, axes = encoding.positions(ref)
    if len(center) > 2:
        return _placed(ref, encoding.encode(ref, digit).mu, digit)
    # The map holds the whole code: no need to wait for torch.
    x, y = coords[digit].tolist()
    return Place(tuple((center + axes @ coords[digit]).tolist()), (x, y), digit)


def place_of_latent(ref: CheckpointRef, z: tuple[float, ...]) -> Place:
    """Place a latent given by its numbers."""
    return _placed(ref, np.array(z, np.float64), None)


def carried(ref: CheckpointRef, place: Place | None) -> Place | None:
    """Place the same digit, or the same z, under another checkpoint; None if it has no such z."""
    if place is None:
        return None
    if place.id is not None:
        return place_of_digit(ref, place.id)
    has_such = len(place.z) == catalogue.stored(ref).header.model.latent_dim
    return place_of_latent(ref, place.z) if has_such else None


def place_of_target(ref: CheckpointRef, target: Target | None) -> Place | None:
    """Place what a link pins."""
    if target is None or target.z is None:
        return None if target is None or target.id is None else place_of_digit(ref, target.id)
    return place_of_latent(ref, target.z)


def _placed(ref: CheckpointRef, z: np.ndarray, digit: int | None) -> Place:
    _, center, axes = encoding.positions(ref)
    x, y = ((z - center) @ axes).tolist()
    return Place(tuple(z.tolist()), (x, y), digit)


def written_latent(place: Place) -> str:
    """Write a latent as `parse_latent` reads it."""
    return ", ".join(f"{value:.4f}" for value in place.z)


def posterior_ellipse(ref: CheckpointRef, encoded: encoding.Encoded) -> Ellipse | None:
    """q(z|x) on the plane; None for a plain autoencoder, whose codes are points."""
    if not encoded.std.any():
        return None
    _, center, axes = encoding.positions(ref)
    x, y = ((encoded.mu - center) @ axes).tolist()
    return Ellipse((x, y), axes.T @ np.diag(encoded.std.astype(np.float64) ** 2) @ axes)
