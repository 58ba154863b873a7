"""What lies along a walk: small plots over one axis of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from latent_explorer.theme import percent

COLOR = "#2f7fd0"
_ROW = 84  # px
_ABOVE, _BELOW = 24, 104  # px; below are the steps and the legend
_SHARES_ROW = 1.6  # height of the last row, in others
_SPACING = 0.36  # of the height, for the titles of all rows
_GREY = "#888"


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
    steps = np.arange(len(shares))
    data: list[dict[str, Any]] = []
    for i, (title, values) in enumerate(rows.items(), 1):
        data.append(
            {
                **_on_row(i, steps),
                "y": np.asarray(values, np.float64),
                "mode": "lines+markers",
                "name": title,
                "line": {"color": COLOR, "width": 2},
                "marker": {"size": 4},
                "showlegend": False,
                "yhoverformat": ".3f",
                "hovertemplate": "%{y}<extra></extra>",
            }
        )
        if reach is not None and reach[0] == title:
            data.append(
                {
                    **_on_row(i, steps[[0, -1]]),
                    "y": [reach[1]] * 2,
                    "mode": "lines",
                    "line": {"dash": "dot", "width": 1.5, "color": _GREY},
                    "showlegend": False,
                    "hoverinfo": "skip",
                }
            )
    data.extend(
        {
            **_on_row(n_rows, steps),
            "y": shares[:, label],
            "mode": "lines",
            "stackgroup": "shares",
            "name": str(label),
            "line": {"color": colors[label], "width": 0.5},
            "customdata": [percent(share) for share in shares[:, label].tolist()],
            "hovertemplate": "%{customdata}",
        }
        for label in np.flatnonzero(shares.any(0)).tolist()
    )
    layout = {
        **_axes([*rows, shares_title]),
        "shapes": [
            {
                "type": "line",
                "xref": f"x{_suffix(i)}",
                "yref": f"y{_suffix(i)} domain",
                "x0": step - 0.5,
                "x1": step - 0.5,
                "y0": 0,
                "y1": 1,
                "line": {"width": 1, "dash": "dash", "color": _GREY},
            }
            for step in turns
            for i in range(1, n_rows + 1)
        ],
        "height": round(_ROW * (len(rows) + _SHARES_ROW) + _ABOVE + _BELOW),
        # Margins that give way to labels make Plotly draw all rows twice.
        "margin": {"l": 48, "r": 12, "t": _ABOVE, "b": _BELOW, "autoexpand": False},
        "hovermode": "x unified",
        "legend": {
            "title": {"text": "digit"},
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
        },
    }
    # All at once: make_subplots, add_scatter and add_vline check the figure anew at every call,
    # a tenth of a second after each drag.
    return go.Figure(data, layout)


def _axes(titles: Sequence[str]) -> dict[str, Any]:
    """Lay rows under one another, each with its title above; the last, of shares, is higher."""
    n_rows = len(titles)
    gap = _SPACING / n_rows
    unit = (1.0 - gap * (n_rows - 1)) / (n_rows - 1 + _SHARES_ROW)
    axes: dict[str, Any] = {}
    tops = [1.0 - (i - 1) * (unit + gap) for i in range(1, n_rows + 1)]
    for i, top in enumerate(tops, 1):
        at = _suffix(i)
        axes[f"xaxis{at}"] = {"anchor": f"y{at}", "domain": [0.0, 1.0], "automargin": False}
        axes[f"yaxis{at}"] = {"anchor": f"x{at}", "nticks": 4, "automargin": False}
        if i < n_rows:
            axes[f"xaxis{at}"] |= {"matches": f"x{_suffix(n_rows)}", "showticklabels": False}
            axes[f"yaxis{at}"]["domain"] = [top - unit, top]
        else:
            axes[f"xaxis{at}"]["title"] = {"text": "step", "standoff": 8}
            axes[f"yaxis{at}"] |= {"domain": [0.0, top], "range": [0, 1], "tickformat": ".0%"}
    axes["annotations"] = [
        {
            "text": title,
            "font": {"size": 12},
            "showarrow": False,
            "x": 0,
            "xanchor": "left",
            "xref": "paper",
            "y": top,
            "yanchor": "bottom",
            "yref": "paper",
        }
        for title, top in zip(titles, tops, strict=True)
    ]
    return axes


def _on_row(i: int, x: NDArray[np.integer]) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "xaxis": f"x{_suffix(i)}", "yaxis": f"y{_suffix(i)}"}


def _suffix(i: int) -> str:
    """End an axis's name as Plotly does: x, x2, x3…."""
    return "" if i == 1 else str(i)
