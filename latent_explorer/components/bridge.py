"""The way from Python to a component's module in the browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

_PROJECT = "latent-explorer"  # as the package's pyproject.toml calls it
_ASSETS = Path(__file__).parent / "assets"


def declare(name: str) -> Callable[..., Any]:
    """Declare a component by the files assets/NAME/NAME.js, .html and, where there is one, .css.

    The server hands its modules to the browser one by one, and once. Streamlit finds them by the
    table in the package's own pyproject.toml, which it reads when its runtime starts: so the
    component is registered when it is first mounted, not when it is imported.

    Parameters
    ----------
    name : str
        Of the component, in that table.

    Returns
    -------
    callable
        Mounts the component; takes the arguments of Streamlit's own mount command.
    """
    stem = _ASSETS / name / name

    @cache
    def registered() -> Callable[..., Any]:
        css = stem.with_suffix(".css")
        return component(
            f"{_PROJECT}.{name}",
            html=stem.with_suffix(".html").read_text(encoding="utf-8"),
            css=css.read_text(encoding="utf-8") if css.exists() else None,
            js=f"{name}/{name}.js",
        )

    def mount(**arguments: Any) -> Any:
        return registered()(**arguments)

    return mount
