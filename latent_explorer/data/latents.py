"""Latents as people write them: typed, or pasted from Python, and how an example is written."""

from __future__ import annotations

import math
import re

_MOST = 1e6  # either side of 0 that is allowed: a float32 decoder says nothing beyond
_MOST_ECHOED = 60  # letters of what was typed that a refusal repeats

# A paste from Python: the call round the numbers, and what it says besides them.
_CALL = re.compile(r"^(?:\w+\.)*(?:array|asarray|tensor|as_tensor)\s*\(", re.ASCII)
_ARGUMENT = re.compile(r",\s*(?:dtype|device|requires_grad|grad_fn)\s*=\s*(?:<[^>]*>|[^,()]+)")
_NAME = re.compile(r"^z\s*[=:]\s*", re.IGNORECASE)
_MINUS_SIGNS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012–\u2212\ufe63\uff0d", "-"))
_SPACES = re.compile(r"[\s\u00a0\u2007\u202f]+")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_REST = re.compile(r"[\s,;]*(?:…|\.\.\.)$")  # at the end: and 0 from here on


class BadLatentError(ValueError):
    """What a user typed is no latent; the message says why, in one sentence."""


def parse_latent(text: str, latent_dim: int) -> tuple[float, ...]:
    """Read D numbers, however they were written; `BadLatentError` if they are not that.

    Brackets, `z =`, and numpy's or torch's `array(…, dtype=…)` round the numbers are passed over;
    a minus may be any dash. Numbers are separated by commas, semicolons or spaces. What a comma is
    follows from the rest, in this order:

    1. with a point or an ellipsis anywhere, commas separate: ``0.1,0.5``;
    2. else commas separate if that gives D numbers: ``0,1`` is (0, 1) where z has two;
    3. else a comma within a number is its decimal point, if spaces or semicolons separate the
       numbers and that gives D of them: ``0,1 0,5`` and ``0,1; 0,5`` are (0.1, 0.5).

    So ``0,1,0,5`` is four numbers, never two: nothing tells its commas apart. An ellipsis at the
    end stands for zeros: ``0.1, 0.5, …``.
    """
    plain = _plain(text)
    rest = _REST.search(plain)
    given = plain[: rest.start()] if rest else plain
    parts = _split(given)
    if "." not in given and rest is None and len(parts) != latent_dim:
        parts = _with_decimal_commas(given, latent_dim) or parts
    try:
        values = [float(part) for part in parts]
    except ValueError as err:
        raise _bad(text, "is not a latent", latent_dim) from err
    if rest is not None and 0 < len(values) < latent_dim:
        values += [0.0] * (latent_dim - len(values))
    if len(values) != latent_dim:
        numbers = f"{len(values)} number{'' if len(values) == 1 else 's'}"
        raise _bad(text, f"has {numbers}, z has {latent_dim}", latent_dim)
    if any(math.isnan(value) for value in values):
        raise BadLatentError(f"“{_short(text)}” is not a latent: NaN is no number.")
    if not all(abs(value) < _MOST for value in values):
        raise BadLatentError(
            f"“{_short(text)}” is too far out: each number must lie between −1,000,000 and "
            "1,000,000."
        )
    return tuple(values)


def latent_example(latent_dim: int) -> str:
    """Write a latent as an example for a field: one of the same dimensions, which parses."""
    first = ["0.1", "0.5", "0"][:latent_dim]
    return ", ".join(first if latent_dim <= 3 else [*first[:2], "…"])


def latent_help(latent_dim: int) -> str:
    """Say in two sentences what a field for a latent takes."""
    numbers = "1 number" if latent_dim == 1 else f"{latent_dim} numbers"
    rest = " … at the end stands for zeros." if latent_dim > 3 else ""
    return (
        f"{numbers}, separated by commas or spaces, such as {latent_example(latent_dim)}.{rest} "
        "What NumPy or PyTorch prints can be pasted as it is; with decimal commas put a space or "
        "a semicolon between the numbers."
    )


def _plain(text: str) -> str:
    """Strip what stands round the numbers."""
    plain = _SPACES.sub(" ", text.translate(_MINUS_SIGNS)).strip()
    plain = _NAME.sub("", plain)
    called = _CALL.match(plain)
    if called:
        plain = _ARGUMENT.sub("", plain[called.end() :])
    return re.sub(r"[\[\](){}]", " ", plain).strip()


def _split(plain: str) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", plain) if part]


def _with_decimal_commas(plain: str, latent_dim: int) -> list[str] | None:
    """Read commas within numbers as decimal points; None unless that gives D numbers."""
    parts = [part for part in re.split(r"[\s;]+|,(?=\s)", plain) if part]
    parts = [part.removesuffix(",") for part in parts]
    is_read = [bool(_DECIMAL_COMMA.fullmatch(part)) or "," not in part for part in parts]
    if len(parts) != latent_dim or not all(is_read):
        return None
    return [part.replace(",", ".") for part in parts]


def _bad(text: str, why: str, latent_dim: int) -> BadLatentError:
    example = latent_example(latent_dim)
    return BadLatentError(f"“{_short(text)}” {why}: write {example}, for example.")


def _short(text: str) -> str:
    return text if len(text) <= _MOST_ECHOED else f"{text[:_MOST_ECHOED]}…"
