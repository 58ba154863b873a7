"""The Selection panel of Explore: search, contact sheet, composition; the selection itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.contact_sheet import PAGE_SIZE, contact_sheet, read_digit, read_page
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digit_terms import find_digits, terms_of
from latent_explorer.data.digits import SPLITS, digit_name
from latent_explorer.data.selection import (
    EXAMPLES,
    ORDERS,
    Ids,
    Order,
    Search,
    SearchError,
    arrange,
    parse_search,
    write_ids,
)
from latent_explorer.links.link import Link
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.places import Place
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number
from latent_explorer.vocabulary import PALETTE, SPLIT_WORDS
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

SEARCH, CLASSES, ORDER, SHEET = (
    "selection_search", "selection_classes", "selection_order", "selection_sheet"
)  # fmt: skip
_SELECTED, _PROBLEM, _PAGE, _SHOWN = (
    "selection_selected", "selection_problem", "selection_page", "selection_shown"
)  # fmt: skip


class Selection(NamedTuple):
    """Digits by id, ascending, and how they were chosen, in words."""

    ids: Ids
    how: str
    where: tuple[CheckpointRef, Split] | None = None  # of a search


def selected() -> Selection | None:
    """Tell what is selected; it lasts over reruns, page switches and checkpoints."""
    return st.session_state.get(_SELECTED)


def select(ids: Ids, how: str, where: tuple[CheckpointRef, Split] | None = None) -> None:
    """Select digits; none of them releases the selection."""
    st.session_state[_SELECTED] = Selection(np.sort(ids), how, where) if len(ids) else None
    st.session_state[_PROBLEM] = None
    st.session_state[_PAGE] = 0
    if how != read_widget(SEARCH):
        write_widget(SEARCH, "")
        _write_classes([])


def link_params(ref: CheckpointRef, split: Split) -> dict[str, str]:
    """Write the selection for a link: as the search that makes it again, here, or by its digits."""
    found = selected()
    if found is None:
        return {}
    if found.where == (ref, split):
        return {"select": found.how}
    return {"digits": write_ids(found.ids)}


def restore(link: Link, ref: CheckpointRef, split: Split) -> None:
    """Select what a link asks for, unless something is selected already."""
    if selected() is not None:
        return
    if link.select is not None:
        search(ref, split, link.select)
    elif link.digits:
        select(np.array(link.digits, np.intp), "of a link")


def search(ref: CheckpointRef, split: Split, text: str) -> None:
    """Select what a search finds, or keep the problem with it to be shown."""
    write_widget(SEARCH, text)
    if not text.strip():
        select(np.empty(0, np.intp), text)
        return
    try:
        asked = parse_search(text)
        found = find_digits(ref, split, asked)
    except SearchError as err:
        st.session_state[_PROBLEM] = str(err)
        return
    if not len(found):
        st.session_state[_PROBLEM] = (
            f"“{text}”: no digit of {SPLIT_WORDS[split].text} is like that."
        )
        return
    if asked.rank is not None:
        write_widget(ORDER, asked.rank.order)
    only_labels = asked == Search(labels=asked.labels)
    _write_classes(sorted(asked.labels) if only_labels else [])
    select(found, text, (ref, split))


def _on_search() -> None:
    with shown_errors():
        search(*current(), read_widget(SEARCH))


def _on_classes() -> None:
    classes: list[int] = read_widget(CLASSES)
    with shown_errors():
        text = f"label {' '.join(map(str, sorted(classes)))}" if classes else ""
        search(*current(), text)


def _on_release() -> None:
    write_widget(SEARCH, "")
    select(np.empty(0, np.intp), "")
    _write_classes([])


def _write_classes(classes: list[int]) -> None:
    if sorted(read_widget(CLASSES) or []) != classes:  # as clicked, in any order
        write_widget(CLASSES, classes)


def _on_turn() -> None:
    if (page := read_page(SHEET)) is not None:
        st.session_state[_PAGE] = page


def _on_order() -> None:
    st.session_state[_PAGE] = 0


def selection_panel(
    ref: CheckpointRef,
    split: Split,
    place: Place | None,
    *,
    on_choose: Callable[[int], None],
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
        placeholder="label 7 wrong",
        help=f"For example {EXAMPLES}; several narrow one another: label 4 taken for 9.",
        on_change=unless_stale(SEARCH, _on_search),
        persist_state="session",
    )
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
    if st.session_state.get(_PROBLEM):
        st.error(st.session_state[_PROBLEM], icon=":material/error:")
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
    rows = SPLITS[split]
    hidden = int(np.count_nonzero((ids < rows.start) | (ids >= rows.stop)))
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        plural = "" if len(ids) == 1 else "s"
        st.markdown(f"##### {len(ids):,} digit{plural}", width="stretch")
        st.button(
            "",
            key="selection_release",
            on_click=_on_release,
            icon=":material/close:",
            help="Release the selection",
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
        on_change=_on_order,
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
    last_page = (len(ids) - 1) // PAGE_SIZE
    page = min(st.session_state.get(_PAGE, 0), last_page)
    shown = arranged[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    st.session_state[_SHOWN] = shown.tolist()
    captions = [f"a {labels[digit]} · {digit_name(digit)}" for digit in shown.tolist()]
    if order == "near":
        extra = [f"{value:.3f} away on the map" for value in distances(shown).tolist()]
    elif order.startswith("elbo"):
        extra = [f"ELBO {number(v, 2)} nats" for v in _values(ref, shown, "elbo")]
    elif order.startswith("reconstruction"):
        extra = [
            f"reconstruction {number(v, 2)} nats" for v in _values(ref, shown, "reconstruction")
        ]
    else:
        extra = []
    if extra:
        captions = [" · ".join(pair) for pair in zip(captions, extra, strict=True)]
    contact_sheet(
        key=SHEET,
        ids=shown.tolist(),
        images=digits.data_set().images[shown],
        captions=captions,
        page=page,
        total=len(ids),
        counts=np.bincount(labels[ids], minlength=10).tolist(),
        palette=PALETTE,
        chosen=None if place is None else place.id,
        on_choose=partial(_on_choose, on_choose),
        on_turn=_on_turn,
    )


def _values(ref: CheckpointRef, ids: Ids, name: str) -> list[float]:
    return getattr(terms_of(ref, ids), name).tolist()


def _on_choose(then: Callable[[int], None]) -> None:
    digit = read_digit(SHEET)
    if digit is not None and digit in st.session_state.get(_SHOWN, ()):
        with shown_errors():
            then(digit)
