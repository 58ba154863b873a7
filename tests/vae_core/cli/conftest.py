"""A recipe of a second, what it trains, and the sentence of an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vae_core.checkpoints import save_checkpoint
from vae_core.cli import main
from vae_core.cli.at_hand import DataAtHand
from vae_core.config import ModelConfig, TrainConfig
from vae_core.header import Header
from vae_core.metrics import Metric, based
from vae_core.models import VAE
from vae_core.recipes import RECIPES, Recipe

TINY = Recipe(
    "tiny",
    "A model for tests.",
    ModelConfig(latent_dim=1, encoder_hidden=(12,), decoder_hidden=(8,)),  # D = 1: a short lattice
    TrainConfig(epochs=2, batch_size=16, warmup_steps=3),
)


@pytest.fixture(autouse=True)
def _tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)


@pytest.fixture(scope="module")
def trained(tiny_idx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with D = 2, as `train` writes it; never change it."""
    out = tmp_path_factory.mktemp("trained") / "first.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", TINY)
        options = ["--data", str(tiny_idx_folder), "--latent-dim", "2", "--seed", "4"]
        assert main(["train", "tiny", *options, "--out", str(out)]) == 0
    return out


@pytest.fixture
def three_files(
    tmp_path: Path,
    make_model: Callable[..., VAE],
    make_header: Callable[..., Header],
    tiny_idx_folder: Path,
) -> list[Path]:
    """A VAE and an autoencoder with D = 1, and one VAE with D = 3 and grey pixels.

    As if made from the tiny data set, and with a figure of it.
    """
    source = DataAtHand(tiny_idx_folder).source(0)
    elbo = Metric(-1.5, 0.1, "nats", "by hand", data=source.test)
    models = {
        "a": make_model(latent_dim=1),
        "b": make_model(latent_dim=1, posterior="point"),
        "c": make_model(latent_dim=3, likelihood="gaussian", sigma=0.5),
    }
    paths = [tmp_path / f"{name}.safetensors" for name in models]
    for path, model in zip(paths, models.values(), strict=True):
        metrics = based({"elbo": elbo}, model.config)
        save_checkpoint(path, model, make_header(model, data=source, metrics=metrics))
    return paths


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error, without a traceback."""
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said
