"""Everything the pages read, cached by the content of the checkpoint; arrays are NumPy.

The map needs neither torch nor scikit-learn: both are imported where they are first used, and
torch meanwhile by a background thread (`warm_up`).
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.latent_map.payload import pack_decoder, pack_points
from vae_core.checkpoints import (
    Checkpoint,
    CheckpointRef,
    DigitMap,
    StoredCheckpoint,
    digit_map,
    load_checkpoint,
    read_listed,
    scan_checkpoints,
)
from vae_core.config import N_PIXELS
from vae_core.data import N_TEST, N_TRAIN, DataSet, Split, load_mnist, load_mnist_labels
from vae_core.errors import CheckpointError

Floats = NDArray[np.float32]

SPLITS: dict[Split, slice] = {
    "test": slice(N_TRAIN, N_TRAIN + N_TEST),
    "train": slice(0, N_TRAIN),
    "all": slice(0, N_TRAIN + N_TEST),
}
_PIXEL_CHUNK = 10_000  # digits turned to float at once when images are compared


class Payloads(NamedTuple):
    """What the browser is sent once."""

    decoder: bytes
    points: bytes


class Encoded(NamedTuple):
    """q(z|x) of one digit; a plain autoencoder's has no spread and no KL."""

    mu: Floats  # (D,)
    std: Floats  # (D,)
    kl: float  # to the prior, nats


class Neighbours(NamedTuple):
    """Digits by id, nearest first, and how far they are."""

    ids: NDArray[np.intp]
    distances: Floats


def weights_folder() -> Path:
    """Where checkpoints are looked for: weights/, or $LATENT_EXPLORER_WEIGHTS."""
    return Path(os.environ.get("LATENT_EXPLORER_WEIGHTS", Path(__file__).parents[1] / "weights"))


def checkpoints() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """Look at the folder afresh, so that a file dropped into it appears."""
    return scan_checkpoints(weights_folder())


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch and unpack the images while the user looks at the first map."""

    def work() -> None:
        import_module("vae_core.models")
        digits()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@st.cache_resource(max_entries=16, show_spinner=False)
def stored(ref: CheckpointRef) -> StoredCheckpoint:
    """Header and tensors; shared by all users, never to be changed."""
    return read_listed(ref)


@st.cache_resource(max_entries=8, show_spinner="Loading the model…")
def checkpoint(ref: CheckpointRef) -> Checkpoint:
    """Build the torch model; shared by all users, never to be changed."""
    return load_checkpoint(ref)


def metrics(ref: CheckpointRef) -> dict[str, dict[str, Any]]:
    """Figures on the test set, those of the file's header where it has them."""
    return stored(ref).header.metrics or _measured(ref)


@st.cache_data(max_entries=16, show_spinner="Measuring on the 10,000 test digits…")
def _measured(ref: CheckpointRef) -> dict[str, dict[str, Any]]:
    from vae_core.analysis.evaluation import evaluate_model

    return evaluate_model(checkpoint(ref).model, load_mnist("test"))


@st.cache_resource(max_entries=1, show_spinner=False)
def digits() -> DataSet:
    """All 70,000 digits; row = digit id."""
    return load_mnist("all")


@st.cache_resource(max_entries=1, show_spinner=False)
def labels() -> NDArray[np.uint8]:
    """Labels of all 70,000 digits; row = digit id."""
    return load_mnist_labels("all")


@st.cache_resource(max_entries=8, show_spinner="Encoding the digits…")
def positions(ref: CheckpointRef) -> DigitMap:
    """Where the 70,000 digits lie; from the file, or encoded now if it does not hold them."""
    from_file = digit_map(stored(ref))
    if from_file is not None:
        return from_file
    from vae_core.analysis.projection import map_digits

    return map_digits(checkpoint(ref).model, digits().images)


