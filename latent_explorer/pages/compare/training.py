"""Through training: one network's map, pictures and figures from the untrained one to the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.timeline import (
    Curve,
    Film,
    Followed,
    Seen,
    pack_film,
    read_chosen,
    send_film,
    timeline,
)
from latent_explorer.data import catalogue, digits
from latent_explorer.data.digits import SPLITS
from latent_explorer.pages.compare.compared import Compared, link, pick, picked
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import opened_part
from latent_explorer.session.places import place_of_digit
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.theme import number
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef, load_checkpoint
from vae_core.data import N_TEST, load_mnist
from vae_core.snapshots import Snapshots, scan_snapshots

if TYPE_CHECKING:
    from vae_core.posterior import Posterior

_FOLDER, _ALIGNED = "compare_snapshots", "compare_snapshots_aligned"  # widgets
_DIGIT = "compare_snapshots_digit"  # widget, which Python writes to
_MEASURE = "compare_snapshots_measure"  # folders that the user asked to measure
_TIMELINE = "compare_timeline"
_GRID = 16  # pictures along a side of the mosaic
_TAIL = 0.002  # share of the digits beyond the square, at the snapshot that spreads most
_PRIOR_REACH = 3.0  # z units that are in sight at least, where there is a prior
_FIGURES = (  # title, name in the header, unit, digits
    ("log p(x), exact", "log_px", "nats", 2),
    ("ELBO", "elbo", "nats", 2),
    ("KL(q‖p)", "kl", "nats", 2),
    ("10-NN accuracy", "knn10", "", 3),
    ("Silhouette", "silhouette", "", 3),
)

Floats = NDArray[np.floating[Any]]


class Codes(NamedTuple):
    """Where the test digits lie at each snapshot, on the plane of the last one's map."""

    coords: Floats  # (S, 10000, 2), turned
    rotations: Floats  # (S, 2, 2), orthogonal: identities if as they are
    residuals: tuple[float, ...]  # z units, to the last; empty if as they are
    center: Floats  # (D,)
    axes: Floats  # (D, 2)


def draw(compared: Compared) -> None:
    """Draw the section."""
    found, problems = scan_snapshots(catalogue.weights_folder())
    for problem in problems:
        st.warning(str(problem), icon=":material/broken_image:")
    if not found:
        st.info(
            "There are no snapshots yet: a folder of them, below the weights folder, appears "
            "here. `python -m vae_core train growing --snapshots 14` keeps one.",
            icon=":material/timeline:",
        )
        return
    shown, is_aligned = _controls(found)
    film, codes = _film(shown.refs, is_aligned), _codes(shown.refs, is_aligned)
    send_film(film, key=f"{_TIMELINE}_film")
    row = _followed_row()
    opened = opened_part(CompareLink)
    is_asked = opened.section == "training" and opened.folder in (None, shown.name)
    asked = opened if is_asked else CompareLink()
    timeline(
        key=_TIMELINE,
        film_id=film.id,
        name=shown.name,
        seen=Seen(
            link(
                compared,
                CompareLink(aligned="all" if is_aligned else "none", folder=shown.name),
            ),
            at=asked.at or 0.0,
            # the untrained codes are a speck: there is something to see from the start
            look=asked.look or "both",
        ),
        epochs=shown.epochs,
        curves=_curves(shown),
        followed=None if row is None else _followed(shown.refs, row),
        label=f"The 10,000 test digits on the map of {shown.name}, through its training. "
        "Click a digit to follow it, or type its number.",
        palette=PALETTE,
        on_choose=_on_choose,
    )
    _offer_to_measure(shown)
    _say(shown, codes)


def _controls(found: list[Snapshots]) -> tuple[Snapshots, bool]:
    by_name = {each.name: each for each in found}
    asked = opened_part(CompareLink)
    if st.session_state.get(_FOLDER) not in by_name:
        if asked.folder is not None and asked.folder not in by_name:
            st.warning(
                "The link names snapshots that are not here: these are others.",
                icon=":material/link_off:",
            )
        st.session_state[_FOLDER] = asked.folder if asked.folder in by_name else found[0].name
    st.session_state.setdefault(_ALIGNED, asked.section == "training" and asked.aligned == "all")
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
    here, first = picked(), SPLITS["test"].start
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
        first = SPLITS["test"].start
        pick(None if row is None else place_of_digit(ref, first + row))


@st.cache_resource(max_entries=2, show_spinner="Encoding the test digits at each snapshot…")
def _posteriors(refs: tuple[CheckpointRef, ...]) -> list[Posterior]:
    """Encode the test digits by each snapshot; shared, not to be changed."""
    from vae_core.analysis.projection import encode_images

    images = digits.data_set().images[SPLITS["test"]]
    # Not by `catalogue.checkpoint`: so many models would drive all others out of its cache.
    return [encode_images(load_checkpoint(ref).model, images) for ref in refs]


