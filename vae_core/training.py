"""Training as a generator of step records; it prints nothing and touches no file."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vae_core import objectives
from vae_core.config import N_PIXELS, ModelConfig, TrainConfig
from vae_core.data import ByteArray, binarise
from vae_core.errors import ConfigError
from vae_core.models import VAE, Posterior

_RECORD_EVERY = 20  # steps; reading numbers off the device at each step would make it wait
_LAST_LEARNING_RATE = 1e-3  # as a share of the peak
_START_STD = 0.06  # z units; of q(z|x) while the networks are fitted to given codes


class EpochMeans(NamedTuple):
    """Means over one epoch's training images, in nats, with the weights as they moved."""

    epoch: int
    objective: float
    elbo: float
    kl: float
    reconstruction: float


class StepRecord(NamedTuple):
    """Where training stands; the numbers are means over the steps since the last record."""

    epoch: int  # from 1
    step: int  # over the whole run, from 1
    n_steps: int
    means: EpochMeans
    images_per_second: float
    ended_epoch: EpochMeans | None  # set on an epoch's last step


@dataclass(slots=True)
class TrainState:
    """Everything a run needs to go on from the end of an epoch."""

    model: VAE
    config: TrainConfig
    optimizer: torch.optim.AdamW
    generator: Generator
    epochs_done: int = 0
    history: list[EpochMeans] = field(default_factory=list[EpochMeans])


def history_rows(history: list[EpochMeans]) -> list[list[float | None]]:
    """Rows for JSON, which has no NaN: a plain autoencoder's ELBO and KL become None."""
    return [[None if math.isnan(value) else value for value in row] for row in history]


class Terms(NamedTuple):
    """Per-example terms of one batch, each of shape (B,), in nats."""

    objective: Tensor
    elbo: Tensor
    kl: Tensor
    reconstruction: Tensor


def start(
    model_config: ModelConfig, config: TrainConfig, images: ByteArray, device: str = "cpu"
) -> TrainState:
    """Build a fresh run; the same seed gives the same initial weights on every device.

    Parameters
    ----------
    model_config, config
        What to train and how.
    images : ByteArray, shape (N, 28, 28)
        Training images, uint8: the decoder starts from their mean.
    device : str
        "cpu" or "cuda".

    Raises
    ------
    ConfigError
        The two configurations do not go together.
    """
    _check_together(model_config, config)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = VAE(model_config)
    # From here the first steps go into the latent space, not into learning where borders are.
    mean = torch.from_numpy(images.mean(0).reshape(-1) / 255.0).clamp(1e-3, 1 - 1e-3)
    with torch.no_grad():
        model.decoder.output_bias[:N_PIXELS] = torch.logit(mean)
    model.to(device)
    # capturable is left off: one code path for CPU and CUDA keeps resumed runs identical.
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    generator = Generator(device).manual_seed(config.seed + 1)
    return TrainState(model, config, optimizer, generator)


def _check_together(model_config: ModelConfig, config: TrainConfig) -> None:
    is_point = model_config.posterior == "point"
    if is_point != (config.objective == "autoencoder"):
        raise ConfigError(
            'the posterior "point" and the objective "autoencoder" need each other, got '
            f'"{model_config.posterior}" with "{config.objective}"'
        )
    if config.start == "neighbours" and (is_point or model_config.latent_dim != 2):
        raise ConfigError(
            'the start "neighbours" needs a Gaussian posterior and latent_dim 2, got '
            f'"{model_config.posterior}" and {model_config.latent_dim}'
        )


def terms(model: VAE, x: Tensor, config: TrainConfig, generator: Generator) -> Terms:
    """Objective and its parts for one batch.

    Parameters
    ----------
    model : VAE
    x : Tensor, shape (B, 784)
        What the likelihood explains: binary for Bernoulli, grey in [0, 1] for Gaussian.
    config : TrainConfig
        Names the objective, beta and K.
    generator : Generator
        Source of eps, on the device of `x`.
    """
    posterior = model.encode(x)
    if config.objective == "autoencoder":
        log_px_z = model.likelihood.log_px_z(model.decoder(posterior.mu), x)
        nothing = torch.full_like(log_px_z, math.nan)  # no q(z|x): neither KL nor a bound
        return Terms(log_px_z, nothing, nothing, log_px_z)
    z = model.reparameterize(posterior, generator, config.n_samples)  # (K, B, D)
    log_px_z = model.likelihood.log_px_z(model.decoder(z), x)  # (K, B)
    kl = model.prior.kl_per_dim(*posterior).sum(-1)
    bound = objectives.elbo(log_px_z.mean(0), kl)
    if config.objective == "iwae":
        log_w = log_px_z + model.prior.log_pz(z) - log_qz_x(posterior, z)
        return Terms(objectives.iwae(log_w), bound, kl, log_px_z.mean(0))
    weighted = objectives.beta_elbo(log_px_z.mean(0), kl, config.beta)
    return Terms(weighted, bound, kl, log_px_z.mean(0))


