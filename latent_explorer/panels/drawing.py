"""Draw a digit by hand or upload a picture of one: what it becomes, and where it is encoded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.components.drawing import drawing, read_ink
from latent_explorer.data import encoding
from latent_explorer.escaping import as_text, show_error
from vae_core.checkpoints import CheckpointRef
from vae_core.data.drawn import MAX_BYTES, normalise_drawing, read_picture
from vae_core.errors import DataError

DRAW, UPLOAD = "Draw", "Upload"
ENDINGS = ["png", "jpg", "jpeg"]
_AFTER = "28 × 28, as the model sees it"
_WIDTH = 168  # of the pictures before and after, CSS pixels


class OwnDigit(NamedTuple):
    """A digit that is none of MNIST's: drawn by hand, or on a picture."""

    raw: NDArray[np.float32]  # (H, W), ink from 0 to 1: as drawn, or as read from the picture
    image: NDArray[np.uint8]  # (28, 28), normalised as MNIST's were
    encoded: encoding.Encoded  # q(z|x)


class _Upload(NamedTuple):
    name: str
    data: bytes
    raw: NDArray[np.float32] | None
    problem: str


def drawing_panel(ref: CheckpointRef, key: str) -> OwnDigit | None:
    """Let the user draw or upload a digit, and show what the model gets to see of it.

    None as long as there is nothing; what is drawn lasts as long as the session, under keys that
    start with `key`.
    """
    way = st.segmented_control(
        "Draw or upload",
        [DRAW, UPLOAD],
        key=f"{key}_way",
        default=None if f"{key}_way" in st.session_state else DRAW,
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )
    return _upload(ref, key) if way == UPLOAD else _draw(ref, key)


def _draw(ref: CheckpointRef, key: str) -> OwnDigit | None:
    n, ink = st.session_state.setdefault(f"{key}_ink", (0, None))
    left, right = st.columns([3, 2], gap="small")
    own = None
    with right:  # before the square, which then tells the browser that it may send more
        if ink is None:
            st.caption(
                "One digit, as large as you like. It is fitted into a box of 20 × 20 pixels and "
                "moved so that its centre of mass lies in the middle of 28 × 28, as MNIST's were."
            )
        else:
            own = _own_digit(ref, ink)
            _show_after(own, key)
    with left:
        drawing(key=f"{key}_pad", seen=n, on_ink=lambda: _on_ink(key))
    return own


def _on_ink(key: str) -> None:
    sent = read_ink(f"{key}_pad")
    if sent is not None:
        st.session_state[f"{key}_ink"] = (sent.n, sent.ink)


def _upload(ref: CheckpointRef, key: str) -> OwnDigit | None:
    st.file_uploader(
        "A picture of one digit: PNG or JPEG, dark on light or light on dark",
        type=ENDINGS,
        max_upload_size=MAX_BYTES // 1024**2,
        key=f"{key}_file",
        on_change=_on_file,
        args=(key,),
    )
    upload: _Upload | None = st.session_state.setdefault(f"{key}_upload", None)
    if upload is None:
        return None
    if upload.raw is None:
        show_error(upload.problem)
        return None
    left, right = st.columns([1, 1], gap="small")
    with left:
        st.image(
            upload.data,
            caption=as_text(upload.name),
            width=_WIDTH,
            alt=f"Your picture {upload.name}",
        )
    with right:
        own = _own_digit(ref, upload.raw)
        _show_after(own, key)
    return own


def _on_file(key: str) -> None:
    file = st.session_state[f"{key}_file"]
    if file is None:
        st.session_state[f"{key}_upload"] = None
        return
    data = file.getvalue()
    raw, problem = None, ""
    try:
        raw = read_picture(data)
        normalise_drawing(raw)
    except DataError as err:
        raw, problem = None, str(err)
    st.session_state[f"{key}_upload"] = _Upload(file.name, data, raw, problem)


def _own_digit(ref: CheckpointRef, raw: NDArray[np.float32]) -> OwnDigit:
    image = normalise_drawing(raw)
    return OwnDigit(raw, image, encoding.encode_image(ref, image))


def _show_after(own: OwnDigit, key: str) -> None:
    digit_strip(
        [DigitImage(own.image / 255.0, "Normalised", _AFTER)], key=f"{key}_after", size=_WIDTH
    )
