from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from vae_core.models import VAE

MakeModel = Callable[..., VAE]

ACTIVATIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "relu": lambda h: np.maximum(h, 0.0),
    "silu": lambda h: h / (1.0 + np.exp(-h)),
    "tanh": np.tanh,
}


def dense(model: VAE, part: str, h: NDArray[Any], *, residual: bool) -> NDArray[Any]:
    """The same network in NumPy, read off the state dict's names."""
    state = {k: v.double().numpy() for k, v in model.state_dict().items()}
    n_layers = sum(name.startswith(f"{part}.net.layers.") for name in state) // 2
    for i in range(n_layers):
        y = h @ state[f"{part}.net.layers.{i}.weight"].T + state[f"{part}.net.layers.{i}.bias"]
        if i < n_layers - 1:
            y = ACTIVATIONS[model.config.activation](y)
            if residual and y.shape == h.shape:
                y = y + h
        h = y
    return h


@pytest.mark.parametrize("activation", ["relu", "silu", "tanh"])
def test_encoder_is_a_dense_network(make_model: MakeModel, grey_x: Tensor, activation: str) -> None:
    model = make_model(encoder_hidden=(9, 9), activation=activation, latent_dim=3, residual=True)
    posterior = model.encode(grey_x)
    wanted = dense(model, "encoder", grey_x.double().numpy(), residual=False)
    assert posterior.mu.shape == posterior.logvar.shape == (24, 3)
    np.testing.assert_allclose(posterior.mu.numpy(), wanted[:, :3], atol=1e-5)
    np.testing.assert_allclose(posterior.logvar.numpy(), wanted[:, 3:], atol=1e-5)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("n_fourier", [0, 3])
@pytest.mark.parametrize(("latent_dim", "hidden"), [(2, (8, 8)), (8, (8, 8, 5)), (1, ())])
def test_decoder_is_the_documented_function(
    make_model: MakeModel, latent_dim: int, hidden: tuple[int, ...], n_fourier: int, residual: bool
) -> None:
    model = make_model(
        latent_dim=latent_dim,
        decoder_hidden=hidden,
        fourier_features=n_fourier,
        residual=residual,
        gain=2.0,
    )
    z = torch.randn(5, latent_dim, generator=Generator().manual_seed(0))
    phase = z.double().numpy() @ model.decoder.frequencies.double().numpy()
    h = np.concatenate([z.double().numpy(), np.sin(phase), np.cos(phase)], axis=1)
    wanted = dense(model, "decoder", h, residual=residual)
    np.testing.assert_allclose(model.decoder(z).numpy(), wanted, atol=2e-5)
    np.testing.assert_allclose(model.decode(z).numpy(), 1 / (1 + np.exp(-wanted)), atol=1e-5)


def test_residual_changes_the_function(make_model: MakeModel) -> None:
    z = torch.ones(1, 2)
    plain = make_model(decoder_hidden=(8, 8))
    skipping = make_model(decoder_hidden=(8, 8), residual=True)
    skipping.load_state_dict(plain.state_dict())
    assert not torch.allclose(plain.decode(z), skipping.decode(z))


def test_fourier_frequencies_are_fixed_and_as_wide_as_asked(make_model: MakeModel) -> None:
    model = make_model(fourier_features=2000, fourier_std=5.0)
    assert model.decoder.frequencies.shape == (2, 2000)
    assert abs(model.decoder.frequencies.std().item() - 5.0) < 0.3
    assert "decoder.frequencies" not in dict(model.named_parameters())
    assert "decoder.frequencies" in model.state_dict()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian-learned-sigma"])
def test_decode_and_reconstruct(make_model: MakeModel, grey_x: Tensor, likelihood: str) -> None:
    model = make_model(likelihood=likelihood)
    recon = model.reconstruct(grey_x)
    assert recon.shape == (24, 784)
    assert recon.min() >= 0.0
    assert recon.max() <= 1.0
    assert torch.equal(recon, model.decode(model.encode(grey_x).mu))
    assert torch.equal(recon, model.reconstruct(grey_x))


def test_log_variance_is_kept_finite(make_model: MakeModel, grey_x: Tensor) -> None:
    model = make_model()
    last = model.encoder.net.layers[-1]
    last.bias.data[2:] = torch.tensor([1e4, -1e4])
    logvar = model.encode(grey_x).logvar
    std = (0.5 * logvar).exp()
    assert std[:, 0].max() < 21.0
    assert std[:, 1].min() > 0.0009
    assert (logvar[:, 0] > logvar[:, 1]).all()


def test_a_point_posterior_has_no_width(make_model: MakeModel, grey_x: Tensor) -> None:
    model = make_model(posterior="point")
    posterior = model.encode(grey_x)
    assert (posterior.logvar == -math.inf).all()
    z = posterior.sample(Generator().manual_seed(0), 2)
    assert torch.equal(z, posterior.mu.expand(2, -1, -1))


@pytest.mark.parametrize("shape", [(784,), (2, 783), (2, 28, 27), (1, 3, 28, 28)])
def test_encode_refuses_other_shapes(make_model: MakeModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x must have shape \(B, 784\) or \(B, 28, 28\), got"):
        make_model().encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(2,), (5, 3), (4, 5, 2)])
def test_decode_refuses_other_shapes(make_model: MakeModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"z must have shape \(B, 2\), got \("):
        make_model().decode(torch.zeros(shape))


def test_output_bias_is_the_last_layer_s(make_model: MakeModel) -> None:
    model = make_model(decoder_hidden=(8, 8), likelihood="gaussian-learned-sigma")
    assert model.decoder.output_bias.shape == (785,)
    assert model.decoder.output_bias is model.decoder.net.layers[-1].bias
