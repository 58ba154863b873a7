"""How far each digit drifted between two encoders.

Three measures, as in Latent Scope's comparison of two maps (enjalot/latent-scope 1.0): how far it
moved, whether its neighbours changed, and whether it moved otherwise than they did. There all are
rescaled to [0, 1]; here they keep their units, so that pairs of encoders can be compared.
"""

from __future__ import annotations

import numpy as np

from vae_core.comparison.checks import FloatArray, IntArray, check_lists, check_pair


def displacement(a: FloatArray, b: FloatArray) -> FloatArray:
    """How far each digit moved, ‖bᵢ − aᵢ‖.

    Parameters
    ----------
    a, b : array, shape (N, D)
        Codes before and after, brought together by `align`.

    Returns
    -------
    array, shape (N,)
        z units, from 0.
    """
    check_pair(a, b)
    return np.linalg.norm(np.subtract(b, a, dtype=float), axis=1)


def neighbour_change(before: IntArray, after: IntArray) -> FloatArray:
    """How many of each digit's k nearest neighbours changed, 1 − |A and B| / |A or B| (Jaccard).

    Blind to rotation, reflection and scale. Two unrelated maps score 1 − k / 2N or so.

    Parameters
    ----------
    before, after : array of int, shape (N, k)
        From `neighbourhoods.neighbours`, under two encoders.

    Returns
    -------
    array, shape (N,)
        From 0, the same neighbours, to 1, all others.
    """
    check_lists(before, after)
    k = before.shape[1]
    both = np.sort(np.concatenate([before, after], 1), 1)  # (N, 2k); a shared one stands twice
    shared = np.count_nonzero(both[:, 1:] == both[:, :-1], axis=1)
    return 1.0 - shared / (2 * k - shared)


def relative_change(a: FloatArray, b: FloatArray, near: IntArray) -> FloatArray:
    """How far each digit moved against its neighbours, ‖(bᵢ − aᵢ) − mean over j of (bⱼ − aⱼ)‖.

    j runs over the neighbours of i. So a neighbourhood that moves as one scores 0, however far it
    goes, and a digit that leaves it scores the distance it went.

    Parameters
    ----------
    a, b : array, shape (N, D)
        Codes before and after, brought together by `align`: a turn would move neighbours
        differently.
    near : array of int, shape (N, k)
        From `neighbourhoods.neighbours`, before.

    Returns
    -------
    array, shape (N,)
        z units, from 0.
    """
    check_pair(a, b)
    check_lists(near, near)
    if len(near) != len(a):
        raise ValueError(f"as many lists of neighbours as codes are needed: {len(near)}, {len(a)}")
    moves = np.subtract(b, a, dtype=float)
    mean = np.stack([column[near].mean(1) for column in moves.T], 1)  # not (N, k, D) at once
    return np.linalg.norm(moves - mean, axis=1)
