"""Colours that can be told apart, numbers with a true minus."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latent_explorer.theme import number, percent, point, significant
from latent_explorer.vocabulary import PALETTE

ROOT = Path(__file__).parents[2] / "latent_explorer"
NOT_READ = ("files.py", "link.py")  # programs read what these write


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ten_different_colours(theme: str) -> None:
    colours = PALETTE[theme]
    assert len(set(colours)) == 10
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    channels = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    for one, other in itertools.combinations(channels, 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 60


# Colours in linear RGB as they are seen with normal vision and with simulated protanopia,
# deuteranopia and tritanopia (Machado et al. 2009, severity 1).
VISIONS = np.array(
    [
        np.eye(3),
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]],
    ]
)  # fmt: skip


def linear(colours: Iterable[str]) -> NDArray[np.float64]:
    """Linear RGB, shape (n, 3)."""
    levels = [[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours]
    srgb = np.array(levels)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear RGB to Oklab (Ottosson 2020)."""
    to_lms = [[0.4122214708, 0.5363325363, 0.0514459929],
              [0.2119034982, 0.6806995451, 0.1073969566],
              [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468],
              [1.9779984951, -2.4285922050, 0.4505937099],
              [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip
    return np.cbrt(rgb @ np.transpose(to_lms)) @ np.transpose(to_lab)


@pytest.mark.parametrize(
    ("theme", "paper", "distance", "contrast"),
    [("light", "#ffffff", 0.096, 2.6), ("dark", "#0e1117", 0.096, 3.6)],
)
def test_the_colours_are_as_far_apart_as_they_were_chosen(
    theme: str, paper: str, distance: float, contrast: float
) -> None:
    """For every vision; a palette with a nearer pair is another choice."""
    colours = linear(PALETTE[theme])
    for seen in (colours @ vision.T for vision in VISIONS):
        lab = oklab(seen.clip(0, 1))
        pairs = itertools.combinations(lab, 2)
        assert min(np.linalg.norm(a - b) for a, b in pairs) > distance
    luminance = np.array([0.2126, 0.7152, 0.0722])
    ink, ground = colours @ luminance + 0.05, linear([paper])[0] @ luminance + 0.05
    assert (np.maximum(ink, ground) / np.minimum(ink, ground)).min() > contrast


def test_a_class_has_one_hue_in_both_themes() -> None:
    """In OKLCH; a hue is only one where there is chroma."""
    lab = np.array([oklab(linear(PALETTE[theme])) for theme in ("light", "dark")])
    a, b = lab[..., 1], lab[..., 2]
    assert np.hypot(a, b).min() > 0.1
    hues = np.degrees(np.arctan2(b, a))
    apart = (hues[0] - hues[1] + 180) % 360 - 180
    assert np.abs(apart).max() < 7


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("alike", ["479", "358"])
def test_digits_that_look_alike_do_not_in_colour(theme: str, alike: str) -> None:
    colours = linear(PALETTE[theme])[[int(digit) for digit in alike]]
    for vision in VISIONS:
        lab = oklab((colours @ vision.T).clip(0, 1))
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2)) > 0.15


# The browser is held to the same table, by tests/js/numbers.test.js.
TABLE = json.loads((Path(__file__).parents[1] / "numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("value", "digits", "written"), TABLE["number"])
def test_numbers_are_written_one_way(value: float, digits: int, written: str) -> None:
    assert number(value, digits) == written


@pytest.mark.parametrize(("value", "written"), TABLE["significant"])
def test_numbers_of_any_size(value: float, written: str) -> None:
    assert significant(value) == written


def test_latents_and_shares() -> None:
    assert number(0.5) == "0.500"
    assert point((0.1, -1.25)) == "(0.100, −1.250)"
    assert point((0.1,), 1) == "(0.1)"
    assert point((-0.0001, 0.00004)) == "(0.000, 0.000)"
    assert percent(0.48) == "48 %"
    assert percent(0.004) == "0.4 %"
    assert number(float("nan")) == "nan"


def test_no_page_writes_numbers_of_its_own() -> None:
    """Neither powers of ten as programs write them, nor a hyphen for a minus, nor 48%."""
    shown = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "panels").rglob("*.py")]
    shown += (ROOT / "plots").rglob("*.py")
    own = re.compile(r":[+,]?\.\d+[ge%]\}|%\{[xyz]:[^},]*[fge%]\}|:\.[1-9]f\}")
    found = [
        f"{path.name}: {line.strip()}"
        for path in shown
        if path.parent.name != "code" and path.name not in NOT_READ
        for line in path.read_text(encoding="utf-8").splitlines()
        if own.search(line) and "rgba(" not in line
    ]
    assert found == []
