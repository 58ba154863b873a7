"""What the pages for people name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("app.py", "latent_explorer", "vae_core", "tests", "weights", "typings", ".streamlit")
NAMED = re.compile(r"(?<![\w/.-])(?:\./)?([\w.-]+(?:/[\w.*-]*)*)")
WRITTEN_LATER = {"weights/quick.safetensors", "weights/mine.safetensors"}


def paths(text: str) -> set[str]:
    """Paths below one of the checkout's own folders, and modules that are run by name."""
    found = {name.rstrip(".") for name in NAMED.findall(text)}
    named = {name for name in found if name.split("/")[0] in TOP}
    modules = re.findall(r"python -m ((?:latent_explorer|vae_core)[\w.]*)", text)
    return named | {name.replace(".", "/") for name in modules}


def is_there(name: str) -> bool:
    return any(ROOT.glob(name)) or (ROOT / f"{name}.py").is_file()


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "README.md"])
def test_every_path_is_there(page: str) -> None:
    named = paths((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 8
    assert sorted(name for name in named - WRITTEN_LATER if not is_there(name.rstrip("/"))) == []


def test_a_path_that_is_not_there_is_seen() -> None:
    assert paths("see `latent_explorer/none.py`, `python -m vae_core.none`, app.py.") == {
        "latent_explorer/none.py",
        "vae_core/none",
        "app.py",
    }
    assert not is_there("latent_explorer/none.py")
    assert is_there("vae_core/cli")


def test_the_files_of_a_layer_are_as_many_as_are_said() -> None:
    """The files that test_vocabulary.py changes to add one."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    [said] = re.findall(r"\*\*A map layer\*\*: (\d+) files.*?\n((?:- .*\n|  .*\n)+)", text)
    files = re.findall(r"^- `([\w/.]+)`", said[1], re.M)
    assert int(said[0]) == len(files)
    changed = (ROOT / "tests" / "browser" / "toy_app.py").read_text(encoding="utf-8")
    modules = {"latent_explorer.vocabulary", "latent_explorer.data.layers"}
    assert {name.removesuffix(".py").replace("/", ".") for name in files} == modules
    for module in modules:
        package, _, name = module.rpartition(".")
        assert f"from {package} import {name}" in changed or f"from {module} import" in changed
