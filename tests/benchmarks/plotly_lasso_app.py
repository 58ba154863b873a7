"""Baseline of bench_app.py: a lasso on st.plotly_chart, and the selected digits as st.image."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from latent_explorer.components.contact_sheet import PAGE_SIZE
from latent_explorer.data import catalogue, digits
from latent_explorer.session.current import DEFAULT_CHECKPOINT
from tests.benchmarks.plotly_app import scatter
from vae_core.checkpoints import CheckpointRef


@st.fragment
def page(ref: CheckpointRef) -> None:
    """Show the map, and beside it the first of the digits that the lasso holds."""
    left, right = st.columns([13, 8])
    figure, ids = scatter(ref)
    figure.update_layout(dragmode="lasso")
    with left:
        event = st.plotly_chart(figure, key="map", on_select="rerun", selection_mode="lasso")
    if event.selection.points:
        with right:
            sheet([int(ids[p["curve_number"]][p["point_index"]]) for p in event.selection.points])


def sheet(ids: list[int]) -> DeltaGenerator:
    """Show the pictures of the first digits by index, and how many there are."""
    images = digits.data_set().images[np.sort(ids)[:PAGE_SIZE]]
    st.image(list(images), width=40, output_format="PNG")
    return st.markdown(f"{len(ids)} digits")


st.set_page_config(layout="wide")
refs, _ = catalogue.checkpoints()
page(next((ref for ref in refs if ref.name == DEFAULT_CHECKPOINT), refs[0]))
catalogue.warm_up()
