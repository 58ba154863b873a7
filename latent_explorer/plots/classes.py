"""How encoders keep the ten classes: whom they live among, how tight they are, their clusters."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import percent

COLORS = ("#2f7fd0", "#e08a2c", "#3d9a5f", "#a45ad0")  # one per encoder, up to four
_DIGITS = [str(digit) for digit in range(10)]
_MORE, _LESS = "47,127,208", "214,110,40"
_DEEPEST = 0.75  # opacity of the strongest colour, so that the numbers on it can be read

Matrix = NDArray[np.floating[Any]]


def class_matrix(
    values: Matrix, *, ink: str, says: str, columns: str, most: float | None = None
) -> go.Figure:
    """Draw shares by class, in percent; the diagonal is not shaded, so that confusions stand out.

    Parameters
    ----------
    values : array, shape (10, 10)
        Shares, from 0 to 1.
    ink : str
        Colour of the numbers.
    says : str
        Of a cell, on hover; %{y} and %{x} are its class and column, %{customdata} its share.
    columns : str
        What the columns are.
    most : float, optional
        Share of the strongest colour, to shade several matrices alike; the largest off the
        diagonal unless given.
    """
    shaded = np.where(np.eye(10, dtype=bool), np.nan, values)
    most = most or float(np.nanmax(shaded)) or 1.0
    scale = [[0.0, f"rgba({_MORE},0)"], [1.0, f"rgba({_MORE},{_DEEPEST})"]]
    written = [[_percent(value) for value in row] for row in values]
    exactly = [[percent(value, 1) for value in row] for row in values.tolist()]
    return _heatmap(shaded, exactly, written, (0.0, most), scale, ink, says, columns)


def class_difference(
    values: Matrix, *, ink: str, says: str, columns: str, most: float | None = None
) -> go.Figure:
    """Draw what one matrix of shares has more than another, in percentage points.

    Parameters
    ----------
    values : array, shape (10, 10)
        Differences of shares, from −1 to 1.
    ink, says, columns, most
        As in `class_matrix`.
    """
    most = most or float(np.abs(values).max()) or 1.0
    scale = [
        [0.0, f"rgba({_LESS},{_DEEPEST})"],
        [0.5, f"rgba({_MORE},0)"],
        [1.0, f"rgba({_MORE},{_DEEPEST})"],
    ]
    written = [[_points(value) for value in row] for row in values]
    exactly = [
        [f"{'+' if value > 0 else ''}{percent(value, 1)}" for value in row]
        for row in values.tolist()
    ]
    return _heatmap(values, exactly, written, (-most, most), scale, ink, says, columns)


def _heatmap(
    shaded: Matrix,
    exactly: list[list[str]],
    written: list[list[str]],
    ends: tuple[float, float],
    scale: list[list[Any]],
    ink: str,
    says: str,
    columns: str,
) -> go.Figure:
    figure = go.Figure()
    figure.add_heatmap(
        # NaN would hide the number with the colour.
        z=np.nan_to_num(shaded, nan=0.0),
        x=_DIGITS,
        y=_DIGITS,
        customdata=exactly,
        text=written,
        texttemplate="%{text}",
        textfont={"size": 10, "color": ink},
        zmin=ends[0],
        zmax=ends[1],
        colorscale=scale,
        showscale=False,
        xgap=1,
        ygap=1,
        hovertemplate=f"{says}<extra></extra>",
    )
    figure.update_xaxes(title=columns, type="category", constrain="domain", fixedrange=True)
    figure.update_yaxes(
        title="digit", type="category", autorange="reversed", constrain="domain", fixedrange=True
    )
    figure.update_layout(height=340, margin={"l": 0, "r": 4, "t": 8, "b": 0})
    return figure


def class_bars(values: Mapping[str, Matrix], *, title: str) -> go.Figure:
    """Draw a figure of each class, encoder beside encoder.

    Parameters
    ----------
    values : mapping
        Name of an encoder to its figures, shape (10,).
    title : str
        Name and unit of the figure.
    """
    figure = go.Figure()
    for (name, of_classes), color in zip(values.items(), COLORS, strict=False):
        figure.add_bar(
            name=escape(name),  # Plotly reads tags in it
            x=_DIGITS,
            y=of_classes,
            marker_color=color,
            yhoverformat=".3f",  # Plotly's own: a format in the template would have a hyphen
            hovertemplate="%{x}: %{y}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=260,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": "digit", "type": "category"},
        yaxis={"title": title},
    )
    return figure


def _percent(share: float) -> str:
    return "" if share < 0.005 else f"{100 * share:.0f}"


def _points(difference: float) -> str:
    return "" if abs(difference) < 0.005 else f"{100 * difference:+.0f}".replace("-", "−")
