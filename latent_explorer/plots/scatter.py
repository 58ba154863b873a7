"""The map as a figure of its own, for a page that needs no server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray


def digit_scatter(
    *,
    coords: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8],
    names: NDArray[np.str_],
    colors: Sequence[str],
    axes: tuple[str, str],
    title: str,
) -> go.Figure:
    """Scatter digits by class, each class's digit written at its median place.

    Parameters
    ----------
    coords : array, shape (N, 2)
        Where the digits lie.
    labels : array, shape (N,)
    names : array of str, shape (N,)
        How each digit is called when it is pointed at.
    colors : sequence of 10 str
    axes : tuple of two str
        What the axes show.
    title : str
    """
    figure = go.Figure()
    for label in range(10):
        rows = np.flatnonzero(labels == label)
        figure.add_scattergl(
            x=coords[rows, 0].astype(np.float32),
            y=coords[rows, 1].astype(np.float32),
            customdata=names[rows],
            name=str(label),
            mode="markers",
            marker={"size": 4, "opacity": 0.6, "color": colors[label]},
            xhoverformat=".3f",  # Plotly's own: a format in the template would have a hyphen
            yhoverformat=".3f",
            hovertemplate=f"a {label}, %{{customdata}}<br>(%{{x}}, %{{y}})<extra></extra>",
        )
        if len(rows):
            x, y = np.median(coords[rows], axis=0).tolist()
            figure.add_annotation(
                x=x,
                y=y,
                text=f"<b>{label}</b>",
                showarrow=False,
                font={"size": 20, "color": "#1b1f27"},
                bgcolor="rgba(255, 255, 255, 0.7)",
            )
    figure.update_layout(
        title=title,
        template="plotly_white",
        dragmode="pan",
        hovermode="closest",
        legend={"title": "digit", "itemsizing": "constant"},
        xaxis={"title": axes[0], "zeroline": True},
        yaxis={"title": axes[1], "zeroline": True, "scaleanchor": "x"},
        margin={"l": 60, "r": 20, "t": 60, "b": 50},
    )
    return figure