@st.cache_resource(max_entries=8, show_spinner=False)
def payloads(ref: CheckpointRef, split: Split) -> Payloads:
    """Pack what the map in the browser needs of a checkpoint and a data split."""
    header, tensors = stored(ref)
    n_layers = len(header.model.decoder_hidden) + 1
    names = [f"decoder.net.layers.{i}" for i in range(n_layers)]
    weights = [tensors[f"{name}.weight"] for name in names]
    biases = [tensors[f"{name}.bias"] for name in names]
    # A learned sigma is one more output; the picture is the mean alone.
    weights[-1], biases[-1] = weights[-1][:N_PIXELS], biases[-1][:N_PIXELS]
    frequencies = tensors["decoder.frequencies"]
    coords, center, axes = positions(ref)
    decoder = pack_decoder(
        weights=weights,
        biases=biases,
        activation=header.model.activation,
        residual=header.model.residual,
        fourier=frequencies if frequencies.size else None,
        center=center,
        axes=axes,
    )
    rows = SPLITS[split]
    points = pack_points(coords=coords[rows], labels=labels()[rows], first_id=rows.start)
    return Payloads(decoder, points)


def decode(ref: CheckpointRef, z: NDArray[Any]) -> Floats:
    """Mean of p(x|z) at latents of shape (B, D), by torch; returns shape (B, 784)."""
    import torch

    return checkpoint(ref).model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy()


def encode(ref: CheckpointRef, digit: int) -> Encoded:
    """q(z|x) of one digit, from its grey pixels."""
    from vae_core.analysis.projection import encode_images

    model = checkpoint(ref).model
    mu, logvar = encode_images(model, digits().images[digit : digit + 1])
    kl = float(model.prior.kl_per_dim(mu, logvar).sum())
    return Encoded(mu[0].numpy(), (0.5 * logvar[0]).exp().numpy(), kl)


def pixels(digit: int) -> Floats:
    """One digit's grey pixels, shape (784,), ink from 0 to 1."""
    return digits().images[digit].reshape(N_PIXELS) / np.float32(255)


def nearest_on_map(
    ref: CheckpointRef, split: Split, coords: tuple[float, float], *, n: int
) -> Neighbours:
    """Find the digits nearest to a place of the map; distances in z units (of the plane)."""
    # Brute force takes 2 ms; a tree would first import scikit-learn, 1.3 s of the first click.
    offsets = positions(ref).coords[SPLITS[split]] - np.array(coords, np.float32)
    nearest, squares = _smallest(np.einsum("ij,ij->i", offsets, offsets), n)
    return Neighbours(nearest + SPLITS[split].start, np.sqrt(squares))


def nearest_in_pixels(image: Floats, split: Split, *, n: int) -> Neighbours:
    """Find the digits whose pixels are nearest to an image, shape (784,); rms ink apart."""
    rows = SPLITS[split]
    flat = digits().images.reshape(-1, N_PIXELS)
    squares = np.empty(rows.stop - rows.start, np.float32)
    for start in range(rows.start, rows.stop, _PIXEL_CHUNK):
        chunk = flat[start : min(start + _PIXEL_CHUNK, rows.stop)].astype(np.float32)
        chunk /= 255.0
        chunk -= image
        squares[start - rows.start :][: len(chunk)] = np.einsum("ij,ij->i", chunk, chunk)
    nearest, squares = _smallest(squares, n)
    return Neighbours(nearest + rows.start, np.sqrt(squares / N_PIXELS))


def _smallest(values: Floats, n: int) -> tuple[NDArray[np.intp], Floats]:
    """Positions of the n smallest values and these values, in ascending order."""
    smallest = np.argpartition(values, n)[:n]
    smallest = smallest[values[smallest].argsort()]
    return smallest, values[smallest]


@st.cache_data(max_entries=16, show_spinner="Counting neighbours…")
def neighbour_classes(ref: CheckpointRef, k: int) -> Floats:
    """Shares of classes among the k nearest test digits of each class's digits, shape (10, 10)."""
    from vae_core.analysis.compare import class_confusion

    rows = SPLITS["test"]
    return class_confusion(positions(ref).coords[rows], labels()[rows], k=k).astype(np.float32)
