"""Arithmetic of latents: z(a) − z(b) + z(c), of digits or of class means."""

from __future__ import annotations

import re

import numpy as np
import streamlit as st

from latent_explorer.data import digits
from latent_explorer.data.latents import BadLatentError
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.escaping import show_error
from latent_explorer.pages.interpolate import geometry, stops
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.places import Place, place_of_latent
from latent_explorer.session.widgets import read_widget, widget_key
from latent_explorer.theme import number, percent, point
from vae_core.checkpoints import CheckpointRef

SUMMANDS = {name: f"walk_term_{name}" for name in "abc"}
FIRST = {"a": "mean 9", "b": "mean 4", "c": "label 3"}
PROBLEM, RESULT = "walk_sum_problem", "walk_sum"
_MEAN = re.compile(r"mean\s+([0-9])$")


def arithmetic(ref: CheckpointRef) -> None:
    """Ask for the three latents, and say where they led."""
    for name, key in SUMMANDS.items():
        st.session_state.setdefault(widget_key(key), FIRST[name])
    columns = st.columns(3, gap="small")
    for column, (name, key) in zip(columns, SUMMANDS.items(), strict=True):
        column.text_input(f"z({name})", key=widget_key(key), persist_state="session")
    st.caption("The mean of a class (mean 9), one of its digits (label 9, index 12), or a z.")
    st.button(
        "Walk from c to z(a) − z(b) + z(c)",
        on_click=_on_add,
        icon=":material/function:",
        width="stretch",
    )
    if st.session_state.get(PROBLEM):
        show_error(st.session_state[PROBLEM])
        return
    result: Place | None = st.session_state.get(RESULT)
    if result is not None and stops.ends()["B"] == result:
        st.markdown(_said(ref, result))


def _on_add() -> None:
    with shown_errors():
        ref, _ = current()
        st.session_state[PROBLEM] = None
        places: dict[str, Place] = {}
        for name, key in SUMMANDS.items():
            try:
                places[name] = _place(ref, read_widget(key).strip())
            except BadLatentError as err:
                st.session_state[PROBLEM] = f"z({name}): {err}"
                return
        z = {name: np.array(place.z) for name, place in places.items()}
        result = place_of_latent(ref, tuple((z["a"] - z["b"] + z["c"]).tolist()))
        if places["c"].z == result.z:
            st.session_state[PROBLEM] = "z(a) − z(b) is 0: there is nowhere to walk to from c."
            return
        stops.clear_via()
        stops.set_ends({"A": places["c"], "B": result})
        st.session_state[RESULT] = result


def _place(ref: CheckpointRef, text: str) -> Place:
    if (mean := _MEAN.match(text.lower())) is None:
        return stops.place_of_text(ref, text)
    train = digits.SPLITS["train"]
    rows = digits.labels()[train] == int(mean[1])
    z = geometry.code_means(ref)[train][rows].mean(0, dtype=np.float64)
    return place_of_latent(ref, tuple(z.tolist()))


def _said(ref: CheckpointRef, result: Place) -> str:
    codes = geometry.codes(ref)
    z = np.array([result.z])
    far = float(codes.nearest(z)[0])
    where = f"z(a) − z(b) + z(c) = {point(result.z, 2)}"
    if far > codes.reach:
        return (
            f"{where} is **outside the region with data**: the nearest digit is {number(far)} "
            f"z units away, 99 % of the test digits have one within {number(codes.reach)}."
        )
    share = codes.shares(z, N_VOTERS)[0]
    return (
        f"{where} is in the region with data: {percent(share.max())} of the {N_VOTERS} nearest "
        f"digits are {share.argmax()}s."
    )
