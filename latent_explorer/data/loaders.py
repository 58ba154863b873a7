"""Everything the pages read, cached by the content of the checkpoint; arrays are NumPy.

The map needs neither torch nor scikit-learn: both are imported where they are first used, and
torch meanwhile by a background thread (`warm_up`).
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.latent_map.payload import (
    pack_decoder,
    pack_fields,
    pack_images,
    pack_points,
    pack_values,
)
from latent_explorer.places import SHIPPED_WEIGHTS
from vae_core.checkpoints import (
    Checkpoint,
    CheckpointRef,
    load_checkpoint,
    read_listed,
    scan_checkpoints,
)
from vae_core.config import MIN_LOG_SIGMA, N_PIXELS
from vae_core.data import N_TEST, N_TRAIN, DataSet, Split, load_mnist, load_mnist_labels
from vae_core.errors import CheckpointError
from vae_core.metrics import Metrics
from vae_core.tensors import ProjectedCodes, StoredCheckpoint

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.analysis.aggregate import Aggregate
    from vae_core.analysis.decoded import DecodedLattice, Explained
    from vae_core.analysis.denoising import Denoised
    from vae_core.analysis.repeated import Estimates, PriorDraws, ProposalDraws
    from vae_core.priors import DigitMixture

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SPLITS: dict[Split, slice] = {
    "test": slice(N_TRAIN, N_TRAIN + N_TEST),
    "train": slice(0, N_TRAIN),
    "all": slice(0, N_TRAIN + N_TEST),
}
SHEET_DIGITS = 10_000  # digits on one sheet of pictures
N_SHEETS = (N_TRAIN + N_TEST) // SHEET_DIGITS
ESTIMATE_RUNS = 50
# K from 1 to 100,000, six to a decade
ESTIMATE_SAMPLES = tuple(sorted({round(10 ** (i / 6)) for i in range(31)}))
N_TEST_VOTERS = 10  # nearest other test digits that say what a test digit is
N_VOTERS = 50  # nearest training digits that say which digit lives where

_SEED = 0
_PIXEL_CHUNK = 10_000  # digits turned to float at once when images are compared
_FIELD_SIDE = 192  # cells along the side of a layer
_COARSER = 2  # of the sensitivity's cells, the costly ones; interpolated between them
_FIELD_HALF = 0.6  # half a layer's side, in sides of the box that holds 99.8 % of the codes
_PRIOR_RADIUS = 3.5  # z units that the layers cover at least where there is a prior
_RANGE_CODES = 40  # test digits whose codes show where log p(x|z) lies
_ELLIPSES, _RINGS = (1.0, 2.0), (1.0, 2.0, 3.0)  # standard deviations
_TURN_STEPS = 73
_GRID_REACH, _GRID_STEP = 4, 0.75  # lines of the grid on either side of 0, and units between them
_LINE_STEPS = 49  # points of a line; every corner of the grid is one
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


class Unfolded(NamedTuple):
    """What the transport g carries from a mixture's z to N(0, I)'s u; pairs are (z, u)."""

    codes: tuple[Doubles, Doubles]  # (10000, 2) of the test digits
    ellipses: tuple[Doubles, Doubles]  # (20, T, 2): components at one and two sigmas
    rings: tuple[Doubles, Doubles]  # (3, T, 2): N(0, I) at one, two and three
    grid: tuple[Doubles, Doubles]  # (L, T, 2): straight in u
    corners: tuple[Doubles, Doubles]  # (P, 2): where its inner lines cross
    pictures: Floats  # (P, 784), decoded there
    weights: Doubles  # (10,)
    mean_log_pz: float  # of the codes, nats, in z
    mean_log_pu: float  # the same by N(g(z); 0, I) and the derivative of g
    largest_gap: float  # between the two, nats


class Neighbours(NamedTuple):
    """Digits by id, nearest first, and how far they are."""

    ids: NDArray[np.intp]
    distances: Floats


def weights_folder() -> Path:
    """Where checkpoints are looked for: weights/, or $LATENT_EXPLORER_WEIGHTS."""
    return Path(os.environ.get("LATENT_EXPLORER_WEIGHTS", SHIPPED_WEIGHTS))


def checkpoints() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """Look at the folder afresh, so that a file dropped into it appears."""
    return scan_checkpoints(weights_folder())


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch and unpack the images while the user looks at the first map.

    Before it is drawn they would keep the files waiting that the browser asks for.
    """

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


