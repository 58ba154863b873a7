"""How far codes spread: by dimension and by class."""

from __future__ import annotations

import numpy as np

from vae_core.comparison.checks import N_CLASSES, FloatArray, IntArray, check_codes, check_labelled

ACTIVE_VARIANCE = 0.01  # of mu over the data: Burda, Grosse & Salakhutdinov, ICLR 2016


def active_units(codes: FloatArray) -> int:
    """Count the dimensions whose mean of q(z|x) varies by more than `ACTIVE_VARIANCE`.

    Parameters
    ----------
    codes : array, shape (N, D)
        Encoder means.

    Returns
    -------
    int
        From 0 to D.
    """
    check_codes(codes)
    return int(np.count_nonzero(codes.astype(float).var(0) > ACTIVE_VARIANCE))


def class_spread(codes: FloatArray, labels: IntArray) -> FloatArray:
    """How far digits of each class lie from their mean, √ of the trace of their covariance.

    Parameters
    ----------
    codes, labels
        As in `clusters.matched_clusters`.

    Returns
    -------
    array, shape (10,)
        z units, root mean square distance; blind to rotation. NaN for a class without digits.
    """
    check_labelled(codes, labels)
    spread = np.full(N_CLASSES, np.nan)
    for digit in np.unique(labels):
        spread[digit] = np.sqrt(codes[labels == digit].astype(float).var(0).sum())
    return spread
