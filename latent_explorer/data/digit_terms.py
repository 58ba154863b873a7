"""What a checkpoint makes of each digit: likelihood terms, and its neighbours' vote."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import digits
from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.encoding import positions, posteriors, test_codes
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.data.selection import Ids, Search, find
from vae_core.checkpoints import CheckpointRef
from vae_core.data import DataSet, Split

N_TEST_VOTERS = 10  # nearest other test digits that say what a test digit is


class DigitTerms(NamedTuple):
    """One number per digit of a split, each of shape (n,); how, is in `said_of_terms`."""

    ids: Ids
    elbo: digits.Floats | None  # nats, higher is better; None for a plain autoencoder
    kl: digits.Floats | None  # nats; None for a plain autoencoder
    reconstruction: digits.Floats  # log p(x|z), nats, higher is better
    knn_wrong: NDArray[np.bool_]  # whether the vote is not the label
    knn_vote: NDArray[np.uint8]  # the label that most neighbours have


@st.cache_resource(max_entries=8, show_spinner="Measuring each digit…")
def digit_terms(ref: CheckpointRef, split: Split) -> DigitTerms:
    """Likelihood terms and neighbours' vote of each digit of a split; shared, not to be changed."""
    if split == "all":
        return _joined(digit_terms(ref, "train"), digit_terms(ref, "test"))
    from vae_core.analysis.fields import neighbour_votes

    rows, train = digits.SPLITS[split], digits.SPLITS["train"]
    reconstruction, kl = _terms(ref, split)
    # On a plane that is z-space itself the map holds the codes.
    is_plane = stored(ref).header.model.latent_dim == 2
    codes = positions(ref).coords if is_plane else posteriors(ref)[0]
    votes = neighbour_votes(
        codes[train], digits.labels()[train], codes[rows], N_VOTERS, skip_self=split == "train"
    )
    vote = votes.argmax(1).astype(np.uint8)
    return DigitTerms(
        np.arange(rows.start, rows.stop),
        None if kl is None else reconstruction - kl,
        kl,
        reconstruction,
        vote != digits.labels()[rows],
        vote,
    )


def _terms(ref: CheckpointRef, split: Split) -> tuple[digits.Floats, digits.Floats | None]:
    """Reconstruction and KL of a split's digits, nats; from the file if it holds them."""
    rows = digits.SPLITS[split]
    kept = stored(ref).elbo_parts
    if kept is not None:
        return kept[rows, 0], kept[rows, 1]
    from vae_core.analysis.digit_elbos import digit_elbos

    data = DataSet(digits.data_set().images[rows], digits.labels()[rows])
    found = digit_elbos(checkpoint(ref).model, data)
    return found.reconstruction.numpy(), None if found.kl is None else found.kl.numpy()


def _joined(first: DigitTerms, second: DigitTerms) -> DigitTerms:
    columns = [
        None if a is None or b is None else np.concatenate([a, b])
        for a, b in zip(first, second, strict=True)
    ]
    return DigitTerms(*columns)  # pyright: ignore[reportArgumentType]


def terms_of(ref: CheckpointRef, ids: Ids) -> DigitTerms:
    """Look up what a checkpoint makes of digits, in their order; costly once per split."""
    split = digits.covering_split(ids)
    rows = ids - digits.SPLITS[split].start
    terms = digit_terms(ref, split)
    return DigitTerms(
        ids=terms.ids[rows],
        elbo=None if terms.elbo is None else terms.elbo[rows],
        kl=None if terms.kl is None else terms.kl[rows],
        reconstruction=terms.reconstruction[rows],
        knn_wrong=terms.knn_wrong[rows],
        knn_vote=terms.knn_vote[rows],
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


@st.cache_resource(max_entries=16, show_spinner="Letting neighbours vote…")
def test_votes(ref: CheckpointRef) -> NDArray[np.uint8]:
    """Digit that most of the nearest other test digits' codes have, of each test digit, (10000,).

    `N_TEST_VOTERS` vote; shared, not to be changed.
    """
    from vae_core.analysis.fields import neighbour_votes

    codes, names = test_codes(ref), digits.labels()[digits.SPLITS["test"]]
    shares = neighbour_votes(codes, names, codes, N_TEST_VOTERS, skip_self=True)
    return shares.argmax(1).astype(np.uint8)


def find_digits(ref: CheckpointRef, split: Split, search: Search) -> Ids:
    """Find digits by what a checkpoint makes of them; errors as `selection.find`."""
    return find(search, split=split, labels=digits.labels(), terms=partial(terms_of, ref))
