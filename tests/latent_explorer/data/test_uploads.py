"""A checkpoint that a user uploads: checked, listed in that session alone, and removed again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data import uploads
from latent_explorer.escaping import as_text
from tests.latent_explorer.conftest import ROOT
from tests.latent_explorer.markdown import as_read
from tests.latent_explorer.test_pages import names_in
from vae_core.checkpoints import CheckpointRef

COMPARE = "latent_explorer/pages/compare/view.py"
NAME = "mine (uploaded)"


@pytest.fixture
def open_page(weights: Path, write_checkpoint: Callable[..., Any]) -> Callable[[], AppTest]:
    """Open the Compare page, in a session of its own, on two small checkpoints."""
    write_checkpoint(weights / "atlas.safetensors")
    write_checkpoint(weights / "other.safetensors", seed=1)

    def open_one() -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        return app.switch_page(COMPARE).run()

    return open_one


@pytest.fixture
def content(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> bytes:
    """A checkpoint without stored codes."""
    path = tmp_path / "mine.safetensors"
    write_checkpoint(path, seed=2, with_map=False)
    return path.read_bytes()


def upload(app: AppTest, content: bytes, name: str = "mine.safetensors") -> AppTest:
    (uploader,) = app.file_uploader
    uploader.set_value((name, content, "application/octet-stream"))
    return app.run()


def names(app: AppTest) -> list[str]:
    return names_in(app.selectbox(key="app_checkpoint"))


def refs(app: AppTest) -> list[CheckpointRef]:
    return app.session_state["uploads_refs"]


def test_it_is_listed_for_this_session_alone(
    open_page: Callable[[], AppTest], content: bytes
) -> None:
    app, stranger = open_page(), open_page()
    upload(app, content)
    assert not app.exception
    assert not app.error
    assert names(app) == ["atlas", "other", NAME]
    (chooser,) = app.multiselect
    assert names_in(chooser) == ["other", NAME]
    (ref,) = refs(app)
    for path in ("explore", "interpolate", "likelihood", "compare"):  # its digits are encoded now
        app.switch_page(f"latent_explorer/pages/{path}/view.py").run()
        app.selectbox(key="app_checkpoint").set_value(NAME).run()
        assert not app.exception, path
        assert not app.error, path
    assert names(stranger.run()) == ["atlas", "other"]

    next(b for b in app.button if b.label == f"Remove {as_text(NAME)}").click().run()
    assert not app.exception
    assert names(app) == ["atlas", "other"]
    assert app.selectbox(key="app_checkpoint").value == "atlas"
    assert not ref.path.exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no safetensors", "mine.safetensors is damaged, cut short or no safetensors file"),
        ("truncated", "mine.safetensors is damaged, cut short or no safetensors file"),
        ("empty", "mine.safetensors is damaged, cut short or no safetensors file"),
        ("foreign", "mine.safetensors is a safetensors file but no checkpoint of this project"),
        ("NaN", "decoder.net.layers.0.weight holds NaN or infinite numbers"),
        ("missing tensor", "missing tensors decoder.net.layers.0.bias"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    open_page: Callable[[], AppTest],
    spoil: Callable[[Path, str], None],
    tmp_path: Path,
    how: str,
    said: str,
) -> None:
    spoil(tmp_path / "spoilt.safetensors", how)
    app = upload(open_page(), (tmp_path / "spoilt.safetensors").read_bytes())
    assert not app.exception
    (error,) = app.error
    assert said in as_read(error)
    assert "mine.safetensors" in as_read(error)
    assert "latent-explorer-" not in as_read(error)  # nor where the server keeps it
    assert names(app) == ["atlas", "other"]


def test_what_is_there_too_many_or_too_big_is_refused(
    open_page: Callable[[], AppTest],
    content: bytes,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = upload(open_page(), (weights / "other.safetensors").read_bytes())
    assert as_read(app.error[0]) == "mine.safetensors is other, which is listed already"
    upload(app, content, "a,<b>/c.safetensors")
    assert not app.error
    assert names(app)[2:] == ["c (uploaded)"]
    upload(app, content)
    assert as_read(app.error[0]) == "mine.safetensors is c (uploaded), which is listed already"
    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    upload(app, content + b" ")
    assert as_read(app.error[0]) == "1 uploads are kept at once; remove one first"
    monkeypatch.setattr(uploads, "MOST_FILES", 4)
    monkeypatch.setattr(uploads, "MOST_MB", 1)
    app.run()
    upload(app, bytes(3 * 2**19))
    assert as_read(app.error[0]) == "mine.safetensors has 1.5 MB; up to 1 MB are allowed"


def test_the_folder_goes_with_the_session() -> None:
    folder = uploads._Folder()
    path = folder.path
    (path / "file").write_bytes(b"1")
    assert path.stat().st_mode & 0o077 == 0, "nobody else may read it"
    del folder
    gc.collect()
    assert not path.exists()
