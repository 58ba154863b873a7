"""Explore: touch any place of the map and see what the decoder makes of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.messages import read_pick, read_selection
from latent_explorer.components.latent_map.values import Callbacks, Marked, Shown
from latent_explorer.data import digits, encoding
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.explore import export
from latent_explorer.pages.explore.neighbours import METRIC, NEAR, neighbours
from latent_explorer.pages.explore.pile import pile
from latent_explorer.pages.explore.place import (
    PLACE,
    PROBLEM,
    follow_checkpoint,
    open_place,
    pinned,
    place_panel,
    set_place,
    show_reconstruction,
)
from latent_explorer.panels import selection
from latent_explorer.panels.address import show_address
from latent_explorer.panels.checkpoint_map import checkpoint_map
from latent_explorer.panels.controls import download
from latent_explorer.panels.drawing import OwnDigit, drawing_panel
from latent_explorer.panels.selection_panel import selection_panel
from latent_explorer.session.current import current, follow_folder
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import is_new, link_start, opened_link
from latent_explorer.session.places import (
    place_of_digit,
    place_of_latent,
    place_of_pick,
    place_of_target,
    posterior_ellipse,
)
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

MAP = "explore_map"
PANEL, OPEN = "explore_panel", "explore_open"  # widget, which a page switch forgets, and its copy
PANELS = ("Place", "Selection", "Draw")


def _open(panel: str) -> None:
    st.session_state[OPEN] = panel
    write_widget(PANEL, panel)


def _on_panel() -> None:
    st.session_state[OPEN] = read_widget(PANEL)


def _on_pick() -> None:
    with shown_errors():
        if (pick := read_pick(MAP)) is not None:
            set_place(place_of_pick(current()[0], pick))
            _open("Place")


def _on_select() -> None:
    if (ids := read_selection(MAP)) is not None:
        selection.select(ids[ids < len(digits.labels())], "drawn on the map")
        _open("Selection")


def _on_choose(digit: int) -> None:
    set_place(place_of_digit(current()[0], digit))


def _on_neighbour(digit: int) -> None:
    _on_choose(digit)
    _open("Place")


@st.fragment
def _explore() -> None:
    with shown_errors():
        follow_folder()
        ref, split = current()
        is_first_run = PLACE not in st.session_state
        _open_page(ref, split)
        follow_checkpoint(ref)
        left, right = st.columns([5, 3], gap="medium")
        if is_first_run and pinned() is None:
            with left:  # the map is what everybody waits for
                _map(ref, split, None)
            with right:
                _panels(ref, split)
                _export(ref, split)
            return
        with right:  # first: the map is on screen already, what was picked is not
            own = _panels(ref, split)
            _export(ref, split)
        with left:
            _map(ref, split, own)


def _open_page(ref: CheckpointRef, split: Split) -> None:
    """Start with what the address asks for."""
    for key, value in ((PROBLEM, None), (METRIC, "map"), (OPEN, PANELS[0]), (NEAR, [])):
        st.session_state.setdefault(key, value)
    # a page switch forgets the tabs' own state
    st.session_state.setdefault(widget_key(PANEL), st.session_state[OPEN])
    if not is_new(PLACE):
        return
    link = opened_link()
    open_place(ref, place_of_target(ref, link.pin))
    if selection.restore(link, ref, split):
        _open("Selection")


def _panels(ref: CheckpointRef, split: Split) -> OwnDigit | None:
    """Draw the open one of the panels; what was drawn by hand, if that is it."""
    tabs = st.tabs(PANELS, key=widget_key(PANEL), on_change=unless_stale(PANEL, _on_panel))
    for name, tab in zip(PANELS, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if name != "Selection":
                selection.selection_note("explore")
            if name == "Draw":
                return _drawing(ref, split)
            if name == "Selection":
                selection_panel(ref, split, pinned(), on_choose=_on_choose)
            else:
                place_panel(ref)
                if (here := pinned()) is not None:
                    pile(ref, split, here, on_choose=_on_neighbour)
                    neighbours(ref, split, here, on_choose=_on_neighbour)
    return None


def _drawing(ref: CheckpointRef, split: Split) -> OwnDigit | None:
    """Draw by hand, or upload; show what the model makes of it."""
    own = drawing_panel(ref, key="explore_draw")
    if own is None:
        return None
    here = place_of_latent(ref, tuple(own.encoded.mu.tolist()))
    decoded = encoding.decode(ref, own.encoded.mu[None])[0]
    original = own.image.reshape(-1).astype(np.float32) / np.float32(255)
    show_reconstruction(original, decoded, here, own.encoded)
    neighbours(ref, split, here, on_choose=_on_neighbour)
    return own


def _map(ref: CheckpointRef, split: Split, own: OwnDigit | None) -> None:
    """Draw the map with what is pinned, selected or drawn."""
    here = pinned()
    chosen = selection.selected()
    params = {"checkpoint": ref.name, "split": split}
    if here is not None:
        params |= pin_params(here.id, here.z)
    show_address(params | selection.link_params(ref, split))
    ellipse = None
    if own is not None:
        here = place_of_latent(ref, tuple(own.encoded.mu.tolist()))
        ellipse = posterior_ellipse(ref, own.encoded)
    is_shown = here is not None and st.session_state[OPEN] != "Selection"
    checkpoint_map(
        ref,
        split,
        key=MAP,
        place=here,
        marked=Marked(
            is_pin_beside=st.session_state[OPEN] != "Selection",
            ellipse=ellipse,
            highlight=st.session_state[NEAR] if is_shown else (),
            selected=None if chosen is None else chosen.ids,
        ),
        shown=Shown(link_start("")),
        on=Callbacks(pick=_on_pick, select=_on_select, release=partial(set_place, None)),
    )


def _export(ref: CheckpointRef, split: Split) -> None:
    """Offer files."""
    chosen = selection.selected()
    n = 0 if chosen is None else len(chosen.ids)
    with st.popover("Download", icon=":material/download:"):
        download(
            "The map as an interactive page",
            partial(export.map_page, ref, split),
            file_name=f"map-{ref.name}-{split}.html",
            mime="text/html",
            key="explore_export_map",
            icon=None,
            width="stretch",
            help="One HTML file that needs no server and no network.",
        )
        for title, kind, write in (("CSV", "csv", export.as_csv), ("NPZ", "npz", export.as_npz)):
            download(
                f"The {n:,} selected digits as {title}" if n else f"A selection as {title}",
                partial(write, ref, np.empty(0, np.intp) if chosen is None else chosen.ids),
                file_name=f"selection-{ref.name}.{kind}",
                key=f"explore_export_{kind}",
                icon=None,
                width="stretch",
                disabled=n == 0,
            )


_explore()
