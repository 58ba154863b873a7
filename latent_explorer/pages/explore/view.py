"""Explore: touch any place of the map and see what the decoder makes of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.checkpoint_map import checkpoint_map
from latent_explorer.components.latent_map import read_pick, read_selection
from latent_explorer.data import loaders
from latent_explorer.links.link import pin_params
from latent_explorer.pages.explore import export
from latent_explorer.pages.explore.neighbours import METRIC, NEAR, neighbours
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
from latent_explorer.panels.controls import download
from latent_explorer.panels.drawing import OwnDigit, drawing_panel
from latent_explorer.panels.selection_panel import selection_panel
from latent_explorer.session import state

MAP = "explore_map"
PANEL, OPEN = "explore_panel", "explore_open"  # widget, which a page switch forgets, and its copy
PANELS = ("Place", "Selection", "Draw")


def _open(panel: str) -> None:
    st.session_state[OPEN] = panel
    state.write_widget(PANEL, panel)


def _on_panel() -> None:
    st.session_state[OPEN] = state.read_widget(PANEL)


def _on_pick() -> None:
    with state.shown_errors():
        if (pick := read_pick(MAP)) is not None:
            set_place(state.place_of_pick(state.current()[0], pick))
            _open("Place")


def _on_select() -> None:
    if (ids := read_selection(MAP)) is not None:
        selection.select(ids[ids < len(loaders.labels())], "drawn on the map")
        _open("Selection")


def _on_choose(digit: int) -> None:
    set_place(state.place_of_digit(state.current()[0], digit))


def _on_neighbour(digit: int) -> None:
    _on_choose(digit)
    _open("Place")


@st.fragment
def _explore() -> None:
    with state.shown_errors():
        state.follow_folder()
        ref, split = state.current()
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


def _open_page(ref: loaders.CheckpointRef, split: loaders.Split) -> None:
    """Start with what the session's link asks for."""
    for key, value in ((PROBLEM, None), (METRIC, "map"), (OPEN, PANELS[0]), (NEAR, [])):
        st.session_state.setdefault(key, value)
    # a page switch forgets the tabs' own state
    st.session_state.setdefault(state.widget_key(PANEL), st.session_state[OPEN])
    if PLACE in st.session_state:
        return
    link = state.opened_link()
    open_place(ref, state.place_of_target(ref, link.pin))
    if link.select is not None or link.digits:
        selection.restore(link, ref, split)
        _open("Selection")


def _panels(ref: loaders.CheckpointRef, split: loaders.Split) -> OwnDigit | None:
    """Draw the open one of the panels; what was drawn by hand, if that is it."""
    tabs = st.tabs(
        PANELS, key=state.widget_key(PANEL), on_change=state.unless_stale(PANEL, _on_panel)
    )
    for name, tab in zip(PANELS, tabs, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == "Draw":
                return _drawing(ref, split)
            if name == "Selection":
                selection_panel(ref, split, pinned(), on_choose=_on_choose)
            else:
                place_panel(ref)
                if (here := pinned()) is not None:
                    neighbours(ref, split, here, on_choose=_on_neighbour)
    return None


def _drawing(ref: loaders.CheckpointRef, split: loaders.Split) -> OwnDigit | None:
    """Draw by hand, or upload; show what the model makes of it."""
    own = drawing_panel(ref, key="explore_draw")
    if own is None:
        return None
    here = state.place_of_latent(ref, tuple(own.encoded.mu.tolist()))
    decoded = loaders.decode(ref, own.encoded.mu[None])[0]
    original = own.image.reshape(-1).astype(np.float32) / np.float32(255)
    show_reconstruction(original, decoded, here, own.encoded)
    neighbours(ref, split, here, on_choose=_on_neighbour)
    return own


def _map(ref: loaders.CheckpointRef, split: loaders.Split, own: OwnDigit | None) -> None:
    """Draw the map with what is pinned, selected or drawn."""
    here = pinned()
    chosen = selection.selected()
    link = {"checkpoint": ref.name, "split": split}
    if here is not None:
        link |= pin_params(here.id, here.z)
    link |= selection.link_params(ref, split)
    ellipse = None
    if own is not None:
        here = state.place_of_latent(ref, tuple(own.encoded.mu.tolist()))
        ellipse = state.posterior_ellipse(ref, own.encoded)
    is_shown = here is not None and st.session_state[OPEN] != "Selection"
    checkpoint_map(
        ref,
        split,
        key=MAP,
        place=here,
        ellipse=ellipse,
        highlight=st.session_state[NEAR] if is_shown else (),
        selected=None if chosen is None else chosen.ids,
        start=state.link_start(""),
        link=link,
        on_pick=_on_pick,
        on_select=_on_select,
        on_release=partial(set_place, None),
    )


def _export(ref: loaders.CheckpointRef, split: loaders.Split) -> None:
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
