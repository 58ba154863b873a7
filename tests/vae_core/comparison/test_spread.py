from __future__ import annotations

import numpy as np

from tests.vae_core.comparison.conftest import some_codes, some_labels, turn
from vae_core.comparison.spread import active_units, class_spread, is_collapsed


def test_active_units_vary_beyond_the_threshold():
    a = np.random.default_rng(0).normal(size=(1000, 3)) * [1.0, 0.11, 0.09] + [0.0, 0.0, 9.0]
    assert active_units(a) == 2


def test_class_spread_is_the_root_mean_square_distance_from_the_class_s_mean():
    a, labels = some_codes(), some_labels() % 9
    want = [
        np.sqrt(((a[labels == c] - a[labels == c].mean(0)) ** 2).sum(1).mean()) for c in range(9)
    ]
    got = class_spread(a, labels)
    np.testing.assert_allclose(got[:9], want)
    assert np.isnan(got[9])
    np.testing.assert_allclose(class_spread(a @ turn(0.7, reflect=True), labels), got)


def test_a_posterior_has_collapsed_where_no_mean_varies_by_a_tenth_of_its_width():
    noise = np.random.default_rng(0).normal(size=(1000, 2))
    codes = (noise - noise.mean(0)) / noise.std(0)  # of standard deviation 1
    ones = np.ones_like(codes)
    assert is_collapsed(0.0999 * codes, ones)
    assert not is_collapsed(0.1001 * codes, ones)
    assert not is_collapsed(codes * [0.05, 0.2], ones)  # one dimension still tells
    # it is the width of q(z|x) that counts, not that of the prior
    assert not is_collapsed(0.001 * codes, 0.005 * ones)
    assert is_collapsed(0.0004 * codes, 0.005 * ones)
    # nor where they lie
    assert is_collapsed(0.0999 * codes + 7.0, ones)


def test_codes_without_width_have_collapsed_where_they_are_one():
    codes = np.full((100, 2), 0.3, np.float32)
    assert is_collapsed(codes, np.zeros_like(codes))
    codes[::2] = np.nextafter(codes[::2], 1)
    assert is_collapsed(codes, np.zeros_like(codes))  # but for rounding
    codes[0] += 1e-3
    assert not is_collapsed(codes, np.zeros_like(codes))
