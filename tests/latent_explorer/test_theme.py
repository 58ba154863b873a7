"""Colours that can be told apart, numbers with a true minus."""

from __future__ import annotations

import itertools
import re

import pytest

from latent_explorer.theme import number, point
from latent_explorer.vocabulary import PALETTE


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ten_different_colours(theme: str) -> None:
    colours = PALETTE[theme]
    assert len(set(colours)) == 10
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    channels = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    for one, other in itertools.combinations(channels, 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 60


def test_numbers() -> None:
    assert number(-1.25, 2) == "−1.25"
    assert number(0.5) == "0.500"
    assert point((0.1, -1.25)) == "(0.100, −1.250)"
    assert point((0.1,), 1) == "(0.1)"
