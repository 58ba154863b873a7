"""Which checkpoints the app lists, and from where."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latent_explorer import folders

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the shipped one; the process stands elsewhere."""
    folder, elsewhere = tmp_path / "shipped", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(folders, "SHIPPED_WEIGHTS", folder)
    monkeypatch.delenv("LATENT_EXPLORER_WEIGHTS", raising=False)
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.fixture
def own(shipped: Path) -> Path:
    """A folder of the user's own, where the process stands."""
    folder = shipped.parent / "elsewhere" / "weights"
    folder.mkdir()
    return folder


def test_in_a_checkout_there_is_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATENT_EXPLORER_WEIGHTS", raising=False)
    monkeypatch.chdir(ROOT)
    assert folders.SHIPPED_WEIGHTS == ROOT / "weights"
    assert folders.weights_folders() == (ROOT / "weights",)
    assert folders.APP == ROOT / "app.py"
    assert folders.COMMAND == "python -m vae_core"


def test_a_named_folder_stands_alone(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own.is_dir()
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", str(tmp_path))
    assert folders.weights_folders() == (tmp_path,)
    assert folders.checkpoints() == ([], [])
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", "")
    assert len(folders.weights_folders()) == 2


def test_the_folder_where_one_stands_comes_after_the_shipped_one(
    shipped: Path, write_checkpoint: Callable[..., Any]
) -> None:
    assert folders.weights_folders() == (shipped,)
    own = Path("weights")
    own.mkdir()
    assert folders.weights_folders() == (shipped, own.resolve())
    write_checkpoint(shipped / "b.safetensors", seed=1)
    write_checkpoint(own / "a.safetensors", seed=2)
    (own / "c.safetensors").write_bytes(b"no tensors")
    refs, [problem] = folders.checkpoints()
    assert [(ref.name, ref.path.parent) for ref in refs] == [("b", shipped), ("a", own.resolve())]
    assert str(problem).startswith("c.safetensors is damaged")


def test_no_checkpoint_hides_another(
    shipped: Path, own: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(shipped / "a.safetensors", seed=1)
    write_checkpoint(own / "a.safetensors", seed=2)
    write_checkpoint(own / "a (own).safetensors", seed=3)
    refs, _ = folders.checkpoints()
    paths = {ref.name: ref.path for ref in refs}
    assert paths == {
        "a": shipped / "a.safetensors",
        "a (own)": own / "a (own).safetensors",
        "a (own) (own)": own / "a.safetensors",
    }


def test_a_copy_is_listed_once(
    shipped: Path, own: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(shipped / "a.safetensors", seed=1)
    shutil.copy(shipped / "a.safetensors", own)
    shutil.copy(shipped / "a.safetensors", own / "b.safetensors")
    refs, _ = folders.checkpoints()
    assert [ref.name for ref in refs] == ["a", "b"]


def test_snapshots_come_from_both_too(shipped: Path, own: Path) -> None:
    growing = ROOT / "weights" / "growing"
    steps = sorted(growing.iterdir())[:3]
    for target, kept in ((shipped / "one", steps[:2]), (own / "one", steps), (own / "two", steps)):
        target.mkdir()
        for step in kept:
            shutil.copy(step, target)
    shutil.copytree(shipped / "one", own / "copy")
    films, problems = folders.snapshots()
    assert problems == []
    assert [(film.name, len(film.refs)) for film in films] == [
        ("one", 2),
        ("copy", 2),
        ("one (own)", 3),
        ("two", 3),
    ]
    shutil.rmtree(own / "one")
    shutil.copytree(shipped / "one", own / "one")
    assert [film.name for film in folders.snapshots()[0]] == ["one", "copy", "two"]
