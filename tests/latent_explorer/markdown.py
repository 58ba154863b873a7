"""Markdown as a reader sees it."""

from __future__ import annotations

import re
from typing import Any


def as_read(box: Any) -> str:
    """Text of a box that shows text from elsewhere, without the escapes."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", box.value).replace("\u2060", "")
