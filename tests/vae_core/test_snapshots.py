"""Folders of snapshots are found, ordered by epoch, and refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vae_core.checkpoints import save_checkpoint
from vae_core.metrics import Metric
from vae_core.snapshots import scan_snapshots

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, make_model: Callable[..., Any], make_header: Callable[..., Any]) -> Write:
    """Write one snapshot below tmp_path; without an epoch if it is None."""

    def write_one(name: str, epoch: float | None, **config: Any) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        model = make_model(**config)
        figure = Metric(epoch, None, "epochs", "by hand")
        save_checkpoint(path, model, make_header(model, metrics={"epoch": figure}))

    return write_one


def test_the_order_is_that_of_the_epochs_not_of_the_names(tmp_path: Path, write: Write) -> None:
    write("run/a.safetensors", 10.0)
    write("run/b.safetensors", 0.0, seed=1)
    write("run/c.safetensors", 0.5, seed=2)
    write("alone.safetensors", 1.0)  # a checkpoint, in no folder of its own
    write("others/a.safetensors", None)  # says of no epoch
    (tmp_path / "empty").mkdir()
    [found], problems = scan_snapshots(tmp_path)
    assert problems == []
    assert (found.name, found.epochs) == ("run", (0.0, 0.5, 10.0))
    assert [ref.name for ref in found.refs] == ["b", "c", "a"]


def test_a_damaged_file_is_named_and_the_others_are_shown(tmp_path: Path, write: Write) -> None:
    write("run/a.safetensors", 0.0)
    write("run/b.safetensors", 1.0)
    (tmp_path / "run/c.safetensors").write_bytes(b"no tensors")
    [found], [problem] = scan_snapshots(tmp_path)
    assert found.epochs == (0.0, 1.0)
    assert str(problem).startswith("run: c.safetensors is damaged")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (None, "run holds 1 readable snapshot; it takes 2 or more"),
        ({"epoch": 0.0}, "run holds two snapshots of the same epoch"),
        ({"epoch": -1.0}, "run holds a snapshot of epoch -1; epochs start at 0"),
        ({"epoch": None}, "run/b.safetensors does not say after which epoch"),
        ({"epoch": 1.0, "latent_dim": 3}, "run holds models of different shapes"),
    ],
)
def test_what_is_no_training_is_refused(
    tmp_path: Path, write: Write, second: dict[str, Any] | None, said: str
) -> None:
    write("run/a.safetensors", 0.0)
    if second is not None:
        write("run/b.safetensors", **second)
    found, [problem] = scan_snapshots(tmp_path)
    assert found == []
    assert str(problem).startswith(said)
