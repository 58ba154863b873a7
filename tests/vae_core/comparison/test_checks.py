from __future__ import annotations

import numpy as np
import pytest

from tests.vae_core.comparison.conftest import near, some_codes, some_labels
from vae_core.comparison.alignment import align, linear_cka
from vae_core.comparison.clusters import matched_clusters, silhouettes
from vae_core.comparison.drift import displacement, neighbour_change, relative_change
from vae_core.comparison.intervals import bootstrap_means
from vae_core.comparison.neighbourhoods import (
    class_confusion,
    knn_right,
    neighbours,
    trustworthiness,
)
from vae_core.comparison.spread import active_units, class_spread


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda a: align(a, a[:5]), "one shape"),
        (lambda a: align(np.ones((5, 3)), np.ones((5, 3))), r"\(N, 2\), got \(5, 3\)"),
        (lambda a: displacement(a, a * np.nan), "finite"),
        (lambda a: displacement(a[0], a[0]), r"\(N, D\)"),
        (lambda a: neighbours(a, k=0), "k must be from 1 to 59"),
        (lambda a: neighbours(a, k=60), "k must be from 1 to 59"),
        (lambda a: neighbour_change(near(a, 3), near(a, 4)), r"one shape \(N, k\)"),
        (lambda a: relative_change(a, a, near(a[:50], 3)), "50, 60"),
        (lambda a: class_confusion(near(a, 3), some_labels() + 1), "from 0 to 9, got 1 to 10"),
        (lambda a: class_confusion(near(a, 3), some_labels()[:9]), "labels must be"),
        (lambda a: class_confusion(near(a, 3), some_labels() * 1.0), "whole numbers"),
        (lambda a: trustworthiness(a, near(a, 30)), "k < N / 2"),
        (lambda a: linear_cka(a, a[:5]), "one length, got 60 and 5"),
        (lambda a: silhouettes(a, some_labels() - 1), "from 0 to 9, got -1"),
        (lambda a: knn_right(a, some_labels()[:9], k=1), "labels must be"),
        (lambda a: class_spread(a, some_labels()[:9]), "labels must be"),
        (lambda a: active_units(a * np.nan), "finite"),
        (
            lambda a: bootstrap_means(a[:, 0], n_resamples=9, confidence=0.9, seed=0),
            r"\(M, N\)",
        ),
        (
            lambda a: matched_clusters(a, some_labels(), n_clusters=61, seed=0),
            "n_clusters must be from 1 to 60",
        ),
    ],
)
def test_misuse_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call(some_codes())
