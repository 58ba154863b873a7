"""Compare: the same digits under two checkpoints, side by side."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from explorer import loaders, state
from explorer.checkpoint_map import checkpoint_map
from explorer.digit_strip import DigitImage, digit_strip
from explorer.latent_map import read_pick
from explorer.link import SIDES, pin_params
from explorer.plots.purity import class_purity
from explorer.theme import number, point

OTHER, PICKED = "compare_other", "compare_picked"
NEIGHBOURS = 10

FIGURES = (  # name in the header, title, unit, whether more is better, meaning
    ("log_px", "log p(x), exact", "nats", True, "what the model gives a test image, by a lattice"),
    ("elbo", "ELBO", "nats", True, "a lower bound on log p(x), from the encoder"),
    ("reconstruction", "Reconstruction", "nats", True, r"E_q log p(x\|z), the ELBO's first part"),
    ("kl", "KL(q‖p)", "nats", False, "what the code costs, the ELBO's second part"),
    ("knn1", "1-NN accuracy", "", True, "does the nearest digit have the same label?"),
    ("knn10", "10-NN accuracy", "", True, "do the ten nearest vote for the right label?"),
    ("knn50", "50-NN accuracy", "", True, "and the fifty nearest?"),
    ("silhouette", "Silhouette", "", True, "from −1 to 1: are classes tight and apart?"),
    ("nmi", "NMI of k-means", "", True, "from 0 to 1: do k-means clusters match the classes?"),
    ("ari", "ARI of k-means", "", True, "the same, 0 by chance"),
    ("posterior_std", r"Median σ of q(z\|x)", "z units", False, "how finely the map is used"),
)


def _map_key(side: str) -> str:
    return f"compare_map_{side}"


def _on_pick(side: str, ref: loaders.CheckpointRef) -> None:
    with state.shown_errors():
        if (pick := read_pick(_map_key(side))) is not None:
            st.session_state[PICKED] = state.place_of_pick(ref, pick)


def _place_in(ref: loaders.CheckpointRef) -> state.Place | None:
    """Where the picked digit, or the picked z, lies under a checkpoint."""
    picked: state.Place | None = st.session_state.get(PICKED)
    if picked is None:
        return None
    if picked.id is not None:
        return state.place_of_digit(ref, picked.id)
    if len(picked.z) != loaders.stored(ref).header.model.latent_dim:
        return None
    return state.place_of_latent(ref, picked.z)


@st.fragment
def _compare(refs: list[loaders.CheckpointRef]) -> None:
    with state.shown_errors():
        state.follow_folder()
        left, split = state.current()
        columns = st.columns(2, gap="medium")
        # One place to choose it: the sidebar. Here it is only named, in line with the other.
        with columns[0], st.container(key="compare_left", gap=None):
            st.markdown(f":small[Chosen in the sidebar]  \n**{left.name}**")
        with columns[1]:
            right = _choose_other(left, refs)
        _open_page(left)
        link = {"checkpoint": left.name, "other": right.name, "split": split}
        if (picked := st.session_state[PICKED]) is not None:
            link |= pin_params(picked.id, picked.z)
        for side, ref, column in zip(SIDES, (left, right), columns, strict=True):
            with column:
                checkpoint_map(
                    ref,
                    split,
                    key=_map_key(side),
                    place=_place_in(ref),
                    start=state.link_start("compare", side),
                    link=link | {"side": side},
                    on_pick=partial(_on_pick, side, ref),
                )
        _picked((left, right))
        st.markdown("##### Figures on the test set")
        st.markdown(_table((left, right)))
        st.markdown("##### Among the test digits, how many neighbours are of the same class")
        st.plotly_chart(
            class_purity(
                confusions={
                    r.name: loaders.neighbour_classes(r, NEIGHBOURS) for r in (left, right)
                },
                k=NEIGHBOURS,
            ),
            key="compare_purity",
            config={"displayModeBar": False},
        )


def _open_page(ref: loaders.CheckpointRef) -> None:
    """Start with what the session's link picks."""
    if PICKED not in st.session_state:
        st.session_state[PICKED] = state.place_of_target(ref, state.opened_link().pin)


def _choose_other(
    left: loaders.CheckpointRef, refs: list[loaders.CheckpointRef]
) -> loaders.CheckpointRef:
    by_name = {ref.name: ref for ref in refs}
    if st.session_state.get(OTHER) not in by_name:
        asked = None if OTHER in st.session_state else state.opened_link().other
        default = next((n for n in by_name if n != left.name), left.name)
        st.session_state[OTHER] = asked if asked in by_name else default
    name = st.selectbox("Compared with", list(by_name), key=OTHER, persist_state="session")
    return by_name[name]


def _picked(refs: tuple[loaders.CheckpointRef, ...]) -> None:
    picked: state.Place | None = st.session_state.get(PICKED)
    if picked is None:
        st.info(
            "Click a digit in one map to see where the other puts it, or any empty place to "
            "decode the same z with both.",
            icon=":material/touch_app:",
        )
        return
    images: list[DigitImage] = []
    if picked.id is None:
        st.markdown(f"##### The same z = {point(picked.z)}, decoded by both")
    else:
        st.markdown(f"##### A {loaders.labels()[picked.id]} · {state.digit_name(picked.id)}")
        images.append(DigitImage(loaders.pixels(picked.id), "Original", "real pixels"))
    for ref in refs:
        place = _place_in(ref)
        if place is None:
            dims = loaders.stored(ref).header.model.latent_dim
            st.warning(f"{ref.name} has {dims} latent dimensions: it has no such z.")
            continue
        image = loaders.decode(ref, np.array([place.z]))[0]
        images.append(DigitImage(image, ref.name, f"z = {point(place.z, 2)}"))
    digit_strip(images, key="compare_images", size=132)


def _table(refs: tuple[loaders.CheckpointRef, loaders.CheckpointRef]) -> str:
    """Lay out the figures of two checkpoints, the better in bold where they can be compared."""
    lines = [
        "| | " + " | ".join(ref.name for ref in refs) + " | |",
        "|:--|" + "--:|" * len(refs) + ":--|",
    ]
    headers = [loaders.stored(ref).header for ref in refs]
    is_alike = headers[0].data == headers[1].data and (
        headers[0].model.likelihood == headers[1].model.likelihood
    )
    for name, title, unit, more_is_better, meaning in FIGURES:
        figures = [loaders.metrics(ref).get(name) for ref in refs]
        values = [figure["value"] for figure in figures if figure and figure["value"] is not None]
        hows = {figure["how"] for figure in figures if figure and figure["value"] is not None}
        if len(hows) > 1:
            meaning = "computed differently: " + " / ".join(sorted(hows)).replace("|", r"\|")
        is_contest = more_is_better and is_alike and len(values) == 2 and len(hows) == 1
        best = max(values) if is_contest else None
        cells = [
            f"**{_cell(figure, unit)}**"
            if figure and best is not None and figure["value"] == best
            else _cell(figure, unit)
            for figure in figures
        ]
        what = f"{title}, {unit}" if unit else title
        lines.append(f"| {what} | {' | '.join(cells)} | :small[{meaning}] |")
    return "\n".join(lines)


def _cell(figure: dict[str, Any] | None, unit: str) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    text = number(figure["value"], 2 if unit == "nats" else 3)
    spread = f" ± {figure['stderr']:.2f}" if figure["stderr"] is not None else ""
    return text + spread


_compare(loaders.checkpoints()[0])
