"""The pinned place of Explore, and the panel that shows it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digits import SPLITS, Floats, digit_name
from latent_explorer.data.encoding import Encoded
from latent_explorer.data.latents import (
    BadLatentError,
    latent_example,
    latent_help,
    parse_latent,
)
from latent_explorer.data.neighbours import look_at
from latent_explorer.escaping import show_error
from latent_explorer.panels.controls import field_row
from latent_explorer.session.current import current
from latent_explorer.session.places import (
    Place,
    carried,
    place_of_digit,
    place_of_latent,
    written_latent,
)
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number, point
from vae_core.checkpoints import CheckpointRef

PLACE = "explore_place"
TYPED = "explore_typed"  # widget
PROBLEM = "explore_problem"  # with what was typed
_REF = "explore_ref"  # the checkpoint under which the place lies where it does


def open_place(ref: CheckpointRef, asked: Place | None) -> None:
    """Start with a place, or with none."""
    st.session_state[_REF] = ref
    set_place(asked)


def pinned() -> Place | None:
    """Tell what is pinned."""
    return st.session_state[PLACE]


def set_place(new: Place | None, *, by_typing: bool = False) -> None:
    """Pin a place, or let go of the one that is pinned."""
    st.session_state[PLACE] = new
    st.session_state[PROBLEM] = None
    text = "" if new is None else written_latent(new)
    write_widget(TYPED, text, by_user=by_typing)


def follow_checkpoint(ref: CheckpointRef) -> None:
    """Carry the picked digit, or the picked z, over to another checkpoint."""
    if st.session_state[_REF] == ref:
        return
    st.session_state[_REF] = ref
    set_place(carried(ref, pinned()))


def place_panel(ref: CheckpointRef) -> None:
    """Let a place be typed, and show what is pinned."""
    _controls(catalogue.stored(ref).header.model.latent_dim)
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


def _controls(latent_dim: int) -> None:
    with field_row("explore_z"):
        st.text_input(
            "z",
            key=widget_key(TYPED),
            placeholder=latent_example(latent_dim),
            help=latent_help(latent_dim),
            on_change=unless_stale(TYPED, _on_typed),
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
        show_error(st.session_state[PROBLEM])


def _on_typed() -> None:
    ref, _ = current()
    text: str = read_widget(TYPED)
    if not text.strip():
        set_place(None, by_typing=True)
        return
    try:
        z = parse_latent(text, catalogue.stored(ref).header.model.latent_dim)
    except BadLatentError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        set_place(place_of_latent(ref, z), by_typing=True)


def _on_random() -> None:
    ref, split = current()
    rows = SPLITS[split]
    digit = int(np.random.default_rng().integers(rows.start, rows.stop))
    set_place(place_of_digit(ref, digit))


def _latent(ref: CheckpointRef, here: Place) -> None:
    decoded = encoding.decode(ref, np.array([here.z]))[0]
    st.markdown(f"##### Decoded at z = {point(here.z)}")
    digit_strip(
        [DigitImage(decoded, "Decoded", "the mean of p(x|z), exact")],
        key="explore_images",
        size=196,
    )
    st.markdown(look_at(ref, here.z).said())


def _digit(ref: CheckpointRef, here: Place, digit: int) -> None:
    label = digits.labels()[digit]
    decoded = encoding.decode(ref, np.array([here.z]))[0]
    st.markdown(f"##### A {label} · {digit_name(digit)}")
    encoded = encoding.encode(ref, digit)
    show_reconstruction(digits.pixels(digit), decoded, here, encoded, f"label {label}")


def show_reconstruction(
    original: Floats, decoded: Floats, here: Place, encoded: Encoded, what: str | None = None
) -> None:
    """Show a picture, if it is not shown yet, beside its reconstruction; say what q(z|x) is."""
    error = float(np.sqrt(np.mean((decoded - original) ** 2)))
    images = [
        DigitImage(decoded, "Reconstruction", f"at z = {point(here.z, 2)}"),
        DigitImage(decoded - original, "Difference", f"{number(error)} rms ink", is_signed=True),
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
