"""The checkpoint and the split that all pages show, and the folder that checkpoints come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from latent_explorer.folders import weights_folders
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

DEFAULT_CHECKPOINT = "atlas"

CHECKPOINT = "app_checkpoint"  # widget: name of the checkpoint
SPLIT = "app_split"  # widget
_SHOWN_INSTEAD = "app_shown_instead"  # page, and the checkpoint that it shows: see `show_instead`
_CURRENT = "app_current"  # CheckpointRef and split of this run, set by app.py
_FOLDER = "app_folder"  # stamp of the folder of checkpoints at the last look


def set_current(ref: CheckpointRef, split: Split) -> None:
    """Remember the run's checkpoint and data split for the page."""
    st.session_state[_CURRENT] = (ref, split)


def current() -> tuple[CheckpointRef, Split]:
    """Checkpoint and data split that all pages show."""
    return st.session_state[_CURRENT]


def show_instead(page: str, ref: CheckpointRef | None) -> None:
    """Tell the sidebar which checkpoint a page shows, if it is not the chosen one.

    The sidebar is not of the page's fragment: when it has to say something else, the whole app
    runs again.
    """
    said = None if ref is None else (page, ref)
    if st.session_state.get(_SHOWN_INSTEAD) != said:
        st.session_state[_SHOWN_INSTEAD] = said
        st.rerun(scope="app")


def shown_instead(page: str) -> CheckpointRef | None:
    """Tell which checkpoint a page shows instead of the chosen one, if it does."""
    said: tuple[str, CheckpointRef] | None = st.session_state.get(_SHOWN_INSTEAD)
    return said[1] if said is not None and said[0] == page else None


def default_name(refs: Sequence[CheckpointRef]) -> str:
    """Name the checkpoint that the app opens with."""
    names = [ref.name for ref in refs]
    return DEFAULT_CHECKPOINT if DEFAULT_CHECKPOINT in names else names[0]


def remember_folder() -> None:
    """Note how the folder of checkpoints looks now, before it is read."""
    st.session_state[_FOLDER] = _folder_stamp()


def follow_folder() -> None:
    """Run the whole app again if a checkpoint came, went or changed since it was read.

    A fragment does not pass through app.py; this look costs well under a millisecond.
    """
    if st.session_state.get(_FOLDER) != _folder_stamp():
        st.rerun(scope="app")


def _folder_stamp() -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, os.stat_result]] = []
    for folder in weights_folders():
        with suppress(OSError), os.scandir(folder) as entries:  # said where the folder is read
            found += [(e.path, e.stat()) for e in entries if e.name.endswith(".safetensors")]
    return tuple(sorted((path, stat.st_size, stat.st_mtime_ns) for path, stat in found))


def shown_theme() -> str:
    """Theme that the browser shows, "light" or "dark"; light until it has said."""
    return st.context.theme.type or "light"
