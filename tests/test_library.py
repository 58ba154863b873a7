"""The core as a library: what is found, what the README promises, and the page of its API."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import vae_core
from vae_core.cli import main

ROOT = Path(__file__).parents[1]


def in_fresh_process(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_completion_shows_the_public_names_and_the_version_is_one() -> None:
    code = "import sys, vae_core; print(dir(vae_core)); print('torch' in sys.modules)"
    names, has_torch = in_fresh_process(code).splitlines()
    assert {*vae_core.__all__, "__version__"} <= set(ast.literal_eval(names))
    assert has_torch == "False"  # looking is free


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", vae_core.__version__)
    with pytest.raises(SystemExit) as got:
        main(["--version"])
    assert got.value.code == 0
    assert capsys.readouterr().out == f"vae_core {vae_core.__version__}\n"


def test_the_readme_s_example_runs_and_prints_a_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    exec(code, {})
    said = capsys.readouterr().out
    (number,) = re.findall(r"log p\(x\) = (-\d+\.\d\d) nats", said)
    assert -150 < float(number) < -100


def test_the_readme_names_the_page_s_one_command_and_its_pin() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    manifest = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (pin,) = re.findall(r'docs = \["(pdoc==[\d.]+)"\]', manifest)
    assert f"pip install {pin} && .venv/bin/python docs/api.py" in readme
    assert pin in (ROOT / "docs" / "api.py").read_text(encoding="utf-8")


def test_every_public_name_has_a_docstring_for_the_page() -> None:
    for name in vae_core.__all__:
        assert getattr(vae_core, name).__doc__, name
