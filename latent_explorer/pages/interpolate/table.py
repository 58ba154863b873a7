"""The ways side by side: how each is drawn, how long it is, how it was found."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from latent_explorer.pages.interpolate.wayfinding import FoundWay, Lengths
from latent_explorer.pages.interpolate.ways import WAYS, Kind
from latent_explorer.theme import number

_ABOUT_LEAST = 1.005  # lengths this near to the least count as it: the sums are no finer
STYLE = """<style>
.ways { width: 100%; border-collapse: collapse; font-size: 0.85rem;
  font-variant-numeric: tabular-nums; }
.ways :is(th, td) { padding: 0.25rem 0.5rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid rgb(128 128 128 / 0.3); font-weight: 400; }
.ways :is(th, td):first-child { text-align: left; padding-left: 0; }
.ways tbody :is(th, td) { white-space: nowrap; }
.ways .least { font-weight: 700; }
.ways .stroke { display: inline-block; width: 2.5rem; height: 2px; margin-right: 0.6rem;
  vertical-align: middle; }
.scrolled { overflow-x: auto; }
</style>"""


def ways_table(rows: Sequence[Lengths]) -> None:
    """Draw the table; in each column the least is bold, and what is no different from it."""
    with_density = any(row.density is not None for row in rows)
    columns = {
        "z units": [row.z for row in rows],
        f"image, {WAYS['image'].unit}": [row.image for row in rows],
        f"Fisher–Rao, {WAYS['fisher-rao'].unit}": [row.fisher_rao for row in rows],
    }
    if with_density:
        columns[f"density, {WAYS['density'].unit}"] = [row.density or 0.0 for row in rows]
    head = "".join(f"<th scope=col>{title}</th>" for title in columns)
    body = ""
    for i, row in enumerate(rows):
        kind = WAYS[row.found.way]
        cells = "".join(
            f"<td{_look(values, i)}>{number(values[i], 3 if j == 0 else 2)}</td>"
            for j, values in enumerate(columns.values())
        )
        body += (
            f"<tr><th scope=row title='{escape(kind.about)}'>{_stroke(kind)}{kind.title}</th>"
            f"{cells}<td>{_energy(row.found)}</td><td>{_how(row.found)}</td></tr>"
        )
    st.html(
        f"{STYLE}<div class=scrolled tabindex=0 role=region aria-label='Ways compared'>"
        f"<table class=ways><thead><tr><th scope=col>Length by</th>{head}"
        f"<th scope=col>energy, own unit²</th><th scope=col>found by</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _look(values: Sequence[float], i: int) -> str:
    is_least = len(values) > 1 and values[i] <= _ABOUT_LEAST * min(values)
    return " class=least" if is_least else ""


def _stroke(kind: Kind) -> str:
    """Draw a short piece of a way's line."""
    stops, at = [], 0
    for i, length in enumerate(kind.dashes or (10, 0)):
        colour = "transparent" if i % 2 else "currentColor"
        stops.append(f"{colour} {at}px {at + length}px")
        at += length
    gradient = f"repeating-linear-gradient(90deg, {', '.join(stops)})"
    return f"<span class=stroke style='background: {gradient}'></span>"


def _energy(found: FoundWay) -> str:
    return "" if found.energy is None else number(found.energy, 2)


def _how(found: FoundWay) -> str:
    if WAYS[found.way].short is None:
        return "a formula"
    said = "locally shortest" if found.converged else "not converged"
    if not found.is_refined:
        return f"first look, {said}"
    return f"shortest of {found.n_starts} found, {said}"
