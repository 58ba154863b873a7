"""A chart on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go


def chart(figure: go.Figure, *, key: str, alt: str | None = None) -> None:
    """Show a chart, without Plotly's bar of tools; `alt` says what it shows."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)
