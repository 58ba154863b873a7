"""Measure a model and write its checkpoint, with where MNIST's digits lie on its map."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.checkpoints import CheckpointRef, save_checkpoint
from vae_core.data import DataSet, load_mnist
from vae_core.header import Header
from vae_core.metrics import Metric
from vae_core.recipes import Recipe
from vae_core.tensors import ProjectedCodes, round_to_stored

if TYPE_CHECKING:
    from vae_core.models import VAE
    from vae_core.training import TrainState

WEIGHTS = Path("weights")

_IWAE_SAMPLES = 500  # where there is no exact log p(x); as the literature does
_Floats = NDArray[np.floating[Any]]


class Places(NamedTuple):
    """Where MNIST's 70,000 digits lie, as `save_checkpoint` takes it; None is not stored."""

    codes: ProjectedCodes | None = None
    std: _Floats | None = None  # (70000, D), of q(z|x)
    elbo_parts: _Floats | None = None  # (70000, 2), reconstruction and KL, nats


def rounded(model: VAE) -> VAE:
    """Copy a model in the precision that its file will keep; training goes on with the original."""
    copied = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    round_to_stored(copied)
    return copied


def write_measured(
    out: Path,
    state: TrainState,
    recipe: Recipe,
    data: dict[str, str],
    test: DataSet,
    images: DataSet | None = None,
    places: Places | None = None,
    *,
    epoch: float | None = None,
) -> tuple[CheckpointRef, Header]:
    """Measure a model as it is now and write its checkpoint."""
    from vae_core.analysis.evaluation import evaluate_model
    from vae_core.exact.adaptive import LIVE_SPACING
    from vae_core.training import history_rows

    model = rounded(state.model)
    n_iwae = _IWAE_SAMPLES if recipe.model.latent_dim > 2 else 0
    if epoch is None:
        metrics = evaluate_model(model, test, train=images, iwae_samples=n_iwae)
    else:  # there are many of these
        metrics = evaluate_model(model, test, spacing=LIVE_SPACING)
        method = "passes over the training images when this was saved"
        metrics["epoch"] = Metric(epoch, None, "epochs", method)
    header = Header(
        about=recipe.about,
        recipe=recipe.name,
        model=recipe.model,
        train=recipe.train,
        data=data,
        metrics=metrics,
        history=history_rows(state.history),
    )
    return save_checkpoint(out, model, header, *(places or Places())), header


def places_of(model: VAE) -> Places:
    """Where MNIST's digits lie, and of their q(z|x), if they have any, what a checkpoint keeps.

    That is its standard deviations and, where it is refined and so takes long, its ELBO in parts.
    """
    from vae_core.analysis.projection import encode_images, map_codes

    posterior = encode_images(model, load_mnist("all").images)
    std = posterior.std.numpy() if model.config.posterior == "gaussian" else None
    parts = _elbo_parts(model) if model.config.refine_radius else None
    return Places(map_codes(posterior), std, parts)


def _elbo_parts(model: VAE) -> _Floats:
    """Reconstruction and KL of each digit, nats, (70000, 2)."""
    from vae_core.analysis.digit_elbos import digit_elbos

    columns: list[_Floats] = []
    for split in ("train", "test"):
        found = digit_elbos(model, load_mnist(split))
        assert found.kl is not None  # a plain autoencoder has nothing to refine
        columns.append(np.stack([found.reconstruction.numpy(), found.kl.numpy()], 1))
    return np.concatenate(columns)
