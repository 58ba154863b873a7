"""Variational autoencoders with a small latent space: models, checkpoints, exact analysis.

Names are imported when first used, so that reading a checkpoint or the data does not wait for
torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vae_core.version import __version__ as __version__

if TYPE_CHECKING:
    from vae_core.checkpoints import (
        Checkpoint,
        CheckpointRef,
        list_checkpoints,
        load_checkpoint,
        save_checkpoint,
    )
    from vae_core.config import ModelConfig, TrainConfig
    from vae_core.data import load_idx, load_mnist
    from vae_core.errors import CheckpointError, ConfigError, DataError, VaeCoreError
    from vae_core.models import VAE
    from vae_core.posterior import Posterior

__all__ = [
    "VAE",
    "Checkpoint",
    "CheckpointError",
    "CheckpointRef",
    "ConfigError",
    "DataError",
    "ModelConfig",
    "Posterior",
    "TrainConfig",
    "VaeCoreError",
    "list_checkpoints",
    "load_checkpoint",
    "load_idx",
    "load_mnist",
    "save_checkpoint",
]

_HOME = {
    "vae_core.checkpoints": (
        "Checkpoint",
        "CheckpointRef",
        "list_checkpoints",
        "load_checkpoint",
        "save_checkpoint",
    ),
    "vae_core.config": ("ModelConfig", "TrainConfig"),
    "vae_core.data": ("load_idx", "load_mnist"),
    "vae_core.errors": ("CheckpointError", "ConfigError", "DataError", "VaeCoreError"),
    "vae_core.models": ("VAE",),
    "vae_core.posterior": ("Posterior",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            value = getattr(import_module(module), name)
            globals()[name] = value  # the next time it is found without this function
            return value
    raise AttributeError(f"module 'vae_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
