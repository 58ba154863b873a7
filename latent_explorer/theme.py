"""How numbers are written: one way in Python; `shared/numbers.js` writes them alike in the browser.

- As many decimals as the quantity is worth, the same for all values of a kind: 7.55 nats, 0.944.
- Coordinates keep their decimals, whatever they are: (0.100, −0.000) is (0.100, 0.000).
- A true minus, as long as a plus: −127.52. Nothing but a field's own text has a hyphen for it,
  so that it can be pasted into a program.
- Zero has no sign.
- A number too small for its decimals is not written as 0 but with two significant figures: 0.0004
  where others have three decimals; below 0.0001 with a power of ten: 4.2 × 10⁻⁵, never 4.2e-05.
- What is nearer to 0 than 10⁻⁹ is 0: it is rounding.
- A share of a whole is in percent, with a space: 48 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

_ROUNDING = 1e-9  # what float32 and sums of float64 leave where there is nothing
_FIGURES = 2  # significant ones of a number that spans orders of magnitude
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many decimals, as this module says; thousands are not grouped."""
    is_lost = abs(value) >= _ROUNDING and not float(f"{value:.{digits}f}")
    return significant(value) if is_lost else _fixed(value, digits)


def significant(value: float) -> str:
    """Write a number that may be of any size with two significant figures: 0.042, 4.2 × 10⁻⁵."""
    if not value or not math.isfinite(value):
        return f"{value:.0f}".replace("-", "−")
    mantissa, _, exponent = f"{value:.{_FIGURES - 1}e}".partition("e")
    power = int(exponent)
    if -4 <= power < 6:
        decimals = max(0, _FIGURES - 1 - power)
        text = f"{float(f'{mantissa}e{power}'):,.{decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    else:
        text = f"{mantissa.removesuffix('.0')} × {power_of_ten(power)}"
    return text.replace("-", "−")


def power_of_ten(exponent: int) -> str:
    """Write a power of ten: 10⁻⁵."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def percent(share: float, digits: int = 0) -> str:
    """Write a share in percent: 48 %."""
    return f"{number(100 * share, digits)} %"


def point(values: Iterable[float], digits: int = 3) -> str:
    """Write a latent: (0.100, −1.250)."""
    return f"({', '.join(_fixed(value, digits) for value in values)})"


def _fixed(value: float, digits: int) -> str:
    """Write exactly so many decimals: of places, which stand beside one another."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−" if float(text) else "")
