"""Widgets that Python writes to as well as their users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

_WRITES = "app_writes"  # widget -> how often Python has written to it


def widget_key(name: str) -> str:
    """Key of a widget that Python writes to as well as its user.

    Each of the browser's messages carries the values of all widgets.  One that was sent before
    the browser knew what Python wrote would put the old value back, and call its callback: so
    what is written goes into a widget with a new key, and the old one is listened to no more.
    """
    n = st.session_state.get(_WRITES, {}).get(name, 0)
    return f"{name}_{n}" if n else name


def read_widget(name: str) -> Any:
    """Get the value of such a widget, None if it has none yet."""
    return st.session_state.get(widget_key(name))


def write_widget(name: str, value: object, *, by_user: bool = False) -> None:
    """Give such a widget a value.

    One `by_user` is their own, written otherwise: the widget stays, and with it the focus.
    """
    old = widget_key(name)
    if old in st.session_state:
        if st.session_state[old] == value:
            return
        if not by_user:
            del st.session_state[old]
            writes = st.session_state.setdefault(_WRITES, {})
            writes[name] = writes.get(name, 0) + 1
    st.session_state[widget_key(name)] = value


def unless_stale(name: str, then: Callable[[], None]) -> Callable[[], None]:
    """Make the callback of such a widget, which passes over what was sent before a write."""
    key = widget_key(name)
    return lambda: then() if key == widget_key(name) else None
