"""How purely each digit's neighbourhood is its own, encoder beside encoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

COLORS = ("#2f7fd0", "#e08a2c")


def class_purity(*, confusions: Mapping[str, NDArray[np.floating]], k: int) -> go.Figure:
    """Bars per digit class of the share of its neighbours that belong to it.

    Parameters
    ----------
    confusions : mapping
        Name of an encoder to its neighbourhood confusion, shape (10, 10), rows summing to 1.
    k : int
        How many neighbours were counted.
    """
    figure = go.Figure()
    for (name, confusion), color in zip(confusions.items(), COLORS, strict=False):
        others = confusion - np.diag(np.diag(confusion))
        figure.add_bar(
            name=name,
            x=[str(digit) for digit in range(len(confusion))],
            y=np.diag(confusion),
            customdata=np.stack([others.argmax(1), others.max(1)], axis=-1),
            marker_color=color,
            hovertemplate="%{y:.1%} of the neighbours of a %{x} are %{x}s; next come "
            "%{customdata[0]}s, %{customdata[1]:.1%}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=300,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "digit", "type": "category"},
        yaxis={"title": f"own share of {k} neighbours", "tickformat": ".0%", "range": [0, 1]},
    )
    return figure
