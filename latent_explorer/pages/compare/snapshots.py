"""Through training: one network's map, pictures and metrics from the untrained one to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from latent_explorer.components.timeline import (
    Film,
    Followed,
    Seen,
    read_chosen,
    send_film,
    timeline,
)
from latent_explorer.data import catalogue, digits
from latent_explorer.escaping import as_text, show_warning
from latent_explorer.folders import COMMAND, snapshots
from latent_explorer.pages.compare.comparison import Comparison, pick, picked, show_comparison
from latent_explorer.pages.compare.film import Codes, Floats, codes_of, film_of
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.compare.snapshot_metrics import curves, offer_to_measure
from latent_explorer.session.current import current, show_instead
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import begin, is_new, opened_part, opening
from latent_explorer.session.places import place_of_digit
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef, load_checkpoint
from vae_core.data import N_TEST
from vae_core.snapshots import Snapshots

if TYPE_CHECKING:
    from vae_core.posterior import Posterior

_FOLDER, _ALIGNED = "compare_snapshots", "compare_snapshots_aligned"  # widgets
_DIGIT = "compare_snapshots_digit"  # widget, which Python writes to
_TIMELINE = "compare_timeline"


def draw(comparison: Comparison) -> None:
    """Draw the section."""
    found, problems = snapshots()
    for problem in problems:
        show_warning(problem, icon=":material/broken_image:")
    if not found:
        show_instead("compare", None)
        st.info(
            "There are no snapshots yet: a folder of them, below the weights folder, appears "
            f"here. `{COMMAND} train growing --snapshots 14` keeps one.",
            icon=":material/timeline:",
        )
        return
    shown, is_aligned = _controls(found)
    last = shown.refs[-1]
    show_instead("compare", CheckpointRef(shown.name, last.path, last.sha256))
    codes = _codes(shown.refs, is_aligned)
    _draw_timeline(comparison, shown, is_aligned)
    offer_to_measure(shown)
    _say(shown, codes)


def _draw_timeline(comparison: Comparison, shown: Snapshots, is_aligned: bool) -> None:
    film = _film(shown.refs, is_aligned)
    send_film(film, key=f"{_TIMELINE}_film")
    row = _followed_row()
    opened = opened_part(CompareLink)
    is_asked = opened.section == "training" and opened.folder in (None, shown.name)
    asked = opened if is_asked else CompareLink()
    show_comparison(
        comparison, CompareLink(aligned="all" if is_aligned else "none", folder=shown.name)
    )
    timeline(
        key=_TIMELINE,
        film_id=film.id,
        name=shown.name,
        seen=Seen(
            at=asked.at or 0.0,
            # the untrained codes are a speck: there is something to see from the start
            look=asked.look or "both",
            opening=opening().number if is_asked else 0,
        ),
        epochs=shown.epochs,
        curves=curves(shown),
        followed=None if row is None else _followed(shown.refs, row),
        label=f"The 10,000 test digits on the map of {shown.name}, through its training. "
        "Click a digit to follow it, or type its number.",
        palette=PALETTE,
        on_choose=_on_choose,
    )


def _controls(found: list[Snapshots]) -> tuple[Snapshots, bool]:
    by_name = {each.name: each for each in found}
    asked = opened_part(CompareLink)
    if is_new(_FOLDER) or st.session_state[_FOLDER] not in by_name:
        if asked.folder is not None and asked.folder not in by_name:
            st.warning(
                "The link names snapshots that are not here: these are others.",
                icon=":material/link_off:",
            )
        st.session_state[_FOLDER] = asked.folder if asked.folder in by_name else found[0].name
    begin(_ALIGNED, asked.section == "training" and asked.aligned == "all")
    here = _followed_row()
    write_widget(_DIGIT, here)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = st.selectbox(
            "Folder of snapshots", list(by_name), key=_FOLDER, width=220, persist_state="session"
        )
        st.number_input(
            "Test digit to follow",
            min_value=0,
            max_value=N_TEST - 1,
            step=1,
            key=widget_key(_DIGIT),
            on_change=unless_stale(_DIGIT, _on_typed),
            placeholder="0 to 9,999, or click one",
            width=220,
        )
        is_aligned = st.toggle(
            "Align to the last",
            key=_ALIGNED,
            help="Each snapshot's map is turned, and reflected if that helps, to lie near the "
            "last one's: rotation and reflection about the origin only.",
            persist_state="session",
        )
    return by_name[name], is_aligned


def _followed_row() -> int | None:
    """Row of the picked digit among the test digits."""
    here, first = picked(), digits.SPLITS["test"].start
    return None if here is None or here.id is None or here.id < first else here.id - first


def _on_typed() -> None:
    _follow(read_widget(_DIGIT))


def _on_choose() -> None:
    row = read_chosen(_TIMELINE)
    if row is not None and row < N_TEST:
        _follow(row)


def _follow(row: int | None) -> None:
    with shown_errors():
        ref, _ = current()
        first = digits.SPLITS["test"].start
        pick(None if row is None else place_of_digit(ref, first + row))


@st.cache_resource(max_entries=2, show_spinner="Encoding the test digits at each snapshot…")
def _posteriors(refs: tuple[CheckpointRef, ...]) -> list[Posterior]:
    """Encode the test digits by each snapshot; shared, not to be changed."""
    from vae_core.analysis.projection import encode_images

    images = digits.data_set().images[digits.SPLITS["test"]]
    # Not by `catalogue.checkpoint`: so many models would drive all others out of its cache.
    return [encode_images(load_checkpoint(ref).model, images) for ref in refs]


@st.cache_resource(max_entries=4, show_spinner=False)
def _codes(refs: tuple[CheckpointRef, ...], is_aligned: bool) -> Codes:
    return codes_of(_posteriors(refs), is_aligned=is_aligned)


@st.cache_resource(max_entries=4, show_spinner="Decoding a mosaic at each snapshot…")
def _film(refs: tuple[CheckpointRef, ...], is_aligned: bool) -> Film:
    return film_of(
        (load_checkpoint(ref).model for ref in refs),
        _codes(refs, is_aligned),
        digits.labels()[digits.SPLITS["test"]],
        has_prior=catalogue.has_posterior(refs[-1]),
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _reconstructions(refs: tuple[CheckpointRef, ...], row: int) -> Floats:
    """Decode one test digit's code by each snapshot, shape (S, 784)."""
    return np.concatenate(
        [
            load_checkpoint(ref).model.decode(posterior.mu[row : row + 1]).numpy()
            for ref, posterior in zip(refs, _posteriors(refs), strict=True)
        ]
    )


def _followed(refs: tuple[CheckpointRef, ...], row: int) -> Followed:
    original = digits.pixels(digits.SPLITS["test"].start + row)
    return Followed(row, original, _reconstructions(refs, row))


def _say(shown: Snapshots, codes: Codes) -> None:
    said = (
        f"{len(shown.refs)} snapshots of {as_text(shown.name)}. Between two of them points, "
        "pictures and lines are interpolated linearly: no network was saved there. Figures are of "
        "the nearest snapshot, on the 10,000 test digits; nats per image."
    )
    if len(codes.center) > 2:
        said += (
            f" z has {len(codes.center)} dimensions: all maps are projections on the last one's "
            "two leading principal axes."
        )
    if codes.residuals:
        n = len(codes.residuals)
        said += (
            " Aligned by rotation and reflection about the origin only, all digits fitted; the "
            f"residual to the last is {number(codes.residuals[0], 3)} z units, root mean square, "
            f"at the first snapshot and {number(codes.residuals[n - 2], 3)} at the last but one."
        )
    st.caption(said)
