"""Controls that several pages have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import streamlit as st

K = TypeVar("K")


def choice(label: str, titles: Mapping[K, str], *, key: str, **options: Any) -> K:
    """Let one of some things be chosen by their titles; the choice lasts over page switches.

    Parameters
    ----------
    label : str
    titles : mapping
        What can be chosen to its title.
    key : str
        Of the widget; the session's state holds what is chosen at first.
    **options
        More of what `st.segmented_control` takes.
    """
    st.segmented_control(
        label,
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        required=True,
        persist_state="session",
        **options,
    )
    return st.session_state[key]


def field_row(key: str) -> AbstractContextManager[object]:
    """Place fields and buttons side by side; on a narrow screen the fields keep a width to type in.

    The buttons then go below; the theme's sheet sees to it.
    """
    return st.container(
        key=f"field_row_{key}", horizontal=True, gap="small", vertical_alignment="bottom"
    )


def download(
    label: str, make: Callable[[], str | bytes], *, file_name: str, **options: Any
) -> None:
    """Offer a file, made when it is asked for; nothing runs again.

    Parameters
    ----------
    label : str
    make : callable
        Gives the content; called in a thread of its own, without the session's state.
    file_name : str
    **options
        More of what `st.download_button` takes.
    """
    options = {"icon": ":material/download:"} | options
    st.download_button(label, make, file_name=file_name, on_click="ignore", **options)
