"""Drift: which digits ended up elsewhere, by three measures, and which they are."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.messages import read_pick, read_selection
from latent_explorer.components.latent_map.payload import pack_drift
from latent_explorer.components.latent_map.values import Callbacks, MapView, Marked, Shown
from latent_explorer.data.digits import SPLITS
from latent_explorer.escaping import as_text
from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.choices import MEASURES, USUAL_NEIGHBOURS, MeasureName
from latent_explorer.pages.compare.comparison import Comparison, place_in, show_comparison
from latent_explorer.pages.compare.comparison import pick as pick_place
from latent_explorer.pages.compare.controls import (
    choose_name,
    choose_neighbours,
    choose_other,
    said_of_alignment,
)
from latent_explorer.pages.compare.drift_values import Drift
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.most_moved import choose_threshold, most_moved
from latent_explorer.panels import selection
from latent_explorer.panels.checkpoint_map import checkpoint_map
from latent_explorer.panels.controls import choice
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import begin, is_new, link_start, opened_part
from latent_explorer.session.places import place_of_pick
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef

MAP = "compare_drift_map"
MEASURE, NEIGHBOURS = "compare_measure", "compare_drift_k"  # widgets
_SHOWN_MAP = "compare_drift_shown"  # widget


def draw(comparison: Comparison) -> None:
    """Draw the section."""
    drift = _choose(comparison)
    st.caption(_said(comparison, drift))
    left, right = st.columns(2, gap="medium")
    with right:
        threshold = choose_threshold(drift)
    with left:
        _map(comparison, drift, threshold)
    most_moved(drift, threshold)


def _choose(comparison: Comparison) -> Drift:
    asked = opened_part(CompareLink)
    begin(MEASURE, asked.measure or "displacement")
    other = choose_other(comparison)
    titles: dict[MeasureName, str] = {name: each.title for name, each in MEASURES.items()}
    measure = choice("Measure", titles, key=MEASURE)
    k = USUAL_NEIGHBOURS if measure == "displacement" else choose_neighbours(NEIGHBOURS)
    first, split = comparison.refs[0], comparison.split
    rows = SPLITS[split]
    ids = np.arange(rows.start, rows.stop, dtype=np.intp)
    values = measures.drift(first, other, split, measure, k)
    return Drift(first, other, measure, k, ids, values)


def _said(comparison: Comparison, drift: Drift) -> str:
    """Say what the measure means and what it was computed on."""
    n = f"{len(drift.ids):,}"
    said = f"**{drift.words.title}.** {drift.words.meaning}"
    if drift.measure == "neighbours":
        return f"{said} Among the {n} digits shown; blind to rotation, reflection and scale."
    residual = measures.aligned(drift.other, drift.first, comparison.split).residual
    return (
        f"{said} {said_of_alignment((drift.first, drift.other))} Fitted on the {n} "
        f"digits shown, it leaves {number(residual)} z units (root mean square)."
    )


def _map(comparison: Comparison, drift: Drift, threshold: float) -> None:
    shown = {ref.name: ref for ref in (drift.first, drift.other)}
    opened = opened_part(CompareLink)
    asked = opened.shown if is_new(_SHOWN_MAP) else None
    ref = shown[choose_name("On the map of", shown, _SHOWN_MAP, asked or drift.first.name)]
    start = link_start("compare") if opened.section == "drift" else None
    chosen = selection.selected()
    words = drift.words
    show_comparison(
        comparison,
        CompareLink(
            measure=drift.measure,
            k=drift.k,
            against=drift.other.name,
            threshold=threshold,
            shown=ref.name,
        ),
    )
    checkpoint_map(
        ref,
        comparison.split,
        key=MAP,
        place=place_in(ref),
        drift=pack_drift(
            drift.values,
            first_id=int(drift.ids[0]),
            name=words.title.lower(),
            unit=words.unit,
            title=words.with_unit,
            said=f"{as_text(f'{drift.other.name} against {drift.first.name}')}. {words.meaning}",
        ),
        marked=Marked(selected=None if chosen is None else chosen.ids),
        shown=Shown(start or MapView(colour="drift")),
        on=Callbacks(pick=partial(_on_pick, ref), select=_on_select),
    )


def _on_pick(ref: CheckpointRef) -> None:
    with shown_errors():
        if (pick := read_pick(MAP)) is not None:
            pick_place(place_of_pick(ref, pick))


def _on_select() -> None:
    if (ids := read_selection(MAP)) is not None:
        selection.select(ids, "drawn on the map")
