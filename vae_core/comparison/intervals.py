"""Intervals of means over digits, by resampling the digits."""

from __future__ import annotations

import numpy as np
from scipy.stats import bootstrap

from vae_core.comparison.checks import FloatArray

_RESAMPLES_AT_ONCE = 20


def bootstrap_means(
    values: FloatArray, *, n_resamples: int, confidence: float, seed: int
) -> FloatArray:
    """Percentile bootstrap intervals of means over digits (Efron & Tibshirani 1993, ch. 13).

    Parameters
    ----------
    values : array, shape (M, N)
        M metrics, each a value per digit; all are resampled alike.
    n_resamples, seed : int
    confidence : float
        Between 0 and 1.

    Returns
    -------
    array, shape (M, 2)
        Lower and upper ends.
    """
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise ValueError(f"values must be finite, of shape (M, N) with N ≥ 2, got {values.shape}")
    found = bootstrap(
        (values,),
        np.mean,
        axis=1,
        n_resamples=n_resamples,
        batch=_RESAMPLES_AT_ONCE,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return np.stack(found.confidence_interval, 1)
