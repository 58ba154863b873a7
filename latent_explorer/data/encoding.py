"""Codes of digits and pictures under a checkpoint, and pictures of codes; arrays are NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import digits
from latent_explorer.data.catalogue import checkpoint, stored
from vae_core.checkpoints import CheckpointRef
from vae_core.tensors import ProjectedCodes

if TYPE_CHECKING:
    from vae_core.posterior import Posterior

# z units²: a map that spreads more is not collapsed, whatever q(z|x) is; a map is then drawn
# without torch. Only a q(z|x) three times as wide as the prior could be too wide for it.
_WIDE = 0.1


class Encoded(NamedTuple):
    """q(z|x) of one digit; a plain autoencoder's has no spread and no KL."""

    mu: digits.Floats  # (D,)
    std: digits.Floats  # (D,)
    kl: float  # to the prior, nats


@st.cache_resource(max_entries=8, show_spinner="Encoding the digits…")
def positions(ref: CheckpointRef) -> ProjectedCodes:
    """Where the 70,000 digits lie; from the file, or encoded now if it does not hold them."""
    from_file = stored(ref).codes
    if from_file is not None:
        return from_file
    from vae_core.analysis.projection import map_digits

    return map_digits(checkpoint(ref).model, digits.data_set().images)


@st.cache_resource(max_entries=4, show_spinner=False)
def posteriors(ref: CheckpointRef) -> tuple[digits.Floats, digits.Floats]:
    """Means and standard deviations of q(z|x) of all digits, each of shape (70000, D)."""
    std = stored(ref).std
    if std is not None:
        coords, center, axes = positions(ref)
        return (center + coords @ axes.T).astype(np.float32), std.astype(np.float32)
    from vae_core.analysis.projection import encode_images

    found = encode_images(checkpoint(ref).model, digits.data_set().images)
    return found.mu.numpy(), found.std.numpy()


@st.cache_resource(max_entries=4, show_spinner="Encoding the test digits…")
def test_codes(ref: CheckpointRef) -> digits.Floats:
    """Codes of the 10,000 test digits, shape (10000, D); shared, not to be changed."""
    coords, center, axes = positions(ref)
    rows = digits.SPLITS["test"]
    if len(center) <= 2:  # the map holds the whole code
        return (center + coords[rows] @ axes.T).astype(np.float32)
    from vae_core.analysis.projection import encode_images

    return encode_images(checkpoint(ref).model, digits.data_set().images[rows]).mu.numpy()


@st.cache_resource(max_entries=16, show_spinner=False)
def is_collapsed(ref: CheckpointRef) -> bool:
    """Whether the encoder gives all digits about the same q(z|x); of the test digits."""
    from vae_core.comparison import spread

    rows = digits.SPLITS["test"]
    coords, center, _ = positions(ref)
    if coords[rows].astype(float).var(0).max() > _WIDE:
        return False
    if len(center) <= 2:
        std = posteriors(ref)[1][rows]
        return spread.is_collapsed(test_codes(ref), std)
    from vae_core.analysis.projection import encode_images

    q = encode_images(checkpoint(ref).model, digits.data_set().images[rows])
    return spread.is_collapsed(q.mu.numpy(), q.std.numpy())


def encode(ref: CheckpointRef, digit: int) -> Encoded:
    """q(z|x) of one digit, from its grey pixels; from the file if it holds it."""
    std = stored(ref).std
    if std is None:
        return encode_image(ref, digits.data_set().images[digit])
    import torch

    from vae_core.posterior import Posterior

    coords, center, axes = positions(ref)
    mu, sigma = center + axes @ coords[digit], std[digit].astype(np.float32)
    prior = checkpoint(ref).model.prior
    q = Posterior.from_std(torch.from_numpy(mu)[None], torch.from_numpy(sigma)[None])
    return Encoded(mu, sigma, float(prior.kl(q)))


def encode_image(ref: CheckpointRef, image: NDArray[np.uint8]) -> Encoded:
    """q(z|x) of any picture, uint8 of shape (28, 28), from its grey pixels."""
    from vae_core.analysis.projection import encode_images

    return _encoded(ref, encode_images(checkpoint(ref).model, image[None]))


def encode_explained(ref: CheckpointRef, x: digits.Floats) -> Encoded:
    """q(z|x) of what the likelihood explains, shape (784,): of binary pixels, or of grey ones."""
    import torch

    with torch.no_grad():
        return _encoded(ref, checkpoint(ref).model.encode(torch.from_numpy(x[None])))


def _encoded(ref: CheckpointRef, q: Posterior) -> Encoded:
    kl = float(checkpoint(ref).model.prior.kl(q).sum())
    return Encoded(q.mu[0].numpy(), q.std[0].numpy(), kl)


def decode(ref: CheckpointRef, z: NDArray[Any]) -> digits.Floats:
    """Mean of p(x|z) at latents of shape (B, D), by torch; returns shape (B, 784)."""
    import torch

    return checkpoint(ref).model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy()
