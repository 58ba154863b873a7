"""Chapter 6: what one, two and ten dimensions keep apart, and what a denoising model mends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, digits, kinds, uploads
from latent_explorer.data.digit_terms import N_TEST_VOTERS
from latent_explorer.escaping import as_text
from latent_explorer.pages.likelihood import frame, maps
from latent_explorer.pages.likelihood.noise import noise_panel
from latent_explorer.pages.likelihood.votes import collisions, confusion
from latent_explorer.panels.chart import chart
from latent_explorer.panels.controls import choice
from latent_explorer.plots.dimensions import vote_matrix
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split
from vae_core.header import Header
from vae_core.identity import MNIST_TEST
from vae_core.metrics import Metrics

OTHER, PAIR = "dimensions_other", "dimensions_pair"  # widgets
_N_PAIRS, _N_EXAMPLES = 5, 6


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    refs = uploads.checkpoints()[0]
    left, right = frame.columns()
    with right:
        _model_table(refs)
        other = _choose_other(ref, refs)
        shown = [ref] if other is None else [ref, other]
        confusions = {one: confusion(one) for one in shown}
    with left:
        map_place = st.container()
        pair = _choose_pair(ref, confusions)
        collided = collisions(ref, pair)
        _pictures(pair, collided)
    matrices = _matrices(confusions, pair)
    st.markdown("##### Whom the test digits are taken for")
    st.caption(
        f"Each test digit is given the label that most of the {N_TEST_VOTERS} other "
        "test digits with the nearest codes have. Rows are digits, columns are votes, counts "
        "are of 10,000."
    )
    for one, matrix, cell in zip(shown, matrices, st.columns(len(shown)), strict=True):
        with cell:
            st.markdown(f"**{as_text(_title(one))}**")
            alt = f"Test digits by label and by their neighbours' vote, {_title(one)}"
            chart(matrix, key=f"dimensions_votes_{one.name}", alt=alt)
    st.markdown("##### What if the picture is noisy?")
    chosen, curve = noise_panel(ref, refs)
    figures = matrices if curve is None else [*matrices, curve]
    with map_place:
        maps.map_with_digit(ref, split, chosen, selected=np.concatenate(collided))
        st.caption(
            f"Test digits standing out: {pair[0]}s whose neighbours vote {pair[1]}, and "
            f"{pair[1]}s whose neighbours vote {pair[0]}."
        )
    frame.show_answer(
        "Two numbers keep most digits apart but not all of what makes each one its own: with more "
        "dimensions log p(x) rises and fewer digits collide. Two are shown here because a plane "
        "can be drawn, and because there the integral is a sum that is done here at a touch.",
        _formula(),
    )
    frame.show_end(ref, code="6_dimensions.py", figures=figures)


def _matrices(
    confusions: dict[CheckpointRef, NDArray[np.intp]], pair: tuple[int, int]
) -> list[go.Figure]:
    """Draw each model's votes in shades of one scale, the pair framed."""
    most = max(int((counts - np.diag(counts.diagonal())).max()) for counts in confusions.values())
    colors = frame.colors()
    return [
        vote_matrix(
            counts, most=max(1, most), marked=pair, color=colors["posterior"], ink=colors["ink"]
        )
        for counts in confusions.values()
    ]


def _choose_other(ref: CheckpointRef, refs: Sequence[CheckpointRef]) -> CheckpointRef | None:
    """Let another model be put beside the sidebar's: at first the one of most dimensions."""
    by_name = {one.name: one for one in refs if one != ref}
    if not by_name:
        return None
    if st.session_state.get(OTHER) not in by_name:
        st.session_state[OTHER] = max(by_name, key=lambda name: _dims(by_name[name]))
    name = st.selectbox(
        "Beside it, another model",
        list(by_name),
        key=OTHER,
        format_func=lambda name: kinds.title(by_name[name]),
        persist_state="session",
    )
    return by_name[name]


def _choose_pair(
    ref: CheckpointRef, confusions: dict[CheckpointRef, NDArray[np.intp]]
) -> tuple[int, int]:
    from vae_core.analysis.fields import colliding_pairs

    pairs = colliding_pairs(confusions[ref], _N_PAIRS)
    names = {f"{a} and {b}": (a, b) for a, b in pairs}
    key = f"{PAIR}_{ref.sha256[:8]}"
    st.session_state.setdefault(key, next(iter(names)))
    label = f"Pairs that collide most in {as_text(ref.name)}"
    a, b = names[choice(label, {name: name for name in names}, key=key)]
    counts = [
        f"**{matrix[a, b] + matrix[b, a]:,}** in {as_text(_title(one))}"
        for one, matrix in confusions.items()
    ]
    st.markdown(f"{a} and {b} taken for one another, of 10,000 test digits: {', '.join(counts)}.")
    return a, b


def _pictures(pair: tuple[int, int], collided: list[NDArray[np.intp]]) -> None:
    for i, (ids, label, other) in enumerate(zip(collided, pair, pair[::-1], strict=True)):
        if not len(ids):
            st.caption(f"No {label} is taken for a {other}.")
            continue
        st.caption(f"{label}s among {other}s: {len(ids):,}")
        digit_strip(
            [
                DigitImage(digits.pixels(digit), f"a {label}", digits.digit_name(digit))
                for digit in ids[:_N_EXAMPLES].tolist()
            ],
            key=f"dimensions_pair_{i}",
            size=80,
            per_row=_N_EXAMPLES,
        )


def _dims(ref: CheckpointRef) -> int:
    return catalogue.stored(ref).header.model.latent_dim


def _title(ref: CheckpointRef) -> str:
    return f"{ref.name}, D = {_dims(ref)}"


def _formula() -> str:
    evidence = frame.symbol("evidence", r"p(x)")
    likelihood = frame.symbol("likelihood", r"p(x \mid z)")
    prior = frame.symbol("prior", r"p(z)")
    noisy = frame.symbol("encoder", r"q(z \mid \tilde x)")
    return (
        rf"{evidence} = \int_{{\mathbb{{R}}^D}} {likelihood}\, {prior}\, dz, \qquad "
        rf"\text{{denoising: }} \tilde x \sim \text{{noise}}(x),\ z \sim {noisy},\ "
        rf"\text{{explain }} x \text{{ by }} {likelihood}"
    )


def _model_table(refs: Sequence[CheckpointRef]) -> None:
    """Lay out what the headers of the models of binary pixels say, by dimension."""
    rows: list[tuple[int, str]] = []
    grey: list[str] = []
    for ref in refs:
        header = catalogue.stored(ref).header
        if header.model.likelihood != "bernoulli":
            grey.append(ref.name)
            continue
        metrics = catalogue.stored_metrics(ref)
        cells = [f"D = {header.model.latent_dim}, **{as_text(ref.name)}**", _likelihood(metrics)]
        knn = metrics.get("knn10")
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
            if metric.data is not None and metric.data.count < MNIST_TEST.count:
                estimator += f", {metric.data.count:,} digits"
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
