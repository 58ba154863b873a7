"""Explore: touch any place of the map and see what the decoder makes of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.checkpoint_map import checkpoint_map
from latent_explorer.components.digit_strip import DigitImage, digit_strip, read_choice
from latent_explorer.components.latent_map import read_pick, read_selection
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digits import SPLITS, Floats, digit_name
from latent_explorer.data.encoding import Encoded
from latent_explorer.data.neighbours import nearest_in_pixels, nearest_on_map
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.explore import export
from latent_explorer.pages.explore import selection_panel as selecting
from latent_explorer.pages.explore.draw_panel import Drawn, draw_panel
from latent_explorer.session.current import current, follow_folder
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import link_start, opened_link
from latent_explorer.session.places import (
    BadLatentError,
    Place,
    parse_latent,
    place_of_digit,
    place_of_latent,
    place_of_pick,
    place_of_target,
    posterior_ellipse,
    written_latent,
)
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number, point
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

MAP, TYPED, NEIGHBOURS = "explore_map", "explore_typed", "explore_neighbours"
PLACE, PROBLEM, NEAR, METRIC = "explore_place", "explore_problem", "explore_near", "explore_metric"
PANEL, OPEN = "explore_panel", "explore_open"  # widget, which a page switch forgets, and its copy
PANELS = ("Place", "Selection", "Draw")
N_NEIGHBOURS = 5
METRICS = {"map": "Map", "pixels": "Pixels"}


def _set_place(place: Place | None, *, by_typing: bool = False) -> None:
    st.session_state[PLACE] = place
    st.session_state[PROBLEM] = None
    text = "" if place is None else written_latent(place)
    write_widget(TYPED, text, by_user=by_typing)


def _open(panel: str) -> None:
    st.session_state[OPEN] = panel
    write_widget(PANEL, panel)


def _on_panel() -> None:
    st.session_state[OPEN] = read_widget(PANEL)


def _on_pick() -> None:
    with shown_errors():
        if (pick := read_pick(MAP)) is not None:
            _set_place(place_of_pick(current()[0], pick))
            _open("Place")


def _on_select() -> None:
    if (ids := read_selection(MAP)) is not None:
        selecting.select(ids[ids < len(digits.labels())], "drawn on the map")
        _open("Selection")


def _on_choose(digit: int) -> None:
    _set_place(place_of_digit(current()[0], digit))


def _on_typed() -> None:
    ref, _ = current()
    text: str = read_widget(TYPED)
    if not text.strip():
        _set_place(None, by_typing=True)
        return
    try:
        z = parse_latent(text, catalogue.stored(ref).header.model.latent_dim)
    except BadLatentError as err:
        st.session_state[PROBLEM] = str(err)
    else:
        _set_place(place_of_latent(ref, z), by_typing=True)


def _on_random() -> None:
    ref, split = current()
    rows = SPLITS[split]
    digit = int(np.random.default_rng().integers(rows.start, rows.stop))
    _set_place(place_of_digit(ref, digit))


def _on_neighbour() -> None:
    chosen = read_choice(NEIGHBOURS)
    near = st.session_state.get(NEAR, [])
    if chosen is not None and chosen < len(near):
        _set_place(place_of_digit(current()[0], near[chosen]))
        _open("Place")


@st.fragment
def _explore() -> None:
    with shown_errors():
        follow_folder()
        ref, split = current()
        is_first_run = PLACE not in st.session_state
        _open_page(ref, split)
        _follow_checkpoint(ref)
        left, right = st.columns([5, 3], gap="medium")
        if is_first_run and st.session_state[PLACE] is None:
            with left:  # the map is what everybody waits for
                _map(ref, split, None)
            with right:
                _panels(ref, split)
                _export(ref, split)
            return
        with right:  # first: the map is on screen already, what was picked is not
            drawn = _panels(ref, split)
            _export(ref, split)
        with left:
            _map(ref, split, drawn)


def _open_page(ref: CheckpointRef, split: Split) -> None:
    """Start with what the session's link asks for."""
    for key, value in ((PROBLEM, None), (METRIC, "map"), (OPEN, PANELS[0]), (NEAR, [])):
        st.session_state.setdefault(key, value)
    # a page switch forgets the tabs' own state
    st.session_state.setdefault(widget_key(PANEL), st.session_state[OPEN])
    if PLACE in st.session_state:
        return
    link = opened_link()
    st.session_state["explore_ref"] = ref
    _set_place(place_of_target(ref, link.pin))
    if link.select is not None or link.digits:
        selecting.restore(link, ref, split)
        _open("Selection")


