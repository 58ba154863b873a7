"""Drift: which digits ended up elsewhere, by three measures, and which they are."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.checkpoint_map import checkpoint_map
from latent_explorer.components.contact_sheet import PAGE_SIZE, contact_sheet, read_digit, read_page
from latent_explorer.components.latent_map import MapView, pack_drift, read_pick, read_selection
from latent_explorer.data import digits
from latent_explorer.data.digits import SPLITS, digit_name
from latent_explorer.data.selection import Ids
from latent_explorer.pages.compare import compared as page
from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.compared import Compared
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.measures import FEWEST_NEIGHBOURS, MOST_NEIGHBOURS, Measure
from latent_explorer.pages.explore import selection_panel as selecting
from latent_explorer.plots.drift import drift_histogram
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import opened_link, opened_part
from latent_explorer.session.places import place_of_digit, place_of_pick
from latent_explorer.theme import number
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef

MAP, SHEET = "compare_drift_map", "compare_drift_sheet"
AGAINST, MEASURE, NEIGHBOURS = "compare_against", "compare_measure", "compare_drift_k"  # widgets
_SHOWN_MAP, _PAGE, _SHEET_IDS, _OPENED = (
    "compare_drift_shown", "compare_drift_page", "compare_drift_ids", "compare_drift_opened"
)  # fmt: skip

_USUAL_NEIGHBOURS = 10
_MOST_MOVED = 0.99  # quantile at which the threshold starts
_STEPS = 200  # of the threshold's slider
_NO_MOVE = 1e-6  # z units, or change: less is rounding
_TOLD = 5  # of the farthest, in words


class Named(NamedTuple):
    """A measure in words."""

    title: str
    unit: str  # "" for a share
    meaning: str

    @property
    def with_unit(self) -> str:
        """The title, and the unit if there is one."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def said(self, value: float) -> str:
        """Write a value with the unit."""
        return f"{number(value)} {self.unit}".rstrip()


MEASURES: dict[Measure, Named] = {
    "displacement": Named(
        "Displacement after alignment",
        "z units",
        "How far a digit moved: the distance between its places on the two maps, once the other "
        "map is rotated, or reflected, to lie as near the first as it can.",
    ),
    "neighbours": Named(
        "Neighbourhood change",
        "",
        "Whether its neighbours changed: 1 − Jaccard of its k nearest in z under the one and the "
        "other, 0 if they are the same, 1 if all are others.",
    ),
    "relative": Named(
        "Change of relative place",
        "z units",
        "Whether it moved otherwise than its neighbours did: its move, less the mean move of the k "
        "digits nearest to it under the first. A neighbourhood that moves as one scores 0.",
    ),
}


class Drift(NamedTuple):
    """What the section shows: a measure of each digit of a split."""

    first: CheckpointRef
    other: CheckpointRef
    measure: Measure
    k: int
    ids: Ids  # (n,)
    values: measures.Floats  # (n,)

    @property
    def named(self) -> Named:
        """The measure in words."""
        return MEASURES[self.measure]

    @property
    def key(self) -> str:
        """Tells this drift from any other in the names of widgets."""
        hashes = f"{self.first.sha256[:8]}_{self.other.sha256[:8]}"
        return f"{hashes}_{self.measure}_{self.k}_{self.ids[0]}_{len(self.ids)}"


def draw(compared: Compared) -> None:
    """Draw the section."""
    drift = _choose(compared)
    st.caption(_said(compared, drift))
    left, right = st.columns(2, gap="medium")
    with right:
        threshold = _threshold(drift)
    with left:
        _map(compared, drift, threshold)
    _most_moved(drift, threshold)


# ---- what is measured


def choose_other(compared: Compared) -> CheckpointRef:
    """Let one of the others be chosen to be set against the first."""
    others = {ref.name: ref for ref in compared.refs[1:]}
    if len(others) == 1:
        return compared.refs[1]
    if st.session_state.get(AGAINST) not in others:
        asked = None if AGAINST in st.session_state else opened_part(CompareLink).against
        st.session_state[AGAINST] = asked if asked in others else next(iter(others))
    st.segmented_control(
        f"{compared.refs[0].name} against",
        list(others),
        key=AGAINST,
        required=True,
        persist_state="session",
    )
    return others[st.session_state[AGAINST]]


