"""The Python side of the two components: what they send and what they take back."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from latent_explorer.components.digit_strip import DigitImage, digit_strip, read_choice
from latent_explorer.components.latent_map.messages import read_pick, read_selection, read_wants
from latent_explorer.components.latent_map.mounting import latent_map, send
from latent_explorer.components.latent_map.values import (
    Ellipse,
    Layers,
    MapView,
    Mark,
    Marked,
    Overlays,
    Pick,
    Shown,
)
from latent_explorer.vocabulary import PALETTE

COLOURS = {"light": ["#000000"] * 10, "dark": ["#ffffff"] * 10}


def draw_map(**changes: Any) -> None:
    settings: dict[str, Any] = {
        "key": "map",
        "label": "A map",
        "palette": COLOURS,
        "layers": Layers("d", "p"),
    }
    latent_map(**settings | changes)


def page() -> None:
    import numpy as np

    from latent_explorer.components.digit_strip import DigitImage, digit_strip
    from latent_explorer.components.latent_map import values
    from latent_explorer.components.latent_map.mounting import latent_map
    from latent_explorer.vocabulary import PALETTE

    latent_map(
        key="map",
        label="A map",
        palette=PALETTE,
        layers=values.Layers("d", "p", images=[(np.int64(10_000), "sheet")], fields="f"),
        marked=values.Marked(
            pin=values.Pick((1.0, np.float32(2.0)), np.int64(7)),
            ellipse=values.Ellipse((0.0, 0.5), np.eye(2)),
            is_pin_beside=True,
            ends=[
                values.Mark((0.0, 1.0), "A"),
                values.Mark((2.0, 3.0), "B", 9),
                values.Mark((4.0, 5.0), "i", is_on_way=True),
            ],
            highlight=np.arange(3),
            selected=np.array([5, 21, 6]),
        ),
        overlays=values.Overlays(np.array([[0.0, 1.0], [2.0, 3.0]])),
        shown=values.Shown(values.MapView((0, 1, np.float32(2), 3), ("points", "density"), "knn")),
        on=values.Callbacks(select=lambda: None),
    )
    ramp = np.linspace(0, 1, 784)
    digit_strip(
        [DigitImage(ramp, "Ramp", "up"), DigitImage(-ramp, "Down", is_signed=True)],
        key="strip",
        on_choose=lambda: None,
    )


def test_what_the_browser_gets() -> None:
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    [drawn], strip = (json.loads(one.proto.json) for one in at.get("bidi_component"))
    assert drawn["palette"] == {theme: list(colours) for theme, colours in PALETTE.items()}
    assert drawn["pin"] == {"coords": [1.0, 2.0], "id": 7}
    assert drawn["ellipse"] == {"center": [0.0, 0.5], "cov": [[1.0, 0.0], [0.0, 1.0]]}
    assert drawn["path"] == {"points": [[0.0, 1.0], [2.0, 3.0]]}
    assert drawn["marks"] == [
        {"coords": [0.0, 1.0], "text": "A", "id": None, "isOnWay": False},
        {"coords": [2.0, 3.0], "text": "B", "id": 9, "isOnWay": False},
        {"coords": [4.0, 5.0], "text": "i", "id": None, "isOnWay": True},
    ]
    assert drawn["pinIsBeside"] is True
    assert drawn["highlight"] == [0, 1, 2]
    assert drawn["images"] == [[10_000, "sheet"]]
    assert (drawn["fields"], drawn["values"]) == ("f", None)
    assert drawn["selected"]["first_id"] == 5
    bits = np.frombuffer(base64.b64decode(drawn["selected"]["bits"]), np.uint8)
    assert np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist() == [0, 1, 16]
    assert drawn["start"] == {
        "view": [0.0, 1.0, 2.0, 3.0],
        "layers": ["points", "density"],
        "colour": "knn",
        "opening": 0,
    }
    assert (drawn["selects"], drawn["releases"]) == (True, False)
    assert strip["choosable"] is True
    ramp, down = (
        np.frombuffer(base64.b64decode(image["pixels"]), np.uint8) for image in strip["images"]
    )
    assert (ramp == np.rint(np.linspace(0, 255, 784))).all()
    assert (down[0], down[-1]) == (127, 0)
    assert [image["signed"] for image in strip["images"]] == [False, True]
    assert [image["title"] for image in strip["images"]] == ["Ramp", "Down"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"marked": Marked(Pick((np.nan, 0.0)))}, "pin is"),
        ({"marked": Marked(Pick((1.0, 2.0, 3.0)))}, "pin is"),  # type: ignore[arg-type]
        ({"marked": Marked(ellipse=Ellipse((0.0, 0.0), np.eye(3)))}, "ellipse.cov is"),
        ({"marked": Marked(ellipse=Ellipse((0.0, np.inf), np.eye(2)))}, "ellipse.center is"),
        ({"overlays": Overlays(np.zeros((4, 3)))}, "path is"),
        ({"overlays": Overlays(np.full((2, 2), np.nan))}, "path is"),
        ({"marked": Marked(ends=[Mark((0.0, -np.inf), "B")])}, "mark B is"),
    ],
)
def test_a_map_of_no_numbers_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=rf"(?s){said} .*; it must hold finite numbers"):
        draw_map(**changes)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (MapView((0, 1, 2, np.nan)), "view is"),
        (MapView(layers=("points", "rings")), "layers has rings; allowed are mosaic, classes"),
        (MapView(colour="red"), "colour is 'red'; allowed are label, elbo"),
    ],
)
def test_a_view_that_no_map_has_is_refused(start: MapView, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        draw_map(shown=Shown(start))


def selection_message(ids: list[int], *, first_id: int, **changes: Any) -> dict[str, Any]:
    marks = np.zeros(40, np.uint8)
    marks[np.array(ids, int) - first_id] = 1
    bits = base64.b64encode(np.packbits(marks, bitorder="little").tobytes()).decode()
    return {"bits": bits, "n": len(ids), "how": "lasso", "first_id": first_id} | changes


@pytest.mark.parametrize("ids", [[], [60_000], [60_003, 60_008, 60_039]])
def test_selections_are_read(ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    message = selection_message(ids, first_id=60_000)
    monkeypatch.setattr(st, "session_state", {"map": {"select": message}})
    found = read_selection("map")
    assert found is not None
    assert found.tolist() == ids
    assert read_selection("another") is None


@pytest.mark.parametrize(
    "raw",
    [
        [1, 2],
        {},
        selection_message([3], first_id=0, bits="?"),
        selection_message([3], first_id=0, bits=None),
        selection_message([3], first_id=0, n=2),
        selection_message([3], first_id=0, n=True),
        selection_message([3], first_id=0) | {"first_id": -8},
        selection_message([3], first_id=0) | {"first_id": "0"},
    ],
)
def test_what_is_no_selection_is_logged_and_ignored(
    raw: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(st, "session_state", {"map": {"select": raw}})
    with caplog.at_level(logging.WARNING):
        assert read_selection("map") is None
    assert "is not a selection" in caplog.text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (["fields:d", "images:6", "values:d:p"], {"fields", "images:6", "values"}),
        (["fields:other", "values:d:other", "images:0"], {"images:0"}),
        (["images:7", "images:x", "fields", ["images:0"], "fields:d"], {"fields"}),
        ("fields:d", set()),
        (None, set()),
    ],
)
def test_wants_are_read(raw: object, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"map": {"wants": raw}})
    assert read_wants("map", decoder_id="d", points_id="p") == expected


def test_only_payloads_are_sent() -> None:
    with pytest.raises(ValueError, match="map payload starts with"):
        send(b"not a payload", key="decoder")


@pytest.mark.parametrize(
    "pixels", [np.zeros(783), np.zeros((27, 28)), np.full(784, np.nan), np.full(784, np.inf)]
)
def test_only_pictures_are_drawn(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="784 finite pixels"):
        digit_strip([DigitImage(pixels, "Bad")], key="strip")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"coords": [1, 2.5], "id": None}, Pick((1.0, 2.5), None)),
        ({"coords": [1.0, 2.0], "id": 60_000}, Pick((1.0, 2.0), 60_000)),
        ({"coords": [1.0, 2.0]}, Pick((1.0, 2.0), None)),
    ],
)
def test_picks_are_read(raw: object, expected: Pick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"map": {"pick": raw}})
    assert read_pick("map") == expected


@pytest.mark.parametrize(
    "raw",
    [
        "pick",
        [1, 2],
        {},
        {"coords": [1]},
        {"coords": [1, 2, 3]},
        {"coords": [1, "2"]},
        {"coords": [1, None]},
        {"coords": [True, 1.0]},
        {"coords": [float("nan"), 1.0]},
        {"coords": [float("inf"), 1.0]},
        {"coords": {"x": 1}},
        {"coords": [1.0, 2.0], "id": -1},
        {"coords": [1.0, 2.0], "id": "7"},
        {"coords": [1.0, 2.0], "id": 7.0},
        {"coords": [1.0, 2.0], "id": True},
    ],
)
def test_what_is_no_pick_is_logged_and_ignored(
    raw: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(st, "session_state", {"map": {"pick": raw}})
    with caplog.at_level(logging.WARNING):
        assert read_pick("map") is None
    assert "is not a pick" in caplog.text


@pytest.mark.parametrize("session", [{}, {"map": None}, {"map": {"pick": None}}, {"map": {}}])
def test_no_pick(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", session)
    assert read_pick("map") is None


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), (0, 0), (-1, None), ("1", None), (None, None), (1.5, None)]
)
def test_choices_are_read(
    value: object, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "session_state", {"strip": {"choose": value}})
    assert read_choice("strip") == expected
    assert read_choice("another") is None
