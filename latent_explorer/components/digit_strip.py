"""A row of digit images with captions, drawn crisply and in the theme's own ink and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, read_number, to_base64

_strip = declare("digit_strip")


@dataclass(frozen=True, slots=True)
class DigitImage:
    """One image of a strip."""

    pixels: NDArray[np.floating[Any]]  # (784,) or (28, 28): ink from 0 to 1, or −1 to 1 if signed
    title: str
    caption: str = ""
    is_signed: bool = False  # a difference: two colours about the paper


def digit_strip(
    images: Sequence[DigitImage],
    *,
    key: str,
    size: int = 112,
    per_row: int | None = None,
    on_choose: Callable[[], None] | None = None,
) -> None:
    """Draw images in a row that wraps.

    Parameters
    ----------
    images : sequence of DigitImage
    key : str
    size : int
        Width of an image on screen, CSS pixels.
    per_row : int, optional
        Keep this many in a row, smaller if there is no room; by default rows wrap.
    on_choose : callable, optional
        Makes the images buttons; called without arguments after a click, see `read_choice`.
    """
    data = {
        "size": size,
        "perRow": per_row,
        "choosable": on_choose is not None,
        "images": [
            {
                "pixels": to_base64(_levels(image)),
                "title": image.title,
                "caption": image.caption,
                "signed": image.is_signed,
            }
            for image in images
        ],
    }
    _strip(key=key, data=data, on_choose_change=on_choose or (lambda: None))


def read_choice(key: str) -> int | None:
    """Position of the image just chosen, inside an `on_choose` callback."""
    return read_number(key, "choose")


def _levels(image: DigitImage) -> NDArray[np.uint8]:
    """Bytes 0…255 for ink; for a difference 0…254 with 127 as none."""
    pixels = np.asarray(image.pixels, np.float64).reshape(-1)
    if pixels.shape != (784,) or not np.isfinite(pixels).all():
        raise ValueError(f"an image needs 784 finite pixels, got shape {pixels.shape}")
    scaled = pixels * 127.0 + 127.0 if image.is_signed else pixels * 255.0
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)
