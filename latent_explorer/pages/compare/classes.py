"""Classes: whom the digits of each class live among, how tight classes are, and their clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.compared import Compared, show_link
from latent_explorer.pages.compare.drift import choose_other
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.measures import FEWEST_NEIGHBOURS, MOST_NEIGHBOURS, Method
from latent_explorer.pages.compare.stories import cluster_stories
from latent_explorer.plots.classes import class_bars, class_difference, class_matrix
from latent_explorer.session.current import shown_theme
from latent_explorer.session.opened import opened_part
from latent_explorer.vocabulary import SYMBOLS
from vae_core.checkpoints import CheckpointRef

NEIGHBOURS, METHOD = "compare_class_k", "compare_method"  # widgets
METHODS: dict[Method, str] = {"k-means": "k-means", "mixture": "Mixture of Gaussians"}

_USUAL_NEIGHBOURS = 10
_STORIES = 8  # shown at once
_CONFIG = {"displayModeBar": False}


def draw(compared: Compared) -> None:
    """Draw the section."""
    st.caption("Of the 10,000 test digits, by their codes in z: the means of q(z|x).")
    other = choose_other(compared)
    _neighbourhoods(compared.refs, other)
    _tightness(compared.refs)
    _clusters(compared.refs)
    show_link(
        compared,
        CompareLink(
            k=st.session_state[NEIGHBOURS],
            method=st.session_state[METHOD],
            against=other.name,
        ),
    )


def _ink() -> str:
    return SYMBOLS[shown_theme()]["ink"]


def _cells(n: int) -> list[Any]:
    """Make places for n matrices, two to a row, so that their numbers can be read."""
    rows = [st.columns(2) for _ in range(0, n, 2)]
    return [cell for row in rows for cell in row][:n]


def _neighbourhoods(refs: Sequence[CheckpointRef], other: CheckpointRef) -> None:
    st.markdown("##### Whom the digits of each class live among")
    asked = opened_part(CompareLink)
    st.session_state.setdefault(NEIGHBOURS, asked.k or _USUAL_NEIGHBOURS)
    k: int = st.slider(
        "Nearest neighbours, k",
        FEWEST_NEIGHBOURS,
        MOST_NEIGHBOURS,
        key=NEIGHBOURS,
        width=260,
        persist_state="session",
    )
    st.caption(
        f"Row r, column c: of the {k} nearest neighbours of a digit r, the mean share that are c, "
        "in percent. Shades are of confusions only, the same in all."
    )
    shares = [measures.confusion(ref, k) for ref in refs]
    off = ~np.eye(10, dtype=bool)
    most = max(float(each[off].max()) for each in shares) or 1.0
    for ref, each, column in zip(refs, shares, _cells(len(refs)), strict=True):
        with column:
            st.markdown(f"**{ref.name}** · own class {100 * float(np.diag(each).mean()):.1f} %")
            st.plotly_chart(
                class_matrix(
                    each,
                    ink=_ink(),
                    says="%{customdata:.1%} of the neighbours of a %{y} are %{x}s",
                    columns="neighbour",
                    most=most,
                ),
                key=f"compare_confusion_{ref.name}",
                config=_CONFIG,
                alt=f"Classes of the {k} nearest neighbours of each class's digits in {ref.name}.",
            )
    difference = measures.confusion(other, k) - measures.confusion(refs[0], k)
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{other.name} less {refs[0].name}**, percentage points")
        st.plotly_chart(
            class_difference(
                difference,
                ink=_ink(),
                says="%{customdata:+.1%} of the neighbours of a %{y} are %{x}s",
                columns="neighbour",
            ),
            key="compare_confusion_difference",
            config=_CONFIG,
            alt=f"What {other.name} has more than {refs[0].name} of each confusion.",
        )
    with right:
        st.markdown("**Most changed**")
        st.markdown(_most_changed(difference, other.name, refs[0].name))


def _most_changed(difference: measures.Floats, other: str, first: str, n: int = 5) -> str:
    """List the pairs of classes whose confusion changed most."""
    off = np.where(np.eye(10, dtype=bool), 0.0, difference)
    lines: list[str] = []
    for at in np.argsort(-np.abs(off), axis=None, kind="stable")[:n].tolist():
        r, c = divmod(at, 10)
        if off[r, c] != 0:
            word = "more" if off[r, c] > 0 else "fewer"
            points = 100 * abs(off[r, c])
            lines.append(f"- {points:.1f} points {word} {c}s among the neighbours of {r}s")
    if not lines:
        return f"Nothing: {other} confuses no classes otherwise than {first}."
    return f"In {other}, against {first}:\n\n" + "\n".join(lines)


def _tightness(refs: Sequence[CheckpointRef]) -> None:
    st.markdown("##### How tight and how far apart the classes are")
    figures = {ref.name: measures.class_figures(ref) for ref in refs}
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(
            class_bars(
                {name: each.silhouette for name, each in figures.items()}, title="silhouette"
            ),
            key="compare_class_silhouette",
            config=_CONFIG,
            alt="Mean silhouette of each class's digits, encoder beside encoder.",
        )
        st.caption("Silhouette: from −1, among another class, to 1, tight and apart; best is 1.")
    with right:
        st.plotly_chart(
            class_bars(
                {name: each.spread for name, each in figures.items()}, title="spread, z units"
            ),
            key="compare_class_spread",
            config=_CONFIG,
            alt="Spread of each class's digits in z units, encoder beside encoder.",
        )
        st.caption(
            "Spread: root mean square distance of a class's codes from their mean, √ of the trace "
            "of their covariance, in z units."
        )


def _clusters(refs: Sequence[CheckpointRef]) -> None:
    st.markdown("##### Which classes share a cluster, and which are split")
    st.session_state.setdefault(METHOD, opened_part(CompareLink).method or "k-means")
    st.segmented_control(
        "Clusters by",
        list(METHODS),
        format_func=METHODS.__getitem__,
        key=METHOD,
        required=True,
        persist_state="session",
        help="Ten clusters of the codes, found without labels. k-means finds round ones, a mixture "
        "of ten Gaussians stretched ones too.",
    )
    method: Method = st.session_state[METHOD]
    counts = {ref.name: measures.clusters(ref, method) for ref in refs}
    stories = [f"- {story}" for story in cluster_stories(counts)]
    st.markdown("\n".join(stories[:_STORIES]))
    if len(stories) > _STORIES:
        with st.expander(f"{len(stories) - _STORIES} more"):
            st.markdown("\n".join(stories[_STORIES:]))
    st.caption(
        "Row r, column c: the share of the digits r in the cluster matched to c, in percent. "
        "Clusters are matched to classes one to one so that as many digits as possible are right "
        "(Hungarian method). A class shares a cluster, or is split, where a third of its digits "
        "or more are concerned."
    )
    for (name, each), column in zip(counts.items(), _cells(len(refs)), strict=True):
        shares = each / each.sum(1, keepdims=True)
        right = np.trace(each) / each.sum()
        with column:
            st.markdown(f"**{name}** · in the cluster of their class {100 * right:.1f} %")
            st.plotly_chart(
                class_matrix(
                    shares,
                    ink=_ink(),
                    says="%{customdata:.1%} of the %{y}s are in the cluster of %{x}",
                    columns="cluster",
                    most=1.0,
                ),
                key=f"compare_clusters_{name}",
                config=_CONFIG,
                alt=f"Classes in the ten clusters of {name}.",
            )
