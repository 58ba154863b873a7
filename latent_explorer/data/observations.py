"""What a likelihood explains of pictures, and how well: x, log p(x|z), x spoilt and mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.digits import SPLITS, Floats, pixels
from latent_explorer.data.encoding import test_codes
from vae_core.checkpoints import CheckpointRef
from vae_core.data import N_TRAIN, DataSet, Split, load_mnist

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.analysis.denoising import Denoised

_SEED = 0
_RANGE_CODES = 40  # test digits whose codes show where log p(x|z) lies


def explained_pixels(ref: CheckpointRef, digit: int) -> Floats:
    """Read off a digit what the likelihood explains, shape (784,), as the header's figures do.

    Grey pixels for a Gaussian; for a Bernoulli the one binarisation of the digit's whole split.
    """
    if stored(ref).header.model.likelihood != "bernoulli":
        return pixels(digit)
    split: Split = "test" if digit >= N_TRAIN else "train"
    bits = _binarised(ref, split)[digit - SPLITS[split].start]
    return np.unpackbits(bits).astype(np.float32)


def explained_image(ref: CheckpointRef, image: NDArray[np.uint8]) -> Floats:
    """Make what the likelihood explains of any picture, uint8 of shape (28, 28); shape (784,)."""
    from vae_core.analysis.evaluation import model_input

    data = DataSet(image[None], np.zeros(1, np.uint8))
    return model_input(checkpoint(ref).model, data)[0].numpy()


@st.cache_resource(max_entries=4, show_spinner="Binarising the digits…")
def _binarised(ref: CheckpointRef, split: Split) -> NDArray[np.uint8]:
    """Bits of a split's digits, shape (n, 98)."""
    from vae_core.analysis.evaluation import model_input

    x = model_input(checkpoint(ref).model, load_mnist(split))
    return np.packbits(x.numpy().astype(np.bool_), axis=1)


@st.cache_resource(max_entries=2, show_spinner="Reading the 10,000 test digits…")
def test_statistics(ref: CheckpointRef) -> Any:
    """T(x) of the 10,000 test digits, a tensor of shape (10000, F); shared, not to be changed.

    With it the log p(x|z) of them all at one z are one product.
    """
    from vae_core.analysis.evaluation import model_input

    model = checkpoint(ref).model
    return model.likelihood.statistics(model_input(model, load_mnist("test")))


def test_log_px_z(ref: CheckpointRef, z: tuple[float, ...]) -> Floats:
    """Compute log p(x|z) of the 10,000 test digits at one z, nats, shape (10000,)."""
    import torch

    from vae_core.joint import decode_nodes

    model, statistics = checkpoint(ref).model, test_statistics(ref)
    with torch.no_grad():
        nodes = decode_nodes(model, torch.tensor([z], dtype=torch.float32))
        return nodes.log_px_z(statistics)[:, 0].numpy()


@st.cache_data(max_entries=16, show_spinner=False)
def log_px_z_range(ref: CheckpointRef) -> tuple[float, float]:
    """Span, in nats, of nearly all log p(x|z) of test digits at z where digits live."""
    codes = test_codes(ref)[: 10 * _RANGE_CODES : 10]
    found = np.stack([test_log_px_z(ref, tuple(z)) for z in codes.tolist()])
    low, high = float(np.quantile(found, 0.02)), float(found.max())
    pad = 0.05 * (high - low)
    return low - pad, high + pad


@st.cache_data(max_entries=8, show_spinner="Spoiling and mending digits…")
def noise_curve(ref: CheckpointRef, shares: tuple[float, ...], n: int) -> list[float]:
    """Mean log p(x|z), nats, of the first n test digits at the codes of their noisy pictures."""
    from torch import Generator

    from vae_core.analysis.denoising import denoise

    x = np.stack([explained_pixels(ref, SPLITS["test"].start + i) for i in range(n)])
    model, clean = checkpoint(ref).model, _tensor(x)
    means: list[float] = []
    for share in shares:
        generator = Generator().manual_seed(_SEED)
        found = denoise(model, clean, share=share, generator=generator)
        means.append(float(found.log_px_z.mean()))
    return means


def denoised(ref: CheckpointRef, x: Floats, share: float, seed: int) -> Denoised:
    """Let a checkpoint mend one image, shape (784,), spoilt by noise on a share of its pixels."""
    from torch import Generator

    from vae_core.analysis.denoising import denoise

    generator = Generator().manual_seed(seed)
    return denoise(checkpoint(ref).model, _tensor(x[None]), share=share, generator=generator)


def _tensor(x: Floats) -> Tensor:
    import torch

    return torch.from_numpy(x)
