"""What the sections of the Compare page share: the checkpoints compared, and what is picked.

The selection is the app's own, of `latent_explorer.panels.selection`.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from latent_explorer.data import kinds, uploads
from latent_explorer.escaping import as_text
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.compare.choices import MOST_OTHERS, SECTIONS, Section
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.panels import selection
from latent_explorer.panels.address import show_address
from latent_explorer.panels.collapse import say_collapsed
from latent_explorer.panels.controls import choice
from latent_explorer.session.current import current
from latent_explorer.session.opened import is_new, opened_link, opened_part
from latent_explorer.session.places import Place, carried, place_of_target
from latent_explorer.session.widgets import read_widget, widget_key, write_widget
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

SECTION, OTHERS = "compare_section", "compare_others"  # widgets
_PICKED = "compare_picked"


class Comparison(NamedTuple):
    """Two to four checkpoints, the sidebar's first, and the digits they are compared on.

    The section that compares none has the first alone.
    """

    refs: tuple[CheckpointRef, ...]
    split: Split


def open_page() -> None:
    """Start with what the address asks for."""
    if not is_new(SECTION):
        return
    opened = opened_link()
    st.session_state[SECTION] = opened_part(CompareLink).section or next(iter(SECTIONS))
    st.session_state[_PICKED] = place_of_target(current()[0], opened.pin)
    selection.restore(opened, *current())


def choose_section() -> Section:
    """Let a section be chosen."""
    titles = {name: section.title for name, section in SECTIONS.items()}
    return SECTIONS[choice("Section", titles, key=SECTION, label_visibility="collapsed")]


def choose(refs: list[CheckpointRef], section: Section) -> Comparison | None:
    """Let one to three checkpoints be chosen beside the sidebar's; None if there is no other."""
    first, split = current()
    if not section.compares:
        return Comparison((first,), split)
    others = {ref.name: ref for ref in refs if ref.name != first.name}
    if not others:
        st.info(
            "There is one checkpoint only: drop another into the weights folder to compare them, "
            "or upload one.",
            icon=":material/compare:",
        )
        uploads.upload_panel()
        return None
    is_first = is_new(widget_key(OTHERS))
    asked = opened_part(CompareLink).others if is_first else read_widget(OTHERS)
    chosen = [name for name in asked if name in others] or [
        kinds.partner(first, list(others.values())).name
    ]
    write_widget(OTHERS, chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(key="compare_first", width=220, gap=None):
            # One place to choose it: the sidebar. Here it is only named, in line with the others.
            st.markdown(f":small[Chosen in the sidebar]  \n**{as_text(kinds.title(first))}**")
        names: list[str] = st.multiselect(
            "Compared with",
            list(others),
            format_func=lambda name: kinds.title(others[name]),
            key=widget_key(OTHERS),
            max_selections=MOST_OTHERS,
            placeholder="Choose one to three checkpoints",
            persist_state="session",
        )
        uploads.upload_panel()
    beside = [others[name] for name in names or chosen]
    st.caption(_said_of_differences(first, beside))
    say_collapsed(beside)  # the first is named above the page
    return Comparison((first, *beside), split)


def _said_of_differences(first: CheckpointRef, others: list[CheckpointRef]) -> str:
    """Say in what each of the others differs from the first, beyond the networks' sizes."""
    said: list[str] = []
    for other in others:
        found = kinds.differences(first, other)
        *some, last = found or [""]
        listed = f"{', '.join(some)} and {last}" if some else last
        said.append(
            f"**{as_text(other.name)}** differs from {as_text(first.name)} in {listed}."
            if found
            else f"**{as_text(other.name)}** is the same kind of model as {as_text(first.name)}."
        )
    return " ".join(said)


def picked() -> Place | None:
    """Tell which digit or z is picked, at its place under the checkpoint it was picked in."""
    return st.session_state.get(_PICKED)


def pick(place: Place | None) -> None:
    """Change it."""
    st.session_state[_PICKED] = place


def place_in(ref: CheckpointRef) -> Place | None:
    """Place what is picked under a checkpoint; None where it has no such z."""
    return carried(ref, picked())


def show_comparison(
    comparison: Comparison, shown: CompareLink, *, has_button: bool = False
) -> None:
    """Let the address follow the comparison, and `shown`, which a section shows as its own part.

    `has_button` is for sections without a map or a player, which have their own "Copy link".
    """
    first, *others = (ref.name for ref in comparison.refs)
    if not others:  # the section shows the first alone; the others come back with the next
        asked = read_widget(OTHERS) or opened_part(CompareLink).others
        others = [name for name in asked if name != first]
    part = shown._replace(others=tuple(others), section=st.session_state[SECTION])
    params = {"checkpoint": first, "split": comparison.split} | part.params()
    if (here := picked()) is not None:
        params |= pin_params(here.id, here.z)
    params |= selection.link_params(comparison.refs[0], comparison.split)
    show_address(params, has_button=has_button)
