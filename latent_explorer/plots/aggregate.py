"""The prior beside the aggregate posterior, over the plane."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

Floats = NDArray[np.floating]

_DEPTH = 8.0  # nats below the peak that the colours span
_TITLES = ("p(z)", "q(z)")


def prior_and_aggregate(
    *,
    x: Floats,
    y: Floats,
    log_pz: Floats,
    log_qz: Floats,
    factor: float,
    place: tuple[float, float],
) -> go.Figure:
    """Two densities to scale, in the same colours, with the border of the holes on both.

    Parameters
    ----------
    x, y : array, shapes (W,) and (H,)
        Centres of the columns and rows, z units.
    log_pz, log_qz : array, shape (H, W)
        Nats per z unit².
    factor : float
        p(z) is more than this times q(z) in a hole.
    place : tuple of two float
        A z to mark.
    """
    high = float(max(log_pz.max(), log_qz.max()))
    figure = make_subplots(
        rows=1, cols=2, subplot_titles=_TITLES, shared_yaxes=True, horizontal_spacing=0.03
    )
    for column, (name, density) in enumerate(zip(("p", "q"), (log_pz, log_qz), strict=True), 1):
        figure.add_heatmap(
            x=x,
            y=y,
            z=density.astype(np.float32),
            coloraxis="coloraxis",
            xhoverformat=".2f",  # Plotly's own: a format in the template would have a hyphen
            yhoverformat=".2f",
            zhoverformat=".2f",
            hovertemplate=f"z = (%{{x}}, %{{y}})<br>log {name}(z) = %{{z}} nats<extra></extra>",
            row=1,
            col=column,
        )
        figure.add_contour(
            x=x,
            y=y,
            z=(log_pz - log_qz).astype(np.float32),
            contours={
                "start": np.log(factor),
                "end": np.log(factor),
                "size": 1,
                "coloring": "none",
            },
            line={"color": "white", "width": 1.25},
            showscale=False,
            hoverinfo="skip",
            name="border of the holes",
            row=1,
            col=column,
        )
        figure.add_scatter(
            x=[place[0]],
            y=[place[1]],
            mode="markers",
            marker={"size": 9, "color": "white", "line": {"width": 2, "color": "black"}},
            name="the chosen z",
            hoverinfo="skip",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="z₁", constrain="domain", row=1, col=column)
    figure.update_yaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", title="z₂", row=1, col=1)
    figure.update_xaxes(matches="x")
    figure.update_layout(
        height=350,
        margin={"l": 0, "r": 0, "t": 28, "b": 0},
        showlegend=False,
        coloraxis={
            "colorscale": "Viridis",
            "cmin": high - _DEPTH,
            "cmax": high,
            "colorbar": {
                "title": {"text": "log density, nats per z unit²", "side": "bottom"},
                "orientation": "h",
                "thickness": 12,
                "y": -0.32,
                "yanchor": "top",
            },
        },
    )
    return figure
