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

from explorer.latent_map.payload import (
    pack_decoder,
    pack_fields,
    pack_images,
    pack_points,
    pack_values,
)
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
SHEET_DIGITS = 10_000  # digits on one sheet of pictures
N_SHEETS = (N_TRAIN + N_TEST) // SHEET_DIGITS
N_VOTERS = 50  # nearest training digits that say which digit lives where

_PIXEL_CHUNK = 10_000  # digits turned to float at once when images are compared
_FIELD_SIDE = 192  # cells along the side of a layer
_COARSER = 2  # of the sensitivity's cells, the costly ones; interpolated between them
_FIELD_HALF = 0.6  # half a layer's side, in sides of the box that holds 99.8 % of the codes
_PRIOR_RADIUS = 3.5  # z units that the layers cover at least where there is a prior
_TAIL = 0.001  # share of the codes beyond each side of that box


class Payloads(NamedTuple):
    """What the browser is sent once."""

    decoder: bytes
    points: bytes


class Encoded(NamedTuple):
    """q(z|x) of one digit; a plain autoencoder's has no spread and no KL."""

    mu: Floats  # (D,)
    std: Floats  # (D,)
    kl: float  # to the prior, nats


class DigitTerms(NamedTuple):
    """One number per digit of a split, each of shape (n,); how, is in `said_of_terms`."""

    ids: NDArray[np.intp]
    elbo: Floats | None  # nats, higher is better; None for a plain autoencoder
    kl: Floats | None  # nats; None for a plain autoencoder
    reconstruction: Floats  # log p(x|z), nats, higher is better
    knn_wrong: NDArray[np.bool_]  # whether the vote is not the label
    knn_vote: NDArray[np.uint8]  # the label that most neighbours have


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
        likelihood="bernoulli" if header.model.likelihood == "bernoulli" else "gaussian",
        sigma=_pixel_sigma(ref),
    )
    rows = SPLITS[split]
    points = pack_points(coords=coords[rows], labels=labels()[rows], first_id=rows.start)
    return Payloads(decoder, points)


def _pixel_sigma(ref: CheckpointRef) -> float | None:
    """Sigma of p(x|z)'s pixels, None if binary; a learned one's median over the test digits."""
    config = stored(ref).header.model
    if config.likelihood == "bernoulli":
        return None
    if config.likelihood == "gaussian":
        return config.sigma
    import torch

    from vae_core.likelihoods import GaussianLearnedSigma

    model = checkpoint(ref).model
    coords, center, axes = positions(ref)
    z = torch.from_numpy(center + coords[SPLITS["test"]] @ axes.T).float()
    with torch.no_grad():
        log_sigma = GaussianLearnedSigma().log_sigma(model.decoder(z))
    return float(log_sigma.median().exp())


@st.cache_resource(max_entries=N_SHEETS, show_spinner=False)
def image_sheet(i: int) -> bytes:
    """Pack the pictures of digits 10,000 i to 10,000 i + 9,999."""
    if not 0 <= i < N_SHEETS:
        raise ValueError(f"i must be from 0 to {N_SHEETS - 1}, got {i}")
    first = i * SHEET_DIGITS
    return pack_images(digits().images[first : first + SHEET_DIGITS], first_id=first)


@st.cache_resource(max_entries=4, show_spinner=False)
def fields(ref: CheckpointRef) -> bytes:
    """Pack the layers that lie under the digits; all where z has two dimensions.

    A map that is a projection gets the classes alone, as they lie on it; a plain autoencoder
    has no prior and no q(z|x).
    """
    from vae_core.analysis import fields as core

    config = stored(ref).header.model
    has_posterior = config.posterior == "gaussian"
    has_prior = has_posterior and config.latent_dim == 2
    coords = positions(ref).coords
    extent = _field_extent(coords, has_prior=has_prior)
    grid = core.plane_grid(extent, _FIELD_SIDE)
    train = SPLITS["train"]
    where = "in z" if config.latent_dim == 2 else "on this map, a projection"
    said = {
        "classes": f"Shares of the digits among the {N_VOTERS} training digits whose codes are "
        f"nearest {where}."
    }
    log_density = log_sensitivity = None
    if has_prior:
        said["prior"] = (
            "The prior p(z), N(0, I)."
            if config.prior == "normal"
            else "The prior p(z), a mixture of one Gaussian per digit, not drawn here."
        )
        mu, std = posteriors(ref)
        log_density = core.log_aggregate_density(mu, std, grid)
        said["density"] = (
            f"Log density, in nats, of the aggregate posterior: the mean of q(z|x) over all "
            f"{len(mu):,} digits, exact."
        )
    if config.latent_dim == 2:
        coarse = core.log_sensitivity(
            checkpoint(ref).model, core.plane_grid(extent, _FIELD_SIDE // _COARSER)
        )
        log_sensitivity = core.refine(coarse, _COARSER)
        said["sensitivity"] = (
            "Log of √det JᵀJ, J the derivative of the decoder's mean by z: how far the picture "
            f"changes per step in z; exact on {coarse.shape[0]} × {coarse.shape[1]} places, "
            "interpolated between."
        )
    return pack_fields(
        extent=extent,
        classes=core.class_field(coords[train], labels()[train], grid, N_VOTERS),
        log_density=log_density,
        log_sensitivity=log_sensitivity,
        prior=has_prior and config.prior == "normal",
        said=said,
    )


def _field_extent(coords: Floats, *, has_prior: bool) -> tuple[float, float, float, float]:
    """Square that holds nearly all codes with a margin, and the prior's rings if there are any."""
    low, high = np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0)
    half = max(float((high - low).max()) * _FIELD_HALF, np.finfo(np.float32).eps)
    x, y = ((low + high) / 2).tolist()
    x0, x1, y0, y1 = x - half, x + half, y - half, y + half
    if not has_prior:
        return x0, x1, y0, y1
    r = _PRIOR_RADIUS
    x0, x1, y0, y1 = min(x0, -r), max(x1, r), min(y0, -r), max(y1, r)
    side = max(x1 - x0, y1 - y0)
    grow_x, grow_y = (side - (x1 - x0)) / 2, (side - (y1 - y0)) / 2
    return x0 - grow_x, x1 + grow_x, y0 - grow_y, y1 + grow_y


