from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.vae_core.geometry.surfaces import cloud
from vae_core.analysis.aggregate import GridLogDensity, aggregate_posterior, mixture_log_density
from vae_core.analysis.fields import log_aggregate_at, plane_grid
from vae_core.models import VAE


def test_one_gaussian_against_another(make_model: Callable[..., VAE], binary_x: Tensor) -> None:
    """Of one image q(z) is q(z|x), whose KL to the prior has a closed form."""
    model = make_model()
    q = model.encode(binary_x[:1])
    found = aggregate_posterior(model, q, spacing=0.05)
    assert found.kl == pytest.approx(float(model.prior.kl(q)), abs=1e-4)
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


@pytest.mark.parametrize("d", [1, 2, 5])
def test_aggregate_density_at_places_is_the_mean_of_the_posteriors(d: int) -> None:
    mu, std = cloud(300, d)
    places = cloud(7, d)[0] * 2
    each = torch.distributions.Normal(torch.tensor(mu), torch.tensor(std))
    want = each.log_prob(torch.tensor(places)[:, None]).sum(-1).exp().mean(1).log().numpy()
    np.testing.assert_allclose(log_aggregate_at(mu, std, places), want, rtol=1e-10)


def test_densities_that_can_be_differentiated_are_near_the_exact_one() -> None:
    mu, std = cloud(900)
    z = torch.tensor(cloud(50)[0], requires_grad=True)
    exact = log_aggregate_at(mu, std, z.detach().numpy())
    density = GridLogDensity(mu, std, plane_grid((-5.0, 5.0, -5.0, 5.0), 192))
    on_grid = density(z)
    np.testing.assert_allclose(on_grid.detach(), exact, atol=0.01)
    np.testing.assert_allclose(mixture_log_density(mu, std)(z).detach(), exact, atol=1e-9)
    (slope,) = torch.autograd.grad(on_grid.sum(), z)
    step = 1e-6 * torch.tensor([1.0, 0.0])
    ahead = (density(z + step) - on_grid).detach() / 1e-6
    np.testing.assert_allclose(slope[:, 0], ahead, atol=1e-3)
