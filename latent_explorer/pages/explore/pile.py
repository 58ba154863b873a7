"""The digits that lie at one place of the map, where a click can only take one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from latent_explorer.data.neighbours import pile_at
from latent_explorer.panels.sheet import digit_sheet, turn_to_page_of
from latent_explorer.session.places import Place
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

SHEET = "explore_pile"
_SHOWN = "explore_pile_digit"  # whose page the sheet was turned to


def pile(
    ref: CheckpointRef, split: Split, place: Place, *, on_choose: Callable[[int], None]
) -> None:
    """List the digits of a split that lie where the pinned one does; nothing if it is alone."""
    ids = pile_at(ref, split, place.coords)
    if place.id is None or len(ids) < 2 or place.id not in ids:
        return
    if st.session_state.get(_SHOWN) != place.id:
        st.session_state[_SHOWN] = place.id
        turn_to_page_of(SHEET, int(np.searchsorted(ids, place.id)))
    st.markdown(f"**{len(ids):,} digits lie at this very place**")
    st.caption(
        "Their codes are too close for any zoom to part them. Choose one here, or press n on the "
        "map for the next."
    )
    digit_sheet(ids, key=SHEET, remarks=lambda _: [], chosen=place.id, on_choose=on_choose)
