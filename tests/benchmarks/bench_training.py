"""Images per second of `vae_core.training.train`, recipe elbo's network, beside plain loops.

"bare" is the least that such training can cost: forward, backward and optimiser step of plain
torch layers on tensors that are in memory and binarised already. "usual" is the loop most would
write: a DataLoader that shuffles float images, binarised on the way. All three have the same
layers, the same first weights, the same batches' size and the same optimiser settings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.benchmarks.harness import interleave, repeats, report
from vae_core.config import TrainConfig
from vae_core.data import binarise, load_mnist
from vae_core.models import VAE
from vae_core.objectives import batch_objective
from vae_core.recipes import find_recipe
from vae_core.training import start, train

ROUNDS = 5


class PlainVAE(nn.Module):
    """The same networks as a VAE's, of nothing but torch's own parts, with its weights."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.encoder = _plain(model.encoder.net.layers)
        self.decoder = _plain(model.decoder.net.layers)

    def forward(self, x: Tensor, generator: Generator) -> Tensor:
        """Negative ELBO in nats, the mean over the batch."""
        mu, logvar = self.encoder(x).chunk(2, -1)
        eps = torch.randn(mu.shape, generator=generator)
        logits = self.decoder(mu + (0.5 * logvar).exp() * eps)
        misfit = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
        return (misfit + kl) / len(x)


def _plain(layers: Iterable[nn.Module]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for layer in layers:
        assert isinstance(layer, nn.Linear)
        copy = nn.Linear(layer.in_features, layer.out_features)
        copy.load_state_dict(layer.state_dict())
        parts += [copy, nn.SiLU()]
    return nn.Sequential(*parts[:-1])


class Loop:
    """A plain model and its optimiser."""

    def __init__(self, model: VAE, config: TrainConfig) -> None:
        self.model = PlainVAE(model)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.generator = Generator().manual_seed(config.seed)

    def step(self, x: Tensor) -> Tensor:
        """Take one step; returns the loss."""
        loss = self.model(x, self.generator)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


@pytest.mark.parametrize(("batch", "steps"), [(128, 60), (1000, 15)])
def test_train_beside_plain_loops(batch: int, steps: int) -> None:
    recipe = find_recipe("elbo")
    rounds = repeats(ROUNDS)
    n_images = batch * steps
    images = load_mnist("train").images[:n_images]
    config = replace(recipe.train, batch_size=batch, epochs=rounds + 1)
    state = start(recipe.model, config, images)
    grey = torch.from_numpy(images.reshape(n_images, -1) / 255.0).float()
    binary = binarise(grey, Generator().manual_seed(0))
    bare, usual = Loop(state.model, config), Loop(state.model, config)
    _check_same_loss(state.model, bare.model, config, binary[:batch])
    loader = DataLoader(TensorDataset(grey), batch_size=batch, shuffle=True)
    epochs = train(state, images)
    losses: list[float] = []

    def time_train() -> float:
        begin = time.perf_counter()
        record = next(record for record in epochs if record.ended_epoch)
        assert record.step % steps == 0
        return n_images / (time.perf_counter() - begin)

    def time_bare() -> float:
        begin = time.perf_counter()
        loss = torch.stack([bare.step(x) for x in binary.split(batch)]).mean()
        losses.append(loss.item())
        return n_images / (time.perf_counter() - begin)

    def time_usual() -> float:
        begin = time.perf_counter()
        total = sum(usual.step(torch.bernoulli(x)).item() for (x,) in loader)
        losses.append(total / steps)
        return n_images / (time.perf_counter() - begin)

    series = interleave(
        {"bare": time_bare, "train": time_train, "usual": time_usual}, rounds=rounds
    )

    report(
        f"Training at batch {batch:,}",
        "images/s",
        series,
        what=f"{steps} steps a turn, {torch.get_num_threads()} threads; goal: train ≥ 0.85.",
        baseline="bare",
    )
    objective = [means.objective for means in state.history]
    assert len(objective) == rounds + 1
    assert all(map(math.isfinite, objective + losses))
    assert objective[-1] > objective[0] - 1  # nats; so early in the warm-up it hardly moves


def _check_same_loss(model: VAE, plain: PlainVAE, config: TrainConfig, x: Tensor) -> None:
    """Both sides compute one and the same thing."""
    with torch.no_grad():
        ours = -batch_objective(model, x, config, Generator().manual_seed(1)).objective.mean()
        theirs = plain(x, Generator().manual_seed(1))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-3)
