"""Training as a generator of step records; it prints nothing and touches no file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.random import fork_rng, manual_seed  # pyright: ignore[reportUnknownVariableType]

from vae_core.config import N_PIXELS, ModelConfig, TrainConfig
from vae_core.data import ByteArray, binarise
from vae_core.errors import ConfigError
from vae_core.models import VAE
from vae_core.objectives import BatchObjective, batch_objective, fit_objective
from vae_core.refinement import posterior_peaks
from vae_core.torch_functions import to_list

_RECORD_EVERY = 20  # steps; reading numbers off the device at each step would make it wait
_LAST_LEARNING_RATE = 1e-3  # as a share of the peak

Phase = Literal["start", "elbo", "main", "refit"]


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
    """Rows for JSON, which knows finite numbers alone: a plain autoencoder's KL becomes None."""
    return [[value if math.isfinite(value) else None for value in row] for row in history]


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
    with fork_rng():
        manual_seed(config.seed)
        model = VAE(model_config)
    # From here the first steps go into the latent space, not into learning where borders are.
    mean = torch.as_tensor(images.mean(0).reshape(-1) / 255.0).clamp(1e-3, 1 - 1e-3)
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
    planar = {"start": config.start == "neighbours", "objective": config.objective == "lattice"}
    planar["refit"] = config.refit_epochs > 0
    for name in (name for name, is_used in planar.items() if is_used):
        if is_point or model_config.latent_dim != 2:
            raise ConfigError(
                f"the {name} of this recipe needs a Gaussian posterior and latent_dim 2, got "
                f'"{model_config.posterior}" and {model_config.latent_dim}'
            )


def phase_of(epoch: int, config: TrainConfig) -> Phase:
    """Say what an epoch, from 1, is of: start, ELBO before the objective, objective, or refit."""
    if epoch <= config.start_epochs:
        return "start"
    if epoch <= config.start_epochs + config.elbo_epochs:
        return "elbo"
    return "refit" if epoch > config.epochs - config.refit_epochs else "main"


def learning_rate(progress: float, step: int, config: TrainConfig) -> float:
    """Linear warm-up to the peak, then half a cosine to a thousandth of it.

    Parameters
    ----------
    progress : float
        From 0 to 1, over start and objective together, and again over the refit.
    step : int
        Of the run, from 0.
    config : TrainConfig
    """
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
    return config.learning_rate * warm * (_LAST_LEARNING_RATE + (1 - _LAST_LEARNING_RATE) * cosine)


