"""Compare: how checkpoints arrange the same digits."""

from __future__ import annotations

import streamlit as st

from latent_explorer.data import loaders, uploads
from latent_explorer.pages.compare.comparison import choose, choose_section, open_page
from latent_explorer.session import state


@st.fragment
def _compare(refs: list[loaders.CheckpointRef]) -> None:
    with state.shown_errors():
        state.follow_folder()
        open_page()
        section = choose_section()
        st.markdown(f"#### {section.question}")
        comparison = choose(refs, section)
        if comparison is not None:
            section.draw(comparison)


_compare(uploads.checkpoints()[0])
