"""Metrics: one table of all chosen checkpoints, each metric with its definition and interval."""

from __future__ import annotations

from functools import partial

import streamlit as st

from latent_explorer.pages.compare.comparison import Comparison, show_link
from latent_explorer.pages.compare.definitions import Shown
from latent_explorer.pages.compare.evaluation import N_RESAMPLES, measure_all, metric_values
from latent_explorer.pages.compare.table import STYLE, as_csv, as_html
from latent_explorer.panels.controls import download
from vae_core.checkpoints import CheckpointRef

_DONE = "compare_figures_done"  # checkpoints whose metrics this session has waited for


def draw(comparison: Comparison) -> None:
    """Draw the table, its export, and how to read it."""
    refs = comparison.refs
    found = _values(refs)
    st.html(STYLE + as_html(refs, found))
    st.caption(
        "Point at a figure's name, or reach it by Tab or a tap, for its definition, range, best "
        "value and source. The best of a row is bold only where all were computed in the same "
        "way, on the same data, under the same likelihood or prior if that matters. Below a mean "
        f"over the test digits stands its 95 % interval: percentiles of {N_RESAMPLES} "
        "bootstrap resamples of the digits, the model and all other digits held fixed; for "
        "log p(x), of which no digit's value is stored, 1.96 standard errors. The other figures "
        "are no means over digits, and have none."
    )
    names = "-".join(ref.name for ref in refs)
    download(
        "Download the table",
        partial(as_csv, refs, found),
        file_name=f"compare-{names}.csv",
        mime="text/csv",
        key="compare_figures_csv",
        help="CSV: every figure, its interval, how it was computed, definition and source.",
    )
    show_link(comparison)


def _values(refs: tuple[CheckpointRef, ...]) -> list[dict[str, Shown]]:
    """Get all metrics; the first time a session asks for them, with progress."""
    done: set[tuple[CheckpointRef, ...]] = st.session_state.setdefault(_DONE, set())
    if refs not in done:
        bar = st.progress(0.0, "Measuring…")
        for name, share in measure_all(refs):
            bar.progress(share, f"Measuring {name}…")
        bar.empty()
        done.add(refs)
    return [metric_values(ref, refs[0]) for ref in refs]
