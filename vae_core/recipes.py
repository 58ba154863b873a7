"""The named recipes behind weights/: `python -m vae_core train NAME` repeats any of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model, its training, and one line on what it shows."""

    name: str
    about: str
    model: ModelConfig
    train: TrainConfig
    parent: str = ""  # the recipe whose weights a start from a checkpoint takes


# One decoder for all: what differs between their maps is then the objective alone.
_ENCODER = (512, 512)
_DECODER = (512, 512, 512, 512)
_FLAGSHIP = ModelConfig(
    encoder_hidden=_ENCODER, decoder_hidden=_DECODER, fourier_features=64, fourier_std=2.0
)
# For those that each show one idea, on the smaller default networks.
_SCHEDULE = TrainConfig(epochs=40, batch_size=250, learning_rate=1.5e-3, precision="bfloat16")

_ALL = (
    Recipe(
        "atlas",
        "The best map for eyes: a Bernoulli VAE on the ELBO, started from a neighbour embedding "
        "of the training images (no labels), with Fourier features of z.",
        replace(_FLAGSHIP, refine_radius=0.2),
        TrainConfig(
            start="neighbours",
            start_epochs=10,
            epochs=60,
            batch_size=250,
            learning_rate=1.5e-3,
            precision="bfloat16",
        ),
    ),
    Recipe(
        "record",
        "Made for the likelihood: from atlas on, the decoder is trained on log p(x) itself by a "
        "lattice of 4,096 latents, then the encoder is refitted to it. The map folds to fit more.",
        replace(_FLAGSHIP, refine_radius=0.5),
        TrainConfig(
            objective="lattice",
            n_nodes=4096,
            jitter=0.055,
            start="checkpoint",
            refit_epochs=8,
            epochs=128,
            batch_size=2000,
            learning_rate=1e-3,
            precision="bfloat16",
        ),
        parent="atlas",
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
        "iwae",
        "The importance-weighted bound with 5 samples: a tighter bound on log p(x), and an "
        "encoder free to be wider than the posterior.",
        ModelConfig(encoder_hidden=_ENCODER, decoder_hidden=_DECODER),
        replace(_SCHEDULE, objective="iwae", n_samples=5),
    ),
    Recipe(
        "denoising",
        "A denoising VAE: a quarter of the pixels that its encoder sees are coin flips, and its "
        "decoder explains the clean digit all the same.",
        ModelConfig(),
        replace(_SCHEDULE, input_noise=0.25),
    ),
    Recipe(
        "gaussian",
        "Grey pixels, p(x|z) = N(f(z), σ²I) with σ = 0.18 for all: the textbook's squared error, "
        "made a likelihood.",
        ModelConfig(likelihood="gaussian", sigma=0.18),
        _SCHEDULE,
    ),
    Recipe(
        "gaussian-sigma",
        "Grey pixels, p(x|z) = N(f(z), σ(z)²I): the decoder also says how sure it is, place by "
        "place.",
        ModelConfig(likelihood="gaussian-learned-sigma"),
        _SCHEDULE,
    ),
    Recipe(
        "mixture",
        "The prior is one Gaussian per digit, learned with the labels; a smooth transport turns "
        "it into the one unit Gaussian and back.",
        ModelConfig(prior="digit-mixture"),
        replace(_SCHEDULE, epochs=30),
    ),
    Recipe(
        "ten",
        "Ten latent dimensions: what two leave out. The map shows their leading plane.",
        ModelConfig(latent_dim=10),
        _SCHEDULE,
    ),
    Recipe(
        "line",
        "One latent dimension: all digits on a line.",
        ModelConfig(latent_dim=1),
        _SCHEDULE,
    ),
    Recipe(
        "growing",
        "A small VAE caught at 14 moments of its training, from the untrained network on.",
        ModelConfig(encoder_hidden=(256,), decoder_hidden=(128, 256)),
        _SCHEDULE,
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
