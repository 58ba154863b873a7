from __future__ import annotations

import numpy as np
import pytest

from tests.vae_core.comparison.conftest import some_codes, turn
from vae_core.comparison.alignment import align, linear_cka


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, 3.0, -2.0])
def test_align_recovers_a_planted_turn(angle: float, reflect: bool):
    a, planted = some_codes(), turn(angle, reflect=reflect)
    found = align(a, a @ planted)
    np.testing.assert_allclose(found.rotation, planted, atol=1e-12)
    np.testing.assert_allclose(found.aligned, a @ planted, atol=1e-12)
    assert found.residual == pytest.approx(0.0, abs=1e-12)


def test_align_neither_moves_nor_scales():
    a = some_codes()
    found = align(a, 2.0 * a)
    np.testing.assert_allclose(found.aligned, a, atol=1e-12)
    assert found.residual == pytest.approx(np.sqrt((a**2).sum(1).mean()))
    moved = align(a, a + np.array([5.0, 0.0]))
    np.testing.assert_allclose(moved.aligned.mean(0) @ moved.aligned.mean(0), a.mean(0) @ a.mean(0))


def test_align_is_the_best_of_all_turns():
    a, b = some_codes(), some_codes(seed=1)
    found = align(a, b)
    tried = [
        np.sqrt(((a @ turn(angle, reflect=reflect) - b) ** 2).sum(1).mean())
        for angle in np.linspace(-np.pi, np.pi, 721)
        for reflect in (False, True)
    ]
    assert found.residual <= min(tried)
    assert found.residual == pytest.approx(min(tried), rel=1e-4)
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(2), atol=1e-12)


def test_linear_cka_is_that_of_the_gram_matrices():
    a, b = some_codes(), np.hstack([some_codes(), some_codes(seed=1)]) + 0.5
    centring = np.eye(60) - 1 / 60
    k, m = (centring @ (each @ each.T) @ centring for each in (a, b))
    want = np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))
    assert linear_cka(a, b) == pytest.approx(want)
    assert linear_cka(b, a) == pytest.approx(want)
    assert linear_cka(3.0 * a @ turn(0.4, reflect=True) + 1.0, b) == pytest.approx(want)
    assert linear_cka(a, -2.0 * a) == pytest.approx(1.0)


def test_linear_cka_of_one_place_is_nan_and_says_so():
    with pytest.warns(UserWarning, match="CKA is undefined"):
        assert np.isnan(linear_cka(some_codes(), np.ones((60, 2))))
