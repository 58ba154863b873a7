"""The digits that drifted most: the threshold that tells them apart, and who they are."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.data import digits
from latent_explorer.data.selection import Ids
from latent_explorer.pages.compare.comparison import pick, picked
from latent_explorer.pages.compare.drift_values import Drift, as_csv
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.panels import selection
from latent_explorer.panels.chart import chart
from latent_explorer.panels.controls import download
from latent_explorer.panels.sheet import digit_sheet, turn_to_first_page
from latent_explorer.plots.drift import drift_histogram
from latent_explorer.session.opened import is_new, opened_part
from latent_explorer.session.places import place_of_digit
from latent_explorer.theme import number

SHEET = "compare_drift_sheet"
_OPENED = "compare_drift_opened"  # whether the link's threshold has been followed

_MOST_MOVED = 0.99  # quantile at which the threshold starts
_STEPS = 200  # of the threshold's slider
_TOLD = 5  # of the farthest, in words


def choose_threshold(drift: Drift) -> float:
    """Draw the histogram and its threshold, which selects; tell the threshold."""
    values, words = drift.values, drift.words
    st.markdown(
        f"Median {words.said(float(np.median(values)))}, mean "
        f"{words.said(float(values.mean()))}, largest {words.said(float(values.max()))}."
    )
    step = drift.top / _STEPS
    key = f"compare_threshold_{drift.key}"
    if is_new(key):
        start = _first_threshold(drift)
        st.session_state[key] = min(max(round(start / step), 0) * step, drift.top)
    st.session_state[_OPENED] = True
    threshold: float = st.session_state[key]
    chart(
        drift_histogram(values, threshold=threshold, title=words.with_unit, top=drift.top),
        key="compare_drift_histogram",
        alt=f"Histogram of the {words.title.lower()} of {len(values):,} digits.",
    )
    st.slider(
        f"Threshold, {words.unit}" if words.unit else "Threshold",
        0.0,
        drift.top,
        step=step,
        format="%.3f",
        key=key,
        on_change=_on_threshold,
        args=(drift, key),
        help="Moving it selects the digits from there on, on this map and on every other.",
        persist_state="session",
    )
    st.markdown(f"**{drift.count(threshold):,} digits** lie at {words.said(threshold)} or above.")
    _show_picked(drift)
    return threshold


def _first_threshold(drift: Drift) -> float:
    # A link's is for the drift that it opens with, not for those chosen later.
    asked = opened_part(CompareLink).threshold if is_new(_OPENED) else None
    return float(np.quantile(drift.values, _MOST_MOVED)) if asked is None else asked


def _on_threshold(drift: Drift, key: str) -> None:
    threshold: float = st.session_state[key]
    turn_to_first_page(SHEET)
    how = f"{drift.words.title.lower()} of {number(threshold)} or more"
    selection.select(drift.ids[drift.values >= threshold], how)


def _show_picked(drift: Drift) -> None:
    """Say how far the picked digit drifted."""
    here = picked()
    if here is None or here.id is None or not drift.holds(here.id):
        return
    (value,) = drift.of(np.array([here.id]))
    st.markdown(
        f"A {digits.labels()[here.id]}, {digits.digit_name(here.id)}: "
        f"{drift.words.said(value)}, rank {drift.rank(value):,} of {len(drift.ids):,}, 1 being the "
        "farthest."
    )


def most_moved(drift: Drift, threshold: float) -> None:
    """Show the digits from the threshold on, the most moved first."""
    n = drift.count(threshold)
    if not drift.has_moved:
        st.info("No digit moved.", icon=":material/info:")
        return
    if n == 0:
        st.info("No digit moved that far: lower the threshold.", icon=":material/info:")
        return
    st.markdown(f"##### The {n:,} most moved, the farthest first")
    ids = drift.ids[drift.order[:n]]
    _tell_farthest(drift, ids[:_TOLD])
    here = picked()
    digit_sheet(
        ids,
        key=SHEET,
        remarks=lambda shown: [drift.words.said(value) for value in drift.of(shown)],
        chosen=None if here is None else here.id,
        on_choose=lambda digit: pick(place_of_digit(drift.first, digit)),
    )


def _tell_farthest(drift: Drift, farthest: Ids) -> None:
    """Name the farthest in words, and offer all in a file."""
    labels = digits.labels()
    told = [
        f"{digits.digit_name(digit)} (a {labels[digit]}) {drift.words.said(value)}"
        for digit, value in zip(farthest.tolist(), drift.of(farthest), strict=True)
    ]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"The farthest: {', '.join(told)}…", width="stretch")
        download(
            "Download ids and drift",
            partial(as_csv, drift),
            file_name=f"drift-{drift.first.name}-{drift.other.name}-{drift.measure}.csv",
            mime="text/csv",
            key="compare_drift_csv",
            help="CSV: id, label and drift of all digits shown, the farthest first.",
        )
