"""Metrics: one table of all chosen checkpoints, each metric with its definition and interval."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import streamlit as st

from latent_explorer.escaping import as_text
from latent_explorer.pages.compare.comparison import Comparison, show_comparison
from latent_explorer.pages.compare.definitions import (
    DEFINITIONS,
    Definition,
    Shown,
    best_of,
    is_comparable,
    is_of_a_part,
)
from latent_explorer.pages.compare.evaluation import N_RESAMPLES, measure_all, metric_values
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.panels.controls import download
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.metrics import Metric

_DONE = "compare_figures_done"  # checkpoints whose metrics this session has waited for
# A definition opens when its metric is pointed at or has the focus: by Tab, or by a tap. On a
# narrow screen it stands in the cell, since the table's own scrolling would cut it off.
_STYLE = """
<style>
.compared { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.compared caption { text-align: left; opacity: 0.8; padding-bottom: 0.5rem; font-size: 0.875rem; }
.compared th, .compared td { padding: 0.3rem 0.6rem; border-bottom: 1px solid #80808055;
  vertical-align: top; }
.compared thead th { text-align: right; }
.compared thead th:first-child, .compared tbody th { text-align: left; font-weight: 400; }
.compared td { text-align: right; white-space: nowrap; }
.compared td small { display: block; opacity: 0.8; }
.compared tbody th { position: relative; }
.compared button { all: unset; cursor: help; border-bottom: 1px dotted currentColor; }
.compared button:focus-visible { outline: 2px solid currentColor; outline-offset: 3px; }
.compared [role=tooltip] { display: none; position: absolute; left: 0.6rem; top: 100%; z-index: 20;
  width: min(30rem, 70vw); padding: 0.6rem 0.8rem; border: 1px solid #808080; border-radius: 0.5rem;
  background: Canvas; color: CanvasText; font-size: 0.875rem; white-space: normal;
  text-align: left; }
.compared button:hover + [role=tooltip], .compared button:focus + [role=tooltip] { display: block; }
@media (max-width: 640px) {
  .compared-frame { overflow-x: auto; }
  .compared th, .compared td { padding: 0.3rem; }
  .compared td small { white-space: normal; }
  .compared [role=tooltip] { position: static; width: 12rem; margin-top: 0.4rem; }
}
</style>
"""


def draw(comparison: Comparison) -> None:
    """Draw the table, its export, and how to read it."""
    refs = comparison.refs
    found = _values(refs)
    st.html(_STYLE + as_html(refs, found))
    st.caption(
        "Point at a figure's name, or reach it by Tab or a tap, for its definition, range, best "
        "value and source. The best of a row is bold only where all were computed in the same "
        "way, on the same data, under the same likelihood or prior if that matters. Below a mean "
        f"over the test digits stands its 95 % interval: percentiles of {N_RESAMPLES} "
        "bootstrap resamples of the digits, the model and all other digits held fixed; for "
        "log p(x), of which no digit's value is stored, 1.96 standard errors. The other figures "
        "are no means over digits, and have none."
    )
    names = "-".join(ref.name for ref in refs)
    download(
        "Download the table",
        partial(as_csv, refs, found),
        file_name=f"compare-{names}.csv",
        mime="text/csv",
        key="compare_figures_csv",
        help="CSV: every figure, its interval, how it was computed, definition and source.",
    )
    show_comparison(comparison, CompareLink(), has_button=True)


def _values(refs: tuple[CheckpointRef, ...]) -> list[dict[str, Shown]]:
    """Get all metrics; the first time a session asks for them, with progress."""
    done: set[tuple[CheckpointRef, ...]] = st.session_state.setdefault(_DONE, set())
    if refs not in done:
        bar = st.progress(0.0, "Measuring…")
        for name, share in measure_all(refs):
            bar.progress(share, f"Measuring {as_text(name)}…")
        bar.empty()
        done.add(refs)
    return [metric_values(ref, refs[0]) for ref in refs]


def as_html(refs: Sequence[CheckpointRef], found: Sequence[Mapping[str, Shown]]) -> str:
    """Lay out the table; `found` has the metrics of each checkpoint."""
    heads = "".join(f'<th scope="col">{escape(ref.name)}</th>' for ref in refs)
    rows = "".join(_row(each, refs, [one[each.key] for one in found]) for each in DEFINITIONS)
    return (
        '<div class="compared-frame"><table class="compared">'
        "<caption>Figures on the 10,000 test digits</caption>"
        f'<thead><tr><th scope="col">Figure</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(each: Definition, refs: Sequence[CheckpointRef], values: Sequence[Shown]) -> str:
    best = best_of(each, values)
    cells = "".join(
        f"<td>{_cell(each, one, is_best=best is not None and one.metric.value == best)}</td>"
        for one in values
    )
    what = ", ".join(filter(None, (each.measure.title, each.measure.unit)))
    tip = f"figure-{each.key}"
    lines = [each.meaning, f"Range: {each.span}.", f"Source: {each.source}."]
    hows = [f"{ref.name}: {one.metric.method}" for ref, one in zip(refs, values, strict=True)]
    if is_comparable(values):
        known = [one.metric.method for one in values if one.metric.value is not None]
        lines.append(f"Computed: {'; '.join(dict.fromkeys(known or hows))}.")
    else:
        lines.append(f"Not to be set against each other. {'; '.join(hows)}.")
    tooltip = "<br>".join(escape(line) for line in lines)
    return (
        f'<tr><th scope="row"><button type="button" aria-describedby="{tip}">{escape(what)}'
        f'</button><span role="tooltip" id="{tip}">{tooltip}</span></th>{cells}</tr>'
    )


def _cell(each: Definition, shown: Shown, *, is_best: bool) -> str:
    if shown.metric.value is None:
        return "–"
    decimals = each.measure.decimals
    text = number(shown.metric.value, decimals)
    if is_best:
        text = f"<strong>{text}</strong>"
    data = shown.metric.data
    if data is not None and is_of_a_part(shown.metric):
        text += f"<small>on {data.count:,} digits</small>"
    if shown.low is None or shown.high is None:
        return text
    return f"{text}<small>{number(shown.low, decimals)} to {number(shown.high, decimals)}</small>"


def as_csv(refs: Sequence[CheckpointRef], found: Sequence[Mapping[str, Shown]]) -> str:
    """Write the table, a line for each metric of each checkpoint."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ("figure", "unit", "checkpoint", "sha256", "value", "low", "high", "interval",
         "computed", "data", "images", "data_sha256", "definition", "range", "source")
    )  # fmt: skip
    for each in DEFINITIONS:
        for ref, values in zip(refs, found, strict=True):
            shown = values[each.key]
            writer.writerow(
                (
                    each.measure.title, each.measure.unit, ref.name, ref.sha256,
                    *(
                        "" if value is None else repr(value)
                        for value in (shown.metric.value, shown.low, shown.high)
                    ),
                    f"95 %, {shown.interval}" if shown.interval else "",
                    shown.metric.method, *_data_of(shown.metric),
                    each.meaning, each.span, each.source,
                )
            )  # fmt: skip
    return file.getvalue()


def _data_of(metric: Metric) -> tuple[str, str, str]:
    """Of which data a figure is: the part's name, the images measured and the part's hash."""
    if metric.data is None:
        return "", "", ""
    return f"{metric.data.name} {metric.data.split}", str(metric.data.count), metric.data.sha256
