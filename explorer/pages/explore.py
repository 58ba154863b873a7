"""Explore: touch any place of the map and see what the decoder makes of it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer import loaders, state
from explorer.checkpoint_map import checkpoint_map
from explorer.digit_strip import DigitImage, digit_strip, read_choice
from explorer.latent_map import read_pick
from explorer.theme import number, point

MAP, TYPED, NEIGHBOURS = "explore_map", "explore_typed", "explore_neighbours"
PLACE, PROBLEM, NEAR, METRIC = "explore_place", "explore_problem", "explore_near", "explore_metric"
N_NEIGHBOURS = 5
METRICS = {"map": "Map", "pixels": "Pixels"}


def _set_place(place: state.Place | None) -> None:
    st.session_state[PLACE] = place
    st.session_state[PROBLEM] = None
    st.session_state[TYPED] = "" if place is None else state.written_latent(place)


def _on_pick() -> None:
    with state.shown_errors():
        if (pick := read_pick(MAP)) is not None:
            _set_place(state.place_of_pick(state.current()[0], pick))


def _on_typed() -> None:
    ref, _ = state.current()
    text = st.session_state[TYPED]
    if not text.strip():
        _set_place(None)
        return
    try:
        z = state.parse_latent(text, loaders.stored(ref).header.model.latent_dim)
    except state.BadLatentError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        _set_place(state.place_of_latent(ref, z))


def _on_random() -> None:
    ref, split = state.current()
    rows = loaders.SPLITS[split]
    digit = int(np.random.default_rng().integers(rows.start, rows.stop))
    _set_place(state.place_of_digit(ref, digit))


def _on_neighbour() -> None:
    chosen = read_choice(NEIGHBOURS)
    near = st.session_state.get(NEAR, [])
    if chosen is not None and chosen < len(near):
        _set_place(state.place_of_digit(state.current()[0], near[chosen]))


@st.fragment
def _explore() -> None:
    with state.shown_errors():
        ref, split = state.current()
        _follow_checkpoint(ref)
        place: state.Place | None = st.session_state[PLACE]
        left, right = st.columns([5, 3], gap="medium")
        with right:  # first: the map is on screen already, what was picked is not
            _controls()
            if place is None:
                st.info(
                    "Move over the map: the decoder runs under your pointer. Click a digit, or "
                    "any empty place, to keep it here.",
                    icon=":material/touch_app:",
                )
            elif place.id is None:
                _latent(ref, place)
            else:
                _digit(ref, place, place.id)
            if place is not None:
                _neighbours(ref, split, place)
        with left:
            near = () if place is None else st.session_state[NEAR]
            checkpoint_map(ref, split, key=MAP, place=place, highlight=near, on_pick=_on_pick)


def _follow_checkpoint(ref: loaders.CheckpointRef) -> None:
    """Carry the picked digit, or the picked z, over to another checkpoint."""
    for key, value in ((PLACE, None), (PROBLEM, None), (METRIC, "map"), ("explore_ref", ref)):
        st.session_state.setdefault(key, value)
    if st.session_state["explore_ref"] == ref:
        return
    st.session_state["explore_ref"] = ref
    place: state.Place | None = st.session_state[PLACE]
    if place is not None and place.id is not None:
        _set_place(state.place_of_digit(ref, place.id))
    elif place is not None and len(place.z) == loaders.stored(ref).header.model.latent_dim:
        _set_place(state.place_of_latent(ref, place.z))
    else:
        _set_place(None)


def _controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "z",
            key=TYPED,
            placeholder="0.1, 0.5",
            on_change=_on_typed,
            persist_state="session",
        )
        st.button("Random digit", on_click=_on_random, icon=":material/casino:")
        st.button(
            "",
            key="explore_release",
            on_click=_set_place,
            args=(None,),
            icon=":material/close:",
            help="Release the pinned place",
            type="tertiary",
            disabled=st.session_state[PLACE] is None,
        )
    if st.session_state[PROBLEM]:
        st.error(st.session_state[PROBLEM], icon=":material/error:")


def _latent(ref: loaders.CheckpointRef, place: state.Place) -> None:
    decoded = loaders.decode(ref, np.array([place.z]))[0]
    st.markdown(f"##### Decoded at z = {point(place.z)}")
    digit_strip(
        [DigitImage(decoded, "Decoded", "the mean of p(x|z), exact")],
        key="explore_images",
        size=196,
    )


def _digit(ref: loaders.CheckpointRef, place: state.Place, digit: int) -> None:
    original = loaders.pixels(digit)
    decoded = loaders.decode(ref, np.array([place.z]))[0]
    encoded = loaders.encode(ref, digit)
    st.markdown(f"##### A {loaders.labels()[digit]} · {state.digit_name(digit)}")
    error = float(np.sqrt(np.mean((decoded - original) ** 2)))
    digit_strip(
        [
            DigitImage(original, "Original", f"label {loaders.labels()[digit]}"),
            DigitImage(decoded, "Reconstruction", f"at z = {point(place.z, 2)}"),
            DigitImage(decoded - original, "Difference", f"{error:.3f} rms ink", is_signed=True),
        ],
        key="explore_images",
        size=120,
        per_row=3,
    )
    if encoded.std.any():
        st.caption(
            f"q(z|x): μ = {point(encoded.mu)}, σ = {point(encoded.std)}, drawn on the map at 1 "
            f"and 2 σ, to scale. KL to the prior {number(encoded.kl, 2)} nats."
        )
    else:
        st.caption(f"A plain autoencoder: the code is a point, z = {point(place.z)}.")


def _neighbours(ref: loaders.CheckpointRef, split: loaders.Split, place: state.Place) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Nearest digits**", width="stretch")
        metric = st.segmented_control(
            "Nearest by",
            list(METRICS),
            format_func=METRICS.__getitem__,
            key=METRIC,
            label_visibility="collapsed",
            required=True,
            persist_state="session",
        )
    n = N_NEIGHBOURS + 1  # one more, since a digit is its own nearest
    if metric == "map":
        near = loaders.nearest_on_map(ref, split, place.coords, n=n)
    else:
        near = loaders.nearest_in_pixels(loaders.decode(ref, np.array([place.z]))[0], split, n=n)
    pairs = [
        (int(digit), float(distance))
        for digit, distance in zip(*near, strict=True)
        if digit != place.id
    ][:N_NEIGHBOURS]
    st.session_state[NEAR] = [digit for digit, _ in pairs]
    apart = "{:.3f} away in z" if metric == "map" else "{:.3f} rms ink"
    digit_strip(
        [
            DigitImage(
                loaders.pixels(digit),
                f"a {loaders.labels()[digit]}",
                apart.format(distance),
            )
            for digit, distance in pairs
        ],
        key=NEIGHBOURS,
        size=64,
        per_row=N_NEIGHBOURS,
        on_choose=_on_neighbour,
    )


_explore()
