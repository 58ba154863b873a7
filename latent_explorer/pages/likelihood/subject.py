"""What the chapters are about: the chosen z and the chosen digit."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.data import catalogue, digits, encoding, observations
from latent_explorer.data.digit_terms import find_digits
from latent_explorer.data.latents import (
    BadLatentError,
    latent_example,
    latent_help,
    parse_latent,
)
from latent_explorer.data.neighbours import look_at
from latent_explorer.data.selection import SearchError, parse_search
from latent_explorer.escaping import show_error
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.likelihood.frame import CHAPTER, offer_checkpoint, prior_name
from latent_explorer.pages.likelihood.link import LikelihoodLink
from latent_explorer.panels.controls import choice, field_row
from latent_explorer.panels.drawing import drawing_panel
from latent_explorer.session.current import current
from latent_explorer.session.opened import begin, is_new, opened_link, opened_part
from latent_explorer.session.places import (
    Place,
    carried,
    place_of_latent,
    place_of_target,
    written_latent,
)
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

OPENING_Z = (0.1, 0.5)  # the example that started this project
FIRST_DIGIT = digits.SPLITS["test"].start  # a 7

_PLACE, _DIGIT, _REF = "likelihood_place", "likelihood_digit", "likelihood_ref"
_TYPED_Z, _Z_PROBLEM = "likelihood_typed_z", "likelihood_z_problem"
_TYPED_DIGIT, _DIGIT_PROBLEM = "likelihood_typed_digit", "likelihood_digit_problem"
_SOURCE = "likelihood_source"
_MNIST, _DRAWN = "From MNIST", "Drawn by you"


class ChosenDigit(NamedTuple):
    """The digit that a chapter is about: one of MNIST's, or one drawn by hand."""

    id: int | None  # None: drawn
    name: str
    grey: digits.Floats  # (784,), ink from 0 to 1
    x: digits.Floats  # (784,): what the likelihood explains, binary or grey
    encoded: encoding.Encoded  # q(z|x) of this x


def open_page(ref: CheckpointRef) -> None:
    """Start with what the address asks for; carry the place over to another checkpoint."""
    for key in (_Z_PROBLEM, _DIGIT_PROBLEM):
        st.session_state.setdefault(key, None)
    link = opened_link()
    begin(CHAPTER, opened_part(LikelihoodLink).chapter or 1)
    if not is_new(_REF) and st.session_state[_REF] == ref:
        return
    if is_new(_DIGIT):
        digit = link.pin.id if link.pin is not None else None
        set_digit(FIRST_DIGIT if digit is None else digit)
    st.session_state[_REF] = ref
    before = place_of_target(ref, link.pin) if is_new(_PLACE) else chosen_place()
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    opening_z = (*OPENING_Z, *[0.0] * latent_dim)[:latent_dim]
    set_place(carried(ref, before) or place_of_latent(ref, opening_z))


def chosen_place() -> Place:
    """Tell which z the chapters about one z show; the page opens with one."""
    return st.session_state[_PLACE]


def set_place(new: Place, *, by_typing: bool = False) -> None:
    """Change it."""
    st.session_state[_PLACE] = new
    st.session_state[_Z_PROBLEM] = None
    write_widget(_TYPED_Z, written_latent(new), by_user=by_typing)


def chapter_digit() -> int:
    """Id of the MNIST digit that is chosen, or was before one was drawn."""
    return st.session_state[_DIGIT]


def set_digit(digit: int, *, by_typing: bool = False) -> None:
    """Choose one of MNIST's digits."""
    st.session_state[_DIGIT] = digit
    st.session_state[_DIGIT_PROBLEM] = None
    split, rows = _split_of(digit)
    if not by_typing:
        write_widget(_TYPED_DIGIT, f"{split} {digit - rows.start}")
    write_widget(_SOURCE, _MNIST)


def pinned_params(subject: Literal["z", "digit"]) -> dict[str, str]:
    """Write what a chapter is about for a link; a drawing stays out of it."""
    if subject == "z":
        return pin_params(chosen_place().id, chosen_place().z)
    return {} if read_widget(_SOURCE) == _DRAWN else pin_params(chapter_digit(), ())


