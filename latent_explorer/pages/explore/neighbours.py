"""The digits nearest to a place of Explore, on the map or by their pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip, read_choice
from latent_explorer.data import digits, encoding
from latent_explorer.data.neighbours import nearest_in_pixels, nearest_on_map
from latent_explorer.panels.controls import choice
from latent_explorer.session.places import Place
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

STRIP = "explore_neighbours"
NEAR = "explore_near"  # ids of the digits on the strip
METRIC = "explore_metric"  # widget
METRICS = {"map": "Map", "pixels": "Pixels"}
N_NEIGHBOURS = 5


def neighbours(
    ref: CheckpointRef, split: Split, place: Place, *, on_choose: Callable[[int], None]
) -> None:
    """Show the nearest digits of a split; `on_choose` gets the id of one that is clicked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Nearest digits**", width="stretch")
        metric = choice("Nearest by", METRICS, key=METRIC, label_visibility="collapsed")
    pairs = _nearest(ref, split, place, metric)
    st.session_state[NEAR] = [digit for digit, _ in pairs]
    unit = "away in z" if metric == "map" else "rms ink"
    digit_strip(
        [
            DigitImage(
                digits.pixels(digit),
                f"a {digits.labels()[digit]}",
                f"{number(distance)} {unit}",
            )
            for digit, distance in pairs
        ],
        key=STRIP,
        size=64,
        per_row=N_NEIGHBOURS,
        on_choose=lambda: _on_choose(on_choose),
    )


def _nearest(
    ref: CheckpointRef, split: Split, place: Place, metric: str
) -> list[tuple[int, float]]:
    n = N_NEIGHBOURS + 1  # one more, since a digit is its own nearest
    if metric == "map":
        near = nearest_on_map(ref, split, place.coords, n=n)
    else:
        near = nearest_in_pixels(encoding.decode(ref, np.array([place.z]))[0], split, n=n)
    return [
        (int(digit), float(distance))
        for digit, distance in zip(*near, strict=True)
        if digit != place.id
    ][:N_NEIGHBOURS]


def _on_choose(then: Callable[[int], None]) -> None:
    chosen = read_choice(STRIP)
    near = st.session_state.get(NEAR, [])
    if chosen is not None and chosen < len(near):
        then(near[chosen])
