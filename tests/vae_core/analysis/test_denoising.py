from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from vae_core.analysis.denoising import denoise
from vae_core.data import corrupt
from vae_core.models import VAE


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_noisy_picture_is_encoded_and_the_clean_one_weighed(
    tiny_vae: VAE, binary_x: Tensor, share: float
) -> None:
    found = denoise(tiny_vae, binary_x, share=share, generator=Generator().manual_seed(0))
    noisy = corrupt(binary_x, share, Generator().manual_seed(0))
    assert torch.equal(found.noisy, noisy)
    assert torch.equal(found.noisy, binary_x) == (share == 0)
    torch.testing.assert_close(found.mu, tiny_vae.encode(noisy).mu)
    torch.testing.assert_close(found.recon, tiny_vae.decode(found.mu))
    log_px_z = (binary_x * found.recon.log() + (1 - binary_x) * (1 - found.recon).log()).sum(-1)
    torch.testing.assert_close(found.log_px_z, log_px_z, rtol=1e-3, atol=1e-2)


def test_noise_costs_likelihood(tiny_vae: VAE, binary_x: Tensor) -> None:
    clean, noisy = (
        denoise(tiny_vae, binary_x, share=share, generator=Generator().manual_seed(1))
        for share in (0.0, 0.5)
    )
    assert float(noisy.log_px_z.mean()) < float(clean.log_px_z.mean()) - 5