@st.cache_resource(max_entries=4, show_spinner=False)
def posteriors(ref: CheckpointRef) -> tuple[Floats, Floats]:
    """Means and standard deviations of q(z|x) of all digits, each of shape (70000, D)."""
    from vae_core.analysis.projection import encode_images

    mu, logvar = encode_images(checkpoint(ref).model, digits().images)
    return mu.numpy(), (0.5 * logvar).exp().numpy()


@st.cache_resource(max_entries=8, show_spinner=False)
def values(ref: CheckpointRef, split: Split) -> bytes:
    """Pack the numbers that digits can be coloured by."""
    terms = digit_terms(ref, split)
    return pack_values(
        first_id=SPLITS[split].start,
        elbo=terms.elbo,
        reconstruction=terms.reconstruction,
        knn_wrong=terms.knn_wrong,
        said=said_of_terms(ref),
    )


def said_of_terms(ref: CheckpointRef) -> dict[str, str]:
    """How the numbers of `digit_terms` are computed: a line each."""
    config = stored(ref).header.model
    pixels = (
        "of the pixels, binarised once with seed 0"
        if config.likelihood == "bernoulli"
        else "of the grey pixels"
    )
    knn = f"Whether most of the {N_VOTERS} nearest other training digits in z have another label."
    if config.posterior == "point":
        return {"reconstruction": f"log p(x|z), in nats, {pixels}, at the code z(x).", "knn": knn}
    corners = f"{config.latent_dim + 1} points with the mean and covariance of q(z|x)"
    kl = "analytic" if config.prior == "normal" else "by quadrature"
    return {
        "reconstruction": f"E_q log p(x|z), in nats, {pixels}, over {corners}.",
        "elbo": f"ELBO, in nats, {pixels}: E_q log p(x|z) over {corners}, less the KL to the "
        f"prior, {kl}.",
        "knn": knn,
    }


@st.cache_resource(max_entries=8, show_spinner="Measuring each digit…")
def digit_terms(ref: CheckpointRef, split: Split) -> DigitTerms:
    """Likelihood terms and neighbours' vote of each digit of a split; shared, not to be changed."""
    if split == "all":
        return _joined(digit_terms(ref, "train"), digit_terms(ref, "test"))
    from vae_core.analysis.fields import neighbour_votes
    from vae_core.analysis.terms import log_likelihood_terms

    rows, train = SPLITS[split], SPLITS["train"]
    data = DataSet(digits().images[rows], labels()[rows])
    terms = log_likelihood_terms(checkpoint(ref).model, data)
    # On a plane that is z-space itself the map holds the codes.
    is_plane = stored(ref).header.model.latent_dim == 2
    codes = positions(ref).coords if is_plane else posteriors(ref)[0]
    votes = neighbour_votes(
        codes[train], labels()[train], codes[rows], N_VOTERS, skip_self=split == "train"
    )
    vote = votes.argmax(1).astype(np.uint8)
    return DigitTerms(
        np.arange(rows.start, rows.stop),
        None if terms.elbo is None else terms.elbo.numpy(),
        None if terms.kl is None else terms.kl.numpy(),
        terms.reconstruction.numpy(),
        vote != data.labels,
        vote,
    )


def _joined(first: DigitTerms, second: DigitTerms) -> DigitTerms:
    columns = [
        None if a is None or b is None else np.concatenate([a, b])
        for a, b in zip(first, second, strict=True)
    ]
    return DigitTerms(*columns)  # pyright: ignore[reportArgumentType]


def decode(ref: CheckpointRef, z: NDArray[Any]) -> Floats:
    """Mean of p(x|z) at latents of shape (B, D), by torch; returns shape (B, 784)."""
    import torch

    return checkpoint(ref).model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy()


def encode(ref: CheckpointRef, digit: int) -> Encoded:
    """q(z|x) of one digit, from its grey pixels."""
    return encode_image(ref, digits().images[digit])


def encode_image(ref: CheckpointRef, image: NDArray[np.uint8]) -> Encoded:
    """q(z|x) of any picture, uint8 of shape (28, 28), from its grey pixels."""
    from vae_core.analysis.projection import encode_images

    model = checkpoint(ref).model
    mu, logvar = encode_images(model, image[None])
    kl = float(model.prior.kl(mu, logvar).sum())
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
