"""How far codes spread: by dimension and by class."""

from __future__ import annotations

import numpy as np

from vae_core.comparison.checks import (
    N_CLASSES,
    FloatArray,
    IntArray,
    check_codes,
    check_labelled,
    check_pair,
)

ACTIVE_VARIANCE = 0.01  # of mu over the data: Burda, Grosse & Salakhutdinov, ICLR 2016
# Of the variance of q(z|x), which mu's must exceed to tell anything: with the prior's variance 1
# for q(z|x), as where it is collapsed, the two thresholds are one.
_TELLING_SHARE = ACTIVE_VARIANCE


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


def is_collapsed(codes: FloatArray, std: FloatArray) -> bool:
    """Whether the encoder gives all data about the same q(z|x): a collapsed posterior.

    In no dimension does mu vary over the data by more than a tenth of the standard deviation of
    q(z|x), root mean square of both. What z then tells of x is under D ln(1.01) / 2 nats, if q(z)
    is about Gaussian: nothing. Bowman et al., "Generating sentences from a continuous space",
    CoNLL 2016, met it first; Lucas et al., "Don't blame the ELBO!", NeurIPS 2019, name it.

    Parameters
    ----------
    codes : array, shape (N, D)
        Encoder means.
    std : array, shape (N, D)
        Standard deviations of q(z|x); 0 for a plain autoencoder's, whose codes have collapsed
        where they are one but for rounding.
    """
    check_pair(codes, std)
    rounding = np.finfo(np.float32).eps * np.abs(codes).max(0)
    telling = _TELLING_SHARE * np.mean(std.astype(float) ** 2, axis=0)
    return bool((codes.astype(float).var(0) <= np.maximum(telling, rounding**2)).all())


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
