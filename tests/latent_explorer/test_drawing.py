"""The square to draw on and its panel, without a browser."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from latent_explorer.components.drawing import SIDE, read_ink
from latent_explorer.data import digits, encoding
from latent_explorer.panels import drawing as panel
from tests.latent_explorer.markdown import as_read
from vae_core.checkpoints import CheckpointRef, checkpoint_ref
from vae_core.data.drawn import normalise_drawing


@pytest.fixture
def ref(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> CheckpointRef:
    write_checkpoint(tmp_path / "one.safetensors")
    return checkpoint_ref(tmp_path / "one.safetensors")


def sent(levels: np.ndarray) -> str:
    return base64.b64encode(levels.astype(np.uint8).tobytes()).decode()


def strokes() -> np.ndarray:
    """A seven, by levels."""
    levels = np.zeros((SIDE, SIDE))
    levels[20:32, 30:80] = 255
    levels[20:95, 68:80] = 128
    return levels


def test_ink_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {"n": 3, "levels": sent(strokes())}
    monkeypatch.setattr(st, "session_state", {"pad": {"ink": raw}})
    got = read_ink("pad")
    assert got is not None
    assert got.n == 3
    assert got.ink is not None
    assert got.ink.dtype == np.float32
    assert np.allclose(got.ink * 255, strokes())
    assert read_ink("another") is None


@pytest.mark.parametrize("levels", [None, sent(np.zeros((SIDE, SIDE)))])
def test_cleared(levels: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"pad": {"ink": {"n": 1, "levels": levels}}})
    got = read_ink("pad")
    assert got is not None
    assert got.ink is None


@pytest.mark.parametrize(
    "raw",
    [
        "ink",
        7,
        {},
        {"n": 1},
        {"n": 0, "levels": None},
        {"n": True, "levels": None},
        {"n": "1", "levels": None},
        {"n": 1, "levels": 5},
        {"n": 1, "levels": "not base64!"},
        {"n": 1, "levels": sent(np.zeros(100))},
    ],
)
def test_what_is_no_ink_is_logged_and_ignored(
    raw: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(st, "session_state", {"pad": {"ink": raw}})
    with caplog.at_level(logging.WARNING):
        assert read_ink("pad") is None
    assert "is not a drawing" in caplog.text


def page(path: str) -> None:
    from pathlib import Path

    import streamlit as st

    from latent_explorer.panels.drawing import drawing_panel
    from vae_core.checkpoints import checkpoint_ref

    st.session_state["drawn"] = drawing_panel(checkpoint_ref(Path(path)), "try")


def run(ref: CheckpointRef) -> AppTest:
    return AppTest.from_function(page, args=(str(ref.path),), default_timeout=60)


def components(at: AppTest) -> list[dict[str, Any]]:
    assert not at.exception
    return [json.loads(one.proto.json) for one in at.get("bidi_component")]


def test_before_anything_is_drawn(ref: CheckpointRef) -> None:
    at = run(ref).run()
    (pad,) = components(at)
    assert pad == {"key": "try_pad", "seen": 0, "side": SIDE}
    assert at.session_state["drawn"] is None
    assert "centre of mass" in at.caption[0].value


def test_what_is_drawn_is_normalised_encoded_and_answered(ref: CheckpointRef) -> None:
    at = run(ref)
    ink = (strokes() / 255).astype(np.float32)
    at.session_state["try_ink"] = (4, ink)
    at.run()
    after, pad = sorted(components(at), key=lambda data: "seen" in data)
    assert pad["seen"] == 4
    drawn = at.session_state["drawn"]
    assert (drawn.raw == ink).all()
    assert (drawn.image == normalise_drawing(ink)).all()
    shown = np.frombuffer(base64.b64decode(after["images"][0]["pixels"]), np.uint8)
    assert (shown == drawn.image.ravel()).all()
    expected = encoding.encode_image(ref, drawn.image)
    assert (drawn.encoded.mu == expected.mu).all()
    assert (drawn.encoded.std == expected.std).all()


class _File:
    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data

    def getvalue(self) -> bytes:
        return self.data


def uploaded(name: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    session: dict[str, Any] = {"try_file": _File(name, data)}
    monkeypatch.setattr(st, "session_state", session)
    panel._on_file("try")
    return session["try_upload"]


def test_an_upload_is_read_and_shown(ref: CheckpointRef, monkeypatch: pytest.MonkeyPatch) -> None:
    image = digits.data_set().images[60_000]
    out = io.BytesIO()
    Image.fromarray(255 - np.kron(image, np.ones((8, 8), np.uint8))).save(out, "PNG")
    with monkeypatch.context() as patch:
        upload = uploaded("seven.png", out.getvalue(), patch)
    assert upload.problem == ""
    at = run(ref)
    at.session_state["try_way"] = panel.UPLOAD
    at.session_state["try_upload"] = upload
    at.run()
    assert not at.exception
    drawn = at.session_state["drawn"]
    assert np.abs(drawn.image.astype(int) - image).max() < 20
    assert drawn.raw is not None
    assert not at.error


def test_a_bad_upload_gets_one_sentence(
    ref: CheckpointRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        upload = uploaded("seven.png", b"GIF89a" + bytes(50), patch)
    assert upload.raw is None
    at = run(ref)
    at.session_state["try_way"] = panel.UPLOAD
    at.session_state["try_upload"] = upload
    at.run()
    assert not at.exception
    assert [as_read(one) for one in at.error] == [
        "The file is a GIF; allowed are PNG and JPEG pictures up to 5 MB and 4,096 pixels a side."
    ]
    assert at.session_state["drawn"] is None


def test_a_file_taken_away_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, Any] = {"try_file": None, "try_upload": "something"}
    monkeypatch.setattr(st, "session_state", session)
    panel._on_file("try")
    assert session["try_upload"] is None
