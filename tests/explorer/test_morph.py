"""What the morph component sends to the browser."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer.morph import Curve, Line, morph, pack_mosaic
from explorer.theme import PALETTE


def page() -> None:
    import numpy as np

    from explorer.morph import Line, Picture, morph
    from explorer.theme import PALETTE

    start = np.array([[0.1, 1.0], [2.0, 3.0]])
    morph(
        key="morph",
        frames=(start, -start),
        stops=("here", "there"),
        labels=np.array([3, 7], np.uint8),
        splits=[("test", 0)],
        half=4.0,
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
    start, end = map(floats, data["frames"])
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
        ({"frames": [np.zeros((3, 2)), np.zeros((2, 2))]}, "frame 0 needs"),
        ({"frames": [np.zeros((2, 2)), np.full((2, 2), np.nan)]}, "frame 1 needs"),
        ({"frames": [np.zeros((2, 2))]}, "two or more, got 1 and 2"),
        ({"mosaics": [b""]}, "mosaics must have one for each stop, got 1"),
        ({"curves": [Curve("ELBO", "nats", [1.0])]}, "ELBO must have one for each stop"),
        ({"labels": np.array([1, 10], np.uint8)}, "labels must"),
        ({"labels": np.array([1, 2])}, "labels must"),
        ({"lines": [Line(np.zeros((4, 2)), np.zeros((3, 2)), "end")]}, "a line's end needs"),
    ],
)
def test_bad_shapes_are_refused(changes: dict[str, Any], said: str) -> None:
    settings: dict[str, Any] = {
        "key": "morph",
        "frames": [np.zeros((2, 2))] * 2,
        "stops": ("a", "b"),
        "labels": np.zeros(2, np.uint8),
        "splits": [("test", 0)],
        "half": 1.0,
        "label": "Points",
        "palette": PALETTE,
    }
    with pytest.raises(ValueError, match=said):
        morph(**settings | changes)


def test_a_mosaic_is_laid_out_row_by_row() -> None:
    images = np.zeros((2, 3, 784))
    images[1, 2, 0] = 1.0
    with Image.open(io.BytesIO(pack_mosaic(images))) as picture:
        alpha = np.asarray(picture)[..., 1]
    assert alpha.shape == (56, 84)
    assert np.argwhere(alpha).tolist() == [[28, 56]]
