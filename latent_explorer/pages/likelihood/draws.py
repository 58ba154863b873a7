"""What one z gives: a mean image, and images drawn from p(x|z)."""

from __future__ import annotations

from typing import NamedTuple

from latent_explorer.data import catalogue
from latent_explorer.data.digits import Floats
from vae_core.checkpoints import CheckpointRef

N_DRAWS = 8


class Draws(NamedTuple):
    """Images drawn from p(x|z) at one z, and what they are drawn round."""

    mean: Floats  # (784,)
    images: Floats  # (N_DRAWS, 784)
    sigma: float | None  # of each pixel; None for binary ones


def draws_at(ref: CheckpointRef, z: tuple[float, ...], seed: int) -> Draws:
    """Decode a z, and draw images from p(x|z)."""
    import torch

    model = catalogue.checkpoint(ref).model
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
        generator = torch.Generator().manual_seed(seed)
        draws = model.likelihood.sample(outputs.expand(N_DRAWS, -1), generator)
    return Draws(model.likelihood.mean(outputs)[0].numpy(), draws.numpy(), sigma_at(ref, z))


def sigma_at(ref: CheckpointRef, z: tuple[float, ...]) -> float | None:
    """Sigma of p(x|z)'s pixels at a z; None if they are binary."""
    import torch

    from vae_core.likelihoods import Gaussian

    model = catalogue.checkpoint(ref).model
    if not isinstance(model.likelihood, Gaussian):
        return None
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
    return float(model.likelihood.log_sigma(outputs).exp())
