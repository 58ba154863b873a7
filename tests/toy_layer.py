"""A layer of the map as one adds it: an entry of the vocabulary, and what computes it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from latent_explorer.data.layers import OnGrid
from latent_explorer.vocabulary import LAYERS, Layer, Scale
from vae_core.checkpoints import CheckpointRef

_REDS = Scale(light=("#ffffff", "#ff0000"), dark=("#000000", "#ff0000"), range=(0.0, 1.0))

TOY = Layer(
    name="toy", kind="scale", key="9", title="Toy", group="under", unit="z units", scale=_REDS
)
# An entry that has no function.
HOLLOW = Layer(name="hollow", kind="scale", key="h", title="Hollow", group="under", scale=_REDS)


def distance(ref: CheckpointRef, grid: Any) -> OnGrid:
    """Tell how far each place is from the origin."""
    del ref
    return OnGrid(np.hypot(*grid.points.T).reshape(grid.shape), "By Pythagoras.")


def readers_of_the_table() -> list[ModuleType]:
    """Modules that have the table of layers by its name."""
    import_module("latent_explorer.app")  # and all that it imports
    modules = [module for name, module in sys.modules.items() if name.startswith("latent_explorer")]
    return [module for module in modules if getattr(module, "LAYERS", None) is LAYERS]
