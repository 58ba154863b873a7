"""The contact sheet refuses what would show pictures under wrong names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latent_explorer.components.contact_sheet import contact_sheet
from latent_explorer.vocabulary import PALETTE


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": [1, 2]},
        {"captions": ["one", "two", "three", "four"]},
        {"images": np.zeros((2, 28, 28), np.uint8)},
        {"images": np.zeros((3, 28, 28), np.float32)},
    ],
)
def test_as_many_of_each(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "ids": [1, 2, 3],
        "images": np.zeros((3, 28, 28), np.uint8),
        "captions": ["one", "two", "three"],
    }
    with pytest.raises(ValueError, match="as many of each are needed"):
        contact_sheet(
            key="sheet",
            page=0,
            total=3,
            counts=[0] * 10,
            palette=PALETTE,
            on_choose=lambda: None,
            on_turn=lambda: None,
            **(right | wrong),
        )