def has_posterior(ref: CheckpointRef) -> bool:
    """Whether there are a q(z|x) and a prior, so p(x) too: not with a plain autoencoder."""
    return stored(ref).header.model.posterior == "gaussian"


@st.cache_resource(max_entries=8, show_spinner="Loading the model…")
def checkpoint(ref: CheckpointRef) -> Checkpoint:
    """Build the torch model; shared by all users, never to be changed."""
    return load_checkpoint(ref)


@st.cache_resource(max_entries=2, show_spinner="Decoding all of latent space, once…")
def decoded(ref: CheckpointRef) -> DecodedLattice:
    """Decode a checkpoint's latent space, of one or two dimensions; 280 MB, shared by all users.

    Raises
    ------
    ValueError
        It has more dimensions, or is a plain autoencoder.
    """
    from vae_core.analysis.decoded import DecodedLattice

    return DecodedLattice(checkpoint(ref).model)


@st.cache_resource(max_entries=8, show_spinner=False)
def explanation(ref: CheckpointRef, x: bytes) -> Explained:
    """Explain one image, the bytes of float32 of shape (784,), by all of latent space."""
    return decoded(ref).explain(_image(x))


@st.cache_resource(max_entries=8, show_spinner=False)
def estimates(ref: CheckpointRef, x: bytes) -> Estimates:
    """Estimate one image's log p(x) in every way, 50 times; `x` as in `explanation`."""
    from torch import Generator

    from vae_core.analysis.repeated import estimate

    return estimate(
        decoded(ref),
        _image(x),
        explanation(ref, x),
        prior_draws=_prior_draws(ref),
        proposal_draws=_proposal_draws(stored(ref).header.model.latent_dim),
        n_samples=ESTIMATE_SAMPLES,
        generator=Generator().manual_seed(_SEED),
    )


@st.cache_resource(max_entries=4, show_spinner="Laying q(z|x) of 10,000 digits over one another…")
def aggregate(ref: CheckpointRef) -> Aggregate:
    """q(z) of the test digits, by their grey pixels, against the prior; shared by all users."""
    import torch

    from vae_core.analysis.aggregate import aggregate_posterior
    from vae_core.models import Posterior

    mu, std = (torch.from_numpy(each[SPLITS["test"]]) for each in posteriors(ref))
    return aggregate_posterior(checkpoint(ref).model, Posterior(mu, 2.0 * std.log()))


@st.cache_resource(max_entries=2, show_spinner="Carrying the digits over…")
def unfolded(ref: CheckpointRef) -> Unfolded:
    """Carry what a model with a mixture prior knows through the transport g to N(0, I).

    Raises
    ------
    ValueError
        Its prior is another.
    """
    import torch

    from vae_core.analysis.transport import conservation

    mixture = _mixture(ref)
    codes = torch.from_numpy(test_codes(ref)).double()
    density = conservation(mixture, codes)
    turn = torch.linspace(0.0, 2.0 * torch.pi, _TURN_STEPS, dtype=torch.double)
    circle = torch.stack([turn.cos(), turn.sin()], -1)  # (T, 2)
    ellipses = torch.stack(
        [
            mean + r * circle @ tril.T
            for mean, tril in zip(mixture.means, mixture.scale_tril, strict=True)
            for r in _ELLIPSES
        ]
    )
    rings = torch.stack([r * circle for r in _RINGS])
    places = torch.arange(-_GRID_REACH, _GRID_REACH + 1, dtype=torch.double) * _GRID_STEP
    along = torch.linspace(float(places[0]), float(places[-1]), _LINE_STEPS, dtype=torch.double)
    upright = torch.stack(torch.meshgrid(places, along, indexing="ij"), -1)  # (L, T, 2)
    grid = torch.cat([upright, upright.flip(-1)])
    corners = torch.cartesian_prod(places[1:-1], places[1:-1])
    decoded_from = mixture.from_normal(corners)
    return Unfolded(
        codes=(codes.numpy(), mixture.to_normal(codes).numpy()),
        ellipses=(ellipses.numpy(), mixture.to_normal(ellipses).numpy()),
        rings=(mixture.from_normal(rings).numpy(), rings.numpy()),
        grid=(mixture.from_normal(grid).numpy(), grid.numpy()),
        corners=(decoded_from.numpy(), corners.numpy()),
        pictures=decode(ref, decoded_from.numpy()),
        weights=mixture.weights.numpy(),
        mean_log_pz=float(density.log_pz.mean()),
        mean_log_pu=float(density.log_pu.mean()),
        largest_gap=float((density.log_pz - density.log_pu).abs().max()),
    )


