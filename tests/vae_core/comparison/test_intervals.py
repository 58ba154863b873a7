from __future__ import annotations

import numpy as np
from scipy.stats import norm

from vae_core.comparison.intervals import bootstrap_means


def test_bootstrap_means_agree_with_the_normal_interval():
    values = np.random.default_rng(0).normal(size=(2, 4000)) * [[1.0], [3.0]] + [[5.0], [-2.0]]
    got = bootstrap_means(values, n_resamples=999, confidence=0.95, seed=0)
    half = norm.ppf(0.975) * values.std(1) / np.sqrt(4000)
    want = values.mean(1)[:, None] + half[:, None] * [-1, 1]
    np.testing.assert_allclose(got, want, atol=0.15 * half.max())
    again = bootstrap_means(values, n_resamples=999, confidence=0.95, seed=0)
    np.testing.assert_array_equal(got, again)
    assert np.ptp(bootstrap_means(np.ones((1, 9)), n_resamples=9, confidence=0.9, seed=0)) == 0.0
