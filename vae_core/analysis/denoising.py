"""What a model makes of images that were spoilt before it saw them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from vae_core.data import corrupt
from vae_core.models import VAE


class Denoised(NamedTuple):
    """Images seen through noise."""

    noisy: Tensor  # (B, 784): what the encoder saw
    mu: Tensor  # (B, D): where it put them
    recon: Tensor  # (B, 784): the mean image there
    log_px_z: Tensor  # (B,): log p(x|z) of the clean images there, nats


def denoise(model: VAE, x: Tensor, *, share: float, generator: Generator) -> Denoised:
    """Spoil images, encode them, decode the code, and weigh the clean images there.

    Parameters
    ----------
    model : VAE
        Trained on spoilt images or not.
    x : Tensor, shape (B, 784)
        Clean, in [0, 1]; binary for a Bernoulli likelihood.
    share : float
        Of the pixels, replaced by coin flips: from 0 to 1. See `vae_core.data.corrupt`.
    generator : Generator
        Of the noise.
    """
    with torch.no_grad():
        noisy = corrupt(x, share, generator)
        mu = model.encode(noisy).mu
        outputs = model.decoder(mu)
        log_px_z = model.likelihood.log_px_z(outputs, x)
        return Denoised(noisy, mu, model.likelihood.mean(outputs), log_px_z)
