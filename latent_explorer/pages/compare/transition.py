"""Morph: every digit on its way from its place on one map to its place on another."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.morph import Trace, morph, read_row
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.selection import Ids
from latent_explorer.escaping import as_text
from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.choices import MOST_TRAILS, TRAILS
from latent_explorer.pages.compare.comparison import Comparison, pick, picked, show_comparison
from latent_explorer.pages.compare.controls import choose_other, said_of_alignment
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.panels import selection
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import begin, opened_part, opening
from latent_explorer.session.places import place_of_digit
from latent_explorer.theme import number
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef

KEY = "compare_morph"
_TRAILS, _IS_ALIGNED = "compare_trails", "compare_morph_aligned"  # widgets

_NEIGHBOURS = 20  # whose change says which digits draw a trail
_IN_SIGHT = 0.998  # quantile of a map's distances from the axes
_ALIKE = 3  # maps that differ less in size share one scale; else the smaller would be a speck
_USUAL_TRAILS = "200"


def draw(comparison: Comparison) -> None:
    """Draw the section."""
    opened = opened_part(CompareLink)
    is_asked = opened.section == "morph"
    asked = opened if is_asked else CompareLink()
    first, split = comparison.refs[0], comparison.split
    other = choose_other(comparison)
    _controls(asked, first, other)
    rows = digits.SPLITS[split]
    start = encoding.positions(first).coords[rows].astype(float)
    end = encoding.positions(other).coords[rows].astype(float)
    is_aligned: bool = st.session_state[_IS_ALIGNED]
    if is_aligned:
        turn = measures.aligned(other, first, split)
        end = turn.coords
    trails = _trails(comparison, other)
    halves = _halves(start, end)
    show_comparison(
        comparison,
        CompareLink(
            against=other.name,
            aligned="all" if is_aligned else "none",
            trails=st.session_state[_TRAILS],
        ),
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        morph(
            key=KEY,
            start=start,
            end=end,
            ends=(first.name, other.name),
            labels=digits.labels()[rows],
            splits=_splits(rows),
            halves=halves,
            label=f"The digits on their way from the map of {first.name} to that of {other.name}",
            palette=PALETTE,
            trails=trails,
            trace=_trace(comparison, other),
            on_pick=_on_pick,
            at=asked.at or 0.0,
            opening=opening().number if is_asked else 0,
        )
    with right:
        hidden = [
            int((np.abs(codes) > half).any(1).sum())
            for codes, half in zip((start, end), halves, strict=True)
        ]
        _explain(comparison, other, halves, hidden, is_aligned)


def _controls(asked: CompareLink, first: CheckpointRef, other: CheckpointRef) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        begin(_IS_ALIGNED, asked.aligned == "all")
        st.toggle(
            f"Turn {as_text(other.name)} to lie on {as_text(first.name)}",
            key=_IS_ALIGNED,
            help="By rotation and reflection about the origin only, fitted to all digits shown.",
            persist_state="session",
        )
        begin(_TRAILS, asked.trails or _USUAL_TRAILS)
        st.selectbox(
            "Trails",
            list(TRAILS),
            format_func=TRAILS.__getitem__,
            key=_TRAILS,
            width=260,
            persist_state="session",
        )


def _halves(start: measures.Floats, end: measures.Floats) -> tuple[float, float]:
    """Half the sides of the squares that hold nearly all digits of either map."""
    first, last = (
        max(float(np.quantile(np.abs(codes), _IN_SIGHT)), float(np.finfo(np.float32).eps))
        for codes in (start, end)
    )
    if max(first, last) > _ALIKE * min(first, last):
        return first, last
    return max(first, last), max(first, last)


def _splits(rows: slice) -> list[tuple[str, int]]:
    """Name rows of a split by the test or the training set."""
    test = digits.SPLITS["test"].start
    if rows.start == test:
        return [("test", 0)]
    return [("train", 0)] + ([("test", test)] if rows.stop > test else [])


def _trails(comparison: Comparison, other: CheckpointRef) -> Ids:
    """Rows of the split that draw their way."""
    asked: str = st.session_state[_TRAILS]
    rows = digits.SPLITS[comparison.split]
    if asked == "selection":
        found = selection.selected()
        ids = np.empty(0, np.intp) if found is None else found.ids
        chosen = ids[(ids >= rows.start) & (ids < rows.stop)] - rows.start
        if len(chosen) <= MOST_TRAILS:
            return chosen
        order = np.argsort(-_change(comparison, other)[chosen], kind="stable")
        return chosen[order[:MOST_TRAILS]]
    if asked == "none":
        return np.empty(0, np.intp)
    return np.argsort(-_change(comparison, other), kind="stable")[: int(asked)]


def _change(comparison: Comparison, other: CheckpointRef) -> measures.Floats:
    return measures.drift(comparison.refs[0], other, comparison.split, "neighbours", _NEIGHBOURS)


def _trace(comparison: Comparison, other: CheckpointRef) -> Trace | None:
    """Follow the picked digit, decoded at each end by that end's model."""
    here = picked()
    rows = digits.SPLITS[comparison.split]
    if here is None or here.id is None or not rows.start <= here.id < rows.stop:
        return None
    pixels = [
        encoding.decode(ref, np.array([place_of_digit(ref, here.id).z]))[0]
        for ref in (comparison.refs[0], other)
    ]
    name = f"A {digits.labels()[here.id]}, {digits.digit_name(here.id)}"
    return Trace(here.id - rows.start, name, np.array(pixels))


def _on_pick() -> None:
    ref, split = current()
    rows = digits.SPLITS[split]
    row = read_row(KEY)
    if row is not None and row < rows.stop - rows.start:
        with shown_errors():
            pick(place_of_digit(ref, rows.start + row))


def _explain(
    comparison: Comparison,
    other: CheckpointRef,
    halves: tuple[float, float],
    hidden: list[int],
    is_aligned: bool,
) -> None:
    first = comparison.refs[0]
    wide = [ref.name for ref in (first, other) if catalogue.stored(ref).header.model.latent_dim > 2]
    st.markdown(
        f"Each dot goes straight from where **{as_text(first.name)}** puts a digit to where "
        f"**{as_text(other.name)}** puts it. Only the two ends are codes; what lies between is "
        "drawn to follow them, no model's."
        + (
            f" Codes of {as_text(', '.join(wide))} are projected on its map's plane."
            if wide
            else ""
        )
    )
    reaches = [f"from {number(-half)} to {number(half)} z units" for half in halves]
    st.markdown(
        (
            f"The square reaches {reaches[0]}, to scale at both ends; "
            if halves[0] == halves[1]
            else f"The square reaches {reaches[0]} at the start and {reaches[1]} at the end: the "
            "maps are of such different sizes that one scale would make a speck of one of them. "
            "Between the ends the scale changes too; "
        )
        + f"{hidden[0]:,} digits start outside it and {hidden[1]:,} end there."
    )
    if is_aligned:
        residual = measures.aligned(other, first, comparison.split).residual
        st.markdown(
            f"{said_of_alignment((first, other))} It leaves {number(residual)} z units, "
            "root mean square."
        )
    if st.session_state[_TRAILS].isdecimal():
        change = _change(comparison, other)
        st.markdown(
            f"Trails: by neighbourhood change, 1 − Jaccard of the {_NEIGHBOURS} nearest digits in "
            f"z. Its mean over the {len(change):,} digits is {number(float(change.mean()))}; 0 "
            "would be the same neighbours, 1 all others."
        )
    if picked() is None:
        st.info("Click a dot to follow it.", icon=":material/touch_app:")
