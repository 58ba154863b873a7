"""The panel of a selection: search, contact sheet, composition."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digit_terms import terms_of
from latent_explorer.data.selection import ORDERS, SYNTAX, Ids, Order, arrange
from latent_explorer.escaping import show_error
from latent_explorer.panels.selection import (
    CLASSES,
    ORDER,
    PROBLEM,
    SEARCH,
    SHEET,
    Selection,
    clear,
    count_said,
    search,
    selected,
)
from latent_explorer.panels.sheet import digit_sheet, turn_to_first_page
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.places import Place
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split


def _on_search() -> None:
    with shown_errors():
        search(*current(), read_widget(SEARCH))


def _on_classes() -> None:
    classes: list[int] = read_widget(CLASSES)
    with shown_errors():
        text = f"label {' '.join(map(str, sorted(classes)))}" if classes else ""
        search(*current(), text)


def selection_panel(
    ref: CheckpointRef, split: Split, place: Place | None, *, on_choose: Callable[[int], None]
) -> None:
    """Show the controls of the selection, and what is selected.

    Parameters
    ----------
    ref, split
        What the map shows.
    place : Place, optional
        Pinned: digits can be sorted by their distance to it.
    on_choose : callable
        Called with the id of a digit that was clicked.
    """
    st.text_input(
        "Search",
        key=widget_key(SEARCH),
        placeholder="7 wrong",
        on_change=unless_stale(SEARCH, _on_search),
        persist_state="session",
    )
    st.caption(SYNTAX)
    with st.container(key="selection_pills"):
        st.pills(
            "Digit classes",
            range(10),
            selection_mode="multi",
            key=widget_key(CLASSES),
            on_change=unless_stale(CLASSES, _on_classes),
            label_visibility="collapsed",
            width="stretch",
            persist_state="session",
        )
    if st.session_state.get(PROBLEM):
        show_error(st.session_state[PROBLEM])
    selection = selected()
    if selection is None:
        st.info(
            "Search, choose digits above, or draw round some on the map with its lasso.",
            icon=":material/lasso_select:",
        )
        return
    order = _summary(ref, split, selection, place)
    _sheet(ref, selection.ids, order, place, on_choose)


def _summary(ref: CheckpointRef, split: Split, selection: Selection, place: Place | None) -> Order:
    """Say how many there are and from where; ask for their order."""
    ids = selection.ids
    rows = digits.SPLITS[split]
    hidden = int(np.count_nonzero((ids < rows.start) | (ids >= rows.stop)))
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(f"##### {count_said(selection)}", width="stretch")
        st.button(
            "",
            key="selection_release",
            on_click=clear,
            icon=":material/close:",
            help="Clear the selection",
            type="tertiary",
        )
    if hidden:
        st.caption(f"{hidden:,} of them are not among the digits on the map.")
    options: list[Order] = [
        order
        for order in ORDERS
        if (order != "near" or place is not None)
        and (not order.startswith("elbo") or catalogue.has_posterior(ref))
    ]
    if read_widget(ORDER) not in options:
        write_widget(ORDER, options[0])
    st.selectbox(
        "Order",
        options,
        format_func=ORDERS.__getitem__,
        key=widget_key(ORDER),
        label_visibility="collapsed",
        on_change=partial(turn_to_first_page, SHEET),
        persist_state="session",
    )
    return read_widget(ORDER)


def _sheet(
    ref: CheckpointRef,
    ids: Ids,
    order: Order,
    place: Place | None,
    on_choose: Callable[[int], None],
) -> None:
    labels = digits.labels()

    def distances(some: Ids) -> NDArray[np.floating[Any]]:
        assert place is not None
        return np.linalg.norm(encoding.positions(ref).coords[some] - place.coords, axis=1)

    arranged = arrange(ids, order, labels=labels, terms=partial(terms_of, ref), distances=distances)

    def remarks(shown: Ids) -> list[str]:
        if order == "near":
            return [f"{number(value)} away on the map" for value in distances(shown).tolist()]
        if order.startswith("elbo"):
            return [f"ELBO {number(v, 2)} nats" for v in _values(ref, shown, "elbo")]
        if order.startswith("reconstruction"):
            values = _values(ref, shown, "reconstruction")
            return [f"reconstruction {number(v, 2)} nats" for v in values]
        return []

    digit_sheet(
        arranged,
        key=SHEET,
        remarks=remarks,
        chosen=None if place is None else place.id,
        on_choose=on_choose,
    )


def _values(ref: CheckpointRef, ids: Ids, name: str) -> list[float]:
    return getattr(terms_of(ref, ids), name).tolist()
