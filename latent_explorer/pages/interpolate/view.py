"""Interpolate: walk through latent space, and see every step and what lies around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.values import Callbacks, Line, Marked, Overlays, Shown
from latent_explorer.data import catalogue, encoding
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.escaping import show_warning
from latent_explorer.links.codec import Target
from latent_explorer.pages.interpolate import controls, files, geometry, profile, stops, table
from latent_explorer.pages.interpolate.arithmetic import arithmetic
from latent_explorer.pages.interpolate.curves import NoWayError
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.interpolate.neighbourhood import (
    Neighbourhood,
    neighbourhood_of,
    said_of_region,
)
from latent_explorer.pages.interpolate.player import walk_player
from latent_explorer.pages.interpolate.wayfinding import FoundWay, find, lengths, refine, steps
from latent_explorer.pages.interpolate.ways import WAYS, Spacing, Way
from latent_explorer.panels.address import show_address
from latent_explorer.panels.checkpoint_map import checkpoint_map
from latent_explorer.panels.controls import download
from latent_explorer.session.current import current, follow_folder
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import link_start
from latent_explorer.theme import number, percent
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

STRIP, KEPT = "walk_strip", "walk_legs"


def _find(ref: CheckpointRef) -> tuple[dict[Way, FoundWay], FoundWay]:
    """Ways on the map, and the one that is walked; the straight line for one that is not there."""
    kept = st.session_state.setdefault(KEPT, {})
    shown = controls.shown_ways()
    found = find(ref, [*shown, "straight"], stops.latents(), kept)
    asked: Way = st.session_state[controls.WAY]
    for way in shown:
        if isinstance(why := found[way], str):
            instead = " Showing the straight line." if way == asked else ""
            show_warning(f"No {WAYS[way].name} here: {why}.{instead}")
    there: dict[Way, FoundWay] = {
        way: each for way, each in found.items() if not isinstance(each, str)
    }
    walked = there.get(asked, there["straight"])
    if "straight" not in shown and walked is not there["straight"]:
        del there["straight"]
    return there, walked


def _refine(ref: CheckpointRef, tell: Callable[[str], object], about: str) -> None:
    """Look for shorter ways now that the first are drawn, and draw those."""
    ways, kept = controls.shown_ways(), st.session_state[KEPT]
    is_new = False
    for share in refine(ref, ways, stops.latents(), kept):
        tell(f"Looking for shorter ways: {percent(share)}. {about}")
        is_new = True
    if is_new:
        st.rerun()


def _steps(ref: CheckpointRef, walked: FoundWay) -> np.ndarray:
    n_steps: int = st.session_state[controls.STEPS]
    try:
        return steps(ref, walked.curve, n_steps, st.session_state[controls.SPACING])
    except NoWayError as err:
        show_warning(f"No even steps in the image: {err}. Showing steps even in z.")
        return steps(ref, walked.curve, n_steps, "z")


@st.fragment
def _interpolate() -> None:
    with shown_errors():
        follow_folder()
        ref, split = current()
        stops.follow_checkpoint(ref)
        controls.open_controls()
        left, right = st.columns([9, 8], gap="medium")
        with right:
            controls.stop_controls(ref)
            controls.way_controls()
            found, walked = _find(ref)
            z = _steps(ref, walked)
        _, center, axes = encoding.positions(ref)
        with left:
            show_address(_link(ref, split))
            lines = [
                Line((each.curve - center) @ axes, WAYS[way].dashes)
                for way, each in found.items()
                if each is not walked
            ]
            checkpoint_map(
                ref,
                split,
                key=stops.MAP,
                marked=Marked(ends=stops.marks()),
                overlays=Overlays((z - center) @ axes, lines),
                shown=Shown(link_start("interpolate")),
                on=Callbacks(pick=stops.on_pick, drag=stops.on_drag),
            )
        images, near = _walk(ref, split, z, walked)
        with right, st.expander("Arithmetic: z(a) − z(b) + z(c)"):
            arithmetic(ref)
        _way_lengths(ref, found)
        place, about = st.empty(), _about_lengths(ref, found)
        place.caption(about)
        profile.profile(ref, z, images, near)
        _files(ref, z, images, near, walked)
        _refine(ref, place.caption, about)


def _walk(
    ref: CheckpointRef, split: Split, z: np.ndarray, walked: FoundWay
) -> tuple[np.ndarray, Neighbourhood]:
    """Draw the strip, and say whether it stays where digits are."""
    images, near = encoding.decode(ref, z), neighbourhood_of(ref, z)
    is_loop = st.session_state[stops.LOOP]
    st.markdown(f"##### The decoded way, {WAYS[walked.way].name}")
    walk_player(
        ref,
        split,
        key=STRIP,
        map_key=stops.MAP,
        z=z,
        images=images,
        near=near,
        stops=stops.latents(),
        marks=stops.marks(),
        is_loop=is_loop,
    )
    st.markdown(said_of_region(near))
    caption = (
        f"Under each step: the digit that most of the {N_VOTERS} nearest training digits "
        "are, and its share; a bar where it changes, a dashed frame outside the region with data."
    )
    if z.shape[1] > 2:
        caption += (
            f" z has {z.shape[1]} dimensions: the walk runs in all of them, the map shows its "
            "projection."
        )
    st.caption(caption)
    return images, near


def _way_lengths(ref: CheckpointRef, found: dict[Way, FoundWay]) -> None:
    st.markdown("##### The ways compared")
    with_density = "density" in found
    table.ways_table([lengths(ref, each, with_density=with_density) for each in found.values()])


def _about_lengths(ref: CheckpointRef, found: dict[Way, FoundWay]) -> str:
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    text = (
        "Lengths are sums of 127 chords; what is within 0.5 % of a column's least is bold. Image "
        "units: 1 for one pixel from paper to ink. Fisher–Rao: a small step ds costs KL ≈ ½ ds² "
        f"nats. {_how_found(ref, latent_dim)}"
    )
    if "density" in found and latent_dim != 2:
        text += " The density followed is that of 1,024 digits."
    return text


def _how_found(ref: CheckpointRef, latent_dim: int) -> str:
    if latent_dim == 1:
        return "On a line there is but one path."
    graph = "the codes of 2,000 digits"
    if latent_dim == 2:
        reach = geometry.radius(ref, stops.latents())
        spacing = number(geometry.fine_spacing(ref, reach), 3)
        graph = f"a lattice (|z| < {number(reach, 1)}, spacing {spacing})"
    return (
        "A short way is relaxed by BFGS from the straight line, from Dijkstra's path over "
        f"{graph}, and from paths over disturbed copies of it; the shortest is shown. It is "
        "locally shortest; that there is none shorter is not shown."
    )


def _link(ref: CheckpointRef, split: Split) -> dict[str, str]:
    a, b, *via = (
        Target(place.id, place.z if place.id is None else None)
        for place in (*stops.ends().values(), *stops.via())
    )
    walk = WalkLink(
        ends=(a, b),
        via=tuple(via),
        ways=tuple(controls.shown_ways()),
        way=st.session_state[controls.WAY],
        steps=st.session_state[controls.STEPS],
        spacing=st.session_state[controls.SPACING],
        loop=st.session_state[stops.LOOP],
    )
    return {"checkpoint": ref.name, "split": split} | walk.params()


def _files(
    ref: CheckpointRef, z: np.ndarray, images: np.ndarray, near: Neighbourhood, walked: FoundWay
) -> None:
    said = files.about(ref, WAYS[walked.way].name, st.session_state[controls.SPACING])
    is_loop: bool = st.session_state[stops.LOOP]
    spacing: Spacing = st.session_state[controls.SPACING]
    made = {
        "Download strip, PNG": ("walk.png", partial(files.strip_png, images, near)),
        f"Download GIF, {files.N_FRAMES} frames": (
            "walk.gif",
            partial(_gif, ref, walked.curve, spacing, is_loop),
        ),
        "Download NPZ": ("walk.npz", partial(files.walk_npz, z, images, near, said)),
        "Download CSV": ("walk.csv", partial(files.walk_csv, z, images, near, said)),
    }
    with st.container(horizontal=True, gap="small"):
        for label, (name, make) in made.items():
            download(label, make, file_name=name)


def _gif(ref: CheckpointRef, curve: np.ndarray, spacing: Spacing, is_loop: bool) -> bytes:
    try:
        z = steps(ref, curve, files.N_FRAMES, spacing)
    except NoWayError:  # the page has said so
        z = steps(ref, curve, files.N_FRAMES, "z")
    return files.animation_gif(encoding.decode(ref, z), is_loop=is_loop)


_interpolate()
