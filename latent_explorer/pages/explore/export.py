"""Files to take away: a selection's numbers, and the map as a page that needs no server.

All are made when they are asked for, in a thread of their own, hence plain functions of what they
export and no session state.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digit_terms import said_of_terms, terms_of
from latent_explorer.data.selection import Ids
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef
from vae_core.data import N_TRAIN, Split


def columns(ref: CheckpointRef, ids: Ids) -> dict[str, NDArray[Any]]:
    """Collect what a checkpoint makes of digits, in the order given.

    Nats for kl, reconstruction and elbo; a plain autoencoder has no kl and no elbo.
    """
    terms = terms_of(ref, ids)
    found = {
        "id": ids,
        "split": np.where(ids >= N_TRAIN, "test", "train"),
        "index": np.where(ids >= N_TRAIN, ids - N_TRAIN, ids),
        "label": digits.labels()[ids],
        "z": _codes(ref, ids),
        "kl": terms.kl,
        "reconstruction": terms.reconstruction,
        "elbo": terms.elbo,
    }
    return {name: values for name, values in found.items() if values is not None}


def _codes(ref: CheckpointRef, ids: Ids) -> NDArray[np.floating[Any]]:
    """Means of q(z|x), shape (n, D)."""
    coords, center, axes = encoding.positions(ref)
    if len(center) <= 2:  # the map holds the whole code
        return center + coords[ids] @ axes.T
    from vae_core.analysis.projection import encode_images

    return encode_images(catalogue.checkpoint(ref).model, digits.data_set().images[ids]).mu.numpy()


def about(ref: CheckpointRef) -> list[str]:
    """Say what the columns are, in which units, and by which estimator."""
    header = catalogue.stored(ref).header
    code = "code z(x)" if header.model.posterior == "point" else "mean of q(z|x)"
    return [
        f"Digits of MNIST under the checkpoint {ref.name} (SHA-256 {ref.sha256}).",
        "id: row among all 70,000 digits, the 60,000 of the training set first; index: row within "
        "its split; both from 0.",
        f"z: {code}, {header.model.latent_dim} dimensions, from the grey pixels.",
        *(f"{name}: {how}" for name, how in said_of_terms(ref).items() if name != "knn"),
    ]


def as_csv(ref: CheckpointRef, ids: Ids) -> bytes:
    """Write a selection as CSV, UTF-8; lines that start with # say what the columns are."""
    written: dict[str, list[str]] = {}
    for name, values in columns(ref, ids).items():
        if values.ndim == 2:
            written |= {f"{name}{d + 1}": _written(values[:, d]) for d in range(values.shape[1])}
        else:
            written[name] = _written(values)
    lines = [f"# {line}" for line in about(ref)]
    lines.append(",".join(written))
    lines += map(",".join, zip(*written.values(), strict=True))
    return ("\n".join(lines) + "\n").encode()


def _written(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        # the shortest digits that are read back as the same float32
        return [str(value) for value in values.astype(np.float32)]
    return [str(value) for value in values.tolist()]


def as_npz(ref: CheckpointRef, ids: Ids) -> bytes:
    """Write a selection as NPZ, an array per column; the entry README says what they are."""
    file = io.BytesIO()
    arrays: dict[str, Any] = dict(columns(ref, ids))
    np.savez_compressed(file, README=np.array("\n".join(about(ref))), **arrays)
    return file.getvalue()


def map_page(ref: CheckpointRef, split: Split) -> bytes:
    """Write the map as an HTML page that can be zoomed and pointed at, offline."""
    from latent_explorer.plots.scatter import digit_scatter

    rows = digits.SPLITS[split]
    ids = np.arange(rows.start, rows.stop)
    is_projection = catalogue.stored(ref).header.model.latent_dim > 2
    figure = digit_scatter(
        coords=encoding.positions(ref).coords[rows],
        labels=digits.labels()[rows],
        names=np.array([digits.digit_name(digit) for digit in ids.tolist()]),
        colors=PALETTE["light"],
        axes=("u₁", "u₂") if is_projection else ("z₁", "z₂"),
        title=f"{len(ids):,} digits of MNIST in the latent space of {ref.name}",
    )
    page = figure.to_html(
        include_plotlyjs=True,
        full_html=True,
        default_height="100vh",
        config={"scrollZoom": True, "displaylogo": False, "responsive": True},
    )
    return page.encode()
