"""Chapter 6: what one, two and ten dimensions keep apart, and what a denoising model mends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, digits, observations, uploads
from latent_explorer.data.digit_terms import N_TEST_VOTERS, test_votes
from latent_explorer.data.digits import SPLITS, digit_name
from latent_explorer.pages.likelihood import chapter
from latent_explorer.plots import dimensions as plots
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef, Header
from vae_core.data import Split

OTHER, PAIR, NOISE, SEED = (
    "dimensions_other",
    "dimensions_pair",
    "dimensions_noise",
    "dimensions_seed",
)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # of the pixels: where the curve is computed
N_SPOILT = 500  # test digits behind it
_PLAIN = ("elbo", "atlas")  # what a denoising model is shown beside: the first that is there
_N_PAIRS, _N_EXAMPLES = 5, 6


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    refs = uploads.checkpoints()[0]
    left, right = chapter.columns()
    with right:
        _table(refs)
        other = _choose_other(ref, refs)
        shown = [ref] if other is None else [ref, other]
        confusions = {one: confusion(one) for one in shown}
    with left:
        map_place = st.container()
        pair = _choose_pair(ref, confusions)
        collided = examples(ref, pair)
        _pictures(pair, collided)
    most = max(int((counts - np.diag(counts.diagonal())).max()) for counts in confusions.values())
    matrices = [
        plots.vote_matrix(
            counts,
            most=max(1, most),
            marked=pair,
            color=chapter.colors()["posterior"],
            ink=chapter.colors()["ink"],
        )
        for counts in confusions.values()
    ]
    below = st.container()
    with below:
        st.markdown("##### Whom the test digits are taken for")
        st.caption(
            f"Each test digit is given the label that most of the {N_TEST_VOTERS} other "
            "test digits with the nearest codes have. Rows are digits, columns are votes, counts "
            "are of 10,000."
        )
        for one, matrix, cell in zip(shown, matrices, st.columns(len(shown)), strict=True):
            with cell:
                st.markdown(f"**{_title(one)}**")
                alt = f"Test digits by label and by their neighbours' vote, {_title(one)}"
                chapter.show_figure(matrix, key=f"dimensions_votes_{one.name}", alt=alt)
        st.markdown("##### What if the picture is noisy?")
        figures = [*matrices]
        chosen, curve = _noise(ref, refs)
        if curve is not None:
            figures.append(curve)
    with map_place:
        chapter.digit_map(ref, split, chosen, selected=np.concatenate(collided))
        st.caption(
            f"Test digits standing out: {pair[0]}s whose neighbours vote {pair[1]}, and "
            f"{pair[1]}s whose neighbours vote {pair[0]}."
        )
    chapter.show_answer(
        "Two numbers keep most digits apart but not all of what makes each one its own: with more "
        "dimensions log p(x) rises and fewer digits collide. Two are shown here because a plane "
        "can be drawn, and because only in one or two dimensions the integral is a sum one can do.",
        _formula(),
    )
    chapter.show_code("6_dimensions.py")
    with st.container(horizontal=True, vertical_alignment="center"):
        chapter.show_download(ref, figures)
        chapter.show_link(ref, split, {} if chosen is None else chapter.digit_link(chosen))


# ---- dimensions


def _table(refs: Sequence[CheckpointRef]) -> None:
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
        cells.append("–" if knn is None or knn["value"] is None else number(knn["value"]))
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


def _likelihood(metrics: dict[str, dict[str, object]]) -> str:
    for name in ("log_px", "iwae"):
        figure = metrics.get(name)
        if figure is not None and isinstance(value := figure["value"], float):
            estimator = "exact" if name == "log_px" else str(figure["how"]).replace(", K = ", "-")
            return f"{number(value, 2)} :small[{estimator}]"
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
        format_func=lambda name: _title(by_name[name]),
        persist_state="session",
    )
    return by_name[name]


def confusion(ref: CheckpointRef) -> NDArray[np.intp]:
    """Count the test digits by label (row) and by their neighbours' vote (column)."""
    from vae_core.analysis.fields import vote_confusion

    return vote_confusion(digits.labels()[SPLITS["test"]], test_votes(ref))


def _choose_pair(
    ref: CheckpointRef, confusions: dict[CheckpointRef, NDArray[np.intp]]
) -> tuple[int, int]:
    from vae_core.analysis.fields import colliding_pairs

    pairs = colliding_pairs(confusions[ref], _N_PAIRS)
    names = {f"{a} and {b}": (a, b) for a, b in pairs}
    key = f"{PAIR}_{ref.sha256[:8]}"
    st.session_state.setdefault(key, next(iter(names)))
    name: str | None = st.segmented_control(
        f"Pairs that collide most in {ref.name}",
        list(names),
        key=key,
        required=True,
        persist_state="session",
    )
    a, b = names[name or next(iter(names))]
    counts = [
        f"**{matrix[a, b] + matrix[b, a]:,}** in {_title(one)}"
        for one, matrix in confusions.items()
    ]
    st.markdown(f"{a} and {b} taken for one another, of 10,000 test digits: {', '.join(counts)}.")
    return a, b


