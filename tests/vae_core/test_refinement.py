"""q(z|x) refined on the decoder's own lattice, of a decoder with sharp and several peaks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

from vae_core.analysis.marginal import elbo
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet
from vae_core.exact.evidence import log_px_exact
from vae_core.lattices import lattice
from vae_core.models import VAE
from vae_core.refinement import posterior_peaks
from vae_core.training import start

MakeModel = Callable[..., VAE]

TINY = {"encoder_hidden": (16,), "decoder_hidden": (8,)}


@pytest.fixture(scope="module")
def sharp(make_model: MakeModel) -> VAE:
    """Posteriors of a few hundredths wide, far from where the untrained encoder points."""
    return make_model(gain=4.0, fourier_features=16, fourier_std=1.0, refine_radius=0.5)


@pytest.fixture(scope="module")
def drawn(sharp: VAE) -> Tensor:
    """Digits that the model itself draws near the origin, where its encoder looks."""
    generator = Generator().manual_seed(0)
    z = 0.25 * torch.randn(40, 2, generator=generator)
    with torch.no_grad():
        return sharp.likelihood.sample(sharp.decoder(z), generator)


def log_joint(model: VAE, x: Tensor, z: Tensor) -> Tensor:
    with torch.no_grad():
        eta, log_normalizer = model.likelihood.natural_parameters(model.decoder(z))
        return x @ eta.T - log_normalizer + model.prior.log_pz(z)


def test_it_is_the_highest_peak_within_reach(sharp: VAE, drawn: Tensor) -> None:
    near = sharp.encoder(drawn).mu
    got = sharp.encode(drawn)
    nodes = lattice(2, spacing=0.02, radius=1.5)
    values = log_joint(sharp, drawn, nodes)
    is_far = torch.cdist(near, nodes) > 0.52  # a node more, as one at least must be within
    highest = values.masked_fill(is_far, -math.inf).amax(1)
    is_round_it = torch.cdist(got.mu, nodes) <= 0.15
    there = values.masked_fill(is_far | ~is_round_it, -math.inf).amax(1)
    torch.testing.assert_close(there, highest, rtol=0.0, atol=1e-3)
    assert (values.masked_fill(is_round_it, -math.inf).amax(1) > highest + 1.0).any()  # not trivial
    assert ((got.mu - near).norm(dim=1) < 0.5 + 0.15).all()


def test_moments_are_those_of_the_posterior_round_the_peak(sharp: VAE, drawn: Tensor) -> None:
    got = sharp.encode(drawn)
    offsets = lattice(2, spacing=0.004, radius=0.15)
    for mu, logvar, row in zip(*got, drawn, strict=True):
        z = mu + offsets
        share = log_joint(sharp, row.unsqueeze(0), z)[0].softmax(0)
        mean = share @ z
        std = (share @ (z - mean).square()).sqrt()
        if std.max() < 0.03:  # one peak, well within the window
            assert (mean - mu).abs().max() < 0.3 * std.max() + 0.002
            torch.testing.assert_close((0.5 * logvar).exp(), std, rtol=0.3, atol=0.003)


def test_it_tightens_the_bound(sharp: VAE, drawn: Tensor) -> None:
    proposed = VAE(replace(sharp.config, refine_radius=0.0))
    proposed.load_state_dict(sharp.state_dict())
    log_px = log_px_exact(sharp, drawn, spacing=0.04, radius=5.0)
    gaps = [
        (log_px - elbo(m, drawn, n_samples=32, generator=Generator().manual_seed(0)).value).mean()
        for m in (proposed, sharp)
    ]
    assert gaps[1] < 0.2 * gaps[0]
    assert gaps[1] > -0.1  # still a bound


def test_it_does_not_depend_on_the_company(sharp: VAE, drawn: Tensor) -> None:
    whole = sharp.encode(drawn)
    alone = [sharp.encode(row) for row in drawn.split(1)]
    torch.testing.assert_close(torch.cat([one.mu for one in alone]), whole.mu, rtol=0, atol=1e-4)
    logvar = torch.cat([one.logvar for one in alone])
    torch.testing.assert_close(logvar, whole.logvar, rtol=0, atol=2e-2)


def test_no_radius_is_the_encoder_itself(make_model: MakeModel, drawn: Tensor) -> None:
    model = make_model()
    for got, wanted in zip(model.encode(drawn), model.encoder(drawn), strict=True):
        assert torch.equal(got, wanted)


def test_posterior_peaks_are_where_the_posterior_is_highest(few_digits: DataSet) -> None:
    images = few_digits.images[:50]
    model = start(ModelConfig(**TINY), TrainConfig(), images).model
    pixels = torch.from_numpy(images.reshape(50, 784).copy())
    peaks = posterior_peaks(model, pixels)
    x = pixels.float() / 255.0
    nodes = lattice(2, spacing=0.04, radius=4.0)
    with torch.no_grad():  # one image at a time, through log p(x|z) itself
        log_joint = torch.stack(
            [
                model.likelihood.log_px_z(model.decoder(nodes), row) + model.prior.log_pz(nodes)
                for row in x[:3]
            ]
        )
    torch.testing.assert_close(peaks[:3], nodes[log_joint.argmax(1)], rtol=0.0, atol=0.09)
