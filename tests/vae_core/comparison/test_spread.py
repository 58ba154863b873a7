from __future__ import annotations

import numpy as np

from tests.vae_core.comparison.conftest import some_codes, some_labels, turn
from vae_core.comparison.spread import active_units, class_spread


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
