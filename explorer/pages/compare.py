"""Compare: how checkpoints arrange the same digits."""

from __future__ import annotations

import streamlit as st

from explorer import loaders, state, uploads
from explorer.compare.compared import choose, choose_section, open_page


@st.fragment
def _compare(refs: list[loaders.CheckpointRef]) -> None:
    with state.shown_errors():
        state.follow_folder()
        open_page()
        section = choose_section()
        st.markdown(f"#### {section.question}")
        compared = choose(refs, section)
        if compared is not None:
            section.draw(compared)


_compare(uploads.checkpoints()[0])
