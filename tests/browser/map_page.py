"""A page with nothing but a map, whose layers have values known beforehand; run by Streamlit.

Query: `start`, a JSON object of MapView's fields; `late`, the seconds by which the map's data comes
after the map. What the map says comes back as JSON.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.messages import read_pick, read_selection, read_wants
from latent_explorer.components.latent_map.mounting import latent_map, send
from latent_explorer.components.latent_map.payload import pack_fields, pack_values, payload_id
from latent_explorer.components.latent_map.values import (
    N_SHEETS,
    SHEET_DIGITS,
    Callbacks,
    Layers,
    MapView,
    Marked,
    Shown,
)
from latent_explorer.data import catalogue, payloads
from latent_explorer.vocabulary import PALETTE

KEY, EXTENT, SIDE = "map", (-8.0, 8.0, -8.0, 8.0), 64
LEFT, RIGHT = 3, 7  # the digits of the two halves of the class layer


@st.cache_resource(max_entries=1)
def made_up() -> dict[str, bytes]:
    step = (EXTENT[1] - EXTENT[0]) / SIDE
    centres = EXTENT[0] + step * (np.arange(SIDE) + 0.5)
    x, y = np.meshgrid(centres, centres)
    classes = np.zeros((10, SIDE, SIDE))
    classes[LEFT], classes[RIGHT] = x < 0, x >= 0
    n = 70_000
    fields = pack_fields(
        extent=EXTENT,
        grids={"classes": classes, "density": -(x**2 + y**2) / 2, "sensitivity": x},
        outlines={"prior": [(np.zeros(2), np.eye(2))]},
        said={name: f"How {name} was made up." for name in ("classes", "density", "sensitivity")},
    )
    values = pack_values(
        first_id=0,
        numbers={
            "elbo": np.linspace(-200, -100, n),
            "reconstruction": np.linspace(-150, -50, n),
            "knn": np.arange(n) % 10 == 0,
        },
        said={"elbo": "How the ELBO was made up."},
    )
    return {"fields": fields, "values": values}


def keep(name: str, value: Any) -> None:
    st.session_state[f"kept_{name}"] = value


def on_select() -> None:
    keep("selected", read_selection(KEY))


def on_pick() -> None:
    keep("pin", read_pick(KEY))


st.set_page_config(layout="wide")
ref = min(catalogue.checkpoints()[0], key=lambda ref: ref.name != "atlas")  # as the tests do
decoder, points = payloads.map_payloads(ref, "test")
wants = read_wants(KEY, decoder_id=payload_id(decoder), points_id=payload_id(points))
extras = {name: made_up()[name] for name in ("fields", "values") if name in wants}
wanted = [i for i in range(N_SHEETS) if f"images:{i}" in wants]
sheets = {SHEET_DIGITS * i: payloads.image_sheet(i) for i in wanted}
start = st.query_params.get("start")
selected = st.session_state.get("kept_selected")
with st.container(gap=None):
    latent_map(
        key=KEY,
        label="A map",
        palette=PALETTE,
        splits=[("train", 0), ("test", 60_000)],
        layers=Layers(
            payload_id(decoder),
            payload_id(points),
            images=[(first, payload_id(sheet)) for first, sheet in sheets.items()],
            fields=payload_id(extras["fields"]) if "fields" in extras else None,
            values=payload_id(extras["values"]) if "values" in extras else None,
        ),
        marked=Marked(pin=st.session_state.get("kept_pin"), selected=selected),
        shown=Shown(None if start is None else MapView(**json.loads(start))),
        on=Callbacks(pick=on_pick, select=on_select, release=lambda: keep("pin", None)),
    )
    time.sleep(float(st.query_params.get("late", 0)))
    for name, payload in {"decoder": decoder, "points": points, **extras}.items():
        send(payload, key=name)
    for first, sheet in sheets.items():
        send(sheet, key=f"images{first}")
pin = st.session_state.get("kept_pin")
st.code(
    json.dumps(
        {
            "selected": None if selected is None else selected.tolist(),
            "pin": None if pin is None else [*pin.coords, pin.id],
            "wants": sorted(wants),
        }
    )
)
