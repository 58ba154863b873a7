"""The controls of a walk: its stops, its ways, its steps."""

from __future__ import annotations

from functools import partial

import streamlit as st

from latent_explorer.data import catalogue, digits
from latent_explorer.data.digits import digit_name
from latent_explorer.data.latents import latent_example, latent_help
from latent_explorer.data.neighbours import look_at
from latent_explorer.escaping import show_error
from latent_explorer.pages.interpolate import stops
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.interpolate.ways import MOST_STEPS, SPACINGS, WAY_TITLES, WAYS, Way
from latent_explorer.panels.controls import choice, field_row
from latent_explorer.session.opened import begin, opened_part
from latent_explorer.session.widgets import unless_stale, widget_key
from vae_core.checkpoints import CheckpointRef

SHOWN, WAY, STEPS, SPACING = "walk_ways", "walk_way", "walk_steps", "walk_spacing"  # widgets
_FIRST_WAYS: list[Way] = ["straight", "image"]


def open_controls() -> None:
    """Give the controls their first values, those of the link if it says any."""
    asked = opened_part(WalkLink)
    begin(SHOWN, list(asked.ways or _FIRST_WAYS))
    begin(WAY, asked.way or "straight")
    begin(STEPS, asked.steps or 11)
    begin(SPACING, asked.spacing or "z")
    begin(stops.LOOP, asked.loop)


def shown_ways() -> list[Way]:
    """Ways on the map, in their usual order; the one that is walked is among them."""
    chosen = {*(st.session_state[SHOWN] or ()), st.session_state[WAY]}
    return [way for way in WAYS if way in chosen]


def stop_controls(ref: CheckpointRef) -> None:
    """Ask for the ends and the way-points."""
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    choice(
        "A click on the map sets; a drag moves",
        {**{name: f"End {name}" for name in stops.NAMES}, stops.WAY_POINT: "Way-point"},
        key=widget_key(stops.NEXT),
    )
    with field_row("walk_ends"):
        for name in stops.NAMES:
            place = stops.ends()[name]
            what = (
                f"z, {look_at(ref, place.z).name}"
                if place.id is None
                else f"a {digits.labels()[place.id]}, {digit_name(place.id)}"
            )
            st.text_input(
                f"End {name} · {what}",
                key=widget_key(stops.TYPED[name]),
                on_change=unless_stale(stops.TYPED[name], partial(stops.on_typed, name)),
                placeholder=f"{latent_example(latent_dim)}, or label 3",
                help=f"A z: {latent_help(latent_dim)} Or a search, such as label 3, 3 wrong or "
                "index 12: one of its digits is drawn. A z looks like what most of the 10 test "
                "images nearest to its picture, by their pixels, are.",
                persist_state="session",
            )
    if st.session_state[stops.PROBLEM]:
        show_error(st.session_state[stops.PROBLEM])
    if st.session_state[stops.NOTE]:
        st.info(st.session_state[stops.NOTE], icon=":material/info:")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Swap", on_click=stops.swap, icon=":material/swap_horiz:")
        # There from the start, so that nothing moves when a way-point comes.
        has_none = not stops.via()
        for label, then, icon in (
            ("Reverse", stops.reverse, "u_turn_left"),
            ("Clear way-points", stops.clear_via, "close"),
        ):
            st.button(label, on_click=then, icon=f":material/{icon}:", disabled=has_none)
        st.toggle("Loop back to A", key=stops.LOOP, persist_state="session")
    with field_row("walk_pair"):
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
    choice(
        "Way of the strip",
        WAY_TITLES,
        key=WAY,
        help="  \n".join(f"{kind.title}: {kind.about}." for kind in WAYS.values()),
    )
    st.pills(
        "Ways on the map",
        list(WAYS),
        selection_mode="multi",
        format_func=WAY_TITLES.__getitem__,
        key=SHOWN,
        persist_state="session",
    )
    steps, spacing = st.columns(2, gap="small")
    steps.slider("Steps", 2, MOST_STEPS, key=STEPS, persist_state="session")
    with spacing:
        choice("Steps are even", SPACINGS, key=SPACING)
