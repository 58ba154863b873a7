"""The pinned place of Explore, and the panel that shows it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import loaders
from latent_explorer.session import state
from latent_explorer.theme import number, point

PLACE = "explore_place"
TYPED = "explore_typed"  # widget
PROBLEM = "explore_problem"  # with what was typed
_REF = "explore_ref"  # the checkpoint under which the place lies where it does


def open_place(ref: loaders.CheckpointRef, asked: state.Place | None) -> None:
    """Start with a place, or with none."""
    st.session_state[_REF] = ref
    set_place(asked)


def pinned() -> state.Place | None:
    """Tell what is pinned."""
    return st.session_state[PLACE]


def set_place(new: state.Place | None, *, by_typing: bool = False) -> None:
    """Pin a place, or let go of the one that is pinned."""
    st.session_state[PLACE] = new
    st.session_state[PROBLEM] = None
    text = "" if new is None else state.written_latent(new)
    state.write_widget(TYPED, text, by_user=by_typing)


def follow_checkpoint(ref: loaders.CheckpointRef) -> None:
    """Carry the picked digit, or the picked z, over to another checkpoint."""
    if st.session_state[_REF] == ref:
        return
    st.session_state[_REF] = ref
    here = pinned()
    if here is not None and here.id is not None:
        set_place(state.place_of_digit(ref, here.id))
    elif here is not None and len(here.z) == loaders.stored(ref).header.model.latent_dim:
        set_place(state.place_of_latent(ref, here.z))
    else:
        set_place(None)


def place_panel(ref: loaders.CheckpointRef) -> None:
    """Let a place be typed, and show what is pinned."""
    _controls()
    here = pinned()
    if here is None:
        st.info(
            "Move over the map: the decoder runs under your pointer. Click a digit, or "
            "any empty place, to keep it here.",
            icon=":material/touch_app:",
        )
    elif here.id is None:
        _latent(ref, here)
    else:
        _digit(ref, here, here.id)


def _controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "z",
            key=state.widget_key(TYPED),
            placeholder="0.1, 0.5",
            on_change=state.unless_stale(TYPED, _on_typed),
            persist_state="session",
        )
        st.button("Random digit", on_click=_on_random, icon=":material/casino:")
        st.button(
            "",
            key="explore_release",
            on_click=set_place,
            args=(None,),
            icon=":material/close:",
            help="Release the pinned place",
            type="tertiary",
            disabled=pinned() is None,
        )
    if st.session_state[PROBLEM]:
        st.error(st.session_state[PROBLEM], icon=":material/error:")


def _on_typed() -> None:
    ref, _ = state.current()
    text: str = state.read_widget(TYPED)
    if not text.strip():
        set_place(None, by_typing=True)
        return
    try:
        z = state.parse_latent(text, loaders.stored(ref).header.model.latent_dim)
    except state.BadLatentError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        set_place(state.place_of_latent(ref, z), by_typing=True)


def _on_random() -> None:
    ref, split = state.current()
    rows = loaders.SPLITS[split]
    digit = int(np.random.default_rng().integers(rows.start, rows.stop))
    set_place(state.place_of_digit(ref, digit))


def _latent(ref: loaders.CheckpointRef, here: state.Place) -> None:
    decoded = loaders.decode(ref, np.array([here.z]))[0]
    st.markdown(f"##### Decoded at z = {point(here.z)}")
    digit_strip(
        [DigitImage(decoded, "Decoded", "the mean of p(x|z), exact")],
        key="explore_images",
        size=196,
    )


def _digit(ref: loaders.CheckpointRef, here: state.Place, digit: int) -> None:
    label = loaders.labels()[digit]
    decoded = loaders.decode(ref, np.array([here.z]))[0]
    st.markdown(f"##### A {label} · {state.digit_name(digit)}")
    encoded = loaders.encode(ref, digit)
    show_reconstruction(loaders.pixels(digit), decoded, here, encoded, f"label {label}")


def show_reconstruction(
    original: loaders.Floats,
    decoded: loaders.Floats,
    here: state.Place,
    encoded: loaders.Encoded,
    what: str | None = None,
) -> None:
    """Show a picture, if it is not shown yet, beside its reconstruction; say what q(z|x) is."""
    error = float(np.sqrt(np.mean((decoded - original) ** 2)))
    images = [
        DigitImage(decoded, "Reconstruction", f"at z = {point(here.z, 2)}"),
        DigitImage(decoded - original, "Difference", f"{error:.3f} rms ink", is_signed=True),
    ]
    if what is not None:
        images.insert(0, DigitImage(original, "Original", what))
    digit_strip(images, key="explore_images", size=120, per_row=3)
    if encoded.std.any():
        st.caption(
            f"q(z|x): μ = {point(encoded.mu)}, σ = {point(encoded.std)}, drawn on the map at 1 "
            f"and 2 σ, to scale. KL to the prior {number(encoded.kl, 2)} nats."
        )
    else:
        st.caption(f"A plain autoencoder: the code is a point, z = {point(here.z)}.")
