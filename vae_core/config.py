"""Frozen configurations of a model and of its training, with a strict JSON round trip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, cast, get_args

from vae_core.errors import ConfigError

Activation = Literal["relu", "silu", "tanh"]
LikelihoodName = Literal["bernoulli", "gaussian", "gaussian-learned-sigma"]
PosteriorName = Literal["gaussian", "point"]
PriorName = Literal["normal", "digit-mixture"]
Objective = Literal["elbo", "beta-elbo", "iwae", "lattice", "autoencoder"]
Start = Literal["random", "neighbours", "checkpoint"]
Precision = Literal["float32", "bfloat16"]

N_PIXELS = 28 * 28
# Bounds far above all use, so that a slip of the hand is told and not computed for years.
MOST_LATENT_DIMS = N_PIXELS
MOST_EPOCHS = 100_000
MOST_IMAGES_PER_STEP = 1_000_000
MOST_LEARNING_RATE = 100.0  # Adam's steps are about as long, and weights are below 1
MOST_BETA = 1e6
MOST_SEED = 2**63 - 2  # torch takes 64 bits with a sign, and batches are drawn from the seed + 1
MOST_NEIGHBOUR_SEED = 2**32 - 1  # scikit-learn's and UMAP's
MIN_LOG_SIGMA = -4.0  # a density is unbounded as σ → 0; e⁻⁴ is 4.7 grey levels of 255


class _JsonConfig:
    """Dict round trip that refuses unknown fields; missing ones take their defaults.

    So a file written before a field existed is still read, and one from the future is not
    misread.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for ``json.dumps``."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from `to_dict`'s output.

        Raises
        ------
        ConfigError
            A field is unknown, or its value is not allowed.
        """
        known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(
                f"{cls.__name__} has unknown fields {', '.join(unknown)}; "
                f"allowed are {', '.join(known)}"
            )
        return cls(
            **{
                k: tuple(cast("list[Any]", v)) if isinstance(v, list) else v
                for k, v in values.items()
            }
        )


def _require(ok: bool, name: str, got: object, allowed: str) -> None:
    if not ok:
        raise ConfigError(f"{name} must be {allowed}, got {got!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )


def _require_choice(name: str, got: object, choices: object) -> None:
    allowed = get_args(choices)
    _require(got in allowed, name, got, f"one of {', '.join(allowed)}")


def _require_widths(name: str, got: object) -> None:
    widths = cast("tuple[object, ...]", got)
    ok = isinstance(got, tuple) and all(_is_count(width) for width in widths)
    _require(ok, name, widths, "a list of layer widths, each a whole number from 1")


@dataclass(frozen=True, slots=True)
class ModelConfig(_JsonConfig):
    """Architecture of a VAE on 28 × 28 grey images."""

    latent_dim: int = 2  # D; the explorer is made for 2, shows others as a projection
    likelihood: LikelihoodName = "bernoulli"
    sigma: float = 1.0  # of the fixed-sigma Gaussian; the other likelihoods ignore it
    posterior: PosteriorName = "gaussian"  # "point": a plain autoencoder's encoder, no q(z|x)
    refine_radius: float = 0.0  # z units; how far round the encoder's mean q(z|x) is sought; 0: no
    prior: PriorName = "normal"  # "digit-mixture": one Gaussian per class, learned with labels
    encoder_hidden: tuple[int, ...] = (512, 256)
    decoder_hidden: tuple[int, ...] = (256, 512)
    activation: Activation = "silu"
    residual: bool = False  # skip connections between decoder layers of equal width
    fourier_features: int = 0  # fixed sin and cos features of z before the decoder; 0 = none
    fourier_std: float = 3.0  # standard deviation of their frequencies, radians per z unit

    def __post_init__(self) -> None:
        _require(
            _is_count(self.latent_dim) and self.latent_dim <= MOST_LATENT_DIMS,
            "latent_dim",
            self.latent_dim,
            f"a whole number from 1 to {MOST_LATENT_DIMS}",
        )
        _require_choice("likelihood", self.likelihood, LikelihoodName)
        _require(_is_positive(self.sigma), "sigma", self.sigma, "a finite number above 0")
        _require_choice("posterior", self.posterior, PosteriorName)
        is_planar = self.latent_dim == 2 and self.posterior == "gaussian"
        _require(
            self.refine_radius == 0 or (_is_positive(self.refine_radius) and is_planar),
            "refine_radius",
            self.refine_radius,
            '0, or above it with latent_dim 2 and the posterior "gaussian"',
        )
        _require_choice("prior", self.prior, PriorName)
        _require(
            self.prior == "normal" or is_planar,
            "prior",
            self.prior,
            '"normal" unless latent_dim is 2 and the posterior "gaussian"',
        )
        _require_widths("encoder_hidden", self.encoder_hidden)
        _require_widths("decoder_hidden", self.decoder_hidden)
        _require_choice("activation", self.activation, Activation)
        _require(isinstance(self.residual, bool), "residual", self.residual, "true or false")
        _require(
            self.fourier_features == 0 or _is_count(self.fourier_features),
            "fourier_features",
            self.fourier_features,
            "a whole number from 0",
        )
        _require(_is_positive(self.fourier_std), "fourier_std", self.fourier_std, "above 0")


@dataclass(frozen=True, slots=True)
class TrainConfig(_JsonConfig):
    """How a model is trained; with the same seed and machine, to the same weights."""

    objective: Objective = "elbo"
    beta: float = 1.0  # weight of the KL term; only "beta-elbo" may differ from 1
    n_samples: int = 1  # K latent samples per image; more than 1 is for "iwae"
    input_noise: float = 0.0  # share of the pixels that the encoder sees replaced by coin flips
    # "neighbours": from a neighbour embedding, see vae_core.neighbours; "checkpoint": from weights
    start: Start = "random"
    start_epochs: int = 0  # of `epochs`, the first that fit both networks to those codes
    elbo_epochs: int = 0  # of `epochs`, those on the ELBO before the objective "lattice" begins
    refit_epochs: int = 0  # of `epochs`, the last that fit the encoder alone to the posterior
    fit_batch_size: int = 250  # images per step of these three kinds of epochs
    epochs: int = 30
    batch_size: int = 128
    n_nodes: int = 0  # of the randomly shifted lattice that is the objective "lattice"
    jitter: float = 0.0  # z units; std between where its images are placed and what is decoded
    learning_rate: float = 1e-3  # peak; linear warm-up, then a cosine to a thousandth
    warmup_steps: int = 200
    weight_decay: float = 0.0
    seed: int = 0
    precision: Precision = "float32"  # of matrix products in training; figures are always float32
    held_out: int = 0  # training images, the last of the set, never trained on: to choose by

    def __post_init__(self) -> None:
        _require_choice("objective", self.objective, Objective)
        _require(
            _is_positive(self.beta) and self.beta <= MOST_BETA,
            "beta",
            self.beta,
            f"above 0 and up to {MOST_BETA:,.0f}",
        )
        _require(
            self.beta == 1.0 or self.objective == "beta-elbo",
            "beta",
            self.beta,
            f"1 with the objective {self.objective}",
        )
        _require(_is_count(self.n_samples), "n_samples", self.n_samples, "a whole number from 1")
        _require(
            self.n_samples == 1 or self.objective == "iwae",
            "n_samples",
            self.n_samples,
            f"1 with the objective {self.objective}",
        )
        _require(
            _is_count(self.n_nodes) if self.objective == "lattice" else self.n_nodes == 0,
            "n_nodes",
            self.n_nodes,
            'a whole number from 1 with the objective "lattice", 0 with any other',
        )
        _require(
            self.jitter == 0 or (_is_positive(self.jitter) and self.objective == "lattice"),
            "jitter",
            self.jitter,
            '0, or above it with the objective "lattice"',
        )
        for name, most in (
            ("epochs", MOST_EPOCHS),
            ("batch_size", MOST_IMAGES_PER_STEP),
            ("fit_batch_size", MOST_IMAGES_PER_STEP),
        ):
            value = getattr(self, name)
            ok = _is_count(value) and value <= most
            _require(ok, name, value, f"a whole number from 1 to {most:,}")
        _require_choice("start", self.start, Start)
        _require(
            self.start_epochs == 0
            if self.start != "neighbours"
            else _is_count(self.start_epochs) and self.start_epochs < self.epochs,
            "start_epochs",
            self.start_epochs,
            '0, or with the start "neighbours" from 1 to fewer than epochs',
        )
        _require(
            self.elbo_epochs == 0 or (_is_count(self.elbo_epochs) and self.objective == "lattice"),
            "elbo_epochs",
            self.elbo_epochs,
            '0, or a whole number with the objective "lattice"',
        )
        others = self.start_epochs + self.elbo_epochs
        _require(
            others < self.epochs
            and (
                self.refit_epochs == 0
                or (_is_count(self.refit_epochs) and others + self.refit_epochs < self.epochs)
            ),
            "refit_epochs",
            self.refit_epochs,
            "a whole number from 0 that leaves epochs for the objective",
        )
        _require(
            _is_positive(self.learning_rate) and self.learning_rate <= MOST_LEARNING_RATE,
            "learning_rate",
            self.learning_rate,
            f"above 0 and up to {MOST_LEARNING_RATE:g}",
        )
        _require(
            self.input_noise == 0 or (_is_positive(self.input_noise) and self.input_noise < 1),
            "input_noise",
            self.input_noise,
            "from 0 to less than 1",
        )
        _require(
            self.input_noise == 0 or self.objective in ("elbo", "beta-elbo"),
            "input_noise",
            self.input_noise,
            f"0 with the objective {self.objective}",
        )
        _require_choice("precision", self.precision, Precision)
        for name in ("warmup_steps", "seed", "held_out"):
            value = getattr(self, name)
            _require(value == 0 or _is_count(value), name, value, "a whole number from 0")
        most = MOST_NEIGHBOUR_SEED if self.start == "neighbours" else MOST_SEED
        _require(self.seed <= most, "seed", self.seed, f"a whole number from 0 to {most}")
        _require(
            self.weight_decay == 0 or _is_positive(self.weight_decay),
            "weight_decay",
            self.weight_decay,
            "a finite number from 0",
        )
