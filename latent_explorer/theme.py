"""How numbers are written."""

from __future__ import annotations

from collections.abc import Iterable


def point(values: Iterable[float], digits: int = 3) -> str:
    """Write a latent: (0.100, −1.250)."""
    return f"({', '.join(number(value, digits) for value in values)})"


def number(value: float, digits: int = 3) -> str:
    """Write a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")