def _split_of(digit: int) -> tuple[Split, slice]:
    split: Split = "test" if digit >= digits.SPLITS["test"].start else "train"
    return split, digits.SPLITS[split]


def place_controls(ref: CheckpointRef) -> None:
    """Let z be typed, or sampled from the prior if there is one."""
    has_prior = catalogue.has_posterior(ref)
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    with field_row("likelihood_z"):
        st.text_input(
            "z",
            key=widget_key(_TYPED_Z),
            placeholder=latent_example(latent_dim),
            help=latent_help(latent_dim),
            on_change=unless_stale(_TYPED_Z, _on_typed_z),
            persist_state="session",
        )
        if has_prior:
            st.button(
                f"Sample z ~ {prior_name(ref)}", on_click=_on_sample, icon=":material/casino:"
            )
    if st.session_state[_Z_PROBLEM]:
        show_error(st.session_state[_Z_PROBLEM])
    st.caption(look_at(ref, chosen_place().z).said())
    if not has_prior:
        offer_checkpoint("A plain autoencoder has no prior p(z), so there is no z to sample.", ref)


def _on_typed_z() -> None:
    ref, _ = current()
    text: str = read_widget(_TYPED_Z)
    try:
        z = parse_latent(text, catalogue.stored(ref).header.model.latent_dim)
    except BadLatentError as err:
        st.session_state[_Z_PROBLEM] = str(err)
    else:
        set_place(place_of_latent(ref, z), by_typing=True)


def _on_sample() -> None:
    import torch

    ref, _ = current()
    generator = torch.Generator()
    generator.seed()
    z = catalogue.checkpoint(ref).model.prior.sample(1, generator)[0]
    set_place(place_of_latent(ref, tuple(z.tolist())))


def digit_controls(ref: CheckpointRef) -> ChosenDigit | None:
    """Let a digit be typed, taken at random or drawn; None until something is drawn."""
    sources = {name: name for name in (_MNIST, _DRAWN)}
    source = choice("Digit", sources, key=widget_key(_SOURCE), label_visibility="collapsed")
    if source == _DRAWN:
        own = drawing_panel(ref, key="likelihood_draw")
        if own is None:
            return None
        grey = own.image.reshape(-1).astype(np.float32) / np.float32(255)
        x = observations.explained_image(ref, own.image)
        return ChosenDigit(None, "your drawing", grey, x, encoding.encode_explained(ref, x))
    with field_row("likelihood_digit"):
        st.text_input(
            "Which digit",
            key=widget_key(_TYPED_DIGIT),
            on_change=unless_stale(_TYPED_DIGIT, _on_typed_digit),
            help="Test 0 or train 4711 by number, or 7 or 7 wrong: one of them at random.",
            persist_state="session",
        )
        st.button("Random digit", on_click=_on_random_digit, icon=":material/casino:")
    if st.session_state[_DIGIT_PROBLEM]:
        show_error(st.session_state[_DIGIT_PROBLEM])
    digit = chapter_digit()
    x = observations.explained_pixels(ref, digit)
    name = f"a {digits.labels()[digit]}, {digits.digit_name(digit)}"
    return ChosenDigit(digit, name, digits.pixels(digit), x, encoding.encode_explained(ref, x))


def _on_typed_digit() -> None:
    ref, split = current()
    text: str = read_widget(_TYPED_DIGIT)
    try:
        ids = find_digits(ref, split, parse_search(text))
    except SearchError as err:
        st.session_state[_DIGIT_PROBLEM] = str(err)
        return
    if not len(ids):
        st.session_state[_DIGIT_PROBLEM] = f"“{text}” finds no digit of the {split} set."
        return
    set_digit(int(np.random.default_rng().choice(ids)), by_typing=True)


def _on_random_digit() -> None:
    _, split = current()
    rows = digits.SPLITS[split]
    set_digit(int(np.random.default_rng().integers(rows.start, rows.stop)))
