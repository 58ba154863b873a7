"""Classes: whom the digits of each class live among, how tight classes are, and their clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from latent_explorer.escaping import as_text
from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.choices import METHODS
from latent_explorer.pages.compare.comparison import Comparison, show_comparison
from latent_explorer.pages.compare.controls import choose_neighbours, choose_other
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.stories import cluster_stories, confusion_changes
from latent_explorer.panels.chart import chart
from latent_explorer.panels.controls import choice
from latent_explorer.plots.classes import class_bars, class_difference, class_matrix
from latent_explorer.session.current import shown_theme
from latent_explorer.session.opened import begin, opened_part
from latent_explorer.theme import percent
from latent_explorer.vocabulary import SYMBOLS
from vae_core.checkpoints import CheckpointRef

NEIGHBOURS, METHOD = "compare_class_k", "compare_method"  # widgets

_STORIES = 8  # shown at once


def draw(comparison: Comparison) -> None:
    """Draw the section."""
    st.caption("Of the 10,000 test digits, by their codes in z: the means of q(z|x).")
    other = choose_other(comparison)
    _neighbourhoods(comparison.refs, other)
    _tightness(comparison.refs)
    _clusters(comparison.refs)
    show_comparison(
        comparison,
        CompareLink(
            k=st.session_state[NEIGHBOURS], method=st.session_state[METHOD], against=other.name
        ),
        has_button=True,
    )


def _ink() -> str:
    return SYMBOLS[shown_theme()]["ink"]


def _matrices(
    matrices: Mapping[str, measures.Floats],
    titles: Sequence[str],
    *,
    key: str,
    alt: str,
    **how: Any,
) -> None:
    """Draw a matrix of each encoder, two to a row, so that their numbers can be read.

    The encoder's name goes before each title, and after key and alt; `how` is for `class_matrix`.
    """
    rows = [st.columns(2) for _ in range(0, len(matrices), 2)]
    cells = [cell for row in rows for cell in row]
    for (name, matrix), title, cell in zip(matrices.items(), titles, cells, strict=False):
        with cell:
            st.markdown(f"**{as_text(name)}** · {title}")
            figure = class_matrix(matrix, ink=_ink(), **how)
            chart(figure, key=f"{key}_{name}", alt=f"{alt} {name}.")


def _neighbourhoods(refs: Sequence[CheckpointRef], other: CheckpointRef) -> None:
    st.markdown("##### Whom the digits of each class live among")
    k = choose_neighbours(NEIGHBOURS)
    st.caption(
        f"Row r, column c: of the {k} nearest neighbours of a digit r, the mean share that are c, "
        "in percent. Shades are of confusions only, the same in all."
    )
    shares = {ref.name: measures.confusion(ref, k) for ref in refs}
    off = ~np.eye(10, dtype=bool)
    own = [float(np.diag(each).mean()) for each in shares.values()]
    _matrices(
        shares,
        [f"own class {percent(share, 1)}" for share in own],
        key="compare_confusion",
        alt=f"Classes of the {k} nearest neighbours of each class's digits in",
        says="%{customdata} of the neighbours of a %{y} are %{x}s",
        columns="neighbour",
        most=max(float(each[off].max()) for each in shares.values()) or 1.0,
    )
    difference = shares[other.name] - shares[refs[0].name]
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{as_text(other.name)} less {as_text(refs[0].name)}**, percentage points")
        figure = class_difference(
            difference,
            ink=_ink(),
            says="%{customdata} of the neighbours of a %{y} are %{x}s",
            columns="neighbour",
        )
        alt = f"What {other.name} has more than {refs[0].name} of each confusion."
        chart(figure, key="compare_confusion_difference", alt=alt)
    with right:
        st.markdown("**Most changed**")
        st.markdown(confusion_changes(difference, as_text(other.name), as_text(refs[0].name)))


def _tightness(refs: Sequence[CheckpointRef]) -> None:
    st.markdown("##### How tight and how far apart the classes are")
    metrics = {ref.name: measures.class_metrics(ref) for ref in refs}
    left, right = st.columns(2, gap="medium")
    with left:
        silhouettes = {name: each.silhouette for name, each in metrics.items()}
        chart(
            class_bars(silhouettes, title="silhouette"),
            key="compare_class_silhouette",
            alt="Mean silhouette of each class's digits, encoder beside encoder.",
        )
        st.caption("Silhouette: from −1, among another class, to 1, tight and apart; best is 1.")
    with right:
        spreads = {name: each.spread for name, each in metrics.items()}
        chart(
            class_bars(spreads, title="spread, z units"),
            key="compare_class_spread",
            alt="Spread of each class's digits in z units, encoder beside encoder.",
        )
        st.caption(
            "Spread: root mean square distance of a class's codes from their mean, √ of the trace "
            "of their covariance, in z units."
        )


def _clusters(refs: Sequence[CheckpointRef]) -> None:
    st.markdown("##### Which classes share a cluster, and which are split")
    begin(METHOD, opened_part(CompareLink).method or "k-means")
    method = choice(
        "Clusters by",
        METHODS,
        key=METHOD,
        help="Ten clusters of the codes, found without labels. k-means finds round ones, a mixture "
        "of ten Gaussians stretched ones too.",
    )
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
    right = [np.trace(each) / each.sum() for each in counts.values()]
    _matrices(
        {name: each / each.sum(1, keepdims=True) for name, each in counts.items()},
        [f"in the cluster of their class {percent(share, 1)}" for share in right],
        key="compare_clusters",
        alt="Classes in the ten clusters of",
        says="%{customdata} of the %{y}s are in the cluster of %{x}",
        columns="cluster",
        most=1.0,
    )
