"""Estimates of one image's log p(x): how they close in on it, spread, and add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import number

Floats = NDArray[np.floating]

LOW, HIGH = 0.05, 0.95  # of the runs; what a band holds between them
_FRAME_MS = 130


def convergence(
    *,
    n_samples: Sequence[int],
    runs: Mapping[str, Floats],
    lines: Mapping[str, float],
    chosen: int,
    lowest: float,
    colors: Mapping[str, str],
) -> go.Figure:
    """Median and spread of estimators' runs against K, with a button that plays K from 1 on.

    Parameters
    ----------
    n_samples : sequence of int, length C
        K, rising.
    runs : mapping
        Name of an estimator to its estimates, nats, shape (R, C).
    lines : mapping
        Name of a value that has no K to it, nats.
    chosen : int
        The K to mark.
    lowest : float
        Where the axis of nats starts.
    colors : mapping
        A colour to each name, as #rrggbb.
    """
    k = list(n_samples)
    figure = go.Figure()
    growing: list[Floats] = []  # what each trace that grows with K shows
    edge: dict[str, Any] = {"mode": "lines", "line_width": 0, "hoverinfo": "skip"}
    for name, values in runs.items():
        low, median, high = np.quantile(values, (LOW, 0.5, HIGH), axis=0)
        figure.add_scatter(x=k, y=low, showlegend=False, **edge)
        figure.add_scatter(
            x=k, y=high, showlegend=False, fill="tonexty", fillcolor=_faint(colors[name]), **edge
        )
        figure.add_scatter(
            x=k,
            y=median,
            name=f"{name}, median",
            mode="lines+markers",
            line={"color": colors[name], "width": 2.5},
            marker={"size": 5},
            customdata=[
                [number(value, 2) for value in ends] for ends in zip(low, high, strict=True)
            ],
            yhoverformat=".2f",  # Plotly's own: a format in the template would have a hyphen
            hovertemplate="K = %{x:,}: %{y} nats<br>90 % of the runs from "
            "%{customdata[0]} to %{customdata[1]}<extra>%{fullData.name}</extra>",
        )
        growing += [low, high, median]
    for name, value in lines.items():
        figure.add_scatter(
            x=[k[0], k[-1]],
            y=[value, value],
            name=name,
            mode="lines",
            line={"color": colors[name], "width": 2, "dash": "dash"},
            hovertemplate=f"{name}: {number(value, 2)} nats<extra></extra>",
        )
    figure.frames = [
        go.Frame(
            name=f"{count}",
            data=[go.Scatter(x=k[: i + 1], y=values[: i + 1]) for values in growing],
            traces=list(range(len(growing))),
        )
        for i, count in enumerate(k)
    ]
    tops = [float(np.quantile(values, HIGH, axis=0).max()) for values in runs.values()]
    highest = max(*tops, *lines.values())
    margin = 0.04 * (highest - lowest)
    figure.add_vline(x=chosen, line={"color": "#808080", "width": 1, "dash": "dot"})
    figure.update_layout(
        height=360,
        margin={"l": 0, "r": 24, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": "K, samples",
            "type": "log",
            "range": [-0.05, float(np.log10(k[-1])) + 0.05],
            "tickvals": [10**i for i in range(6)],
            "ticktext": [f"{10**i:,}" for i in range(6)],
        },
        yaxis={"title": "log p(x), nats", "range": [lowest - margin, highest + margin]},
        updatemenus=[_play()],
    )
    return figure


def _play() -> dict[str, Any]:
    timing = {
        "frame": {"duration": _FRAME_MS, "redraw": False},
        "transition": {"duration": 0},
        "fromcurrent": False,
    }
    return {
        "type": "buttons",
        "x": 1,
        "xanchor": "right",
        "y": 0.02,
        "yanchor": "bottom",
        "pad": {"r": 6, "b": 6},
        "bgcolor": "#ffffff",
        "bordercolor": "#808080",
        "font": {"color": "#1b1f27"},
        "showactive": False,
        "buttons": [{"label": "▶ Play", "method": "animate", "args": [None, timing]}],
    }


def spread(
    *, runs: Mapping[str, Floats], lines: Mapping[str, float], colors: Mapping[str, str]
) -> go.Figure:
    """Every run's estimate at one K, a dot each; arguments as of `convergence`, at that K."""
    figure = go.Figure()
    for row, (name, values) in enumerate(runs.items()):
        # the golden ratio spreads any number of dots evenly over the row
        height = 0.5 * (np.arange(len(values)) * 0.618034 % 1.0 - 0.5)
        figure.add_scatter(
            x=values,
            y=row + height,
            name=name,
            mode="markers",
            marker={"color": colors[name], "size": 6, "opacity": 0.6},
            xhoverformat=".2f",
            hovertemplate="%{x} nats<extra>%{fullData.name}</extra>",
        )
    for name, value in lines.items():
        figure.add_vline(x=value, line={"color": colors[name], "width": 2, "dash": "dash"})
    figure.update_layout(
        height=150,
        showlegend=False,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        xaxis={"title": "log p(x), nats", "zeroline": False},
        yaxis={
            "tickvals": list(range(len(runs))),
            "ticktext": list(runs),
            "range": [len(runs) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    )
    return figure


def decomposition(*, log_px: float, elbo: float, kl: float, colors: Mapping[str, str]) -> go.Figure:
    """Two bars that should end alike: ELBO + KL(q‖p(z|x)), and the exact log p(x).

    Parameters
    ----------
    log_px, elbo, kl : float
        Nats.
    colors : mapping
        Colours of "exact", "ELBO" and "KL".
    """
    start = min(elbo, log_px) - max(kl, 1.0)
    end = max(log_px, elbo + kl)
    figure = go.Figure()
    for name, row, low, value, colour in (
        ("ELBO", "ELBO + KL", start, elbo, "ELBO"),
        ("KL", "ELBO + KL", elbo, elbo + kl, "KL"),
        ("log p(x)", "exact", start, log_px, "exact"),
    ):
        shown = kl if name == "KL" else value
        figure.add_bar(
            name=name,
            y=[row],
            x=[value - low],
            base=[low],
            orientation="h",
            marker_color=colors[colour],
            hovertemplate=f"{name}: {number(shown, 2)} nats<extra></extra>",
        )
    figure.update_layout(
        barmode="overlay",
        bargap=0.3,
        height=150,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={
            "title": "nats; the bars start far to the left",
            "range": [start, end + 0.05 * (end - start)],
            "zeroline": False,
        },
        yaxis={"categoryarray": ["exact", "ELBO + KL"], "categoryorder": "array"},
    )
    return figure


def _faint(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