def examples(ref: CheckpointRef, pair: tuple[int, int]) -> list[NDArray[np.intp]]:
    """Find the test digits of a pair that are taken for the other: ids of each of the two."""
    rows = SPLITS["test"]
    names, votes = digits.labels()[rows], test_votes(ref)
    return [
        np.flatnonzero((names == label) & (votes == other)) + rows.start
        for label, other in (pair, pair[::-1])
    ]


def _pictures(pair: tuple[int, int], collided: list[NDArray[np.intp]]) -> None:
    for i, (ids, label, other) in enumerate(zip(collided, pair, pair[::-1], strict=True)):
        if not len(ids):
            st.caption(f"No {label} is taken for a {other}.")
            continue
        st.caption(f"{label}s among {other}s: {len(ids):,}")
        digit_strip(
            [
                DigitImage(digits.pixels(digit), f"a {label}", digit_name(digit))
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


# ---- noise


def _noise(
    ref: CheckpointRef, refs: Sequence[CheckpointRef]
) -> tuple[chapter.Chosen | None, go.Figure | None]:
    """Spoil the chosen digit and let a denoising and a plain model mend it."""
    controls, chart = st.columns(2, gap="medium")
    with controls:
        chosen = chapter.digit_controls(ref)
        models = _mending(refs)
        if len(models) < 2:
            missing = "denoising" if not models or _noise_of(models[0]) == 0 else "plain"
            st.info(
                f"The folder of checkpoints holds no {missing} model of binary pixels to compare: "
                "`python -m vae_core train denoising` and `train elbo` make them.",
                icon=":material/info:",
            )
            return chosen, None
        if chosen is None:
            return None, None
        st.session_state.setdefault(NOISE, round(100 * _noise_of(models[0])))
        st.session_state.setdefault(SEED, 0)
        with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
            percent = st.slider(
                "Noise: pixels replaced by coin flips",
                0,
                60,
                step=5,
                format="%d %%",
                key=NOISE,
                persist_state="session",
            )
            st.button("Other noise", on_click=_on_other_noise, icon=":material/replay:")
        _mended(models, chosen, percent / 100)
    with chart:
        colors = chapter.colors()
        names = [one.name for one in models]
        figure = plots.noise(
            shares=SHARES,
            curves={one.name: observations.noise_curve(one, SHARES, N_SPOILT) for one in models},
            chosen=percent / 100,
            colors=dict(zip(names, (colors["encoder"], colors["prior"]), strict=True)),
        )
        chapter.show_figure(figure, key="dimensions_noise_curve", alt="Clean digits' log p(x|z)")
        st.caption(
            f"Mean over the first {N_SPOILT} test digits of log p(x|z), x the clean binary digit "
            "and z the mean of q(z|noisy x). The encoder of "
            f"{names[0]} saw {_noise_of(models[0]):.0%} noise in training; it explains clean "
            "digits a little worse and noisy ones far better."
        )
    return chosen, figure


def _mending(refs: Sequence[CheckpointRef]) -> list[CheckpointRef]:
    """Find a denoising model and a plain one, of binary pixels, in this order."""
    binary = {
        one.name: one
        for one in refs
        if catalogue.stored(one).header.model.likelihood == "bernoulli"
    }
    denoising = [one for one in binary.values() if _noise_of(one) > 0][:1]
    plain = [binary[name] for name in _PLAIN if name in binary and _noise_of(binary[name]) == 0]
    return denoising + plain[:1]


def _noise_of(ref: CheckpointRef) -> float:
    return catalogue.stored(ref).header.train.input_noise


def _on_other_noise() -> None:
    st.session_state[SEED] += 1


def _mended(models: Sequence[CheckpointRef], chosen: chapter.Chosen, share: float) -> None:
    clean = (
        observations.explained_image(
            models[0], np.rint(255 * chosen.grey).astype(np.uint8).reshape(28, 28)
        )
        if chosen.id is None
        else observations.explained_pixels(models[0], chosen.id)
    )
    found = [observations.denoised(one, clean, share, st.session_state[SEED]) for one in models]
    pictures = [
        DigitImage(clean, "Clean", "binarised"),
        DigitImage(found[0].noisy[0].numpy(), "Noisy", f"{share:.0%}"),
    ]
    for one, what in zip(models, found, strict=True):
        nats = f"{number(float(what.log_px_z), 2)} nats"
        pictures.append(DigitImage(what.recon[0].numpy(), one.name, nats))
    digit_strip(pictures, key="dimensions_mended", size=112)
    st.caption(
        "Both encode the same noisy picture and decode the mean of q(z|noisy x). Nats: log p(x|z) "
        "of the clean picture there; higher is better."
    )


def _formula() -> str:
    evidence = chapter.term("evidence", r"p(x)")
    likelihood = chapter.term("likelihood", r"p(x \mid z)")
    prior = chapter.term("prior", r"p(z)")
    noisy = chapter.term("encoder", r"q(z \mid \tilde x)")
    return (
        rf"{evidence} = \int_{{\mathbb{{R}}^D}} {likelihood}\, {prior}\, dz, \qquad "
        rf"\text{{denoising: }} \tilde x \sim \text{{noise}}(x),\ z \sim {noisy},\ "
        rf"\text{{explain }} x \text{{ by }} {likelihood}"
    )
