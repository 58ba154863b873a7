"""The controls of a walk: its stops, its ways, its steps."""

from __future__ import annotations

from functools import partial

import streamlit as st

from latent_explorer.data import digits
from latent_explorer.data.digits import digit_name
from latent_explorer.pages.interpolate import stops
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.interpolate.ways import ABOUT, MOST_STEPS, NAMES, Way
from latent_explorer.session.opened import opened_part
from latent_explorer.session.widgets import unless_stale, widget_key

WAYS, WAY, STEPS, SPACING = "walk_ways", "walk_way", "walk_steps", "walk_spacing"
SPACINGS = {"z": "in z", "image": "in the image"}
# Five ways fit side by side.
STYLE = """<style>
:is(.st-key-walk_way, .st-key-walk_ways) [role] { flex-wrap: wrap; }
:is(.st-key-walk_way, .st-key-walk_ways) button { padding: 0.25rem 0.55rem; }
</style>"""
_FIRST_WAYS: list[Way] = ["straight", "image"]


def open_controls() -> None:
    """Give the controls their first values, those of the link if it says any."""
    asked = opened_part(WalkLink)
    st.session_state.setdefault(WAYS, list(asked.ways or _FIRST_WAYS))
    st.session_state.setdefault(WAY, asked.way or "straight")
    st.session_state.setdefault(STEPS, asked.steps or 11)
    st.session_state.setdefault(SPACING, asked.spacing or "z")
    st.session_state.setdefault(stops.LOOP, asked.loop)


def shown_ways() -> list[Way]:
    """Ways on the map, in their usual order; the one that is walked is among them."""
    chosen = {*(st.session_state[WAYS] or ()), st.session_state[WAY]}
    return [way for way in NAMES if way in chosen]


def stop_controls() -> None:
    """Ask for the ends and the way-points."""
    st.segmented_control(
        "A click on the map sets; a drag moves",
        (*stops.NAMES, stops.WAY_POINT),
        key=widget_key(stops.NEXT),
        format_func=lambda name: f"End {name}" if name in stops.NAMES else "Way-point",
        required=True,
        persist_state="session",
    )
    for column, name in zip(st.columns(2, gap="small"), stops.NAMES, strict=True):
        place = stops.ends()[name]
        what = (
            "z" if place.id is None else f"a {digits.labels()[place.id]}, " + digit_name(place.id)
        )
        column.text_input(
            f"End {name} · {what}",
            key=widget_key(stops.TYPED[name]),
            on_change=unless_stale(stops.TYPED[name], partial(stops.on_typed, name)),
            help="A latent, or a search such as label 3 or index 12: one of its digits is drawn.",
            persist_state="session",
        )
    if st.session_state[stops.PROBLEM]:
        st.error(st.session_state[stops.PROBLEM], icon=":material/error:")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Swap", on_click=stops.swap, icon=":material/swap_horiz:")
        if stops.via():
            st.button("Reverse", on_click=stops.reverse, icon=":material/u_turn_left:")
            st.button("Clear way-points", on_click=stops.clear_via, icon=":material/close:")
        st.toggle("Loop back to A", key=stops.LOOP, persist_state="session")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", wrap=False):
        for key, label in ((stops.FROM, "From"), (stops.TO, "To")):
            st.selectbox(
                label,
                range(10),
                index=None,
                format_func=lambda digit: f"a {digit}",
                placeholder="any",
                key=key,
                persist_state="session",
            )
        st.button("Random pair", on_click=stops.draw_pair, icon=":material/casino:")


def way_controls() -> None:
    """Ask for the ways, the steps and their spacing."""
    st.segmented_control(
        "Way of the strip",
        list(NAMES),
        format_func=NAMES.__getitem__,
        key=WAY,
        required=True,
        help="  \n".join(f"{NAMES[way]}: {about}." for way, about in ABOUT.items()),
        persist_state="session",
    )
    st.pills(
        "Ways on the map",
        list(NAMES),
        selection_mode="multi",
        format_func=NAMES.__getitem__,
        key=WAYS,
        persist_state="session",
    )
    steps, spacing = st.columns(2, gap="small")
    steps.slider("Steps", 2, MOST_STEPS, key=STEPS, persist_state="session")
    spacing.segmented_control(
        "Steps are even",
        list(SPACINGS),
        format_func=SPACINGS.__getitem__,
        key=SPACING,
        required=True,
        persist_state="session",
    )
