"""Two maps of the same digits: the turn that brings them together, and how alike they are."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.linalg import orthogonal_procrustes

from vae_core.comparison.checks import FloatArray, check_codes, check_pair
from vae_core.comparison.drift import displacement


class Alignment(NamedTuple):
    """The rotation or reflection that brings one map closest to another."""

    rotation: FloatArray  # (2, 2), orthogonal; of determinant −1 where it reflects
    residual: float  # z units, root mean square distance left; best is 0
    aligned: FloatArray  # (N, 2), coords @ rotation


def align(coords: FloatArray, onto: FloatArray) -> Alignment:
    """Rotate, and if it helps reflect, one map about the origin to lie as near another as it can.

    Neither map is moved or scaled: the prior N(0, I) fixes origin and scale, and leaves an encoder
    only rotations and reflections. Schönemann, "A generalized solution of the orthogonal
    Procrustes problem", Psychometrika 1966.

    Parameters
    ----------
    coords, onto : array, shape (N, 2)
        The map to turn, and the one that stays.

    Raises
    ------
    ValueError
        Bad maps.
    """
    check_pair(coords, onto)
    if coords.shape[1] != 2:
        raise ValueError(f"maps must have shape (N, 2), got {coords.shape}")
    rotation, overlap = orthogonal_procrustes(coords.astype(float), onto.astype(float))
    if not overlap > 0:  # a map all at the origin: each rotation is as good as none
        rotation = np.eye(2)
    aligned = coords @ rotation
    residual = np.sqrt(np.mean(displacement(aligned, onto) ** 2))
    return Alignment(rotation, float(residual), aligned)


def linear_cka(a: FloatArray, b: FloatArray) -> float:
    """Linear centred kernel alignment of two sets of codes.

    ‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖) of the centred codes, in Frobenius' norm: Kornblith, Norouzi, Lee &
    Hinton, "Similarity of neural network representations revisited", ICML 2019. Blind to rotation,
    reflection and scale.

    Parameters
    ----------
    a, b : array, shapes (N, D) and (N, E)

    Returns
    -------
    float
        From 0 to 1, the same but for a turn and a scale; NaN, with a warning, if all codes of one
        are the same.
    """
    check_codes(a)
    check_codes(b)
    if len(a) != len(b):
        raise ValueError(f"two sets of codes must have one length, got {len(a)} and {len(b)}")
    a, b = (each - each.mean(0, dtype=float) for each in (a, b))
    norms = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    if norms == 0:
        warnings.warn("all codes are the same: CKA is undefined", stacklevel=2)
        return float("nan")
    return float(np.linalg.norm(a.T @ b) ** 2 / norms)
