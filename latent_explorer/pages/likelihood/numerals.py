"""Numbers too large, too small or too rough to be written out."""

from __future__ import annotations

import math

from latent_explorer import theme


def power_of_ten(nats: float) -> str:
    """Write e^nats as a power of ten: 10^(−1,234,567), rounded to whole exponents."""
    exponent = round(nats / math.log(10))
    return f"10^({exponent:,})".replace("-", "−")


def next_power_of_ten(value: float) -> str:
    """Round up to a power of ten, 10⁻¹⁶ at the least: 10⁻¹⁴."""
    return theme.power_of_ten(math.ceil(math.log10(max(value, 1e-16))))


def one_in(share: float) -> str:
    """Write a small share in plain words: 1 in 1,234; three figures at most."""
    n = 1.0 / share
    digits = max(0, len(str(int(n))) - 3)
    return f"1 in {round(n / 10**digits) * 10**digits:,}"


def two_digits(value: float) -> str:
    """Round to two digits, since the last ones of a rule of thumb mean nothing: 160,000."""
    step = 10 ** max(0, math.floor(math.log10(max(value, 1.0))) - 1)
    return f"{round(value / step) * step:,}"