@st.cache_resource(max_entries=4, show_spinner=False)
def _codes(refs: tuple[CheckpointRef, ...], is_aligned: bool) -> Codes:
    from vae_core.analysis.projection import map_codes

    posteriors = _posteriors(refs)
    last = map_codes(posteriors[-1])
    coords = np.stack([(each.mu.numpy() - last.center) @ last.axes for each in posteriors])
    rotations, residuals = np.tile(np.eye(2), (len(refs), 1, 1)), ()
    if is_aligned:
        from vae_core.comparison.alignment import align

        turns = [align(each, last.coords) for each in coords]
        rotations = np.stack([turn.rotation for turn in turns])
        coords = np.stack([turn.aligned for turn in turns])
        residuals = tuple(turn.residual for turn in turns)
    return Codes(coords, rotations, residuals, last.center, last.axes)


@st.cache_resource(max_entries=4, show_spinner="Decoding a mosaic at each snapshot…")
def _film(refs: tuple[CheckpointRef, ...], is_aligned: bool) -> Film:
    import torch

    codes = _codes(refs, is_aligned)
    has_prior = catalogue.has_posterior(refs[-1])
    # Of the snapshot that spreads most; the others keep its scale, so that they can be compared.
    half = 1.05 * float(np.quantile(np.abs(codes.coords).max(-1), 1 - _TAIL, axis=1).max())
    half = max(half, _PRIOR_REACH if has_prior else float(np.finfo(np.float32).eps))
    centres = (np.arange(_GRID) + 0.5) / _GRID * 2 * half - half
    x, y = np.meshgrid(centres, centres[::-1])  # first row on top
    plane = np.stack([x, y], -1).reshape(-1, 2)
    mosaics: list[Floats] = []
    for ref, rotation in zip(refs, codes.rotations, strict=True):
        z = codes.center + plane @ rotation.T @ codes.axes.T
        ink = load_checkpoint(ref).model.decode(torch.from_numpy(z.astype(np.float32))).numpy()
        mosaics.append(ink.reshape(_GRID, _GRID, -1))
    return pack_film(
        coords=codes.coords,
        labels=digits.labels()[SPLITS["test"]],
        mosaics=np.stack(mosaics),
        half=half,
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
    original = digits.pixels(SPLITS["test"].start + row)
    return Followed(row, original, _reconstructions(refs, row))


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(ref: CheckpointRef) -> dict[str, dict[str, Any]]:
    from vae_core.analysis.evaluation import evaluate_model

    return evaluate_model(load_checkpoint(ref).model, load_mnist("test"))


def _figures(shown: Snapshots) -> list[dict[str, dict[str, Any]]]:
    """Figures of each snapshot: of the file's header, or measured if the user asked for it."""
    headers = [catalogue.stored(ref).header.metrics for ref in shown.refs]
    if shown.refs not in st.session_state.setdefault(_MEASURE, set()):
        return headers
    bar = st.progress(0.0, f"Measuring {len(headers)} snapshots on the 10,000 test digits…")
    found: list[dict[str, dict[str, Any]]] = []
    for i, (ref, header) in enumerate(zip(shown.refs, headers, strict=True), 1):
        found.append(header if _is_measured(header) else _measured(ref) | header)
        bar.progress(i / len(headers), f"Measured {i} of {len(headers)} snapshots")
    bar.empty()
    return found


def _is_measured(figures: dict[str, dict[str, Any]]) -> bool:
    return all(name in figures for _, name, _, _ in _FIGURES)


def _curves(shown: Snapshots) -> list[Curve]:
    figures = _figures(shown)
    curves: list[Curve] = []
    for title, name, unit, decimals in _FIGURES:
        values = [each.get(name, {}).get("value") for each in figures]
        if any(value is not None for value in values):
            how = next(each[name]["how"] for each in reversed(figures) if name in each)
            curves.append(Curve(title, unit, decimals, how, values))
    return curves


def _offer_to_measure(shown: Snapshots) -> None:
    headers = [catalogue.stored(ref).header.metrics for ref in shown.refs]
    is_asked = shown.refs in st.session_state[_MEASURE]
    if is_asked or all(_is_measured(header) for header in headers):
        return
    st.button(
        f"Measure the {len(headers)} snapshots",
        on_click=_on_measure,
        args=(shown.refs,),
        help="Their files do not hold all figures. It takes some seconds for each, once.",
    )


def _on_measure(refs: tuple[CheckpointRef, ...]) -> None:
    st.session_state[_MEASURE].add(refs)


def _say(shown: Snapshots, codes: Codes) -> None:
    said = (
        f"{len(shown.refs)} snapshots of {shown.name}. Between two of them points, pictures and "
        "lines are interpolated linearly: no network was saved there. Figures are of the nearest "
        "snapshot, on the 10,000 test digits; nats per image."
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
