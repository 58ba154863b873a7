"""The app with one layer more, as if it stood in the two files of a layer; run by Streamlit.

Query: `edit`, by which the map's state is spoilt before it goes to the browser.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import streamlit as st

from latent_explorer.app import main
from latent_explorer.components.latent_map import mounting
from latent_explorer.data import layers
from latent_explorer.vocabulary import LAYERS, table
from tests.toy_layer import HOLLOW, TOY, distance, readers_of_the_table


def spoil_half(state: dict[str, Any]) -> None:
    """An entry without its scale; data that have no entry; a link that names no entry."""
    rows = state["vocabulary"]["layers"]
    rows[:] = [row for row in rows if row["name"] != "density"]
    rows.append({"name": "half", "kind": "scale", "key": "x", "title": "Half", "group": "under"})
    rows.append({"name": "odd", "kind": "blob", "key": "z", "title": "Odd", "group": "under"})
    state["start"] = {"view": None, "layers": ["points", "toy", "rings"], "colour": "red"}


SPOIL = {
    None: lambda state: None,
    "half": spoil_half,
    "none": lambda state: state.pop("vocabulary"),
}

if TOY.name not in layers.COMPUTED:  # once a server
    for module in readers_of_the_table():
        module.LAYERS = table([*LAYERS.values(), TOY, HOLLOW])  # type: ignore[attr-defined]
    layers.COMPUTED = MappingProxyType({**layers.COMPUTED, TOY.name: distance})
    layers._SIDE = 24  # cells: quickly computed
    mount = mounting._mount

    def mount_spoilt(*, data: Any, **others: Any) -> Any:
        if isinstance(data, list) and data[0] and "start" in data[0]:
            SPOIL[st.session_state.get("edit")](data[0])
        return mount(data=data, **others)

    mounting._mount = mount_spoilt

if "edit" in st.query_params:
    st.session_state["edit"] = st.query_params["edit"]
main()
