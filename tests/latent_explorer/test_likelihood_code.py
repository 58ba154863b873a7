"""The code that the Likelihood page shows runs as it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.latent_explorer.conftest import ROOT

SAMPLES = sorted((ROOT / "latent_explorer/pages/likelihood/code").glob("*.py"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_code_runs(path: Path) -> None:
    command = [sys.executable, "-m", f"latent_explorer.pages.likelihood.code.{path.stem}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