@st.cache_data(max_entries=32, show_spinner="Adding up p(x) twice…")
def log_px_both_ways(ref: CheckpointRef, x: bytes) -> tuple[float, float]:
    """Sum log p(x) over z, and over u = g(z) with the prior N(0, I); `x` as in `explanation`."""
    import torch

    from vae_core.analysis.transport import log_px_in_u

    model, image = checkpoint(ref).model, _image(x)

    def log_px_z(z: Tensor) -> Tensor:
        with torch.no_grad():
            return model.likelihood.log_px_z(model.decoder(z), image)

    explained = explanation(ref, x)
    return explained.log_px, log_px_in_u(_mixture(ref), explained, log_px_z)


def _prior_gaussians(ref: CheckpointRef) -> list[tuple[Floats, Floats]]:
    """Means and Cholesky factors of the prior's Gaussians: one, or one per digit."""
    if stored(ref).header.model.prior == "normal":
        return [(np.zeros(2, np.float32), np.eye(2, dtype=np.float32))]
    mixture = _mixture(ref)
    return [
        (mean.float().numpy(), factor.float().numpy())
        for mean, factor in zip(mixture.means, mixture.scale_tril, strict=True)
    ]


def _mixture(ref: CheckpointRef) -> DigitMixture:
    from vae_core.priors import LearnedMixture

    prior = checkpoint(ref).model.prior
    if not isinstance(prior, LearnedMixture):
        raise ValueError(f"{ref.name} has no mixture as its prior")
    return prior.mixture()


