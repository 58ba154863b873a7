from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from vae_core import training
from vae_core.analysis.marginal import elbo
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet, binarise
from vae_core.errors import ConfigError
from vae_core.exact.evidence import log_px_exact
from vae_core.lattices import shifted_prior_nodes
from vae_core.models import VAE
from vae_core.objectives import BatchObjective, batch_objective
from vae_core.training import (
    EpochMeans,
    StepRecord,
    TrainState,
    history_rows,
    learning_rate,
    moments,
    phase_of,
    start,
    train,
)

TINY = {"encoder_hidden": (16,), "decoder_hidden": (8,)}
OBJECTIVES: list[dict[str, Any]] = [
    {"objective": "elbo"},
    {"objective": "beta-elbo", "beta": 4.0},
    {"objective": "iwae", "n_samples": 3},
    {"objective": "lattice", "n_nodes": 64},
    {"objective": "autoencoder"},
]


def begin(images: Any, *, model: dict[str, Any] | None = None, **config: Any) -> TrainState:
    is_point = config.get("objective") == "autoencoder"
    model_config = ModelConfig(
        **(TINY | {"posterior": "point" if is_point else "gaussian"} | (model or {}))
    )
    values = {"learning_rate": 5e-3, "warmup_steps": 3, "batch_size": 16, "epochs": 2}
    return start(model_config, TrainConfig(**(values | config)), images)


def weights(state: TrainState) -> Tensor:
    return torch.cat([value.flatten() for value in state.model.state_dict().values()])


@pytest.fixture
def images(few_digits: DataSet) -> Any:
    return few_digits.images[:50]


# --- start ------------------------------------------------------------------------------------


