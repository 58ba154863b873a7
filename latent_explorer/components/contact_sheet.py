"""A page of a selection's digits, small and many, with the selection's composition by class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.components.bridge import declare, read_number, to_base64

PAGE_SIZE = 48

_sheet = declare("contact_sheet")


def contact_sheet(
    *,
    key: str,
    ids: Sequence[int],
    images: NDArray[np.uint8],
    captions: Sequence[str],
    page: int,
    total: int,
    counts: Sequence[int],
    palette: Mapping[str, Sequence[str]],
    chosen: int | None = None,
    on_choose: Callable[[], None],
    on_turn: Callable[[], None],
) -> None:
    """Draw one page of a contact sheet; only its pictures are sent.

    Parameters
    ----------
    key : str
    ids : sequence of int
        The page's digits, at most `PAGE_SIZE`, in the order to show.
    images : array, shape (n, 28, 28)
        uint8, their pixels.
    captions : sequence of str
        A line about each, shown when it is pointed at.
    page, total : int
        Number of the page, from 0, and how many digits the whole selection has.
    counts : sequence of 10 int
        How many digits of each class the whole selection has.
    palette : mapping
        ``"light"`` and ``"dark"``: ten CSS colours each, one per class.
    chosen : int, optional
        Digit to frame.
    on_choose, on_turn : callable
        Called without arguments after a digit was clicked, or a page turned; see `read_digit`
        and `read_page`.
    """
    if not len(ids) == len(images) == len(captions) or images.dtype != np.uint8:
        raise ValueError(
            f"{len(ids)} ids, {len(images)} images of {images.dtype}, {len(captions)} captions: "
            "as many of each are needed, and images of uint8."
        )
    data: dict[str, Any] = {
        "ids": [int(digit) for digit in ids],
        "pixels": to_base64(images),
        "captions": list(captions),
        "page": page,
        "pageSize": PAGE_SIZE,
        "total": total,
        "counts": [int(count) for count in counts],
        "palette": {theme: list(palette[theme]) for theme in ("light", "dark")},
        "chosen": chosen,
    }
    _sheet(key=key, data=data, on_choose_change=on_choose, on_turn_change=on_turn)


def read_digit(key: str) -> int | None:
    """Read the id of the digit just clicked, inside an `on_choose` callback."""
    return read_number(key, "choose")


def read_page(key: str) -> int | None:
    """Read the number of the page just asked for, inside an `on_turn` callback."""
    return read_number(key, "turn")