@st.cache_resource(max_entries=2, show_spinner="Drawing 5,000,000 latents from the prior, once…")
def _prior_draws(ref: CheckpointRef) -> PriorDraws:
    from torch import Generator

    from vae_core.analysis.repeated import PriorDraws

    return PriorDraws(
        decoded(ref),
        n_runs=ESTIMATE_RUNS,
        n_samples=ESTIMATE_SAMPLES[-1],
        generator=Generator().manual_seed(_SEED),
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def _proposal_draws(latent_dim: int) -> ProposalDraws:
    from torch import Generator

    from vae_core.analysis.repeated import ProposalDraws

    return ProposalDraws(
        latent_dim,
        n_runs=ESTIMATE_RUNS,
        n_samples=ESTIMATE_SAMPLES[-1],
        generator=Generator().manual_seed(_SEED),
    )


def _image(x: bytes) -> Tensor:
    import torch

    return torch.from_numpy(np.frombuffer(x, np.float32).copy())


def metrics(ref: CheckpointRef) -> Metrics:
    """Figures on the test set, those of the file's header where it has them."""
    return stored(ref).header.metrics or _measured(ref)


@st.cache_data(max_entries=16, show_spinner="Measuring on the 10,000 test digits…")
def _measured(ref: CheckpointRef) -> Metrics:
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
def positions(ref: CheckpointRef) -> ProjectedCodes:
    """Where the 70,000 digits lie; from the file, or encoded now if it does not hold them."""
    from_file = stored(ref).codes
    if from_file is not None:
        return from_file
    from vae_core.analysis.projection import map_digits

    return map_digits(checkpoint(ref).model, digits().images)


@st.cache_resource(max_entries=8, show_spinner=False)
def payloads(ref: CheckpointRef, split: Split, turn: bytes | None = None) -> Payloads:
    """Pack what the map in the browser needs of a checkpoint and a data split.

    `turn`, the bytes of a float64 array of shape (2, 2), turns its plane: coords @ turn.
    """
    header, tensors = stored(ref)
    n_layers = len(header.model.decoder_hidden) + 1
    names = [f"decoder.net.layers.{i}" for i in range(n_layers)]
    weights = [tensors[f"{name}.weight"] for name in names]
    biases = [tensors[f"{name}.bias"] for name in names]
    frequencies = tensors["decoder.frequencies"]
    likelihood = header.model.likelihood
    coords, center, axes = positions(ref)
    if turn is not None:
        rotation = np.frombuffer(turn).reshape(2, 2)
        coords = (coords @ rotation).astype(np.float32)
        axes = (axes @ rotation).astype(np.float32)
    decoder = pack_decoder(
        weights=weights,
        biases=biases,
        activation=header.model.activation,
        residual=header.model.residual,
        fourier=frequencies if frequencies.size else None,
        center=center,
        axes=axes,
        likelihood="bernoulli" if likelihood == "bernoulli" else "gaussian",
        sigma=header.model.sigma if likelihood == "gaussian" else None,
        min_log_sigma=MIN_LOG_SIGMA if likelihood == "gaussian-learned-sigma" else None,
    )
    rows = SPLITS[split]
    points = pack_points(coords=coords[rows], labels=labels()[rows], first_id=rows.start)
    return Payloads(decoder, points)


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
    extent = field_extent(coords, has_prior=has_prior)
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
            else "The prior p(z), a mixture of one Gaussian per digit."
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
        prior=_prior_gaussians(ref) if has_prior else [],
        said=said,
    )


def field_extent(coords: Floats, *, has_prior: bool) -> tuple[float, float, float, float]:
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
    std = stored(ref).std
    if std is not None:
        coords, center, axes = positions(ref)
        return (center + coords @ axes.T).astype(np.float32), std.astype(np.float32)
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

    rows, train = SPLITS[split], SPLITS["train"]
    reconstruction, kl = _terms(ref, split)
    # On a plane that is z-space itself the map holds the codes.
    is_plane = stored(ref).header.model.latent_dim == 2
    codes = positions(ref).coords if is_plane else posteriors(ref)[0]
    votes = neighbour_votes(
        codes[train], labels()[train], codes[rows], N_VOTERS, skip_self=split == "train"
    )
    vote = votes.argmax(1).astype(np.uint8)
    return DigitTerms(
        np.arange(rows.start, rows.stop),
        None if kl is None else reconstruction - kl,
        kl,
        reconstruction,
        vote != labels()[rows],
        vote,
    )


def _terms(ref: CheckpointRef, split: Split) -> tuple[Floats, Floats | None]:
    """Reconstruction and KL of a split's digits, nats; from the file if it holds them."""
    rows = SPLITS[split]
    kept = stored(ref).elbo_parts
    if kept is not None:
        return kept[rows, 0], kept[rows, 1]
    from vae_core.analysis.terms import log_likelihood_terms

    data = DataSet(digits().images[rows], labels()[rows])
    terms = log_likelihood_terms(checkpoint(ref).model, data)
    return terms.reconstruction.numpy(), None if terms.kl is None else terms.kl.numpy()


def _joined(first: DigitTerms, second: DigitTerms) -> DigitTerms:
    columns = [
        None if a is None or b is None else np.concatenate([a, b])
        for a, b in zip(first, second, strict=True)
    ]
    return DigitTerms(*columns)  # pyright: ignore[reportArgumentType]


