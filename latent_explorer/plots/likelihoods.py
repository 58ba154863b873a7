"""One z against the whole data set, and one digit against all z."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import number, significant

Floats = NDArray[np.floating]
Window = tuple[float, float, float, float]  # x0, x1, y0, y1 in z units

OTHERS = "rgba(128, 134, 145, 0.75)"
_MARGIN = {"l": 0, "r": 0, "t": 8, "b": 0}
# Margins that give way to labels make Plotly draw everything twice: 200 ms of 400 a chart.
_PLANE_MARGIN = {"l": 56, "r": 92, "t": 52, "b": 46, "autoexpand": False}
_TURN = np.linspace(0.0, 2.0 * np.pi, 73)
_PRIOR_RINGS = (1, 2, 3)  # standard deviations


def likelihood_histogram(
    *,
    log_px_z: Floats,
    labels: NDArray[np.uint8],
    label: int,
    edges: Floats,
    mean: float,
    colors: Mapping[str, str],
) -> go.Figure:
    """Histogram of log p(x|z) at one z over a data set; one class stands out.

    Parameters
    ----------
    log_px_z : array, shape (N,)
        Nats; what lies beyond the edges is counted in the outermost bins.
    labels : array, shape (N,)
    label : int
        The class that stands out.
    edges : array
        Of the bins, evenly spaced.
    mean : float
        Drawn as a line.
    colors : mapping
        Of "likelihood" and "ink".
    """
    figure = go.Figure()
    centers = (edges[:-1] + edges[1:]) / 2
    inside = log_px_z.clip(edges[0], np.nextafter(edges[-1], edges[0]))
    for name, rows, fill in (
        (f"the {label}s", labels == label, colors["likelihood"]),
        ("all other digits", labels != label, OTHERS),
    ):
        counts, _ = np.histogram(inside[rows], edges)
        figure.add_bar(
            x=centers,
            y=counts,
            name=name,
            marker={"color": fill, "line": {"width": 0}},
            xhoverformat=".0f",  # Plotly's own: a format in the template would have a hyphen
            hovertemplate="%{y:,} digits at about %{x} nats<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(
        x=float(np.clip(mean, edges[0], edges[-1])), line={"dash": "dot", "color": colors["ink"]}
    )
    figure.update_layout(
        barmode="stack",
        bargap=0.05,
        height=260,
        margin=_MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "log p(x|z), nats", "range": [float(edges[0]), float(edges[-1])]},
        yaxis={"title": "test digits"},
    )
    return figure


def likelihood_plane(
    *,
    log_px_z: Floats,
    span: tuple[float, float],
    window: Window,
    has_normal_prior: bool,
    colors: Mapping[str, str],
) -> go.Figure:
    """Picture of log p(x|z) of one image over the plane, with the part that is zoomed into.

    Parameters
    ----------
    log_px_z : array, shape (S, S)
        Nats; row 0 lowest, NaN where nothing is known.
    span : tuple of two float
        Lowest and highest z of its outer borders on both axes.
    window : tuple of four float
        What the other picture shows.
    has_normal_prior : bool
        Draw N(0, I) as rings.
    colors : mapping
        Of "likelihood", "prior" and "posterior".
    """
    centers = _centers(span, len(log_px_z))
    known = log_px_z[np.isfinite(log_px_z)]
    picture = {
        "type": "heatmap",
        "x": centers,
        "y": centers,
        "z": log_px_z.astype(np.float32),
        "zmin": float(np.quantile(known, 0.2)),
        "zmax": float(known.max()),
        "colorscale": _shades(colors["likelihood"]),
        "colorbar": {"title": {"text": "log p(x|z)<br>nats"}, "thickness": 12},
        "xhoverformat": ".2f",
        "yhoverformat": ".2f",
        "zhoverformat": ".1f",
        "hovertemplate": "z = (%{x}, %{y})<br>log p(x|z) = %{z} nats<extra></extra>",
    }
    rings = [
        {
            **_outline(radius * np.cos(_TURN), radius * np.sin(_TURN)),
            "name": "prior at 1, 2, 3 σ",
            "showlegend": radius == 1,
            "line": {"color": colors["prior"], "width": 1.5, "dash": "dot"},
        }
        for radius in (_PRIOR_RINGS if has_normal_prior else ())
    ]
    x0, x1, y0, y1 = window
    zoomed = {
        **_outline([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0]),
        "name": "zoomed into",
        "line": {"color": colors["posterior"], "width": 2},
    }
    return _planar([picture, *rings, zoomed], (*span, *span))


def posterior_plane(
    *,
    log_posterior: Floats,
    window: Window,
    center: Sequence[float],
    std: Sequence[float],
    log_border: float,
    colors: Mapping[str, str],
) -> go.Figure:
    """Picture of the exact p(z|x) where its mass is, and q(z|x) on it to scale.

    Parameters
    ----------
    log_posterior : array, shape (S, S)
        Nats per square z unit; row 0 lowest.
    window : tuple of four float
        Its outer borders.
    center, std : sequence of two float
        Of q(z|x), a Gaussian with independent dimensions.
    log_border : float
        log p(z|x) on the border of the region that holds 99 %.
    colors : mapping
        Of "posterior" and "encoder".
    """
    x0, x1, y0, y1 = window
    x, y = _centers((x0, x1), log_posterior.shape[1]), _centers((y0, y1), log_posterior.shape[0])
    density = np.exp(log_posterior.astype(np.float64)).astype(np.float32)
    picture = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": density,
        "zsmooth": "best",  # linear between the cells' middles
        "zmin": 0.0,
        "colorscale": _shades(colors["posterior"]),
        "colorbar": {"title": {"text": "p(z|x)"}, "thickness": 12},
        "customdata": [[significant(value) for value in row] for row in density.tolist()],
        "xhoverformat": ".3f",
        "yhoverformat": ".3f",
        "hovertemplate": "z = (%{x}, %{y})<br>p(z|x) = %{customdata}<extra></extra>",
    }
    border = {
        "type": "contour",
        "x": x,
        "y": y,
        "z": log_posterior.clip(log_border - 20.0).astype(np.float32),
        "contours": {"type": "constraint", "operation": "<", "value": log_border},
        "fillcolor": "rgba(0, 0, 0, 0)",
        "line": {"color": colors["posterior"], "width": 1.5},
        "name": "holds 99 % of p(z|x)",
        "showlegend": True,
        "hoverinfo": "skip",
    }
    rings = [
        {
            **_outline(
                center[0] + n * std[0] * np.cos(_TURN), center[1] + n * std[1] * np.sin(_TURN)
            ),
            "name": "q(z|x) at 1 and 2 σ",
            "showlegend": n == 1,
            "line": {"color": colors["encoder"], "width": 2},
        }
        for n in (1, 2)
    ]
    return _planar([picture, border, *rings], window)


def posterior_line(
    *,
    z: Floats,
    log_px_z: Floats,
    log_posterior: Floats,
    log_q: Floats | None,
    colors: Mapping[str, str],
) -> go.Figure:
    """One image over a line of z: log p(x|z), or p(z|x) with q(z|x) if that is given.

    Parameters
    ----------
    z, log_px_z, log_posterior : array, shape (N,)
        z ascending; nats, and nats per z unit.
    log_q : array, shape (N,), or None
        log q(z|x), nats per z unit; None draws log p(x|z) instead of the densities.
    colors : mapping
        Of "likelihood", "posterior" and "encoder".
    """
    figure = go.Figure()
    curves = (
        [("log p(x|z)", log_px_z, "likelihood")]
        if log_q is None
        else [("p(z|x)", np.exp(log_posterior), "posterior"), ("q(z|x)", np.exp(log_q), "encoder")]
    )
    for name, values, color in curves:
        figure.add_scatter(
            x=z,
            y=values,
            mode="lines",
            name=name,
            line={"color": colors[color], "width": 2},
            customdata=[
                number(value, 1) if log_q is None else significant(value)
                for value in values.tolist()
            ],
            xhoverformat=".3f",
            hovertemplate="z = %{x}: %{customdata}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        height=340,
        margin=_MARGIN,
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "z"},
        yaxis={"title": "log p(x|z), nats" if log_q is None else "density, per z unit"},
    )
    return figure


def _planar(traces: list[dict[str, Any]], window: Window) -> go.Figure:
    x0, x1, y0, y1 = window
    axis = {"constrain": "domain", "zeroline": False, "showgrid": False, "automargin": False}
    layout = {
        "height": 368,
        "margin": _PLANE_MARGIN,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "xaxis": {**axis, "title": {"text": "z₁"}, "range": [x0, x1]},
        "yaxis": {**axis, "title": {"text": "z₂"}, "range": [y0, y1], "scaleanchor": "x"},
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
    }
    return go.Figure(traces, layout)  # at once: each later change checks the figure anew


def _outline(x: Floats | Sequence[float], y: Floats | Sequence[float]) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "y": y, "mode": "lines", "hoverinfo": "skip"}


def _centers(span: tuple[float, float], n: int) -> Floats:
    edges = np.linspace(*span, n + 1)
    return (edges[:-1] + edges[1:]) / 2


def _shades(color: str) -> list[list[float | str]]:
    """From nothing to a colour, so that the picture needs to know no background."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return [[share, f"rgba({red}, {green}, {blue}, {share:.2f})"] for share in (0.0, 0.5, 1.0)]
