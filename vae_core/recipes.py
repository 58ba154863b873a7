"""The named recipes behind weights/: `python -m vae_core train NAME` repeats any of them."""

from __future__ import annotations

from dataclasses import dataclass

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model, its training, and one line on what it shows."""

    name: str
    about: str
    model: ModelConfig
    train: TrainConfig


# One decoder for all: what differs between their maps is then the objective alone.
_ENCODER = (512, 512)
_DECODER = (512, 512, 512, 512)

_ALL = (
    Recipe(
        "atlas",
        "The best map for eyes: a Bernoulli VAE on the ELBO, started from a neighbour embedding "
        "of the training images (no labels), with Fourier features of z.",
        ModelConfig(
            encoder_hidden=_ENCODER, decoder_hidden=_DECODER, fourier_features=64, fourier_std=2.0
        ),
        TrainConfig(
            start="neighbours",
            start_epochs=10,
            epochs=70,
            batch_size=250,
            learning_rate=1.5e-3,
        ),
    ),
    Recipe(
        "record",
        "Made for the likelihood alone: the start of atlas, then the decoder trained on log p(x) "
        "itself by a lattice of 8,192 latents, and the encoder refitted. Takes hours on a CPU.",
        ModelConfig(
            encoder_hidden=_ENCODER, decoder_hidden=_DECODER, fourier_features=64, fourier_std=3.0
        ),
        TrainConfig(
            objective="lattice",
            n_nodes=8192,
            start="neighbours",
            start_epochs=10,
            refit_epochs=20,
            epochs=90,
            batch_size=2000,
            learning_rate=1.5e-3,
        ),
    ),
    Recipe(
        "elbo",
        "The textbook VAE: Bernoulli pixels, trained on the ELBO. The prior packs the digits "
        "into one round cloud.",
        ModelConfig(encoder_hidden=_ENCODER, decoder_hidden=_DECODER),
        TrainConfig(objective="elbo", epochs=60, batch_size=250, learning_rate=1.5e-3),
    ),
    Recipe(
        "beta4",
        "A beta-VAE with the KL weighted fourfold: smoother and rounder, it gives up detail and "
        "merges look-alikes.",
        ModelConfig(encoder_hidden=_ENCODER, decoder_hidden=_DECODER),
        TrainConfig(
            objective="beta-elbo", beta=4.0, epochs=40, batch_size=250, learning_rate=1.5e-3
        ),
    ),
    Recipe(
        "autoencoder",
        "A plain autoencoder: no prior and no noise, so its codes spread in long arms with "
        "empty land between.",
        ModelConfig(encoder_hidden=_ENCODER, decoder_hidden=_DECODER, posterior="point"),
        TrainConfig(objective="autoencoder", epochs=40, batch_size=250, learning_rate=1.5e-3),
    ),
    Recipe(
        "quick",
        "A small VAE for a first try: a few minutes on a laptop.",
        ModelConfig(),
        TrainConfig(epochs=10, batch_size=128),
    ),
)

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}


def find_recipe(name: str) -> Recipe:
    """Look a recipe up by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in RECIPES:
        raise ConfigError(f"there is no recipe {name!r}; allowed are {', '.join(RECIPES)}")
    return RECIPES[name]
