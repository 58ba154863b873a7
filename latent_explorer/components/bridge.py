"""The way from Python to a component's module in the browser, and back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.components.v2 import component

_PROJECT = "latent-explorer"  # as the package's pyproject.toml calls it
_ASSETS = Path(__file__).parent / "assets"


def declare(name: str, *sheets: str) -> Callable[..., Any]:
    """Declare a component by the files assets/NAME/NAME.js, .html and, where there is one, .css.

    The server hands its modules to the browser one by one, and once. Streamlit finds them by the
    table in the package's own pyproject.toml, which it reads when its runtime starts: so the
    component is registered when it is first mounted, not when it is imported. What comes back
    mounts it, with the arguments of Streamlit's own mount command. `sheets` names style sheets in
    assets/shared, which come before its own.
    """
    stem = _ASSETS / name / name

    @cache
    def registered() -> Callable[..., Any]:
        own = stem.with_suffix(".css")
        paths = [
            *(_ASSETS / "shared" / sheet for sheet in sheets),
            *([own] if own.exists() else []),
        ]
        css = "".join(path.read_text(encoding="utf-8") for path in paths)
        return component(
            f"{_PROJECT}.{name}",
            html=stem.with_suffix(".html").read_text(encoding="utf-8"),
            css=css or None,
            js=f"{name}/{name}.js",
        )

    def mount(**arguments: Any) -> Any:
        return registered()(**arguments)

    return mount


def said(key: str, event: str) -> Any:
    """Get what the browser last said under the name of an event, None if it said nothing."""
    state = st.session_state.get(key)
    return state.get(event) if isinstance(state, Mapping) else None


def read_number(key: str, event: str) -> int | None:
    """Read a whole number from 0 on, inside the event's callback; None for anything else."""
    value = said(key, event)
    return value if type(value) is int and value >= 0 else None


def ink_bytes(ink: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Round ink from 0 to 1 to bytes, 255 for full."""
    return np.rint(255 * ink.clip(0, 1)).astype(np.uint8)


def to_base64(values: NDArray[Any]) -> str:
    """Write numbers as they lie in memory, in base64: the form in which they travel in JSON."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
