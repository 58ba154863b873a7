"""How far digits drifted from one map to another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import number

BELOW, ABOVE = "#2f7fd0", "#e08a2c"
_BINS = 60


def drift_histogram(
    values: NDArray[np.floating[Any]], *, threshold: float, title: str, top: float
) -> go.Figure:
    """Count digits by drift; those at the threshold or above stand out.

    Parameters
    ----------
    values : array, shape (n,)
        One number per digit, from 0 to `top`.
    threshold : float
        Digits from here on are those selected.
    title : str
        Name and unit of the measure.
    top : float
        End of the axis.
    """
    figure = go.Figure()
    edges = np.linspace(0.0, top, _BINS + 1)
    centres, width = (edges[:-1] + edges[1:]) / 2, edges[1]
    is_above = values >= threshold
    for name, chosen, color in (("below", ~is_above, BELOW), ("above", is_above, ABOVE)):
        counts, _ = np.histogram(values[chosen], edges)
        figure.add_bar(
            name=f"{name} the threshold",
            x=centres,
            y=counts,
            width=width,
            marker={"color": color, "line": {"width": 0}},
            customdata=[
                [number(low, 2), number(high, 2)] for low, high in pairwise(edges.tolist())
            ],
            hovertemplate="%{y:,} digits from %{customdata[0]} to %{customdata[1]}"
            "<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=threshold, line={"color": "#808080", "width": 1.5, "dash": "dot"})
    figure.update_layout(
        barmode="stack",
        bargap=0,
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": title, "range": [-0.01 * top, 1.01 * top]},
        yaxis={"title": "digits"},
    )
    return figure
