"""The state of a training on disk: everything needed to go on to the same result."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch

from vae_core.checkpoints import write_atomically
from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import CheckpointError, ConfigError
from vae_core.training import EpochMeans, TrainState, history_rows

_KEY = "vae_core_run"
_GENERATOR = "generator"
# What a damaged file can raise while it is read and its parts are put where they belong.
_DAMAGE = (
    safetensors.SafetensorError,
    ConfigError,
    OSError,
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def train_state_path(out: Path) -> Path:
    """Where the unfinished run that will become `out` is kept."""
    return out.with_name(out.name + ".train-state")


def save_train_state(path: Path, state: TrainState, data: dict[str, Any]) -> None:
    """Write a run atomically, at the end of an epoch.

    Parameters
    ----------
    path : Path
    state : TrainState
    data : dict
        Identity of the training data, compared on resuming.
    """
    tensors = {f"model.{k}": v.cpu().numpy() for k, v in state.model.state_dict().items()}
    for i, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{i}.{k}": np.asarray(v.cpu()) for k, v in slots.items()}
    tensors[_GENERATOR] = state.generator.get_state().cpu().numpy()
    said = {
        "model": state.model.config.to_dict(),
        "train": state.config.to_dict(),
        "data": data,
        "device": state.generator.device.type,
        "epochs_done": state.epochs_done,
        "history": history_rows(state.history),
    }
    write_atomically(path, tensors, {_KEY: json.dumps(said, allow_nan=False)})


def load_train_state(path: Path, fresh: TrainState, data: dict[str, Any]) -> TrainState:
    """Restore a run, refusing one that was started differently.

    Parameters
    ----------
    path : Path
    fresh : TrainState
        From `start`, as the run was started; it is filled and returned.
    data : dict
        Identity of the training data.

    Raises
    ------
    CheckpointError
        There is no such file, it is damaged, or it was started with another configuration, other
        data or another kind of device.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no unfinished run {path}; start it without --resume")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            said: dict[str, Any] = json.loads((file.metadata() or {})[_KEY])
            tensors: dict[str, torch.Tensor] = {k: file.get_tensor(k) for k in file.keys()}
        saved = (ModelConfig.from_dict(said["model"]), TrainConfig.from_dict(said["train"]))
        wanted = (fresh.model.config, fresh.config, data, fresh.generator.device.type)
        is_other = (*saved, said["data"], said["device"]) != wanted
        if not is_other:
            return _restored(fresh, said, tensors)
    except _DAMAGE as err:
        raise CheckpointError(
            f"{path.name} is no readable run ({_first_line(err)}); delete it"
        ) from err
    raise CheckpointError(
        f"{path.name} was started with other options, data or device; "
        "resume with the same ones, or delete it to start over"
    )


def _first_line(err: Exception) -> str:
    return str(err).strip().split("\n")[0] or type(err).__name__


def _restored(
    state: TrainState, said: dict[str, Any], tensors: dict[str, torch.Tensor]
) -> TrainState:
    """Fill a fresh run with a saved one."""
    state.model.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    state.optimizer.load_state_dict(
        {
            "state": _optimizer_slots(tensors),
            "param_groups": state.optimizer.state_dict()["param_groups"],
        }
    )
    state.generator.set_state(tensors[_GENERATOR])
    state.epochs_done = int(said["epochs_done"])
    if not 0 <= state.epochs_done <= state.config.epochs:
        raise ValueError(f"{state.epochs_done} of {state.config.epochs} epochs are done")
    state.history = [
        EpochMeans(epoch, *(math.nan if value is None else value for value in means))
        for epoch, *means in said["history"]
    ]
    return state


def _optimizer_slots(tensors: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    slots: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, i, name = key.split(".")
            slots.setdefault(int(i), {})[name] = value
    return slots
