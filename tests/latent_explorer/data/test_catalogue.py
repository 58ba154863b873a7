"""Checkpoints are found afresh, in the folder that the environment names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.data import catalogue, payloads


def test_files_are_looked_at_afresh(weights: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(weights / "a.safetensors", seed=1)
    before = catalogue.checkpoints()[0]
    assert [one.name for one in before] == ["a"]
    write_checkpoint(weights / "b.safetensors", seed=2)
    write_checkpoint(weights / "a.safetensors", seed=3)
    after = catalogue.checkpoints()[0]
    assert [one.name for one in after] == ["a", "b"]
    assert after[0].sha256 != before[0].sha256
    assert payload_id(payloads.map_payloads(after[0], "test").decoder) != payload_id(
        payloads.map_payloads(after[1], "test").decoder
    )
