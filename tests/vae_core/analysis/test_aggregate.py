from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vae_core.analysis.aggregate import aggregate_posterior
from vae_core.models import VAE


def test_one_gaussian_against_another(make_model: Callable[..., VAE], binary_x: Tensor) -> None:
    """Of one image q(z) is q(z|x), whose KL to the prior has a closed form."""
    model = make_model()
    q = model.encode(binary_x[:1])
    found = aggregate_posterior(model, q, spacing=0.05)
    assert found.kl == pytest.approx(float(model.prior.kl(*q)), abs=1e-4)
    assert found.log_qz.shape == found.log_pz.shape == found.grid.shape


def test_holes_hold_what_the_data_leave(make_model: Callable[..., VAE], binary_x: Tensor) -> None:
    model = make_model()
    found = aggregate_posterior(model, model.encode(binary_x), spacing=0.05)
    z = model.prior.sample(200_000, torch.Generator().manual_seed(0)).numpy()
    x0, x1, y0, y1 = found.grid.extent
    height, width = found.grid.shape
    column = np.floor((z[:, 0] - x0) / (x1 - x0) * width).astype(int)
    row = np.floor((z[:, 1] - y0) / (y1 - y0) * height).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    is_hole = np.ones(len(z), bool)
    is_hole[inside] = found.is_hole(2.0)[row[inside], column[inside]]
    assert found.hole_mass(2.0) == pytest.approx(is_hole.mean(), abs=0.005)
    assert found.hole_mass(1e30) <= found.hole_mass(10.0) <= found.hole_mass(2.0)


@pytest.mark.parametrize("config", [{"posterior": "point"}, {"latent_dim": 1}])
def test_needs_a_plane_and_a_prior(
    make_model: Callable[..., VAE], binary_x: Tensor, config: dict[str, object]
) -> None:
    model = make_model(**config)
    with pytest.raises(ValueError, match="latent_dim 2"):
        aggregate_posterior(model, model.encode(binary_x))