def _choose(compared: Compared) -> Drift:
    asked = opened_part(CompareLink)
    st.session_state.setdefault(MEASURE, asked.measure or "displacement")
    st.session_state.setdefault(NEIGHBOURS, asked.k or _USUAL_NEIGHBOURS)
    other = choose_other(compared)
    st.segmented_control(
        "Measure",
        list(MEASURES),
        format_func=lambda name: MEASURES[name].title,
        key=MEASURE,
        required=True,
        persist_state="session",
    )
    measure: Measure = st.session_state[MEASURE]
    if measure != "displacement":
        st.slider(
            "Nearest neighbours, k",
            FEWEST_NEIGHBOURS,
            MOST_NEIGHBOURS,
            key=NEIGHBOURS,
            width=260,
            persist_state="session",
        )
    k = _USUAL_NEIGHBOURS if measure == "displacement" else st.session_state[NEIGHBOURS]
    first, split = compared.refs[0], compared.split
    rows = SPLITS[split]
    return Drift(
        first,
        other,
        measure,
        k,
        np.arange(rows.start, rows.stop, dtype=np.intp),
        measures.drift(first, other, split, measure, k),
    )


def _said(compared: Compared, drift: Drift) -> str:
    """Say what the measure means and what it was computed on."""
    n = f"{len(drift.ids):,}"
    said = f"**{drift.named.title}.** {drift.named.meaning}"
    if drift.measure == "neighbours":
        return f"{said} Among the {n} digits shown; blind to rotation, reflection and scale."
    residual = measures.aligned(drift.other, drift.first, compared.split).residual
    return (
        f"{said} {measures.said_of_alignment((drift.first, drift.other))} Fitted on the {n} "
        f"digits shown, it leaves {number(residual)} z units (root mean square)."
    )


# ---- the map


def _map(compared: Compared, drift: Drift, threshold: float) -> None:
    shown = {ref.name: ref for ref in (drift.first, drift.other)}
    if st.session_state.get(_SHOWN_MAP) not in shown:
        asked = None if _SHOWN_MAP in st.session_state else opened_part(CompareLink).shown
        st.session_state[_SHOWN_MAP] = asked if asked in shown else drift.first.name
    st.segmented_control(
        "On the map of", list(shown), key=_SHOWN_MAP, required=True, persist_state="session"
    )
    ref = shown[st.session_state[_SHOWN_MAP]]
    opened = opened_link()
    is_linked = opened_part(CompareLink).section == "drift" and opened.map != MapView()
    chosen = selecting.selected()
    named = drift.named
    checkpoint_map(
        ref,
        compared.split,
        key=MAP,
        place=page.place_in(ref),
        drift=pack_drift(
            drift.values,
            first_id=int(drift.ids[0]),
            name=named.title.lower(),
            unit=named.unit,
            title=named.with_unit,
            said=f"{drift.other.name} against {drift.first.name}. {named.meaning}",
        ),
        selected=None if chosen is None else chosen.ids,
        start=opened.map if is_linked else MapView(colour="drift"),
        link=page.link(
            compared,
            CompareLink(
                measure=drift.measure,
                k=drift.k,
                against=drift.other.name,
                threshold=threshold,
                shown=ref.name,
            ),
        ),
        on_pick=partial(_on_pick, ref),
        on_select=_on_select,
    )


def _on_pick(ref: CheckpointRef) -> None:
    with shown_errors():
        if (pick := read_pick(MAP)) is not None:
            page.pick(place_of_pick(ref, pick))


def _on_select() -> None:
    if (ids := read_selection(MAP)) is not None:
        selecting.select(ids, "drawn on the map")


# ---- histogram and threshold


def _threshold(drift: Drift) -> float:
    """Draw the histogram and its threshold, which selects; tell the threshold."""
    values, named = drift.values, drift.named
    st.markdown(
        f"Median {named.said(float(np.median(values)))}, mean "
        f"{named.said(float(values.mean()))}, largest {named.said(float(values.max()))}."
    )
    has_moved = values.max() > _NO_MOVE
    top = float(values.max()) if has_moved and drift.measure != "neighbours" else 1.0
    step = top / _STEPS
    key = f"compare_threshold_{drift.key}"
    if key not in st.session_state:
        start = float(np.quantile(values, _MOST_MOVED))
        # A link's is for the drift that it opens with, not for those chosen later.
        if not st.session_state.get(_OPENED):
            asked = opened_part(CompareLink).threshold
            start = start if asked is None else asked
        st.session_state[key] = min(max(round(start / step), 0) * step, top)
    st.session_state[_OPENED] = True
    threshold: float = st.session_state[key]
    st.plotly_chart(
        drift_histogram(values, threshold=threshold, title=named.with_unit, top=top),
        key="compare_drift_histogram",
        config={"displayModeBar": False},
        alt=f"Histogram of the {named.title.lower()} of {len(values):,} digits.",
    )
    st.slider(
        f"Threshold, {named.unit}" if named.unit else "Threshold",
        0.0,
        top,
        step=step,
        format="%.3f",
        key=key,
        on_change=_on_threshold,
        args=(drift, key),
        help="Moving it selects the digits from there on, on this map and on every other.",
        persist_state="session",
    )
    n = int(np.count_nonzero(values >= threshold))
    st.markdown(f"**{n:,} digits** lie at {named.said(threshold)} or above.")
    _picked(drift)
    return threshold


