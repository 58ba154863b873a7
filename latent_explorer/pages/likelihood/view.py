"""Likelihood: how one z can make every digit, what p(x) is, and what it costs to compute it."""

from __future__ import annotations

import streamlit as st

from latent_explorer.pages.likelihood.chapter import CHAPTER, CHAPTERS, open_page
from latent_explorer.session.current import current, follow_folder
from latent_explorer.session.errors import shown_errors


@st.fragment
def _likelihood() -> None:
    with shown_errors():
        follow_folder()
        ref, split = current()
        open_page(ref)
        by_number = {chapter.number: chapter for chapter in CHAPTERS}
        st.segmented_control(
            "Chapter",
            list(by_number),
            format_func=lambda n: f"{n} · {by_number[n].name}",
            key=CHAPTER,
            label_visibility="collapsed",
            required=True,
            persist_state="session",
        )
        chapter = by_number[st.session_state[CHAPTER]]
        st.markdown(f"#### {chapter.question}")
        chapter.draw(ref, split)


_likelihood()
