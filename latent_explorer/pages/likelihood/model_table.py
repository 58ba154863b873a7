"""The table of models: their log p(x), neighbours' votes and training, by dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from latent_explorer.data import catalogue
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.header import Header
from vae_core.metrics import Metrics


def model_table(refs: Sequence[CheckpointRef]) -> None:
    """Lay out what the headers of the models of binary pixels say, by dimension."""
    rows: list[tuple[int, str]] = []
    grey: list[str] = []
    for ref in refs:
        header = catalogue.stored(ref).header
        if header.model.likelihood != "bernoulli":
            grey.append(ref.name)
            continue
        cells = [f"D = {header.model.latent_dim}, **{ref.name}**", _likelihood(header.metrics)]
        knn = header.metrics.get("knn10")
        cells.append("–" if knn is None or knn.value is None else number(knn.value))
        cells.append(f":small[{_training(header)}]")
        rows.append((header.model.latent_dim, "| " + " | ".join(cells) + " |"))
    rows.sort(key=lambda row: row[0])
    head = ["| model | log p(x), nats | 10-NN | trained |", "|:--|--:|--:|:--|"]
    st.markdown("\n".join([*head, *(line for _, line in rows)]))
    listed = "Per test image, binary pixels, from the files' headers"
    if grey:
        listed += f"; densities of grey pixels ({', '.join(grey)}) compare with none of these"
    st.caption(
        f"{listed}. 10-NN: how often the ten nearest codes vote for the right digit, 5-fold "
        "cross-validated."
    )
    found = {dims for dims, _ in rows}
    if missing := [f"{dims}" for dims in (1, 2, 10) if dims not in found]:
        st.caption(f"The folder holds no model with {' or '.join(missing)} latent dimensions.")


def _likelihood(metrics: Metrics) -> str:
    for name in ("log_px", "iwae"):
        metric = metrics.get(name)
        if metric is not None and metric.value is not None:
            estimator = "exact" if name == "log_px" else metric.method.replace(", K = ", "-")
            return f"{number(metric.value, 2)} :small[{estimator}]"
    return "–"


def _training(header: Header) -> str:
    """Say in a few words what a model was trained for."""
    train = header.train
    words = {"elbo": "ELBO", "beta-elbo": f"β = {train.beta:g}", "iwae": f"IWAE-{train.n_samples}"}
    parts = [words.get(train.objective, train.objective)]
    if header.model.prior != "normal":
        parts.append("labels in the prior")
    if train.start == "neighbours":
        parts.append("from a neighbour embedding")
    if train.input_noise:
        parts.append("noisy input")
    return ", ".join(parts)
