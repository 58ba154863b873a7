"""Colours of the ten digits, and how numbers are written."""

from __future__ import annotations

from collections.abc import Iterable

# Chosen by maximising the least distance in Oklab between any two, seen with normal vision and
# with simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009), at a contrast to
# the background of at least 2.6 (light) and 3.6 (dark). Look-alike digits (4 7 9, 3 5 8) got
# colours far apart. The digit itself is drawn on its cluster too: colour never stands alone.
PALETTE: dict[str, tuple[str, ...]] = {
    "light": (
        "#006289",
        "#ff6200",
        "#763bd8",
        "#9d4e3b",
        "#279dff",
        "#899d76",
        "#0000b1",
        "#620062",
        "#d862c4",
        "#3b3b00",
    ),
    "dark": (
        "#3b7676",
        "#c48900",
        "#9d3bd8",
        "#d8143b",
        "#3b9dff",
        "#4ed862",
        "#89ffeb",
        "#ffeb27",
        "#ff4ec4",
        "#ebb1ff",
    ),
}

# Of the terms of p(x) = ∫ p(x|z) p(z) dz, in formulas and in the charts beside them; all have a
# contrast to the background of at least 4.5.
TERMS: dict[str, dict[str, str]] = {
    "light": {
        "likelihood": "#0b5fc0",  # p(x|z)
        "prior": "#7a5200",  # p(z)
        "posterior": "#b3261e",  # p(z|x)
        "encoder": "#1b7a3d",  # q(z|x)
        "evidence": "#6f2dbd",  # p(x)
        "ink": "#1b1f27",  # of what is no term: a guide line
    },
    "dark": {
        "likelihood": "#6fb0ff",
        "prior": "#e8b64a",
        "posterior": "#ff8f86",
        "encoder": "#5fd38a",
        "evidence": "#c79bff",
        "ink": "#e8eaf0",
    },
}


def point(values: Iterable[float], digits: int = 3) -> str:
    """Write a latent: (0.100, −1.250)."""
    return f"({', '.join(number(value, digits) for value in values)})"


def number(value: float, digits: int = 3) -> str:
    """Write a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")
