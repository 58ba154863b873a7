"""A training's snapshots as a film: where the digits lie at each, and what each decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.timeline import Film, pack_film

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_core.models import VAE
    from vae_core.posterior import Posterior

GRID = 16  # pictures along a side of the mosaic
_TAIL = 0.002  # share of the digits beyond the square, at the snapshot that spreads most
_PRIOR_REACH = 3.0  # z units that are in sight at least, where there is a prior

Floats = NDArray[np.floating[Any]]


class Codes(NamedTuple):
    """Where the test digits lie at each snapshot, on the plane of the last one's map."""

    coords: Floats  # (S, 10000, 2), turned
    rotations: Floats  # (S, 2, 2), orthogonal: identities if as they are
    residuals: tuple[float, ...]  # z units, to the last; empty if as they are
    center: Floats  # (D,)
    axes: Floats  # (D, 2)


def codes_of(posteriors: Sequence[Posterior], *, is_aligned: bool) -> Codes:
    """Place the digits of each snapshot's q(z|x) on the plane of the last one's map."""
    from vae_core.analysis.projection import map_codes

    last = map_codes(posteriors[-1])
    coords = np.stack([(each.mu.numpy() - last.center) @ last.axes for each in posteriors])
    rotations, residuals = np.tile(np.eye(2), (len(posteriors), 1, 1)), ()
    if is_aligned:
        from vae_core.comparison.alignment import align

        turns = [align(each, last.coords) for each in coords]
        rotations = np.stack([turn.rotation for turn in turns])
        coords = np.stack([turn.aligned for turn in turns])
        residuals = tuple(turn.residual for turn in turns)
    return Codes(coords, rotations, residuals, last.center, last.axes)


def film_of(
    models: Iterable[VAE], codes: Codes, labels: NDArray[np.uint8], *, has_prior: bool
) -> Film:
    """Decode a mosaic at each snapshot and pack it with the digits' places."""
    import torch

    half = _half(codes, has_prior=has_prior)
    centres = (np.arange(GRID) + 0.5) / GRID * 2 * half - half
    x, y = np.meshgrid(centres, centres[::-1])  # first row on top
    plane = np.stack([x, y], -1).reshape(-1, 2)
    mosaics: list[Floats] = []
    for model, rotation in zip(models, codes.rotations, strict=True):
        z = codes.center + plane @ rotation.T @ codes.axes.T
        ink = model.decode(torch.from_numpy(z.astype(np.float32))).numpy()
        mosaics.append(ink.reshape(GRID, GRID, -1))
    return pack_film(coords=codes.coords, labels=labels, mosaics=np.stack(mosaics), half=half)


def _half(codes: Codes, *, has_prior: bool) -> float:
    """Half the side of the square in sight."""
    # Of the snapshot that spreads most; the others keep its scale, so that they can be compared.
    half = 1.05 * float(np.quantile(np.abs(codes.coords).max(-1), 1 - _TAIL, axis=1).max())
    return max(half, _PRIOR_REACH if has_prior else float(np.finfo(np.float32).eps))
