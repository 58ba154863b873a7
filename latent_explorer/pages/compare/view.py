"""Compare: how checkpoints arrange the same digits."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from latent_explorer.data import uploads
from latent_explorer.pages.compare.choices import SECTIONS
from latent_explorer.pages.compare.comparison import choose, choose_section, open_page
from latent_explorer.panels.selection import selection_note
from latent_explorer.session.current import follow_folder, show_instead
from latent_explorer.session.errors import shown_errors
from vae_core.checkpoints import CheckpointRef


@st.fragment
def _compare(refs: list[CheckpointRef]) -> None:
    with shown_errors():
        follow_folder()
        open_page()
        section = choose_section()
        st.markdown(f"#### {section.question}")
        if section.compares:
            show_instead("compare", None)
        comparison = choose(refs, section)
        if comparison is not None:
            if section is not SECTIONS["maps"]:  # which has the panel itself
                selection_note("compare")
            # imported when it is first opened
            import_module(f"latent_explorer.pages.compare.{section.module}").draw(comparison)


_compare(uploads.checkpoints()[0])
