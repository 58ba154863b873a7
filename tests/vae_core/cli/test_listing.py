from __future__ import annotations

from pathlib import Path

import pytest

from tests.vae_core.cli.conftest import error_of
from vae_core.cli import main


def test_list_shows_good_and_bad(
    three_files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = three_files[0].parent
    assert main(["list", str(folder)]) == 0
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[1:4]] == ["a", "b", "c"]
    assert "elbo: by hand" in said.out
    assert said.err == ""

    (folder / "bad.safetensors").write_bytes(b"nothing")
    assert main(["list", str(folder)]) == 1
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[1:4]] == ["a", "b", "c"]
    assert said.err.startswith("error: bad.safetensors is damaged")


def test_list_an_empty_and_a_missing_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no checkpoints in {tmp_path}\n"
    assert main(["list", str(tmp_path / "gone")]) == 1
    assert "gone is not a folder" in error_of(capsys)


def test_list_looks_into_weights_by_default(
    three_files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "weights").mkdir()
    three_files[0].rename(tmp_path / "weights" / "only.safetensors")
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "only"
