from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from tests.vae_core.linear_gaussian import closed_form, linear_gaussian, linear_images
from vae_core.analysis.marginal import elbo
from vae_core.exact.evidence import log_px_exact
from vae_core.exact.posterior import kl_to_posterior, log_posterior
from vae_core.models import VAE

WIDE = {"spacing": 0.1, "radius": 6.5}  # enough for every q(z|x) of the tiny VAE


# --- the exact posterior --------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_posterior_on_the_lattice_is_the_closed_form(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 6)
    found = log_posterior(model, x, spacing=0.1, radius=5.0)
    mu, logvar = model.encode(x)  # exact for this model
    q = torch.distributions.Normal(mu.unsqueeze(1), (0.5 * logvar).exp().unsqueeze(1))
    wanted = q.log_prob(found.nodes).sum(-1)
    is_near = wanted > -20.0
    torch.testing.assert_close(found.log_density[is_near], wanted[is_near], rtol=0.0, atol=5e-3)
    mass = found.log_density.exp().sum(1) * 0.1**latent_dim
    torch.testing.assert_close(mass, torch.ones(6), rtol=0.0, atol=1e-3)


def test_log_px_is_the_elbo_and_the_kl_to_the_posterior(tiny_vae: VAE, binary_x: Tensor) -> None:
    log_px = log_px_exact(tiny_vae, binary_x, **WIDE)
    kl = kl_to_posterior(tiny_vae, binary_x, log_px)
    assert (kl > 0).all()
    bound = elbo(tiny_vae, binary_x, n_samples=40_000, generator=Generator().manual_seed(0))
    excess = log_px - kl - bound.value
    assert (excess.abs() < 4.5 * bound.stderr).all()
    assert excess.mean().abs() < 0.01


def test_the_true_posterior_has_no_kl_to_itself() -> None:
    model = linear_gaussian(2)
    x = linear_images(model, 6)
    kl = kl_to_posterior(model, x, closed_form(model, x).float())
    torch.testing.assert_close(kl, torch.zeros(6), rtol=0.0, atol=5e-3)
