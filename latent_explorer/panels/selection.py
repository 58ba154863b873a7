"""What is selected: the same digits on every page, kept as a search or by their ids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.data.digit_terms import find_digits
from latent_explorer.data.selection import Ids, Search, SearchError, parse_search, write_ids
from latent_explorer.links.link import Link
from latent_explorer.panels.sheet import turn_to_first_page
from latent_explorer.session.opened import is_new
from latent_explorer.session.widgets import read_widget, write_widget
from latent_explorer.vocabulary import SPLIT_WORDS
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

SEARCH = "selection_search"  # widget
CLASSES = "selection_classes"  # widget
ORDER = "selection_order"  # widget
PROBLEM = "selection_problem"  # what was wrong with the last search
SHEET = "selection_sheet"
_SELECTED = "selection_selected"


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
    st.session_state[PROBLEM] = None
    turn_to_first_page(SHEET)
    if how != read_widget(SEARCH):
        write_widget(SEARCH, "")
        write_classes([])


def clear() -> None:
    """Release the selection, and empty what asked for it."""
    write_widget(SEARCH, "")
    select(np.empty(0, np.intp), "")
    write_classes([])


def selection_note(key: str) -> None:
    """Say on a panel that does not show it that a selection is in force, and offer to undo it."""
    found = selected()
    if found is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/lasso_select: {count_said(found)} selected", width="content")
        st.button("Clear", key=f"{key}_clear_selection", on_click=clear, type="tertiary")


def count_said(selection: Selection) -> str:
    """Say how many digits are selected."""
    n = len(selection.ids)
    return f"{n:,} digit{'' if n == 1 else 's'}"


def link_params(ref: CheckpointRef, split: Split) -> dict[str, str]:
    """Write the selection for a link: as the search that makes it again, here, or by its digits."""
    found = selected()
    if found is None:
        return {}
    if found.where == (ref, split):
        return {"select": found.how}
    return {"digits": write_ids(found.ids)}


def restore(link: Link, ref: CheckpointRef, split: Split) -> bool:
    """Select what the address asks for, unless that was done; whether something is selected now."""
    if not is_new(_SELECTED):
        return False
    if link.select is not None:
        search(ref, split, link.select)
    else:
        select(np.array(link.digits, np.intp), "of a link" if link.digits else "")
    return selected() is not None


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
        st.session_state[PROBLEM] = str(err)
        return
    if not len(found):
        where = SPLIT_WORDS[split].text
        st.session_state[PROBLEM] = f"“{text}”: no digit of {where} is like that."
        return
    if asked.rank is not None:
        write_widget(ORDER, asked.rank.order)
    only_labels = asked == Search(labels=asked.labels)
    write_classes(sorted(asked.labels) if only_labels else [])
    select(found, text, (ref, split))


def write_classes(classes: list[int]) -> None:
    """Show which classes are selected, unless they are shown already."""
    if sorted(read_widget(CLASSES) or []) != classes:  # as clicked, in any order
        write_widget(CLASSES, classes)
