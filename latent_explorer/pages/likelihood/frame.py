"""What stands around every chapter: its answer, code and files, and other checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from latent_explorer.data import catalogue
from latent_explorer.escaping import as_text
from latent_explorer.panels.controls import download
from latent_explorer.session.current import CHECKPOINT, DEFAULT_CHECKPOINT, shown_theme
from latent_explorer.vocabulary import SYMBOLS
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    import plotly.graph_objects as go

CHAPTER = "likelihood_chapter"  # widget
_CODE = Path(__file__).parent / "code"


def columns() -> tuple[Any, Any]:
    """Place for the map, the same in all chapters, and for what a chapter shows beside it."""
    left, right = st.columns([1, 1], gap="medium")
    return left, right


def colors() -> Mapping[str, str]:
    """Colours of the formula's symbols in the theme that the browser shows."""
    return SYMBOLS[shown_theme()]


def symbol(name: str, latex: str) -> str:
    r"""Colour a part of a formula as its picture: `symbol("likelihood", r"p(x \mid z)")`."""
    return rf"\textcolor{{{colors()[name]}}}{{{latex}}}"


def show_answer(text: str, formula: str) -> None:
    """Show a chapter's answer, two sentences, and its formula."""
    with st.container(border=True):
        st.markdown(f"**In short.** {text}")
        st.latex(formula)


def show_code(name: str) -> None:
    """Show the few lines of vae_core that compute what is on screen: a file of the folder code."""
    with st.expander("Show me the code", icon=":material/code:"):
        module = f"{__package__}.code.{Path(name).stem}"
        st.caption(f"`python -m {module}` in the folder of app.py runs it.")
        st.code((_CODE / name).read_text(encoding="utf-8"), language="python")


def show_end(ref: CheckpointRef, *, code: str, figures: Sequence[go.Figure]) -> None:
    """Show a chapter's code, and its charts as a file if there are any."""
    show_code(code)
    if figures:
        show_download(ref, figures)


def show_download(ref: CheckpointRef, figures: Sequence[go.Figure]) -> None:
    """Offer a chapter's charts as a page that needs no network."""
    number = st.session_state[CHAPTER]
    download(
        "Download the chart" if len(figures) == 1 else "Download the charts",
        partial(figures_page, figures),
        file_name=f"likelihood-{number}-{ref.name}.html",
        mime="text/html",
        key=f"likelihood_download_{number}",
        help="One HTML file that needs no server and no network.",
    )


def figures_page(figures: Sequence[go.Figure]) -> bytes:
    """Write charts as one HTML page that needs no network."""
    parts = [
        figure.to_html(include_plotlyjs=i == 0, full_html=False, config={"displaylogo": False})
        for i, figure in enumerate(figures)
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Likelihood</title><body>'
    return (head + "".join(parts) + "</body></html>").encode()


def is_exact(ref: CheckpointRef) -> bool:
    """Whether p(x) is a sum over a lattice: a prior, and one or two dimensions."""
    return catalogue.has_posterior(ref) and catalogue.stored(ref).header.model.latent_dim <= 2


def offer_exact(ref: CheckpointRef) -> bool:
    """Say what a checkpoint lacks for exact sums and offer another; whether it has it all."""
    if is_exact(ref):
        return True
    config = catalogue.stored(ref).header.model
    offer_checkpoint(
        f"z has {config.latent_dim} dimensions here: a sum over all z is out of reach."
        if catalogue.has_posterior(ref)
        else "A plain autoencoder has no prior p(z), so there is no p(x) and no p(z|x).",
        ref,
    )
    return False


def offer_checkpoint(why: str, ref: CheckpointRef, name: str = DEFAULT_CHECKPOINT) -> None:
    """Say why a checkpoint cannot show something, and offer one that can, if it is there."""
    st.info(why, icon=":material/info:")
    names = [one.name for one in catalogue.checkpoints()[0]]
    if (
        name in names
        and name != ref.name
        and st.button(f"Switch to {as_text(name)}", on_click=_on_switch, args=(name,))
    ):
        st.rerun(scope="app")  # the sidebar is not of this fragment


def _on_switch(name: str) -> None:
    st.session_state[CHECKPOINT] = name


def prior_name(ref: CheckpointRef) -> str:
    """Name p(z)."""
    is_normal = catalogue.stored(ref).header.model.prior == "normal"
    return "N(0, I)" if is_normal else "p(z)"
