"""Errors that a user can cause, shown."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from latent_explorer.escaping import show_error
from vae_core.errors import VaeCoreError


@contextmanager
def shown_errors() -> Generator[None]:
    """Show what a user can cause as one sentence; let anything else crash visibly."""
    try:
        yield
    except VaeCoreError as err:
        show_error(err)
