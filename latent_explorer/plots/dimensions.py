"""What is lost with few latent dimensions, and with noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import percent


def vote_matrix(
    counts: NDArray[np.integer], *, most: int, marked: tuple[int, int], color: str, ink: str
) -> go.Figure:
    """Draw whom the digits of each class are taken for by a model.

    Parameters
    ----------
    counts : array, shape (10, 10)
        By label (row) and vote (column).
    most : int
        Count of wrong votes that gets the full shade.
    marked : tuple of int
        Pair of classes to frame.
    color : str
        Of the marks, as #rrggbb; wrong votes are shown in shades of it.
    ink : str
        Colour of the numbers.
    """
    names = [str(i) for i in range(10)]
    figure = go.Figure()
    figure.add_heatmap(
        z=np.where(np.eye(10, dtype=bool), 0, counts),
        x=names,
        y=names,
        customdata=counts,
        text=np.where(counts == 0, "", counts.astype(str)),
        texttemplate="%{text}",
        textfont={"size": 10, "color": ink},
        zmin=0,
        zmax=most,
        colorscale=[[0, _faint(color, 0.0)], [1, _faint(color, 0.55)]],
        showscale=False,
        xgap=1,
        ygap=1,
        hovertemplate="%{customdata} of the %{y}s are taken for %{x}s<extra></extra>",
    )
    for row, other in (marked, marked[::-1]):
        figure.add_shape(
            type="rect",
            x0=other - 0.5,
            x1=other + 0.5,
            y0=row - 0.5,
            y1=row + 0.5,
            line={"color": color, "width": 2},
        )
    figure.update_layout(
        height=360,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        xaxis={"title": "neighbours vote for", "type": "category"},
        yaxis={"title": "digit", "type": "category", "autorange": "reversed"},
    )
    return figure


def noise_curves(
    *,
    shares: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    chosen: float,
    colors: Mapping[str, str],
) -> go.Figure:
    """Mean log p(x|z) of the clean digits at the codes of the noisy ones, against the noise.

    Parameters
    ----------
    shares : sequence of float
        Of the pixels that are replaced by coin flips.
    curves : mapping
        Name of a model to nats, one for each share.
    chosen : float
        The share to mark.
    colors : mapping
        A colour to each name, as #rrggbb.
    """
    figure = go.Figure()
    for name, values in curves.items():
        figure.add_scatter(
            x=list(shares),
            y=list(values),
            name=escape(name),  # Plotly reads tags in it
            mode="lines+markers",
            line={"color": colors[name], "width": 2.5},
            customdata=[percent(share) for share in shares],
            yhoverformat=".1f",
            hovertemplate="%{customdata} noise: %{y} nats<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=chosen, line={"color": "#808080", "width": 1, "dash": "dot"})
    figure.update_layout(
        height=280,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "pixels replaced by coin flips", "tickformat": ".0%"},
        yaxis={"title": "log p(clean x|z), nats"},
    )
    return figure


def _faint(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
