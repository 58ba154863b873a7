from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import ConfigError, VaeCoreError

FULL_MODEL = ModelConfig(
    latent_dim=5,
    likelihood="gaussian",
    sigma=0.25,
    posterior="point",
    encoder_hidden=(7, 6),
    decoder_hidden=(),
    activation="tanh",
    residual=True,
    fourier_features=4,
    fourier_std=0.5,
)
FULL_TRAIN = TrainConfig(
    objective="beta-elbo",
    beta=4.0,
    start="neighbours",
    start_epochs=2,
    refit_epochs=1,
    input_noise=0.5,
    fit_batch_size=8,
    epochs=4,
    batch_size=9,
    learning_rate=0.1,
    warmup_steps=0,
    weight_decay=0.01,
    seed=11,
    precision="bfloat16",
    held_out=5,
)

NAN, INF = float("nan"), float("inf")
BAD_MODEL = {
    "latent_dim": [0, -1, 1.5, "2", None, True],
    "likelihood": ["normal", "", None, 1, []],
    "sigma": [0.0, -1.0, NAN, INF, "1", None, True],
    "posterior": ["delta", None],
    "refine_radius": [-0.1, NAN, INF, "1", None, True],
    "prior": ["uniform", None],
    "encoder_hidden": [5, (0,), (8, -1), (2.5,), "8", None, [8]],
    "decoder_hidden": [5, (0,), (8, -1), (2.5,), "8", None, [8]],
    "activation": ["gelu", None],
    "residual": [1, 0, "yes", None],
    "fourier_features": [-1, 0.5, "3", None],
    "fourier_std": [0, -2.0, NAN, INF, None],
}
BAD_TRAIN = {
    "objective": ["ELBO", "", None, {}],
    "beta": [0.0, -1.0, NAN, INF, None, 2.0],  # 2 with the default objective "elbo"
    "n_samples": [0, -1, 1.5, None, 2],  # 2 with the default objective "elbo"
    "start": ["umap", None],
    "start_epochs": [1, -1, None],  # with the default start "random"
    "epochs": [0, -1, 2.5, "3", None, True],
    "batch_size": [0, -1, 2.5, "3", None, True],
    "fit_batch_size": [0, -1, 2.5, "3", None, True],
    "refit_epochs": [-1, 1.5, None, 30],  # 30 are all the epochs there are
    "n_nodes": [-1, 1.5, None, 64],  # 64 with the default objective "elbo"
    "learning_rate": [0, -1e-3, NAN, INF, "fast", None],
    "warmup_steps": [-1, 0.5, None],
    "weight_decay": [-0.1, NAN, INF, None],
    "seed": [-1, 0.5, None],
    "elbo_epochs": [-1, 0.5, None, 1],  # 1 with the default objective "elbo"
    "input_noise": [-0.1, 1.0, NAN, None],
    "precision": ["float16", None],
    "held_out": [-1, 0.5, None],
    "jitter": [-0.1, NAN, INF, None, 0.1],  # 0.1 with the default objective "elbo"
}


def cases(bad: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in bad.items() for value in values]


@pytest.mark.parametrize("config", [ModelConfig(), FULL_MODEL])
def test_model_config_survives_json(config: ModelConfig) -> None:
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("config", [TrainConfig(), FULL_TRAIN])
def test_train_config_survives_json(config: TrainConfig) -> None:
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_every_field_differs_in_the_full_round_trip() -> None:
    """So that the round trip above would notice a field that is lost."""
    for full, default in ((FULL_MODEL, ModelConfig()), (FULL_TRAIN, TrainConfig())):
        same = {k for k, v in full.to_dict().items() if v == default.to_dict()[k]}
        # each of these goes with an objective, or a kind of model, that excludes another field's
        assert same <= {"n_samples", "n_nodes", "elbo_epochs", "jitter", "refine_radius", "prior"}


def test_missing_fields_take_their_defaults() -> None:
    assert ModelConfig.from_dict({"latent_dim": 3}) == ModelConfig(latent_dim=3)
    assert TrainConfig.from_dict({}) == TrainConfig()


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_unknown_fields_are_all_named(kind: type[ModelConfig] | type[TrainConfig]) -> None:
    with pytest.raises(ConfigError, match=f"{kind.__name__} has unknown fields depth, zeal") as got:
        kind.from_dict({"zeal": 1, "depth": 2})
    assert "allowed are " in str(got.value)


@pytest.mark.parametrize(("name", "value"), cases(BAD_MODEL))
def test_model_field_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be .*, got ") as got:
        ModelConfig(**{name: value})
    assert str(got.value).endswith(f"got {value!r}")


@pytest.mark.parametrize(("name", "value"), cases(BAD_TRAIN))
def test_train_field_out_of_range(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be .*, got ") as got:
        TrainConfig(**{name: value})
    assert str(got.value).endswith(f"got {value!r}")


def test_every_field_has_a_bad_value_above() -> None:
    assert set(BAD_MODEL) == set(ModelConfig().to_dict())
    assert set(BAD_TRAIN) == set(TrainConfig().to_dict())


@pytest.mark.parametrize("start_epochs", [0, -1, 3, 4, 1.5, None])
def test_a_start_from_neighbours_needs_some_but_not_all_epochs(start_epochs: Any) -> None:
    with pytest.raises(ConfigError, match=r"^start_epochs must be "):
        TrainConfig(start="neighbours", start_epochs=start_epochs, epochs=3)


@pytest.mark.parametrize("epochs", ["3", None, 0])
def test_bad_epochs_are_named_with_a_start_from_neighbours_too(epochs: Any) -> None:
    with pytest.raises(ConfigError, match=r"^epochs must be "):
        TrainConfig(start="neighbours", start_epochs=1, epochs=epochs)


def test_beta_and_n_samples_belong_to_their_objectives() -> None:
    assert TrainConfig(objective="beta-elbo", beta=0.5).beta == 0.5
    assert TrainConfig(objective="iwae", n_samples=5).n_samples == 5
    with pytest.raises(ConfigError, match=r"^beta must be 1 with the objective iwae"):
        TrainConfig(objective="iwae", beta=2.0)
    with pytest.raises(ConfigError, match=r"^n_samples must be 1 with the objective autoencoder"):
        TrainConfig(objective="autoencoder", n_samples=2)


def test_nodes_belong_to_the_lattice() -> None:
    assert TrainConfig(objective="lattice", n_nodes=64).n_nodes == 64
    with pytest.raises(ConfigError, match=r"^n_nodes must be .* got 0"):
        TrainConfig(objective="lattice")


def test_a_refit_leaves_epochs_for_the_objective() -> None:
    assert TrainConfig(start="neighbours", start_epochs=1, refit_epochs=1, epochs=3).epochs == 3
    with pytest.raises(ConfigError, match=r"^refit_epochs must be "):
        TrainConfig(start="neighbours", start_epochs=1, refit_epochs=2, epochs=3)


def test_configs_are_frozen_and_their_errors_catchable() -> None:
    with pytest.raises(FrozenInstanceError):
        ModelConfig().latent_dim = 3  # type: ignore[misc]
    assert issubclass(ConfigError, VaeCoreError)
