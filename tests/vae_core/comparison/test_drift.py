from __future__ import annotations

import numpy as np
import pytest

from tests.vae_core.comparison.conftest import near, nearest_sets, some_codes, turn
from vae_core.comparison.alignment import align
from vae_core.comparison.drift import displacement, neighbour_change, relative_change


def test_nothing_drifts_from_itself():
    a = some_codes()
    assert displacement(a, a).max() == 0.0
    assert neighbour_change(near(a, 5), near(a, 5)).max() == 0.0
    assert relative_change(a, a, near(a, 5)).max() == 0.0


@pytest.mark.parametrize("reflect", [False, True])
def test_nothing_drifts_from_a_turned_copy_once_aligned(reflect: bool):
    a = some_codes()
    b = a @ turn(2.1, reflect=reflect)
    assert displacement(a, b).max() > 1.0
    assert neighbour_change(near(a, 5), near(b, 5)).max() == 0.0
    aligned = align(a, b).aligned
    assert displacement(aligned, b).max() < 1e-12
    assert relative_change(aligned, b, near(aligned, 5)).max() < 1e-12


def test_displacement_is_a_distance():
    np.testing.assert_allclose(
        displacement(np.zeros((3, 2)), np.array([[3, 4], [0, 0], [0, 1]])), [5, 0, 1]
    )


@pytest.mark.parametrize("k", [1, 4, 59])
def test_neighbour_change_is_that_of_brute_force(k: int):
    a, b = some_codes(), some_codes() + 0.3 * some_codes(seed=1)
    want = [
        1.0 - len(p & q) / len(p | q)
        for p, q in zip(nearest_sets(a, k), nearest_sets(b, k), strict=True)
    ]
    np.testing.assert_allclose(neighbour_change(near(a, k), near(b, k)), want)


def test_relative_change_is_that_of_brute_force():
    a, b = some_codes(), some_codes() + 0.3 * some_codes(seed=1)
    moves = b - a
    want = [
        np.linalg.norm(moves[i] - np.mean([moves[j] for j in js], axis=0))
        for i, js in enumerate(nearest_sets(a, 6))
    ]
    np.testing.assert_allclose(relative_change(a, b, near(a, 6)), want)


def test_relative_change_sees_who_leaves_but_not_who_moves_along():
    a = some_codes()
    b = a + np.array([3.0, -1.0])
    assert relative_change(a, b, near(a, 5)).max() < 1e-12
    b[0] += [0.0, 2.0]
    assert relative_change(a, b, near(a, 5))[0] == pytest.approx(2.0)


def test_neighbour_change_compares_codes_of_any_dimensions():
    a = some_codes()
    wide = np.hstack([a, np.zeros((60, 3))])
    assert neighbour_change(near(a, 5), near(wide, 5)).max() == 0.0
