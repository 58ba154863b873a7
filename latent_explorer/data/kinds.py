"""What kind of model a checkpoint is, in plain words, and in what two of them differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from latent_explorer.data import catalogue
from vae_core.checkpoints import CheckpointRef
from vae_core.config import ModelConfig, TrainConfig

_PLAIN = (ModelConfig(), TrainConfig())  # the textbook VAE: what others are told apart from


class _Idea(NamedTuple):
    """Something in which models differ, beyond the sizes of their networks."""

    words: str
    of: Callable[[ModelConfig, TrainConfig], object]


_IDEAS = (
    _Idea(
        "what it was trained for", lambda _, train: (train.objective, train.beta, train.n_samples)
    ),
    _Idea("how its training started", lambda _, train: train.start),
    _Idea("noise on what the encoder sees", lambda _, train: train.input_noise),
    _Idea("codes with a width or without", lambda model, _: model.posterior),
    _Idea("the prior", lambda model, _: model.prior),
    _Idea("the dimensions of z", lambda model, _: model.latent_dim),
    _Idea("how pixels are explained", lambda model, _: (model.likelihood, model.sigma)),
    _Idea("Fourier features of z", lambda model, _: model.fourier_features > 0),
)


def title(ref: CheckpointRef) -> str:
    """Name a checkpoint where one is chosen from a list: elbo · plain VAE."""
    header = catalogue.header(ref)
    return f"{ref.name} · {kind(header.model, header.train)}"


def kind(model: ModelConfig, train: TrainConfig) -> str:
    """Say in a few words what a model is, beside its name."""
    if model.posterior == "point":
        words = "plain autoencoder"
    elif train.input_noise:
        words = "denoising VAE"
    else:
        words = {
            "elbo": "VAE",
            "beta-elbo": f"β-VAE, β = {train.beta:g}",
            "iwae": f"importance-weighted VAE, K = {train.n_samples}",
            "lattice": "VAE trained on the exact log p(x)",
        }.get(train.objective, train.objective)
    more: list[str] = []
    if model.latent_dim != 2:
        more.append(f"{model.latent_dim} dimension{'s' if model.latent_dim > 1 else ''}")
    if model.likelihood == "gaussian":
        more.append("grey pixels")
    elif model.likelihood == "gaussian-learned-sigma":
        more.append("grey pixels, σ learned")
    if model.prior == "digit-mixture":
        more.append("a prior per digit")
    if train.start == "neighbours":
        more.append("started from a neighbour map")
    if words == "VAE" and not more:
        return "plain VAE"
    return ", ".join([words, *more])


def differences(one: CheckpointRef, other: CheckpointRef) -> list[str]:
    """List in what two checkpoints differ, in words; nothing if at most in their networks."""
    return _differing(_configs(one), _configs(other))


def partner(first: CheckpointRef, others: Sequence[CheckpointRef]) -> CheckpointRef:
    """Choose what a checkpoint is compared with at first: what one learns most from.

    That is the one that differs in the fewest ideas, yet in one at least, so that what differs on
    the maps has a cause to be seen; of several the one nearest to the textbook VAE.
    """

    def rank(other: CheckpointRef) -> tuple[bool, int, int, str]:
        n = len(differences(first, other))
        return n == 0, n, len(_differing(_configs(other), _PLAIN)), other.name

    return min(others, key=rank)


def _configs(ref: CheckpointRef) -> tuple[ModelConfig, TrainConfig]:
    header = catalogue.header(ref)
    return header.model, header.train


def _differing(
    one: tuple[ModelConfig, TrainConfig], other: tuple[ModelConfig, TrainConfig]
) -> list[str]:
    return [idea.words for idea in _IDEAS if idea.of(*one) != idea.of(*other)]
