"""Measure a model and write its checkpoint, with where MNIST's digits lie on its map."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.checkpoints import CheckpointRef, save_checkpoint
from vae_core.cli.at_hand import DataAtHand, Images
from vae_core.data import load_mnist
from vae_core.errors import VaeCoreError
from vae_core.header import Header
from vae_core.identity import DataSource
from vae_core.metrics import Metric, Metrics
from vae_core.progress import Report, unreported
from vae_core.recipes import Recipe
from vae_core.tensors import ProjectedCodes, round_to_stored

if TYPE_CHECKING:
    from vae_core.models import VAE
    from vae_core.training import TrainState

WEIGHTS = Path("weights")

_IWAE_SAMPLES = 500  # where there is no exact log p(x); as the literature does
# Images seen in training, over all epochs, below which measuring all would take longer than that:
# `quick` sees 600,000 in 80 seconds of one core.
_SHORT_TRAINING = 1_000_000
# What is measured then: 13 seconds of one core, for a standard error of about 1.5 nats.
_FEW_IMAGES = 1_000
_FEW_IWAE_SAMPLES = 100
_Floats = NDArray[np.floating[Any]]


class Places(NamedTuple):
    """Where MNIST's 70,000 digits lie, as `save_checkpoint` takes it; None is not stored."""

    codes: ProjectedCodes | None = None
    std: _Floats | None = None  # (70000, D), of q(z|x)
    elbo_parts: _Floats | None = None  # (70000, 2), reconstruction and KL, nats


def rounded(model: VAE) -> VAE:
    """Copy a model in the precision that its file will keep; training goes on with the original.

    Raises
    ------
    VaeCoreError
        A weight is not finite in that precision: the training diverged.
    """
    copied = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    round_to_stored(copied)
    if not all(bool(value.isfinite().all()) for value in copied.state_dict().values()):
        raise VaeCoreError(
            "training diverged: weights are no finite numbers in float16, in which checkpoints "
            "keep them; lower --learning-rate and start again"
        )
    return copied


class Measuring(NamedTuple):
    """How a trained model is measured."""

    n_images: int | None  # of the test images, and as many of the training images; None: all
    spacing: float  # of the lattice for log p(x), z units
    iwae_samples: int  # K where there is no lattice


def measuring_of(recipe: Recipe, n_trained_on: int) -> Measuring:
    """Choose a measure that takes no longer than the training did.

    Parameters
    ----------
    recipe : Recipe
    n_trained_on : int
        Training images.
    """
    from vae_core.exact.adaptive import LIVE_SPACING, REPORTED_SPACING

    n_iwae = _IWAE_SAMPLES if recipe.model.latent_dim > 2 else 0
    if recipe.train.epochs * n_trained_on < _SHORT_TRAINING:
        return Measuring(_FEW_IMAGES, LIVE_SPACING, min(n_iwae, _FEW_IWAE_SAMPLES))
    return Measuring(None, REPORTED_SPACING, n_iwae)


def measured(
    model: VAE, data: DataAtHand, train: Images | None, how: Measuring, report: Report = unreported
) -> Metrics:
    """Measure a model, in the precision of its file, on the test images at hand."""
    from vae_core.analysis.evaluation import evaluate_model

    n_images, spacing, iwae_samples = how
    return evaluate_model(
        model,
        data.test,
        name=data.name,
        train=train,
        n_images=n_images,
        spacing=spacing,
        iwae_samples=iwae_samples,
        report=report,
    )


def moment_of(epoch: float) -> Metrics:
    """Say after how many epochs a snapshot was taken."""
    method = "passes over the training images when this was saved"
    return {"epoch": Metric(epoch, None, "epochs", method)}


def write(
    out: Path,
    model: VAE,
    state: TrainState,
    recipe: Recipe,
    source: DataSource,
    metrics: Metrics,
    places: Places | None = None,
) -> tuple[CheckpointRef, Header]:
    """Write the checkpoint of a model as it is now, from `rounded`, with its metrics."""
    from vae_core.training import history_rows

    header = Header(
        about=recipe.about,
        recipe=recipe.name,
        model=recipe.model,
        train=recipe.train,
        data=source,
        metrics=metrics,
        history=history_rows(state.history),
    )
    return save_checkpoint(out, model, header, *(places or Places())), header


def places_of(model: VAE, *, with_elbo: bool = True) -> Places:
    """Where MNIST's digits lie, and of their q(z|x), if they have any, what a checkpoint keeps.

    That is its standard deviations and, where it is refined and so takes long, its ELBO in parts,
    unless that is not wanted.
    """
    from vae_core.analysis.projection import encode_images, map_codes

    posterior = encode_images(model, load_mnist("all").images)
    std = posterior.std.numpy() if model.config.posterior == "gaussian" else None
    parts = _elbo_parts(model) if model.config.refine_radius and with_elbo else None
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