def _on_threshold(drift: Drift, key: str) -> None:
    threshold: float = st.session_state[key]
    st.session_state[_PAGE] = 0
    how = f"{drift.named.title.lower()} of {number(threshold)} or more"
    selecting.select(drift.ids[drift.values >= threshold], how)


def _picked(drift: Drift) -> None:
    """Say how far the picked digit drifted."""
    here = page.picked()
    if here is None or here.id is None or not drift.ids[0] <= here.id <= drift.ids[-1]:
        return
    value = float(drift.values[here.id - drift.ids[0]])
    rank = int(np.count_nonzero(drift.values > value)) + 1
    st.markdown(
        f"A {digits.labels()[here.id]}, {digit_name(here.id)}: "
        f"{drift.named.said(value)}, rank {rank:,} of {len(drift.ids):,}, 1 being the farthest."
    )


# ---- the most moved


def _most_moved(drift: Drift, threshold: float) -> None:
    """Show the digits from the threshold on, the most moved first."""
    n = int(np.count_nonzero(drift.values >= threshold))
    if drift.values.max() <= _NO_MOVE:
        st.info("No digit moved.", icon=":material/info:")
        return
    if n == 0:
        st.info("No digit moved that far: lower the threshold.", icon=":material/info:")
        return
    st.markdown(f"##### The {n:,} most moved, the farthest first")
    order = np.argsort(-drift.values, kind="stable")[:n]
    _tell_farthest(drift, order)
    turned = st.session_state.get(_PAGE, 0)
    number_of_page = min(turned, (n - 1) // PAGE_SIZE)
    rows = order[number_of_page * PAGE_SIZE :][:PAGE_SIZE]
    ids, labels = drift.ids[rows], digits.labels()
    st.session_state[_SHEET_IDS] = ids.tolist()
    here = page.picked()
    contact_sheet(
        key=SHEET,
        ids=ids.tolist(),
        images=digits.data_set().images[ids],
        captions=[
            f"a {labels[digit]} · {digit_name(digit)} · {drift.named.said(value)}"
            for digit, value in zip(ids.tolist(), drift.values[rows].tolist(), strict=True)
        ],
        page=number_of_page,
        total=n,
        counts=np.bincount(labels[drift.ids[order]], minlength=10).tolist(),
        palette=PALETTE,
        chosen=None if here is None else here.id,
        on_choose=partial(_on_choose, drift.first),
        on_turn=_on_turn,
    )


def _tell_farthest(drift: Drift, order: Ids) -> None:
    """Name the farthest in words, and offer all in a file."""
    labels = digits.labels()
    told = [
        f"{digit_name(digit)} (a {labels[digit]}) {drift.named.said(value)}"
        for digit, value in zip(
            drift.ids[order[:_TOLD]].tolist(), drift.values[order[:_TOLD]].tolist(), strict=True
        )
    ]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"The farthest: {', '.join(told)}…", width="stretch")
        st.download_button(
            "Download ids and drift",
            partial(_as_csv, drift),
            file_name=f"drift-{drift.first.name}-{drift.other.name}-{drift.measure}.csv",
            mime="text/csv",
            key="compare_drift_csv",
            on_click="ignore",
            icon=":material/download:",
            help="CSV: id, label and drift of all digits shown, the farthest first.",
        )


def _as_csv(drift: Drift) -> str:
    labels = digits.labels()
    order = np.argsort(-drift.values, kind="stable")
    lines = [f"id,digit,label,{drift.named.with_unit.replace(',', ' in')}"]
    lines += [
        f"{digit},{digit_name(digit).replace(',', '')},{labels[digit]},{value!r}"
        for digit, value in zip(
            drift.ids[order].tolist(), drift.values[order].tolist(), strict=True
        )
    ]
    return "\n".join(lines) + "\n"


def _on_turn() -> None:
    if (turned := read_page(SHEET)) is not None:
        st.session_state[_PAGE] = turned


def _on_choose(ref: CheckpointRef) -> None:
    digit = read_digit(SHEET)
    if digit is not None and digit in st.session_state.get(_SHEET_IDS, ()):
        with shown_errors():
            page.pick(place_of_digit(ref, digit))
