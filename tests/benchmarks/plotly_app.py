"""Baseline of bench_app.py: the explorer's main job done with st.plotly_chart and st.image."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.session.current import DEFAULT_CHECKPOINT
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef


@st.cache_resource
def scatter(ref: CheckpointRef) -> tuple[go.Figure, list[np.ndarray]]:
    """Draw 70,000 digits in one trace per class; also the digits' ids, trace by trace."""
    coords, labels = encoding.positions(ref).coords, digits.labels()
    ids = [np.flatnonzero(labels == label) for label in range(10)]
    figure = go.Figure(
        [
            go.Scattergl(
                x=coords[rows, 0],
                y=coords[rows, 1],
                mode="markers",
                marker={"size": 3, "opacity": 0.5, "color": PALETTE["light"][label]},
                name=str(label),
                hoverinfo="none",
            )
            for label, rows in enumerate(ids)
        ]
    )
    figure.update_layout(height=750, dragmode="pan", uirevision="keep", margin={"t": 20, "b": 40})
    return figure, ids


@st.fragment
def page(ref: CheckpointRef) -> None:
    """Show the map, and beside it the server's decode of the digit that was clicked."""
    left, right = st.columns([13, 8])
    figure, ids = scatter(ref)
    with left:
        event = st.plotly_chart(figure, key="map", on_select="rerun", selection_mode="points")
    if event.selection.points:
        point = event.selection.points[0]
        digit = int(ids[point["curve_number"]][point["point_index"]])
        decoded = encoding.decode(ref, encoding.encode(ref, digit).mu[None])[0]
        with right:
            picture = np.rint(decoded.reshape(28, 28) * 255).astype(np.uint8)
            st.image(picture, width=196, output_format="PNG")
            st.markdown(f"digit {digit}")


if __name__ == "__main__":
    st.set_page_config(layout="wide")
    refs, _ = catalogue.checkpoints()
    page(next((ref for ref in refs if ref.name == DEFAULT_CHECKPOINT), refs[0]))
    catalogue.warm_up()
