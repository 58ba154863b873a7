import numpy as np
import pytest

from tests.vae_core.geometry.surfaces import cloud
from vae_core.geometry.walks import Codes, changes


def test_codes_near_by() -> None:
    codes, _ = cloud(500)
    labels = (codes[:, 0] > 0).astype(int) * 7
    near = Codes(codes, labels, codes + 0.001)
    assert near.reach == pytest.approx(0.001 * 2**0.5, rel=0.2)
    z = np.array([[3.0, 0.0], [-3.0, 0.0]])
    want = np.linalg.norm(codes - z[:, None], axis=-1).min(1)
    np.testing.assert_allclose(near.nearest(z), want)
    shares = near.shares(z, 20)
    assert shares.argmax(1).tolist() == [7, 0]
    np.testing.assert_allclose(shares.sum(1), 1.0)


def test_changes_are_distances_from_the_last_picture() -> None:
    images = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], np.float32)
    assert changes(images).tolist() == [0.0, 5.0, 0.0]