@st.cache_resource(max_entries=16, show_spinner="Letting neighbours vote…")
def test_votes(ref: CheckpointRef) -> NDArray[np.uint8]:
    """Digit that most of the nearest other test digits' codes have, of each test digit, (10000,).

    `N_TEST_VOTERS` vote; shared, not to be changed.
    """
    from vae_core.analysis.fields import neighbour_votes

    codes, names = test_codes(ref), labels()[SPLITS["test"]]
    shares = neighbour_votes(codes, names, codes, N_TEST_VOTERS, skip_self=True)
    return shares.argmax(1).astype(np.uint8)


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


def decode(ref: CheckpointRef, z: NDArray[Any]) -> Floats:
    """Mean of p(x|z) at latents of shape (B, D), by torch; returns shape (B, 784)."""
    import torch

    return checkpoint(ref).model.decode(torch.as_tensor(z, dtype=torch.float32)).numpy()


def encode(ref: CheckpointRef, digit: int) -> Encoded:
    """q(z|x) of one digit, from its grey pixels; from the file if it holds it."""
    std = stored(ref).std
    if std is None:
        return encode_image(ref, digits().images[digit])
    import torch

    coords, center, axes = positions(ref)
    mu, sigma = center + axes @ coords[digit], std[digit].astype(np.float32)
    prior = checkpoint(ref).model.prior
    kl = float(prior.kl(torch.from_numpy(mu)[None], 2 * torch.from_numpy(sigma)[None].log()))
    return Encoded(mu, sigma, kl)


def encode_image(ref: CheckpointRef, image: NDArray[np.uint8]) -> Encoded:
    """q(z|x) of any picture, uint8 of shape (28, 28), from its grey pixels."""
    from vae_core.analysis.projection import encode_images

    return _encoded(ref, *encode_images(checkpoint(ref).model, image[None]))


def encode_explained(ref: CheckpointRef, x: Floats) -> Encoded:
    """q(z|x) of what the likelihood explains, shape (784,): of binary pixels, or of grey ones."""
    import torch

    with torch.no_grad():
        return _encoded(ref, *checkpoint(ref).model.encode(torch.from_numpy(x[None])))


def _encoded(ref: CheckpointRef, mu: Any, logvar: Any) -> Encoded:
    kl = float(checkpoint(ref).model.prior.kl(mu, logvar).sum())
    return Encoded(mu[0].numpy(), (0.5 * logvar[0]).exp().numpy(), kl)


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


@st.cache_resource(max_entries=4, show_spinner="Encoding the test digits…")
def test_codes(ref: CheckpointRef) -> Floats:
    """Codes of the 10,000 test digits, shape (10000, D); shared, not to be changed."""
    coords, center, axes = positions(ref)
    rows = SPLITS["test"]
    if len(center) <= 2:  # the map holds the whole code
        return (center + coords[rows] @ axes.T).astype(np.float32)
    from vae_core.analysis.projection import encode_images

    return encode_images(checkpoint(ref).model, digits().images[rows]).mu.numpy()


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

    model, statistics = checkpoint(ref).model, test_statistics(ref)
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
        eta, log_normalizer = model.likelihood.natural_parameters(outputs)
        return (statistics @ eta[0] - log_normalizer).numpy()


@st.cache_data(max_entries=16, show_spinner=False)
def log_px_z_range(ref: CheckpointRef) -> tuple[float, float]:
    """Span, in nats, of nearly all log p(x|z) of test digits at z where digits live."""
    codes = test_codes(ref)[: 10 * _RANGE_CODES : 10]
    found = np.stack([test_log_px_z(ref, tuple(z)) for z in codes.tolist()])
    low, high = float(np.quantile(found, 0.02)), float(found.max())
    pad = 0.05 * (high - low)
    return low - pad, high + pad


@st.cache_data(max_entries=16, show_spinner="Looking for the best z…")
def best_z(ref: CheckpointRef) -> tuple[float, ...]:
    """Find the z of the decoded lattice with the highest mean log p(x|z) of the test digits."""
    lattice = decoded(ref)
    best = lattice.mean_log_px_z(test_statistics(ref)).argmax()
    return tuple(lattice.z[best].tolist())


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
