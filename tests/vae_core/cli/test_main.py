from __future__ import annotations

from pathlib import Path

import pytest

from tests.vae_core.cli.conftest import error_of
from vae_core.cli import main


def test_a_number_that_is_none_and_a_missing_command(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["train"], ["train", "tiny", "--epochs", "many"], ["fly"]):
        with pytest.raises(SystemExit) as got:
            main(argv)
        assert got.value.code == 2
    assert "usage: python -m vae_core" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("folder", ["", "gone"])
def test_data_from_an_empty_or_missing_folder(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    folder: str,
) -> None:
    out = tmp_path / "x.safetensors"
    first = ["train", "tiny", "--out", str(out)] if command == "train" else [command, str(trained)]
    assert main([*first, "--data", str(tmp_path / folder)]) == 1
    said = error_of(capsys)
    assert ("is not a folder" if folder else "has no file") in said
    assert not out.exists()


@pytest.mark.parametrize("prog", ["python -m vae_core", "latent-explorer"])
def test_help_and_errors_call_it_as_it_was_called(
    prog: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"], prog=prog)
    said = capsys.readouterr().out
    assert said.startswith(f"usage: {prog} train ")
    assert f"  {prog} train quick --out" in said
    with pytest.raises(SystemExit):
        main(["fly"], prog=prog)
    assert f"usage: {prog} " in capsys.readouterr().err
