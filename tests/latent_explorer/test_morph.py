"""What the morph component sends to the browser."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.components.morph import Line, morph
from latent_explorer.vocabulary import PALETTE


def page() -> None:
    import numpy as np

    from latent_explorer.components.morph import Line, Picture, morph
    from latent_explorer.vocabulary import PALETTE

    start = np.array([[0.1, 1.0], [2.0, 3.0]])
    morph(
        key="morph",
        start=start,
        end=-start,
        ends=("here", "there"),
        labels=np.array([3, 7], np.uint8),
        splits=[("test", 0)],
        halves=(4.0, 4.0),
        label="Two points",
        palette=PALETTE,
        lines=[Line(start, start + 1, "end")],
        pictures=[Picture(np.linspace(0, 1, 784), (0.0, 1.0), start[1])],
    )


def floats(text: str) -> list[list[float]]:
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(-1, 2).tolist()


def test_what_the_browser_gets() -> None:
    at = AppTest.from_function(page).run()
    assert not at.exception
    [data] = (json.loads(one.proto.json) for one in at.get("bidi_component"))
    start, end = floats(data["start"]), floats(data["end"])
    assert start == np.array([[0.1, 1], [2, 3]], np.float32).tolist()
    assert end == np.array([[-0.1, -1], [-2, -3]], np.float32).tolist()
    assert base64.b64decode(data["labels"]) == bytes([3, 7])
    [line], [picture] = data["lines"], data["pictures"]
    assert (line["seen"], floats(line["end"])[1]) == ("end", [3.0, 4.0])
    assert (picture["start"], picture["end"]) == ([0.0, 1.0], [2.0, 3.0])
    assert base64.b64decode(picture["pixels"])[-1] == 255
    assert data["palette"] == {theme: list(colours) for theme, colours in PALETTE.items()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": np.zeros((3, 2))}, "start needs"),
        ({"end": np.full((2, 2), np.nan)}, "end needs"),
        ({"trails": np.array([0, 2])}, "trails must name rows from 0 to 1"),
        ({"labels": np.array([1, 10], np.uint8)}, "labels must"),
        ({"labels": np.array([1, 2])}, "labels must"),
        ({"lines": [Line(np.zeros((4, 2)), np.zeros((3, 2)), "end")]}, "a line's end needs"),
    ],
)
def test_bad_shapes_are_refused(changes: dict[str, Any], said: str) -> None:
    settings: dict[str, Any] = {
        "key": "morph",
        "start": np.zeros((2, 2)),
        "end": np.zeros((2, 2)),
        "ends": ("a", "b"),
        "labels": np.zeros(2, np.uint8),
        "splits": [("test", 0)],
        "halves": (1.0, 1.0),
        "label": "Points",
        "palette": PALETTE,
    }
    with pytest.raises(ValueError, match=said):
        morph(**settings | changes)
