"""Figures: one table of all chosen checkpoints, each figure with its definition and interval."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st

from latent_explorer.pages.compare import figures_table as table
from latent_explorer.pages.compare.compared import Compared, show_link
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef

_DONE = "compare_figures_done"  # pairs whose figures this session has waited for

# A definition opens when its figure is pointed at or has the focus: by Tab, or by a tap. On a
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


def draw(compared: Compared) -> None:
    """Draw the table, its export, and how to read it."""
    refs = compared.refs
    found = _measure(refs)
    st.html(_STYLE + figures_html(refs, found))
    st.caption(
        "Point at a figure's name, or reach it by Tab or a tap, for its definition, range, best "
        "value and source. The best of a row is bold only where all were computed in the same "
        "way, on the same data, under the same likelihood or prior if that matters. Below a mean "
        f"over the test digits stands its 95 % interval: percentiles of {table.N_RESAMPLES} "
        "bootstrap resamples of the digits, the model and all other digits held fixed; for "
        "log p(x), of which no digit's value is stored, 1.96 standard errors. The other figures "
        "are no means over digits, and have none."
    )
    names = "-".join(ref.name for ref in refs)
    st.download_button(
        "Download the table",
        partial(table.as_csv, refs, found),
        file_name=f"compare-{names}.csv",
        mime="text/csv",
        key="compare_figures_csv",
        on_click="ignore",
        icon=":material/download:",
        help="CSV: every figure, its interval, how it was computed, definition and source.",
    )
    show_link(compared)


def _measure(refs: tuple[CheckpointRef, ...]) -> list[dict[str, table.Shown]]:
    """Get all metrics; the first time a session asks for them, with progress."""
    done: set[tuple[CheckpointRef, ...]] = st.session_state.setdefault(_DONE, set())
    if refs not in done:
        bar = st.progress(0.0, "Measuring…")
        for name, share in table.measured(refs):
            bar.progress(share, f"Measuring {name}…")
        bar.empty()
        done.add(refs)
    return [table.metrics(ref, refs[0]) for ref in refs]


def figures_html(refs: Sequence[CheckpointRef], found: Sequence[dict[str, table.Shown]]) -> str:
    """Lay out the table; `found` has the figures of each checkpoint."""
    heads = "".join(f'<th scope="col">{escape(ref.name)}</th>' for ref in refs)
    rows = "".join(_row(each, refs, [one[each.key] for one in found]) for each in table.DEFINITIONS)
    return (
        '<div class="compared-frame"><table class="compared">'
        "<caption>Figures on the 10,000 test digits</caption>"
        f'<thead><tr><th scope="col">Figure</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(
    each: table.Definition, refs: Sequence[CheckpointRef], values: Sequence[table.Shown]
) -> str:
    best = table.best_of(each, refs, values)
    cells = "".join(
        f"<td>{_cell(each, shown, is_best=best is not None and shown.metric.value == best)}</td>"
        for shown in values
    )
    what = f"{each.title}, {each.unit}" if each.unit else each.title
    tip = f"figure-{each.key}"
    lines = [each.meaning, f"Range: {each.span}.", f"Source: {each.source}."]
    hows = [f"{ref.name}: {one.metric.method}" for ref, one in zip(refs, values, strict=True)]
    if table.is_comparable(refs, values):
        known = [one.metric.method for one in values if one.metric.value is not None]
        lines.append(f"Computed: {'; '.join(dict.fromkeys(known or hows))}.")
    else:
        lines.append(f"Not to be set against each other. {'; '.join(hows)}.")
    tooltip = "<br>".join(escape(line) for line in lines)
    return (
        f'<tr><th scope="row"><button type="button" aria-describedby="{tip}">{escape(what)}'
        f'</button><span role="tooltip" id="{tip}">{tooltip}</span></th>{cells}</tr>'
    )


def _cell(each: table.Definition, shown: table.Shown, *, is_best: bool) -> str:
    if shown.metric.value is None:
        return "–"
    text = number(shown.metric.value, each.digits)
    if is_best:
        text = f"<strong>{text}</strong>"
    if shown.low is None or shown.high is None:
        return text
    low, high = number(shown.low, each.digits), number(shown.high, each.digits)
    return f"{text}<small>{low} to {high}</small>"
