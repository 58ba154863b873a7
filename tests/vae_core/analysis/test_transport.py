from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from vae_core.analysis.transport import conservation, log_px_in_u
from vae_core.exact.lattice import DecodedLattice
from vae_core.models import VAE
from vae_core.priors import LearnedMixture


def test_density_is_conserved_and_z_left_as_it_was() -> None:
    mixture = LearnedMixture().mixture()
    z = mixture.sample(500, Generator().manual_seed(0)).double()
    found = conservation(mixture, z)
    torch.testing.assert_close(found.log_pu, found.log_pz, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.log_pz, mixture.log_pz(z))
    assert not z.requires_grad
    assert not found.log_pu.requires_grad


def test_both_sides_give_one_log_px(make_model: Callable[..., VAE], binary_x: Tensor) -> None:
    model = make_model(prior="digit-mixture")
    assert isinstance(model.prior, LearnedMixture)
    x = binary_x[0]
    explained = DecodedLattice(model, spacing=0.08).explain(x)

    def log_px_z(z: Tensor) -> Tensor:
        return model.likelihood.log_px_z(model.decoder(z), x)

    found = log_px_in_u(model.prior.mixture(), explained, log_px_z, spacing=0.05)
    assert found == pytest.approx(explained.log_px, abs=0.01)
