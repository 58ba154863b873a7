"""Interpolate: walk between two places of latent space and see every step decoded."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from explorer import loaders, state
from explorer.checkpoint_map import checkpoint_map
from explorer.digit_strip import DigitImage, digit_strip
from explorer.latent_map import Mark, read_pick
from explorer.link import pin_params
from explorer.theme import number, point

MAP, NEXT, STEPS, WAY = "walk_map", "walk_next", "walk_steps", "walk_way"
ENDS, REF, PROBLEM = "walk_ends", "walk_ref", "walk_problem"
NAMES = ("A", "B")
TYPED = {name: f"walk_typed_{name}" for name in NAMES}
WAYS = {"straight": "Straight line", "spherical": "Spherical arc"}
FIRST_DIGITS = (60_000 + 0, 60_000 + 4)  # a 7 and a 4 of the test set: the page opens with a walk


def _set_end(name: str, place: state.Place, *, by_typing: bool = False) -> None:
    st.session_state[ENDS] = st.session_state[ENDS] | {name: place}
    state.write_widget(TYPED[name], state.written_latent(place), by_user=by_typing)
    st.session_state[PROBLEM] = None


def _on_pick() -> None:
    with state.shown_errors():
        if (pick := read_pick(MAP)) is not None:
            name: str = state.read_widget(NEXT)
            _set_end(name, state.place_of_pick(state.current()[0], pick))
            state.write_widget(NEXT, "B" if name == "A" else "A")


def _on_typed(name: str) -> None:
    ref, _ = state.current()
    latent_dim = loaders.stored(ref).header.model.latent_dim
    try:
        z = state.parse_latent(state.read_widget(TYPED[name]), latent_dim)
    except state.BadLatentError as err:
        st.session_state[PROBLEM] = f"End {name}: {err}"
    else:
        _set_end(name, state.place_of_latent(ref, z), by_typing=True)


def _on_random() -> None:
    ref, split = state.current()
    rows = loaders.SPLITS[split]
    two = np.random.default_rng().choice(rows.stop - rows.start, 2, replace=False) + rows.start
    for name, digit in zip(NAMES, two.tolist(), strict=True):
        _set_end(name, state.place_of_digit(ref, digit))


def _on_swap() -> None:
    a, b = (st.session_state[ENDS][name] for name in NAMES)
    _set_end("A", b)
    _set_end("B", a)


def _follow_checkpoint(ref: loaders.CheckpointRef) -> None:
    """Open with two digits; carry digits, or bare latents, over to another checkpoint."""
    st.session_state.setdefault(PROBLEM, None)
    st.session_state.setdefault(state.widget_key(NEXT), "A")
    st.session_state.setdefault(STEPS, 11)
    st.session_state.setdefault(WAY, "straight")
    if st.session_state.get(REF) == ref:
        return
    before: dict[str, state.Place] | None = st.session_state.get(ENDS)
    if before is None:
        asked = zip(NAMES, state.opened_link().ends, strict=True)
        places = {name: state.place_of_target(ref, target) for name, target in asked}
        before = {name: place for name, place in places.items() if place is not None}
    st.session_state[ENDS], st.session_state[REF] = {}, ref
    latent_dim = loaders.stored(ref).header.model.latent_dim
    for name, digit in zip(NAMES, FIRST_DIGITS, strict=True):
        old = before.get(name)
        if old is not None and old.id is None and len(old.z) == latent_dim:
            _set_end(name, state.place_of_latent(ref, old.z))
        else:
            keep = digit if old is None or old.id is None else old.id
            _set_end(name, state.place_of_digit(ref, keep))


def _walk(way: str | None, n_steps: int) -> np.ndarray:
    """Latents of the steps, shape (n_steps, D); a straight line where the arc is undefined."""
    a, b = (np.array(st.session_state[ENDS][name].z) for name in NAMES)
    if way == "spherical":
        import torch  # here, because the first walk is drawn before torch has been imported

        from vae_core.analysis.geometry import slerp

        try:
            return slerp(torch.tensor(a), torch.tensor(b), n_steps).numpy()
        except ValueError as err:
            st.warning(f"No spherical arc here: {err}. Showing the straight line.")
    return np.linspace(a, b, n_steps)


@st.fragment
def _interpolate() -> None:
    with state.shown_errors():
        state.follow_folder()
        ref, split = state.current()
        _follow_checkpoint(ref)
        left, right = st.columns([9, 8], gap="medium")
        with right:
            _ends(ref)
            way = st.segmented_control(
                "Way",
                list(WAYS),
                format_func=WAYS.__getitem__,
                key=WAY,
                required=True,
                persist_state="session",
            )
            n_steps = st.slider("Steps", 2, 32, key=STEPS, persist_state="session")
            z = _walk(way, n_steps)
            _, center, axes = loaders.positions(ref)
            length = float(np.linalg.norm(np.diff(z, axis=0), axis=1).sum())
            st.caption(f"Length {number(length)} z units, sum of the {n_steps - 1} parts.")
        with left:
            ends: dict[str, state.Place] = st.session_state[ENDS]
            marks = [Mark(ends[name].coords, name, ends[name].id) for name in NAMES]
            path = (z - center) @ axes
            link = {"checkpoint": ref.name, "split": split}
            for name in NAMES:
                link |= pin_params(ends[name].id, ends[name].z, prefix=f"{name.lower()}_")
            checkpoint_map(
                ref,
                split,
                key=MAP,
                path=path,
                marks=marks,
                start=state.link_start("interpolate"),
                link=link,
                on_pick=_on_pick,
            )
        st.markdown("##### The decoded way from A to B")
        _strip(ref, z)


def _ends(ref: loaders.CheckpointRef) -> None:
    st.segmented_control(
        "A click on the map sets",
        NAMES,
        key=state.widget_key(NEXT),
        format_func=lambda name: f"End {name}",
        required=True,
        persist_state="session",
    )
    for name in NAMES:
        place: state.Place = st.session_state[ENDS][name]
        what = (
            "z"
            if place.id is None
            else f"a {loaders.labels()[place.id]}, " + state.digit_name(place.id)
        )
        st.text_input(
            f"End {name} · {what}",
            key=state.widget_key(TYPED[name]),
            on_change=state.unless_stale(TYPED[name], partial(_on_typed, name)),
            persist_state="session",
        )
    if st.session_state[PROBLEM]:
        st.error(st.session_state[PROBLEM], icon=":material/error:")
    with st.container(horizontal=True, wrap=False):
        st.button("Random pair", on_click=_on_random, icon=":material/casino:", width="stretch")
        st.button("Swap", on_click=_on_swap, icon=":material/swap_horiz:", width="stretch")


def _strip(ref: loaders.CheckpointRef, z: np.ndarray) -> None:
    last = len(z) - 1
    names = {0: "A", last: "B"}
    digit_strip(
        [
            DigitImage(image, names.get(i, f"step {i}"), point(step, 2))
            for i, (image, step) in enumerate(zip(loaders.decode(ref, z), z, strict=True))
        ],
        key="walk_strip",
        size=80,
    )


_interpolate()
