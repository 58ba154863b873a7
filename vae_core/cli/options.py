"""What options of several commands have in common: paths, and whole numbers with bounds."""

from __future__ import annotations

from pathlib import Path

from vae_core.errors import VaeCoreError


def path(text: str) -> Path:
    """Read a path; `~` is the home folder, also where no shell has seen to it."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such user, so the name is meant as it is
        return Path(text)


def require_count(name: str, got: int, *, least: int, most: int) -> None:
    """Refuse a number out of range, but for 0, which leaves the thing out.

    Raises
    ------
    VaeCoreError
    """
    if got != 0 and not least <= got <= most:
        first = "0" if least <= 1 else f"0, or from {least}"
        raise VaeCoreError(f"--{name} must be a whole number from {first} to {most:,}, got {got}")
