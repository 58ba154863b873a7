"""What the chapters are about: the chosen z and the chosen digit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.data import loaders
from latent_explorer.data.selection import SearchError, parse_search
from latent_explorer.pages.likelihood.frame import CHAPTER, offer_checkpoint, prior_name
from latent_explorer.panels.controls import choice
from latent_explorer.panels.drawing import drawing_panel
from latent_explorer.session import state
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

OPENING_Z = (0.1, 0.5)  # the example that started this project
FIRST_DIGIT = loaders.SPLITS["test"].start  # a 7

_PLACE, _DIGIT, _REF = "likelihood_place", "likelihood_digit", "likelihood_ref"
_TYPED_Z, _Z_PROBLEM = "likelihood_typed_z", "likelihood_z_problem"
_TYPED_DIGIT, _DIGIT_PROBLEM = "likelihood_typed_digit", "likelihood_digit_problem"
_SOURCE = "likelihood_source"
_MNIST, _DRAWN = "From MNIST", "Drawn by you"


class ChosenDigit(NamedTuple):
    """The digit that a chapter is about: one of MNIST's, or one drawn by hand."""

    id: int | None  # None: drawn
    name: str
    grey: loaders.Floats  # (784,), ink from 0 to 1
    x: loaders.Floats  # (784,): what the likelihood explains, binary or grey
    encoded: loaders.Encoded  # q(z|x) of this x


def open_page(ref: CheckpointRef) -> None:
    """Start with what the session's link asks for; carry the place over to another checkpoint."""
    for key in (_Z_PROBLEM, _DIGIT_PROBLEM):
        st.session_state.setdefault(key, None)
    if st.session_state.get(_REF) == ref:
        return
    link = state.opened_link()
    if _REF not in st.session_state:
        st.session_state[CHAPTER] = link.chapter or 1
        digit = link.pin.id if link.pin is not None else None
        set_digit(FIRST_DIGIT if digit is None else digit)
    st.session_state[_REF] = ref
    before = st.session_state.get(_PLACE) or state.place_of_target(ref, link.pin)
    latent_dim = loaders.stored(ref).header.model.latent_dim
    if before is not None and before.id is not None:
        set_place(state.place_of_digit(ref, before.id))
    elif before is not None and len(before.z) == latent_dim:
        set_place(state.place_of_latent(ref, before.z))
    else:
        z = (*OPENING_Z, *[0.0] * latent_dim)[:latent_dim]
        set_place(state.place_of_latent(ref, z))


def chosen_place() -> state.Place:
    """Tell which z the chapters about one z show; the page opens with one."""
    return st.session_state[_PLACE]


def set_place(new: state.Place, *, by_typing: bool = False) -> None:
    """Change it."""
    st.session_state[_PLACE] = new
    st.session_state[_Z_PROBLEM] = None
    state.write_widget(_TYPED_Z, state.written_latent(new), by_user=by_typing)


def chapter_digit() -> int:
    """Id of the MNIST digit that is chosen, or was before one was drawn."""
    return st.session_state[_DIGIT]


def set_digit(digit: int, *, by_typing: bool = False) -> None:
    """Choose one of MNIST's digits."""
    st.session_state[_DIGIT] = digit
    st.session_state[_DIGIT_PROBLEM] = None
    split, rows = _split_of(digit)
    if not by_typing:
        state.write_widget(_TYPED_DIGIT, f"{split} {digit - rows.start}")
    state.write_widget(_SOURCE, _MNIST)


def _split_of(digit: int) -> tuple[Split, slice]:
    split: Split = "test" if digit >= loaders.SPLITS["test"].start else "train"
    return split, loaders.SPLITS[split]


def place_controls(ref: CheckpointRef) -> None:
    """Let z be typed, or sampled from the prior if there is one."""
    has_prior = loaders.has_posterior(ref)
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "z",
            key=state.widget_key(_TYPED_Z),
            on_change=state.unless_stale(_TYPED_Z, _on_typed_z),
            persist_state="session",
        )
        if has_prior:
            st.button(
                f"Sample z ~ {prior_name(ref)}", on_click=_on_sample, icon=":material/casino:"
            )
    if st.session_state[_Z_PROBLEM]:
        st.error(st.session_state[_Z_PROBLEM], icon=":material/error:")
    if not has_prior:
        offer_checkpoint("A plain autoencoder has no prior p(z), so there is no z to sample.", ref)


def _on_typed_z() -> None:
    ref, _ = state.current()
    text: str = state.read_widget(_TYPED_Z)
    try:
        z = state.parse_latent(text, loaders.stored(ref).header.model.latent_dim)
    except state.BadLatentError as err:
        st.session_state[_Z_PROBLEM] = str(err)
    else:
        set_place(state.place_of_latent(ref, z), by_typing=True)


def _on_sample() -> None:
    import torch

    ref, _ = state.current()
    generator = torch.Generator()
    generator.seed()
    z = loaders.checkpoint(ref).model.prior.sample(1, generator)[0]
    set_place(state.place_of_latent(ref, tuple(z.tolist())))


def digit_controls(ref: CheckpointRef) -> ChosenDigit | None:
    """Let a digit be typed, taken at random or drawn; None until something is drawn."""
    sources = {name: name for name in (_MNIST, _DRAWN)}
    source = choice("Digit", sources, key=state.widget_key(_SOURCE), label_visibility="collapsed")
    if source == _DRAWN:
        own = drawing_panel(ref, key="likelihood_draw")
        if own is None:
            return None
        grey = own.image.reshape(-1).astype(np.float32) / np.float32(255)
        x = loaders.explained_image(ref, own.image)
        return ChosenDigit(None, "your drawing", grey, x, loaders.encode_explained(ref, x))
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "Which digit",
            key=state.widget_key(_TYPED_DIGIT),
            on_change=state.unless_stale(_TYPED_DIGIT, _on_typed_digit),
            help="For example test 0, train 4711, or label 7: one of them at random.",
            persist_state="session",
        )
        st.button("Random digit", on_click=_on_random_digit, icon=":material/casino:")
    if st.session_state[_DIGIT_PROBLEM]:
        st.error(st.session_state[_DIGIT_PROBLEM], icon=":material/error:")
    digit = chapter_digit()
    x = loaders.explained_pixels(ref, digit)
    name = f"a {loaders.labels()[digit]}, {state.digit_name(digit)}"
    return ChosenDigit(digit, name, loaders.pixels(digit), x, loaders.encode_explained(ref, x))


def _on_typed_digit() -> None:
    ref, split = state.current()
    text: str = state.read_widget(_TYPED_DIGIT)
    try:
        ids = state.find_digits(ref, split, parse_search(text))
    except SearchError as err:
        st.session_state[_DIGIT_PROBLEM] = str(err)
        return
    if not len(ids):
        st.session_state[_DIGIT_PROBLEM] = f"“{text}” finds no digit of the {split} set."
        return
    set_digit(int(np.random.default_rng().choice(ids)), by_typing=True)


def _on_random_digit() -> None:
    _, split = state.current()
    rows = loaders.SPLITS[split]
    set_digit(int(np.random.default_rng().integers(rows.start, rows.stop)))
