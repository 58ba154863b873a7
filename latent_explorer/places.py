"""Where the app's script, its settings and the shipped checkpoints stand."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
# A wheel puts into the package what stands beside it in a checkout: see pyproject.toml.
_ROOT = _PACKAGE if (_PACKAGE / "weights").is_dir() else _PACKAGE.parent
APP = _ROOT / "app.py"  # Streamlit reads .streamlit/config.toml beside the script that it runs
SHIPPED_WEIGHTS = _ROOT / "weights"
