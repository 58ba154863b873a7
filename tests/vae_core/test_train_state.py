from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch import Tensor

from vae_core import checkpoints
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet
from vae_core.errors import CheckpointError
from vae_core.train_state import load_train_state, save_train_state, train_state_path
from vae_core.training import TrainState, start, train

DATA = {"name": "tiny", "train_images_sha256": "0" * 64}
MODEL = ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,), fourier_features=2)
CONFIG = TrainConfig(epochs=4, batch_size=16, warmup_steps=3, learning_rate=5e-3)
POINT = replace(MODEL, posterior="point")
RUNS = {
    "elbo": (MODEL, CONFIG),
    "iwae": (MODEL, replace(CONFIG, objective="iwae", n_samples=2)),
    "autoencoder": (POINT, replace(CONFIG, objective="autoencoder")),
    "from codes": (MODEL, replace(CONFIG, start="neighbours", start_epochs=2)),
    "learned sigma": (replace(MODEL, likelihood="gaussian-learned-sigma"), CONFIG),
}


@pytest.fixture
def images(few_digits: DataSet) -> Any:
    return few_digits.images[:50]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.train-state"


def everything(state: TrainState) -> dict[str, Tensor]:
    tensors = {k: v.clone() for k, v in state.model.state_dict().items()}
    for i, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"{i}.{name}": value.clone() for name, value in slots.items()}
    return tensors | {"generator": state.generator.get_state()}


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    """Names of what is not the same to the bit."""
    return sorted(a.keys() ^ b.keys()) + [k for k in a.keys() & b.keys() if not a[k].equal(b[k])]


def one_epoch(state: TrainState, images: Any, codes: Any = None) -> None:
    for record in train(state, images, codes):
        if record.ended_epoch is not None:
            return


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_ends_in_the_same_bits(
    images: Any, path: Path, name: str, epochs_before: int
) -> None:
    model, config = RUNS[name]
    codes = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    whole = start(model, config, images)
    list(train(whole, images, codes))

    broken = start(model, config, images)
    for _ in range(epochs_before):
        one_epoch(broken, images, codes)
    save_train_state(path, broken, DATA)
    del broken
    torch.rand(100)  # another process: nothing may hang on the global generator
    resumed = load_train_state(path, start(model, config, images), DATA)
    assert resumed.epochs_done == epochs_before
    list(train(resumed, images, codes))

    assert differing(everything(whole), everything(resumed)) == []
    assert resumed.epochs_done == 4
    assert repr(resumed.history) == repr(whole.history)  # NaN equals NaN here


def test_saving_does_not_disturb_a_run(images: Any, path: Path) -> None:
    quiet, saved = (start(MODEL, CONFIG, images) for _ in range(2))
    list(train(quiet, images))
    for _ in train(saved, images):
        save_train_state(path, saved, DATA)
    assert all(
        torch.equal(a, b)
        for a, b in zip(*map(dict.values, map(everything, (quiet, saved))), strict=True)
    )


def test_run_path_lies_beside_the_checkpoint() -> None:
    assert train_state_path(Path("weights/elbo.safetensors")) == Path(
        "weights/elbo.safetensors.train-state"
    )


def test_a_run_is_no_checkpoint(images: Any, path: Path) -> None:
    save_train_state(path, start(MODEL, CONFIG, images), DATA)
    assert checkpoints.scan_checkpoints(path.parent) == ([], [])
    with pytest.raises(CheckpointError, match="no checkpoint of this project"):
        checkpoints.read_header(path)


def test_a_missing_run(images: Any, path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no unfinished run .*run\.train-state"):
        load_train_state(path, start(MODEL, CONFIG, images), DATA)


@pytest.mark.parametrize(
    ("model", "config", "data"),
    [
        (replace(MODEL, latent_dim=3), CONFIG, DATA),
        (replace(MODEL, activation="relu"), CONFIG, DATA),
        (MODEL, replace(CONFIG, seed=1), DATA),
        (MODEL, replace(CONFIG, epochs=5), DATA),
        (MODEL, CONFIG, DATA | {"train_images_sha256": "1" * 64}),
    ],
)
def test_a_run_that_was_started_differently(
    images: Any, path: Path, model: ModelConfig, config: TrainConfig, data: dict[str, str]
) -> None:
    save_train_state(path, start(MODEL, CONFIG, images), DATA)
    fresh = start(model, config, images)
    before = everything(fresh)
    with pytest.raises(CheckpointError, match=r"run\.train-state was started with other"):
        load_train_state(path, fresh, data)
    assert all(
        torch.equal(a, b) for a, b in zip(before.values(), everything(fresh).values(), strict=True)
    )


@pytest.mark.parametrize("kind", ["empty", "cut", "noise", "other", "bad json", "bad config"])
def test_a_damaged_run(images: Any, path: Path, kind: str) -> None:
    save_train_state(path, start(MODEL, CONFIG, images), DATA)
    raw = path.read_bytes()
    tensors = {"x": np.zeros(3, np.float32)}
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif kind == "other":
        save_file(tensors, path)
    elif kind == "bad json":
        save_file(tensors, path, {"vae_core_run": "{"})
    else:
        said = {"model": {"depth": 3}, "train": {}}
        save_file(tensors, path, {"vae_core_run": json.dumps(said)})
    with pytest.raises(CheckpointError, match=r"^run\.train-state is no readable run .*delete it$"):
        load_train_state(path, start(MODEL, CONFIG, images), DATA)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.decoder.frequencies", None),
        ("model.decoder.net.layers.0.bias", np.zeros(3, np.float32)),
        ("optimizer.0.exp_avg.more", np.zeros(3, np.float32)),
        ("optimizer.first.exp_avg", np.zeros(3, np.float32)),
        ("generator", None),
        ("generator", np.zeros(9, np.uint8)),
        ("epochs_done", "many"),
        ("epochs_done", 99),
        ("epochs_done", None),
        ("history", [[1, 2]]),
        ("history", 7),
        ("history", None),
        ("device", None),
    ],
)
def test_a_run_with_a_damaged_part(images: Any, path: Path, key: str, value: Any) -> None:
    state = start(MODEL, CONFIG, images)
    one_epoch(state, images)
    save_train_state(path, state, DATA)
    with safe_open(path, framework="np") as file:
        said = json.loads(file.metadata()["vae_core_run"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    kept = tensors if key.startswith(("model", "optimizer", "generator")) else said
    if value is None:
        del kept[key]
    else:
        kept[key] = value
    save_file(tensors, path, {"vae_core_run": json.dumps(said)})
    with pytest.raises(CheckpointError, match=r"^run\.train-state is no readable run .*delete it$"):
        load_train_state(path, start(MODEL, CONFIG, images), DATA)


def test_an_interrupted_save_leaves_the_older_run(
    images: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = start(MODEL, CONFIG, images)
    one_epoch(state, images)
    save_train_state(path, state, DATA)
    wanted = everything(state)
    one_epoch(state, images)

    def fail(_: dict[str, Any], target: Path, *__: Any) -> None:
        target.write_bytes(b"half a fi")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save_file", fail)
    with pytest.raises(KeyboardInterrupt):
        save_train_state(path, state, DATA)
    restored = load_train_state(path, start(MODEL, CONFIG, images), DATA)
    assert restored.epochs_done == 1
    assert differing(wanted, everything(restored)) == []
