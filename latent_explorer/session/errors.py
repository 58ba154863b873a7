"""Errors that a user can cause, shown."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from vae_core.errors import VaeCoreError


@contextmanager
def shown_errors() -> Generator[None]:
    """Show what a user can cause as one sentence; let anything else crash visibly."""
    try:
        yield
    except VaeCoreError as err:
        st.error(str(err), icon=":material/error:")