def start_terms(model: VAE, x: Tensor, codes: Tensor, generator: Generator) -> Terms:
    """Objective of the first epochs of a start from given codes: fit both networks to them.

    Parameters
    ----------
    model : VAE
        With a Gaussian q(z|x).
    x : Tensor, shape (B, 784)
        As in `terms`.
    codes : Tensor, shape (B, D)
        Where the images should lie.
    generator : Generator
    """
    mu, logvar = model.encode(x)
    distance = (mu - codes).square().sum(-1)
    width = (0.5 * logvar - math.log(_START_STD)).square().sum(-1)
    eps = torch.randn(codes.shape, generator=generator, device=codes.device)
    log_px_z = model.likelihood.log_px_z(model.decoder(codes + _START_STD * eps), x)
    nothing = torch.full_like(log_px_z, math.nan)  # z is not drawn from q: this is no bound
    return Terms(log_px_z - 100.0 * distance - 10.0 * width, nothing, nothing, log_px_z)


def log_qz_x(posterior: Posterior, z: Tensor) -> Tensor:
    """log q(z|x) in nats of `z`, shape (K, B, D); returns shape (K, B)."""
    mu, logvar = posterior
    squares = (z - mu).square() * (-logvar).exp()
    return -0.5 * (squares + logvar + math.log(2.0 * math.pi)).sum(-1)


def learning_rate(step: int, n_steps: int, config: TrainConfig) -> float:
    """Linear warm-up to the peak, then half a cosine to a thousandth of it; `step` from 0."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    cosine = 0.5 * (1.0 + math.cos(math.pi * step / n_steps))
    return config.learning_rate * warm * (_LAST_LEARNING_RATE + (1 - _LAST_LEARNING_RATE) * cosine)


def train(
    state: TrainState, images: ByteArray, codes: NDArray[np.float32] | None = None
) -> Iterator[StepRecord]:
    """Run the epochs that `state` has left, updating it in place.

    Parameters
    ----------
    state : TrainState
        From `start`, or restored from a checkpoint of a run.
    images : ByteArray, shape (N, 28, 28)
        Training images, uint8; all of them, the last batch of an epoch may be smaller.

    codes : array, shape (N, D), optional
        Where the images should lie at first; needed while a start from neighbours lasts.

    Yields
    ------
    StepRecord
        Every 20 steps, and at the end of each epoch. After a record with `ended_epoch` the state
        is complete and may be saved.
    """
    model, config, generator = state.model, state.config, state.generator
    device = generator.device
    pixels = torch.from_numpy(images.reshape(len(images), -1).copy()).to(device)
    if codes is None and state.epochs_done < config.start_epochs:
        raise ValueError(f'a start from "{config.start}" needs codes, got none')
    targets = torch.from_numpy(np.empty(0) if codes is None else codes).to(device)
    is_binary = model.config.likelihood == "bernoulli"
    batches_per_epoch = math.ceil(len(pixels) / config.batch_size)
    n_steps = config.epochs * batches_per_epoch
    model.train()
    for epoch in range(state.epochs_done + 1, config.epochs + 1):
        order = torch.randperm(len(pixels), generator=generator, device=device)
        recent, whole = _Means(epoch, device), _Means(epoch, device)
        since = time.perf_counter()
        for i, rows in enumerate(order.split(config.batch_size), start=1):
            step = (epoch - 1) * batches_per_epoch + i
            x = pixels[rows].float().div_(255.0)
            if is_binary:
                x = binarise(x, generator)
            if epoch <= config.start_epochs:
                batch = start_terms(model, x, targets[rows], generator)
            else:
                batch = terms(model, x, config, generator)
            loss = -batch.objective.mean()
            state.optimizer.param_groups[0]["lr"] = learning_rate(step - 1, n_steps, config)
            state.optimizer.zero_grad()
            loss.backward()
            state.optimizer.step()
            recent.add(batch)
            whole.add(batch)
            is_last = i == batches_per_epoch
            if is_last or i % _RECORD_EVERY == 0:
                means, count = recent.read(), recent.count
                seconds = time.perf_counter() - since
                ended = whole.read() if is_last else None
                if ended:
                    state.epochs_done = epoch
                    state.history.append(ended)
                yield StepRecord(epoch, step, n_steps, means, count / seconds, ended)
                recent = _Means(epoch, device)
                since = time.perf_counter()
    model.eval()


class _Means:
    """Running sums of a batch's terms, kept on the device."""

    def __init__(self, epoch: int, device: torch.device) -> None:
        self.epoch = epoch
        self.sums = torch.zeros(4, device=device, dtype=torch.float64)
        self.count = 0

    def add(self, batch: Terms) -> None:
        self.sums += torch.stack([term.detach().sum() for term in batch])
        self.count += len(batch.objective)

    def read(self) -> EpochMeans:
        return EpochMeans(self.epoch, *(self.sums / self.count).tolist())
