"""Digits on a contact sheet, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.components.contact_sheet import PAGE_SIZE, contact_sheet, read_digit, read_page
from latent_explorer.data import digits
from latent_explorer.data.selection import Ids
from latent_explorer.session.errors import shown_errors
from latent_explorer.vocabulary import PALETTE


def digit_sheet(
    ids: Ids,
    *,
    key: str,
    remarks: Callable[[Ids], Sequence[str]],
    chosen: int | None,
    on_choose: Callable[[int], None],
) -> None:
    """Show digits page by page, and how many there are of each class.

    Parameters
    ----------
    ids : array of int
        In the order in which they are shown.
    key : str
        Of the sheet; the page that is turned to lasts as long as the session.
    remarks : callable
        Tells what to say of each of some digits, after its label and name; nothing of any if
        it is empty.
    chosen : int or None
        The digit to mark.
    on_choose : callable
        Called with the id of a digit that was clicked.
    """
    labels = digits.labels()
    page = min(st.session_state.get(_page_key(key), 0), (len(ids) - 1) // PAGE_SIZE)
    shown = ids[page * PAGE_SIZE :][:PAGE_SIZE]
    st.session_state[_shown_key(key)] = shown.tolist()
    captions = [f"a {labels[digit]} · {digits.digit_name(digit)}" for digit in shown.tolist()]
    if said := remarks(shown):
        captions = [" · ".join(pair) for pair in zip(captions, said, strict=True)]
    contact_sheet(
        key=key,
        ids=shown.tolist(),
        images=digits.data_set().images[shown],
        captions=captions,
        page=page,
        total=len(ids),
        counts=np.bincount(labels[ids], minlength=10).tolist(),
        palette=PALETTE,
        chosen=chosen,
        on_choose=partial(_on_choose, key, on_choose),
        on_turn=partial(_on_turn, key),
    )


def turn_to_first_page(key: str) -> None:
    """Show a sheet's first page again: its digits are others."""
    st.session_state[_page_key(key)] = 0


def turn_to_page_of(key: str, position: int) -> None:
    """Show the page of a sheet that holds the digit at a position, from 0 on."""
    st.session_state[_page_key(key)] = position // PAGE_SIZE


def _page_key(key: str) -> str:
    return f"{key}_page"


def _shown_key(key: str) -> str:
    return f"{key}_shown"


def _on_turn(key: str) -> None:
    if (page := read_page(key)) is not None:
        st.session_state[_page_key(key)] = page


def _on_choose(key: str, then: Callable[[int], None]) -> None:
    digit = read_digit(key)
    # What is clicked may be of a sheet that is there no more.
    if digit is not None and digit in st.session_state.get(_shown_key(key), ()):
        with shown_errors():
            then(digit)
