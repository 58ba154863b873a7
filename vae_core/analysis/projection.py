"""The plane a latent space is shown on, and where digits lie on it."""

from __future__ import annotations

import numpy as np
import torch

from vae_core.data import ByteArray
from vae_core.models import VAE
from vae_core.posterior import Posterior
from vae_core.tensors import ProjectedCodes

_BATCH = 20_000  # a refined q(z|x) decodes the same plane for each batch


def encode_images(model: VAE, images: ByteArray) -> Posterior:
    """q(z|x) of grey images, in batches.

    Parameters
    ----------
    model : VAE
    images : ByteArray, shape (N, 28, 28) or (N, 784)
        uint8.

    Returns
    -------
    Posterior
        mu and logvar, each of shape (N, D), on the CPU.
    """
    device = next(model.parameters()).device
    pixels = torch.as_tensor(images.reshape(len(images), -1).copy())
    with torch.no_grad():
        parts = [
            model.encode(rows.to(device).float().div_(255.0))
            for rows in torch.split(pixels, _BATCH)
        ]
    return Posterior(*(torch.cat(each).cpu() for each in zip(*parts, strict=True)))


def map_digits(model: VAE, images: ByteArray) -> ProjectedCodes:
    """Place images on the plane of `map_codes`; images uint8, (N, 28, 28), N ≥ 2."""
    return map_codes(encode_images(model, images))


def map_codes(posterior: Posterior) -> ProjectedCodes:
    """Place codes on the plane u on which the latent space is shown, z = center + axes @ u.

    For D = 2 the plane is z-space itself and for D = 1 its line. For more it is spanned by the
    two leading principal axes of the encoded means, through their mean: a projection.

    Parameters
    ----------
    posterior : Posterior
        Of N ≥ 2 images, from `encode_images`.
    """
    mu = posterior.mu.numpy()
    n_dims = mu.shape[1]
    if n_dims <= 2:
        center, axes = np.zeros(n_dims, np.float32), np.eye(n_dims, 2, dtype=np.float32)
    else:
        center = mu.mean(0)
        _, vectors = np.linalg.eigh(np.cov(mu.T))
        axes = np.ascontiguousarray(vectors[:, :-3:-1], np.float32)  # largest variance first
    return ProjectedCodes((mu - center) @ axes, center, axes)
