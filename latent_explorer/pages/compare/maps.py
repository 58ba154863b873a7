"""Maps side by side: one digit, or one z, under two to four checkpoints."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.components.latent_map.messages import read_pick, read_selection
from latent_explorer.components.latent_map.values import Beside, Callbacks, Marked, Shown
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.escaping import as_text, show_warning
from latent_explorer.pages.compare.choices import ALIGNMENTS, SIDES, Alignment
from latent_explorer.pages.compare.comparison import (
    Comparison,
    pick,
    picked,
    place_in,
    show_comparison,
)
from latent_explorer.pages.compare.controls import said_of_alignment
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.measures import Aligned, aligned
from latent_explorer.panels import selection
from latent_explorer.panels.checkpoint_map import checkpoint_map, pick_before_turn
from latent_explorer.panels.controls import choice
from latent_explorer.panels.selection_panel import selection_panel
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import is_new, link_start, opened_part
from latent_explorer.session.places import place_of_digit, place_of_pick
from latent_explorer.session.widgets import read_widget, widget_key, write_widget
from latent_explorer.theme import number, point
from vae_core.checkpoints import CheckpointRef

_ALIGNED, _VIEWS = "compare_aligned", "compare_views"  # widgets
_GROUP = "compare"

Turn = NDArray[np.floating[Any]]


def draw(comparison: Comparison) -> None:
    """Draw the section."""
    how, is_view_shared = _controls(comparison)
    turns = [_turn(ref, comparison, how) for ref in comparison.refs]
    chosen = selection.selected()
    views = "linked" if is_view_shared else "free"
    show_comparison(comparison, CompareLink(aligned=how, views=views))
    asked = opened_part(CompareLink)
    is_asked = asked.section in (None, "maps")
    for row in range(0, len(comparison.refs), 2):
        for i, column in zip(
            range(row, len(comparison.refs)), st.columns(2, gap="medium"), strict=False
        ):
            ref, turn = comparison.refs[i], turns[i]
            rotation = None if turn is None else turn.rotation
            with column:
                st.markdown(f"**{as_text(ref.name)}**")
                checkpoint_map(
                    ref,
                    comparison.split,
                    key=_map_key(i),
                    place=place_in(ref),
                    marked=Marked(selected=None if chosen is None else chosen.ids),
                    shown=Shown(
                        start=link_start("compare", asked.maps[i]) if is_asked else None,
                        beside=Beside(_GROUP, SIDES[i], is_view_shared),
                        turn=rotation,
                    ),
                    on=Callbacks(
                        pick=partial(_on_pick, i, ref, rotation),
                        select=partial(_on_select, i),
                        release=_on_release,
                    ),
                )
                if turn is not None:
                    st.caption(_said_of_turn(turn, comparison.refs[0]))
    if how != "none":
        st.caption(said_of_alignment(comparison.refs))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_picked(comparison)
    with right:
        st.markdown("##### Selection, the same in all maps")
        first = comparison.refs[0]
        selection_panel(first, comparison.split, place_in(first), on_choose=_on_choose)


def _controls(comparison: Comparison) -> tuple[Alignment, bool]:
    asked = opened_part(CompareLink)
    has_selection = selection.selected() is not None
    titles: dict[Alignment, str] = {
        name: title for name, title in ALIGNMENTS.items() if name != "selection" or has_selection
    }
    is_first = is_new(widget_key(_ALIGNED))
    if read_widget(_ALIGNED) not in titles:
        known = asked.aligned if is_first and asked.aligned in titles else "none"
        write_widget(_ALIGNED, known)
    if is_new(_VIEWS):
        # Under priors of one scale the same z is the same place of each map.
        configs = [catalogue.stored(ref).header.model for ref in comparison.refs]
        is_alike = all(config.posterior == "gaussian" for config in configs)
        st.session_state[_VIEWS] = asked.views == "linked" if asked.views else is_alike
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        how = choice(
            f"Turned to lie on {as_text(comparison.refs[0].name)}",
            titles,
            key=widget_key(_ALIGNED),
            help="Rotation and reflection about the origin only, fitted to the digits' places.",
        )
        st.toggle(
            "One view for all",
            key=_VIEWS,
            help="All maps show the same rectangle, and pan and zoom as one.",
            persist_state="session",
        )
    return how, st.session_state[_VIEWS]


def _turn(ref: CheckpointRef, comparison: Comparison, how: Alignment) -> Aligned | None:
    """Align a map with the first's; None as it is."""
    first = comparison.refs[0]
    if how == "none" or ref == first:
        return None
    chosen = selection.selected() if how == "selection" else None
    return aligned(ref, first, comparison.split, None if chosen is None else chosen.ids)


def _said_of_turn(turn: Aligned, onto: CheckpointRef) -> str:
    (a, b), (c, d) = turn.rotation.tolist()
    is_reflected = a * d - b * c < 0
    angle = math.degrees(math.atan2(b, a))
    how = f"{'Reflected and turned' if is_reflected else 'Turned'} by {number(angle, 0)}°"
    return (
        f"{how} onto {as_text(onto.name)}; residual {number(turn.residual, 3)} z units, root mean "
        f"square over {turn.n_fitted:,} digits."
    )


def _map_key(i: int) -> str:
    return f"compare_map_{SIDES[i]}"


def _on_pick(i: int, ref: CheckpointRef, turn: Turn | None) -> None:
    with shown_errors():
        if (found := read_pick(_map_key(i))) is not None:
            pick(place_of_pick(ref, pick_before_turn(found, turn)))


def _on_select(i: int) -> None:
    if (ids := read_selection(_map_key(i))) is not None:
        selection.select(ids, "drawn on the map")


def _on_release() -> None:
    pick(None)


def _on_choose(digit: int) -> None:
    pick(place_of_digit(current()[0], digit))


def _show_picked(comparison: Comparison) -> None:
    here = picked()
    if here is None:
        st.info(
            "Move over one map: the others show where they put the same digit, or what they make "
            "of the same z. Click to keep it.",
            icon=":material/touch_app:",
        )
        return
    images: list[DigitImage] = []
    if here.id is None:
        st.markdown(f"##### The same z = {point(here.z)}, decoded by each")
    else:
        st.markdown(f"##### A {digits.labels()[here.id]} · {digits.digit_name(here.id)}")
        images.append(DigitImage(digits.pixels(here.id), "Original", "real pixels"))
    for ref in comparison.refs:
        place = place_in(ref)
        if place is None:
            dims = catalogue.stored(ref).header.model.latent_dim
            show_warning(f"{ref.name} has {dims} latent dimensions: it has no such z.")
            continue
        image = encoding.decode(ref, np.array([place.z]))[0]
        images.append(DigitImage(image, ref.name, f"z = {point(place.z, 2)}"))
    digit_strip(images, key="compare_images", size=132)
