"""What lies along a walk: small plots over one axis of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

COLOR = "#2f7fd0"
_ROW = 84  # px
_SHARES_ROW = 1.6  # height of the last row, in others


def walk_profile(
    *,
    rows: Mapping[str, NDArray[np.floating]],
    shares: NDArray[np.floating],
    shares_title: str,
    colors: Sequence[str],
    turns: Sequence[int],
    reach: tuple[str, float] | None = None,
) -> go.Figure:
    """Stack one small plot per row, and the shares of the classes under them.

    Parameters
    ----------
    rows : mapping
        Title, with its unit, to a number per step, each of shape (T,).
    shares : array, shape (T, 10)
        Of the classes at each step.
    shares_title : str
    colors : sequence of 10 str
    turns : sequence of int
        Steps at which the class changes.
    reach : tuple of str and float, optional
        A row's title and the height of a dotted line in it.
    """
    n_rows = len(rows) + 1
    figure = make_subplots(
        rows=n_rows,
        cols=1,
        shared_xaxes=True,
        subplot_titles=[*rows, shares_title],
        row_heights=[1.0] * len(rows) + [_SHARES_ROW],
        vertical_spacing=0.36 / n_rows,
    )
    steps = np.arange(len(shares))
    for i, (title, values) in enumerate(rows.items(), 1):
        figure.add_scatter(
            x=steps,
            y=np.asarray(values, np.float64),
            mode="lines+markers",
            name=title,
            line={"color": COLOR, "width": 2},
            marker={"size": 4},
            showlegend=False,
            hovertemplate="%{y:.3f}<extra></extra>",
            row=i,
            col=1,
        )
        if reach is not None and reach[0] == title:
            figure.add_scatter(
                x=steps[[0, -1]],
                y=[reach[1]] * 2,
                mode="lines",
                line={"dash": "dot", "width": 1.5, "color": "#888"},
                showlegend=False,
                hoverinfo="skip",
                row=i,
                col=1,
            )
    for label in range(shares.shape[1]):
        if not shares[:, label].any():
            continue
        figure.add_scatter(
            x=steps,
            y=shares[:, label],
            mode="lines",
            stackgroup="shares",
            name=str(label),
            line={"color": colors[label], "width": 0.5},
            hovertemplate="%{y:.0%}",
            row=n_rows,
            col=1,
        )
    for step in turns:
        figure.add_vline(x=step - 0.5, line={"width": 1, "dash": "dash", "color": "#888"})
    figure.update_yaxes(range=[0, 1], tickformat=".0%", row=n_rows, col=1)
    figure.update_yaxes(nticks=4)
    figure.update_xaxes(title="step", row=n_rows, col=1)
    figure.update_annotations(font_size=12, x=0, xanchor="left")
    figure.update_layout(
        height=round(_ROW * (len(rows) + _SHARES_ROW) + 110),
        margin={"l": 0, "r": 0, "t": 24, "b": 0},
        hovermode="x unified",
        legend={"title": "digit", "orientation": "h", "y": -0.14, "yanchor": "top", "x": 0},
    )
    return figure