def train(
    state: TrainState,
    images: ByteArray,
    codes: NDArray[np.float32] | None = None,
    labels: ByteArray | None = None,
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
    labels : ByteArray, shape (N,), optional
        Needed by the prior "digit-mixture" alone.

    Yields
    ------
    StepRecord
        Every 20 steps, and at the end of each epoch. After a record with `ended_epoch` the state
        is complete and may be saved.
    """
    model, config = state.model, state.config
    device = state.generator.device
    pixels = torch.as_tensor(images.reshape(len(images), -1).copy()).to(device)
    if codes is None and state.epochs_done < config.start_epochs:
        raise ValueError(f'a start from "{config.start}" needs codes, got none')
    targets = None if codes is None else torch.as_tensor(codes).to(device)
    classes = None if labels is None else torch.as_tensor(labels.astype(np.int64)).to(device)
    model.train()
    for epoch in range(state.epochs_done + 1, config.epochs + 1):
        phase = phase_of(epoch, config)
        if phase == "refit" and model.decoder.output_bias.requires_grad:
            model.decoder.requires_grad_(False)  # without gradients the optimiser leaves it be
            targets = posterior_peaks(model, pixels)
        yield from _epoch(state, pixels, epoch, _objective_of(epoch, state, targets, classes))
    model.requires_grad_(True).eval()


def moments(config: TrainConfig, n_images: int, n: int) -> list[int]:
    """Choose the steps at which to keep the network, geometrically spaced, the last among them.

    The untrained network is one of the n and comes before: its step, 0, is not listed.

    Raises
    ------
    ValueError
        n is below 3.
    """
    if n < 3:
        raise ValueError(f"n must be at least 3, got {n}")
    recorded: list[int] = []  # the steps that `train` yields a record of
    for epoch in range(1, config.epochs + 1):
        before = recorded[-1] if recorded else 0
        last = before + _n_batches(epoch, config, n_images)
        recorded += [*range(before + _RECORD_EVERY, last, _RECORD_EVERY), last]
    wanted = np.geomspace(recorded[0], recorded[-1], n - 1)
    nearest = np.abs(np.array(recorded)[:, None] - wanted).argmin(0)
    return sorted({recorded[int(i)] for i in nearest})


Objective = Callable[[Tensor, Tensor], BatchObjective]  # of x and of the rows it was made from


def _objective_of(
    epoch: int, state: TrainState, targets: Tensor | None, classes: Tensor | None
) -> Objective:
    """Choose what one epoch maximises."""
    model, config, generator = state.model, state.config, state.generator
    phase = phase_of(epoch, config)
    # Half of a refit finds each image's own mode, which the ELBO alone would never leave for
    # another; the other half is the ELBO, which is −KL(q ‖ p(z|x)) when the decoder is frozen.
    is_fit = phase == "refit" and epoch <= config.epochs - config.refit_epochs // 2
    if phase == "start" or is_fit:
        assert targets is not None
        return lambda x, rows: fit_objective(model, x, targets[rows], generator)
    if phase in ("elbo", "refit"):
        bound = replace(
            config, objective="elbo", beta=1.0, n_samples=1, n_nodes=0, jitter=0.0, elbo_epochs=0
        )
        return lambda x, rows: batch_objective(model, x, bound, generator)
    return lambda x, rows: batch_objective(
        model, x, config, generator, None if classes is None else classes[rows]
    )


def _epoch(
    state: TrainState, pixels: Tensor, epoch: int, objective: Objective
) -> Iterator[StepRecord]:
    """One pass over the images in a fresh order, the last batch as small as it comes."""
    config, generator, device = state.config, state.generator, pixels.device
    n_batches = _n_batches(epoch, config, len(pixels))
    before, n_steps = (
        sum(_n_batches(e, config, len(pixels)) for e in range(1, last))
        for last in (epoch, config.epochs + 1)
    )
    is_reduced = config.precision == "bfloat16"
    is_binary = state.model.config.likelihood == "bernoulli"
    order = torch.randperm(len(pixels), generator=generator, device=device)
    recent, whole = _Means(epoch, device), _Means(epoch, device)
    since = time.perf_counter()
    for i, rows in enumerate(torch.split(order, _batch_size(epoch, config)), start=1):
        x = pixels[rows].float().div_(255.0)
        if is_binary:
            x = binarise(x, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=is_reduced):
            batch = objective(x, rows)
        rate = learning_rate(_progress(epoch, (i - 1) / n_batches, config), before + i - 1, config)
        state.optimizer.param_groups[0]["lr"] = rate
        state.optimizer.zero_grad()
        torch.autograd.backward(-batch.objective.mean())
        state.optimizer.step()  # pyright: ignore[reportUnknownMemberType]
        recent.add(batch)
        whole.add(batch)
        is_last = i == n_batches
        if is_last or i % _RECORD_EVERY == 0:
            speed = recent.count / (time.perf_counter() - since)
            ended = whole.read() if is_last else None
            if ended:
                state.epochs_done = epoch
                state.history.append(ended)
            yield StepRecord(epoch, before + i, n_steps, recent.read(), speed, ended)
            recent = _Means(epoch, device)
            since = time.perf_counter()


def _batch_size(epoch: int, config: TrainConfig) -> int:
    return config.batch_size if phase_of(epoch, config) == "main" else config.fit_batch_size


def _n_batches(epoch: int, config: TrainConfig, n_images: int) -> int:
    return math.ceil(n_images / _batch_size(epoch, config))


def _progress(epoch: int, fraction: float, config: TrainConfig) -> float:
    """Share of its schedule that is over when a fraction of an epoch is."""
    first = config.epochs - config.refit_epochs
    done = epoch - 1 + fraction
    return (done - first) / config.refit_epochs if epoch > first else done / first


class _Means:
    """Running sums of what batches say, kept on the device."""

    def __init__(self, epoch: int, device: torch.device) -> None:
        self.epoch = epoch
        self.sums = torch.zeros(4, device=device, dtype=torch.float64)
        self.count = 0

    def add(self, batch: BatchObjective) -> None:
        self.sums += torch.stack([part.detach().sum() for part in batch])
        self.count += len(batch.objective)

    def read(self) -> EpochMeans:
        return EpochMeans(self.epoch, *to_list(self.sums / self.count))