def test_the_seed_decides_the_first_weights(images: Any) -> None:
    model = {"fourier_features": 4}
    first, again, other = (weights(begin(images, model=model, seed=s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_start_leaves_the_global_generator_alone(images: Any) -> None:
    before = torch.get_rng_state()
    begin(images, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian-learned-sigma"])
def test_the_decoder_starts_from_the_mean_image(images: Any, likelihood: str) -> None:
    state = begin(images, model={"likelihood": likelihood})
    start_image = torch.sigmoid(state.model.decoder.output_bias[:784]).detach().numpy()
    wanted = np.clip(images.reshape(50, 784).mean(0) / 255.0, 1e-3, 1 - 1e-3)
    np.testing.assert_allclose(start_image, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "config", "named"),
    [
        ({"posterior": "point"}, {"objective": "elbo"}, '"point" with "elbo"'),
        ({"posterior": "point"}, {"objective": "iwae"}, '"point" with "iwae"'),
        ({"posterior": "gaussian"}, {"objective": "autoencoder"}, '"gaussian" with "autoencoder"'),
        ({"latent_dim": 3}, {"start": "neighbours", "start_epochs": 1}, '"gaussian" and 3'),
        (
            {"posterior": "point"},
            {"objective": "autoencoder", "start": "neighbours", "start_epochs": 1},
            '"point" and 2',
        ),
    ],
)
def test_configurations_that_do_not_go_together(
    images: Any, model: dict[str, Any], config: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        begin(images, model=model, **config)


# --- the schedule -----------------------------------------------------------------------------


def test_schedule_warms_up_then_falls_to_a_thousandth() -> None:
    config = TrainConfig(learning_rate=0.5, warmup_steps=10)
    rates = np.array([learning_rate(step / 1000, step, config) for step in range(1000)])
    np.testing.assert_allclose(rates[:10], 0.05 * np.arange(1, 11), rtol=1e-3)
    assert rates.argmax() == 9
    assert (np.diff(rates[9:]) < 0).all()
    assert rates[500] == pytest.approx(0.25, rel=0.01)  # half a cosine's middle
    assert rates[-1] == pytest.approx(0.0005, rel=0.01)


def test_no_warm_up_starts_at_the_peak() -> None:
    assert learning_rate(0.0, 0, TrainConfig(learning_rate=0.5, warmup_steps=0)) == 0.5


def test_the_optimiser_follows_the_schedule(images: Any) -> None:
    state = begin(images, epochs=3, batch_size=25, warmup_steps=2)
    for record in train(state, images):
        got = state.optimizer.param_groups[0]["lr"]
        step = record.step - 1
        assert got == pytest.approx(learning_rate(step / 6, step, state.config))
    assert record.step == 6


# --- the loop ---------------------------------------------------------------------------------


def test_records_come_every_twenty_steps_and_at_the_end_of_an_epoch(images: Any) -> None:
    state = begin(images[:45], batch_size=2, epochs=2)  # 23 steps an epoch, the last of one image
    records: list[StepRecord] = []
    for record in train(state, images[:45]):
        records.append(record)
        assert state.epochs_done == record.epoch - (record.ended_epoch is None)
    assert [(r.epoch, r.step) for r in records] == [(1, 20), (1, 23), (2, 43), (2, 46)]
    assert all(r.n_steps == 46 for r in records)
    assert all(r.images_per_second > 0 for r in records)
    assert [r.means.epoch for r in records] == [1, 1, 2, 2]
    assert [r.ended_epoch is not None for r in records] == [False, True, False, True]
    assert state.history == [records[1].ended_epoch, records[3].ended_epoch]
    for first, last in (records[:2], records[2:]):
        assert last.ended_epoch is not None
        # The epoch's means are over its images: 40 in the first record, 5 in the second.
        for name in ("objective", "elbo", "kl", "reconstruction"):
            parts = 40 * getattr(first.means, name) + 5 * getattr(last.means, name)
            assert getattr(last.ended_epoch, name) == pytest.approx(parts / 45, rel=1e-9)
        assert last.ended_epoch.elbo == pytest.approx(
            last.ended_epoch.reconstruction - last.ended_epoch.kl, rel=1e-5
        )


def test_each_epoch_uses_every_image_once_in_a_new_order(
    images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []

    def spy(model: VAE, x: Tensor, *args: Any) -> BatchObjective:
        seen.append(x)
        return batch_objective(model, x, *args)

    monkeypatch.setattr(training, "batch_objective", spy)
    state = begin(images, model={"likelihood": "gaussian"}, batch_size=16, epochs=2)
    assert [record.step for record in train(state, images)] == [4, 8]
    assert [len(x) for x in seen] == [16, 16, 16, 2] * 2
    wanted = images.reshape(50, 784) / np.float32(255.0)
    orders: list[list[int]] = []
    for epoch in (seen[:4], seen[4:]):
        rows = torch.cat(epoch).numpy()
        orders.append([int(np.abs(wanted - row).sum(1).argmin()) for row in rows])
        np.testing.assert_array_equal(wanted[orders[-1]], rows)
        assert sorted(orders[-1]) == list(range(50))
    assert orders[0] != orders[1]


def test_bernoulli_models_see_a_new_binarisation_each_epoch(
    images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []

    def spy(model: VAE, x: Tensor, *args: Any) -> BatchObjective:
        seen.append(x)
        return batch_objective(model, x, *args)

    monkeypatch.setattr(training, "batch_objective", spy)
    for _ in train(begin(images[:1], epochs=2), images[:1]):
        pass
    assert len(seen) == 2
    assert all(set(x.unique().tolist()) == {0.0, 1.0} for x in seen)
    assert not torch.equal(*seen)


@pytest.mark.parametrize("config", OBJECTIVES, ids=lambda c: c["objective"])
def test_every_objective_rises_and_is_repeatable(images: Any, config: dict[str, Any]) -> None:
    first, again = (begin(images, epochs=40, learning_rate=2e-2, **config) for _ in range(2))
    other = begin(images, epochs=40, learning_rate=2e-2, **config)
    other.generator.manual_seed(99)  # the same first weights, other noise and order
    before = weights(first)
    for state in (first, again, other):
        for _ in train(state, images):
            assert state.model.training
    assert torch.equal(weights(first), weights(again))
    assert first.history[-1].objective == again.history[-1].objective
    assert not torch.equal(weights(first), weights(other))
    assert not torch.equal(weights(first), before)
    assert first.history[-1].objective > first.history[0].objective + 5.0
    assert not first.model.training
    assert first.epochs_done == 40
    assert [means.epoch for means in first.history] == list(range(1, 41))
    has_no_bound = config["objective"] in ("autoencoder", "lattice")
    for means in first.history:
        assert math.isfinite(means.objective)
        assert math.isfinite(means.reconstruction) == (config["objective"] != "lattice")
        assert math.isnan(means.elbo) == math.isnan(means.kl) == has_no_bound


@pytest.mark.parametrize("likelihood", ["gaussian", "gaussian-learned-sigma"])
def test_gaussian_likelihoods_train_too(images: Any, likelihood: str) -> None:
    state = begin(images, model={"likelihood": likelihood, "sigma": 0.5}, epochs=40)
    for _ in train(state, images):
        pass
    assert state.history[-1].elbo > state.history[0].elbo + 3.0


def test_weight_decay_reaches_the_optimiser(images: Any) -> None:
    plain, decayed = (begin(images, weight_decay=decay) for decay in (0.0, 10.0))
    for state in (plain, decayed):
        for _ in train(state, images):
            pass
    assert weights(decayed).square().sum() < weights(plain).square().sum()


def test_a_start_from_codes_places_the_images_there(images: Any) -> None:
    codes = Generator().manual_seed(1)
    targets = torch.randn(50, 2, generator=codes).numpy()
    state = begin(
        images, start="neighbours", start_epochs=40, epochs=42, warmup_steps=20, fit_batch_size=16
    )
    x = torch.from_numpy(images.reshape(50, 784) / np.float32(255.0))

    def distance() -> float:
        with torch.no_grad():
            return float(np.square(state.model.encode(x).mu.numpy() - targets).sum(1).mean())

    before = distance()
    for record in train(state, images, targets):
        if record.step == 4 * 40:
            assert distance() < 0.1 * before
            with torch.no_grad():
                std = (0.5 * state.model.encode(x).logvar).exp()
            assert 0.02 < std.median() < 0.2
    assert all(math.isnan(means.elbo) for means in state.history[:40])
    assert all(math.isfinite(means.elbo) for means in state.history[40:])


def test_a_start_from_codes_needs_them(images: Any) -> None:
    state = begin(images, start="neighbours", start_epochs=1)
    with pytest.raises(ValueError, match="needs codes, got none"):
        next(train(state, images))
    state.epochs_done = 1  # past the start: no codes are needed any more
    assert [record.epoch for record in train(state, images)] == [2]


def test_the_lattice_objective_is_log_p_x(images: Any) -> None:
    state = begin(images, objective="lattice", n_nodes=20_000)
    grey = torch.from_numpy(images.reshape(50, 784) / np.float32(255.0))
    x = binarise(grey, Generator().manual_seed(0))
    got = batch_objective(state.model, x, state.config, Generator().manual_seed(1))
    exact = log_px_exact(state.model, x, spacing=0.1)  # an untrained decoder is smooth
    torch.testing.assert_close(got.objective, exact, rtol=0.0, atol=1e-2)
    assert got.elbo.isnan().all()


def test_the_lattice_objective_s_gradient_is_that_of_log_p_x(images: Any) -> None:
    """Fisher's identity stands in for backpropagation through the sum over the lattice."""
    state = begin(images, objective="lattice", n_nodes=500)
    model = state.model
    x = binarise(torch.from_numpy(images.reshape(50, 784) / np.float32(255.0)), state.generator)
    batch_objective(model, x, state.config, Generator().manual_seed(1)).objective.mean().backward()
    got = [parameter.grad.clone() for parameter in model.decoder.parameters()]
    model.zero_grad()
    z = shifted_prior_nodes(500, Generator().manual_seed(1))
    log_px_z = torch.stack([model.likelihood.log_px_z(model.decoder(z), row) for row in x])
    (log_px_z.logsumexp(1) - math.log(500)).mean().backward()
    for mine, parameter in zip(got, model.decoder.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad, rtol=1e-3, atol=1e-5)


def test_epochs_on_the_elbo_train_the_encoder_before_the_lattice(images: Any) -> None:
    state = begin(images, objective="lattice", n_nodes=64, elbo_epochs=1)
    before, at_half = weights(state), None
    for record in train(state, images):
        if record.epoch == 1:
            assert math.isfinite(record.means.elbo)
            at_half = {k: v.clone() for k, v in state.model.encoder.state_dict().items()}
        else:
            assert math.isnan(record.means.elbo)
    assert at_half is not None
    now = state.model.encoder.state_dict()
    assert all(torch.equal(v, now[k]) for k, v in at_half.items())
    assert not torch.equal(weights(state), before)


def test_reduced_precision_trains_to_about_the_same(images: Any) -> None:
    runs = {name: begin(images, precision=name) for name in ("float32", "bfloat16")}
    last = {}
    for name, state in runs.items():
        *_, record = train(state, images)
        last[name] = record.means.elbo
        assert all(p.dtype == torch.float32 for p in state.model.parameters())
    assert last["bfloat16"] != last["float32"]
    assert last["bfloat16"] == pytest.approx(last["float32"], rel=0.01)


def test_input_noise_reaches_the_encoder_alone(images: Any) -> None:
    """The same decoder and codes give a clean image the same likelihood."""
    state = begin(images, input_noise=0.5)
    x = binarise(torch.from_numpy(images.reshape(50, 784) / np.float32(255.0)), state.generator)
    seen: list[torch.Tensor] = []
    explained: list[torch.Tensor] = []
    state.model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    log_px_z = state.model.likelihood.log_px_z
    state.model.likelihood.log_px_z = lambda outputs, y: (  # type: ignore[method-assign]
        explained.append(y) or log_px_z(outputs, y)
    )
    batch_objective(state.model, x, state.config, Generator().manual_seed(0))
    assert torch.equal(explained[0], x)
    flipped = (seen[0] != x).float().mean().item()
    assert flipped == pytest.approx(0.25, abs=0.01)  # half of the coin flips agree


def test_the_digit_mixture_is_learned_with_labels(images: Any) -> None:
    labels = (np.arange(50) % 10).astype(np.uint8)
    state = begin(images, model={"prior": "digit-mixture"})
    before = state.model.prior.means.detach().clone()
    with pytest.raises(ValueError, match="is learned with labels, got none"):
        list(train(state, images))
    for record in train(state, images, labels=labels):
        # a bound on log p(x, label), which is below that on log p(x)
        assert record.means.objective < record.means.elbo
    assert not torch.equal(state.model.prior.means, before)


@pytest.mark.parametrize("n", [3, 5, 14])
def test_moments_are_steps_with_a_record(images: Any, n: int) -> None:
    state = begin(images, epochs=30, batch_size=2)
    chosen = moments(state.config, len(images), n)
    records = [record.step for record in train(state, images)]
    assert set(chosen) <= set(records)
    assert chosen[-1] == records[-1]
    assert len(chosen) == n - 1  # the untrained network is the other one
    if n == 14:
        gaps = np.diff([0, *chosen])
        assert gaps[0] < gaps[-1]  # denser early
        assert chosen[0] == records[0]


def test_moments_need_three() -> None:
    with pytest.raises(ValueError, match="n must be at least 3, got 2"):
        moments(TrainConfig(), 100, 2)


def test_the_lattice_objective_leaves_the_encoder_be(images: Any) -> None:
    state = begin(images, objective="lattice", n_nodes=64)
    encoder = {k: v.clone() for k, v in state.model.encoder.state_dict().items()}
    decoder = {k: v.clone() for k, v in state.model.decoder.state_dict().items()}
    for _ in train(state, images):
        pass
    now = state.model
    assert all(torch.equal(v, encoder[k]) for k, v in now.encoder.state_dict().items())
    assert any(not torch.equal(v, decoder[k]) for k, v in now.decoder.state_dict().items())


def test_a_refit_moves_the_encoder_alone_and_tightens_the_bound(images: Any) -> None:
    options = {"objective": "lattice", "n_nodes": 256, "learning_rate": 2e-2}
    refit = begin(images, epochs=100, refit_epochs=60, fit_batch_size=16, **options)
    grey = torch.from_numpy(images.reshape(50, 784) / np.float32(255.0))
    x = binarise(grey, Generator().manual_seed(0))

    def gap() -> float:
        bound = elbo(refit.model, x, n_samples=64, generator=Generator().manual_seed(1)).value
        return float((log_px_exact(refit.model, x, spacing=0.1) - bound).mean())

    for record in train(refit, images):
        if record.epoch == 40 and record.ended_epoch:
            decoder = {k: v.clone() for k, v in refit.model.decoder.state_dict().items()}
            encoder = weights(refit)
            before = gap()
    now = refit.model.decoder.state_dict()
    assert all(torch.equal(value, decoder[name]) for name, value in now.items())
    assert not torch.equal(weights(refit), encoder)
    assert gap() < before
    assert all(value.requires_grad for value in refit.model.parameters())


def test_phases_follow_each_other() -> None:
    config = TrainConfig(start="neighbours", start_epochs=1, refit_epochs=2, epochs=5)
    phases = [phase_of(epoch, config) for epoch in range(1, 6)]
    assert phases == ["start", "main", "main", "refit", "refit"]


def test_a_finished_run_has_nothing_left(images: Any) -> None:
    state = begin(images)
    assert len(list(train(state, images))) == 2
    after = weights(state)
    assert list(train(state, images)) == []
    assert torch.equal(weights(state), after)


def test_training_leaves_the_images_alone(images: Any) -> None:
    before = images.copy()
    list(train(begin(images), images))
    np.testing.assert_array_equal(images, before)


def test_history_rows_are_json() -> None:
    nan = math.nan
    rows = history_rows(
        [EpochMeans(1, -200.0, nan, nan, -200.0), EpochMeans(2, -9.0, -8.0, 2.0, -6.0)]
    )
    assert rows == [[1, -200.0, None, None, -200.0], [2, -9.0, -8.0, 2.0, -6.0]]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