def _panels(ref: CheckpointRef, split: Split) -> Drawn | None:
    """Draw the open one of the panels; what was drawn by hand, if that is it."""
    place: Place | None = st.session_state[PLACE]
    tabs = st.tabs(PANELS, key=widget_key(PANEL), on_change=unless_stale(PANEL, _on_panel))
    for name, tab in zip(PANELS, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == "Draw":
                return _drawing(ref, split)
            if name == "Selection":
                selecting.selection_panel(ref, split, place, on_choose=_on_choose)
            else:
                _place(ref, split, place)
    return None


def _drawing(ref: CheckpointRef, split: Split) -> Drawn | None:
    """Draw by hand, or upload; show what the model makes of it."""
    drawn = draw_panel(ref, key="explore_draw")
    if drawn is None:
        return None
    place = place_of_latent(ref, tuple(drawn.encoded.mu.tolist()))
    decoded = encoding.decode(ref, drawn.encoded.mu[None])[0]
    original = drawn.image.reshape(-1).astype(np.float32) / np.float32(255)
    _compared(original, decoded, place, drawn.encoded)
    _neighbours(ref, split, place)
    return drawn


def _map(ref: CheckpointRef, split: Split, drawn: Drawn | None) -> None:
    """Draw the map with what is pinned, selected or drawn."""
    place: Place | None = st.session_state[PLACE]
    selection = selecting.selected()
    link = {"checkpoint": ref.name, "split": split}
    if place is not None:
        link |= pin_params(place.id, place.z)
    link |= selecting.link_params(ref, split)
    ellipse = None
    if drawn is not None:
        place = place_of_latent(ref, tuple(drawn.encoded.mu.tolist()))
        ellipse = posterior_ellipse(ref, drawn.encoded)
    is_shown = place is not None and st.session_state[OPEN] != "Selection"
    checkpoint_map(
        ref,
        split,
        key=MAP,
        place=place,
        ellipse=ellipse,
        highlight=st.session_state[NEAR] if is_shown else (),
        selected=None if selection is None else selection.ids,
        start=link_start(""),
        link=link,
        on_pick=_on_pick,
        on_select=_on_select,
        on_release=partial(_set_place, None),
    )


def _export(ref: CheckpointRef, split: Split) -> None:
    """Offer files; each is made when it is asked for."""
    selection = selecting.selected()
    n = 0 if selection is None else len(selection.ids)
    name = f"{ref.name}-{split}"
    with st.popover("Download", icon=":material/download:"):
        st.download_button(
            "The map as an interactive page",
            partial(export.map_page, ref, split),
            file_name=f"map-{name}.html",
            mime="text/html",
            key="explore_export_map",
            on_click="ignore",
            width="stretch",
            help="One HTML file that needs no server and no network.",
        )
        for title, kind, write in (("CSV", "csv", export.as_csv), ("NPZ", "npz", export.as_npz)):
            st.download_button(
                f"The {n:,} selected digits as {title}" if n else f"A selection as {title}",
                partial(write, ref, np.empty(0, np.intp) if selection is None else selection.ids),
                file_name=f"selection-{ref.name}.{kind}",
                key=f"explore_export_{kind}",
                on_click="ignore",
                width="stretch",
                disabled=n == 0,
            )


def _place(ref: CheckpointRef, split: Split, place: Place | None) -> None:
    _controls()
    if place is None:
        st.info(
            "Move over the map: the decoder runs under your pointer. Click a digit, or "
            "any empty place, to keep it here.",
            icon=":material/touch_app:",
        )
        return
    if place.id is None:
        _latent(ref, place)
    else:
        _digit(ref, place, place.id)
    _neighbours(ref, split, place)


def _follow_checkpoint(ref: CheckpointRef) -> None:
    """Carry the picked digit, or the picked z, over to another checkpoint."""
    if st.session_state["explore_ref"] == ref:
        return
    st.session_state["explore_ref"] = ref
    place: Place | None = st.session_state[PLACE]
    if place is not None and place.id is not None:
        _set_place(place_of_digit(ref, place.id))
    elif place is not None and len(place.z) == catalogue.stored(ref).header.model.latent_dim:
        _set_place(place_of_latent(ref, place.z))
    else:
        _set_place(None)


def _controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "z",
            key=widget_key(TYPED),
            placeholder="0.1, 0.5",
            on_change=unless_stale(TYPED, _on_typed),
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


def _latent(ref: CheckpointRef, place: Place) -> None:
    decoded = encoding.decode(ref, np.array([place.z]))[0]
    st.markdown(f"##### Decoded at z = {point(place.z)}")
    digit_strip(
        [DigitImage(decoded, "Decoded", "the mean of p(x|z), exact")],
        key="explore_images",
        size=196,
    )


def _digit(ref: CheckpointRef, place: Place, digit: int) -> None:
    label = digits.labels()[digit]
    decoded = encoding.decode(ref, np.array([place.z]))[0]
    st.markdown(f"##### A {label} · {digit_name(digit)}")
    encoded = encoding.encode(ref, digit)
    _compared(digits.pixels(digit), decoded, place, encoded, f"label {label}")


def _compared(
    original: Floats,
    decoded: Floats,
    place: Place,
    encoded: Encoded,
    what: str | None = None,
) -> None:
    """Show a picture, if it is not shown yet, beside its reconstruction; say what q(z|x) is."""
    error = float(np.sqrt(np.mean((decoded - original) ** 2)))
    images = [
        DigitImage(decoded, "Reconstruction", f"at z = {point(place.z, 2)}"),
        DigitImage(decoded - original, "Difference", f"{error:.3f} rms ink", is_signed=True),
    ]
    if what is not None:
        images.insert(0, DigitImage(original, "Original", what))
    digit_strip(
        images,
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


def _neighbours(ref: CheckpointRef, split: Split, place: Place) -> None:
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
        near = nearest_on_map(ref, split, place.coords, n=n)
    else:
        near = nearest_in_pixels(encoding.decode(ref, np.array([place.z]))[0], split, n=n)
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
                digits.pixels(digit),
                f"a {digits.labels()[digit]}",
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
