"""Likelihood: how one z can make every digit, what p(x) is, and what it costs to compute it."""

from __future__ import annotations

import streamlit as st

from latent_explorer.pages.likelihood.chapters import CHAPTERS
from latent_explorer.pages.likelihood.frame import CHAPTER
from latent_explorer.pages.likelihood.link import LikelihoodLink
from latent_explorer.pages.likelihood.subject import open_page, pinned_params
from latent_explorer.panels.address import show_address
from latent_explorer.panels.controls import choice
from latent_explorer.session.current import current, follow_folder
from latent_explorer.session.errors import shown_errors


@st.fragment
def _likelihood() -> None:
    with shown_errors():
        follow_folder()
        ref, split = current()
        open_page(ref)
        names = {number: f"{number} · {chapter.name}" for number, chapter in CHAPTERS.items()}
        chapter = CHAPTERS[choice("Chapter", names, key=CHAPTER, label_visibility="collapsed")]
        st.markdown(f"#### {chapter.question}")
        chapter.draw(ref, split)
        part = LikelihoodLink(st.session_state[CHAPTER])
        params = {"checkpoint": ref.name, "split": split, **part.params()}
        show_address(params | pinned_params(chapter.subject), has_button=True)


_likelihood()
