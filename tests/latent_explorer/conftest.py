"""The app without a browser, and checkpoints of every kind for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from streamlit.testing.v1 import AppTest

from vae_core.analysis.projection import map_digits
from vae_core.checkpoints import save_checkpoint, write_atomically
from vae_core.data import load_mnist
from vae_core.geometry import graphs
from vae_core.tensors import ProjectedCodes, round_to_stored

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def coarse_lattices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refine walks on lattices that are quick to measure; the core's tests have fine ones."""
    monkeypatch.setattr(graphs, "MOST_NODES", graphs.FIRST_NODES)


@pytest.fixture
def app() -> AppTest:
    """The app, not run yet, on the shipped checkpoints."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


@pytest.fixture(scope="session")
def write_checkpoint(
    make_model: Callable[..., Any], make_header: Callable[..., Any]
) -> Callable[..., Any]:
    """Write a small random checkpoint; returns its model.

    With an `encoder_gain` of 0 its encoder gives every image N(0, I): a collapsed posterior.
    """

    @lru_cache
    def build(*, encoder_gain: float, **settings: Any) -> tuple[Any, ProjectedCodes]:
        model = make_model(gain=3.0, **settings)
        if encoder_gain != 1.0:
            last = model.encoder.net.layers[-1]
            last.weight.data *= encoder_gain
            last.bias.data.zero_()
        round_to_stored(model)
        return model, map_digits(model, load_mnist("all").images)

    def write(
        path: Path,
        *,
        with_map: bool = True,
        seed: int = 0,
        encoder_gain: float = 1.0,
        **config: Any,
    ) -> Any:
        model, digits = build(seed=seed, encoder_gain=encoder_gain, **config)
        save_checkpoint(path, model, make_header(model), digits if with_map else None)
        return model

    return write


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the app told to look there."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def spoil(write_checkpoint: Callable[..., Any]) -> Callable[[Path, str], None]:
    """Write a checkpoint that is damaged in a given way."""

    def write(path: Path, how: str) -> None:
        write_checkpoint(path)
        raw = path.read_bytes()
        if how == "truncated":
            path.write_bytes(raw[: len(raw) // 2])
        elif how == "no safetensors":
            path.write_bytes(b"\x89PNG" + bytes(100))
        elif how == "empty":
            path.write_bytes(b"")
        else:
            tensors = load_file(path)
            header = json.loads(json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
                                ["__metadata__"]["vae_core"])  # fmt: skip
            metadata = None
            if how == "unknown field":
                header["model"]["flux"] = 3
            elif how == "foreign":
                metadata = {"format": "pt"}
            elif how == "NaN":
                tensors["decoder.net.layers.0.weight"][0, 0] = np.nan
            elif how == "missing tensor":
                del tensors["decoder.net.layers.0.bias"]
            else:
                raise AssertionError(how)
            write_atomically(path, tensors, metadata or {"vae_core": json.dumps(header)})

    return write
