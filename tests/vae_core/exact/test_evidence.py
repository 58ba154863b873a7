from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import cubature, quad
from torch import Tensor

from tests.vae_core.linear_gaussian import closed_form, linear_gaussian, linear_images
from vae_core.exact import adaptive, evidence
from vae_core.exact.adaptive import RADIUS
from vae_core.exact.evidence import lattice_error, log_px_exact
from vae_core.lattices import lattice
from vae_core.models import VAE

MakeModel = Callable[..., VAE]
WIDE = {"spacing": 0.1, "radius": 6.5}  # enough for every q(z|x) of the tiny VAE


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_exact_is_the_closed_form_of_a_linear_gaussian_model(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 20)
    assert model.encode(x).mu.abs().max() < 3.5  # well inside the lattice
    got = log_px_exact(model, x, spacing=0.1)
    torch.testing.assert_close(got.double(), closed_form(model, x), rtol=0.0, atol=1e-3)


# --- against scipy.integrate --------------------------------------------------------------------


def log_joint(model: VAE, x: Tensor, z: NDArray[Any]) -> NDArray[Any]:
    """log p(x|z) p(z) of one image at z of shape (N, D), in double precision and NumPy alone."""
    state = {k: v.double().numpy() for k, v in model.decoder.state_dict().items()}
    h = z
    for i in range(2):
        h = h @ state[f"net.layers.{i}.weight"].T + state[f"net.layers.{i}.bias"]
        h = h / (1.0 + np.exp(-h)) if i == 0 else h
    pixels = x.double().numpy()
    if model.config.likelihood == "bernoulli":
        log_px_z = (pixels * h - np.logaddexp(0.0, h)).sum(-1)
    else:
        learned = model.config.likelihood == "gaussian-learned-sigma"
        log_sigma = h[:, 784] if learned else np.log(model.config.sigma)
        mean = 1.0 / (1.0 + np.exp(-h[:, :784]))
        squares = np.square(pixels - mean).sum(-1) / np.exp(log_sigma) ** 2
        log_px_z = -0.5 * squares - 784 * (log_sigma + 0.5 * math.log(2.0 * math.pi))
    return log_px_z - 0.5 * (np.square(z) + math.log(2.0 * math.pi)).sum(-1)


def peak(model: VAE, x: Tensor) -> float:
    """Of log p(x|z) p(z), roughly, so that its exponential neither under- nor overflows."""
    axes = np.meshgrid(*[np.linspace(-4.5, 4.5, 91)] * model.config.latent_dim)
    return float(log_joint(model, x, np.stack(axes, -1).reshape(-1, len(axes))).max())


@pytest.mark.parametrize("image", [0, 1])
def test_exact_in_two_dimensions_against_cubature(
    tiny_vae: VAE, binary_x: Tensor, image: int
) -> None:
    x = binary_x[image]
    top = peak(tiny_vae, x)
    integral = cubature(
        lambda z: np.exp(log_joint(tiny_vae, x, z) - top),
        [-6.5, -6.5],
        [6.5, 6.5],
        rtol=1e-5,
    )
    assert integral.status == "converged"
    got = log_px_exact(tiny_vae, x[None], **WIDE)
    assert got.item() == pytest.approx(math.log(integral.estimate) + top, abs=2e-4)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian-learned-sigma"])
def test_exact_in_one_dimension_against_quad(
    make_model: MakeModel, binary_x: Tensor, grey_x: Tensor, likelihood: str
) -> None:
    model = make_model(latent_dim=1, likelihood=likelihood, sigma=0.4, gain=1.5)
    x = (binary_x if likelihood == "bernoulli" else grey_x)[:2]
    for row, got in zip(x, log_px_exact(model, x, spacing=0.02), strict=True):
        top = peak(model, row)
        value, error = quad(
            lambda z, row=row, top=top: math.exp(
                log_joint(model, row, np.array([[z]])).item() - top
            ),
            -RADIUS,
            RADIUS,
            epsabs=0.0,
            epsrel=1e-7,
            limit=200,
        )
        assert error < 1e-5 * value
        assert got.item() == pytest.approx(math.log(value) + top, abs=1e-3)


# --- the lattice --------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_decoder_that_ignores_z_leaves_the_prior_s_mass(
    make_model: MakeModel, binary_x: Tensor, latent_dim: int
) -> None:
    model = make_model(latent_dim=latent_dim, gain=0.0)
    for layer in model.decoder.net.layers:
        layer.bias.data.zero_()  # every pixel is a fair coin
    got = log_px_exact(model, binary_x, spacing=0.05)
    wanted = torch.full_like(got, 784 * math.log(0.5))
    torch.testing.assert_close(got, wanted, rtol=0.0, atol=2e-4)


def test_the_prior_s_mass_outside_the_disc_is_as_stated() -> None:
    assert math.exp(-0.5 * RADIUS**2) == pytest.approx(6.7e-10, rel=0.03)
    z = lattice(2, spacing=0.02, radius=4.6).double()  # the other radius that is spoken of
    mass = (torch.exp(-0.5 * z.square().sum(-1)) / (2 * math.pi)).sum() * 0.02**2
    assert 1.0 - mass.item() == pytest.approx(2.5e-5, rel=0.05)


def test_the_spacing_is_halved_where_a_posterior_is_sharp(
    make_model: MakeModel, binary_x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(gain=4.0, fourier_features=16, fourier_std=1.5)
    x = binary_x[:8]
    wanted = log_px_exact(model, x, spacing=0.03)
    got = log_px_exact(model, x, spacing=0.12)
    torch.testing.assert_close(got, wanted, rtol=0.0, atol=0.03)
    monkeypatch.setattr(adaptive, "HALVINGS", 0)
    fixed = log_px_exact(model, x, spacing=0.12)
    assert (fixed - wanted).abs().max() > 0.2  # so the halving did it


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_sharp_peak_halfway_between_two_nodes_is_noticed(latent_dim: int) -> None:
    """There the sublattices agree, although the sum is far off."""
    model = linear_gaussian(latent_dim)
    _, logvar = model.encode(torch.zeros(1, 784))
    std = (0.5 * logvar[0, 0]).exp().item()
    spacing = 2.3 * std
    peak = torch.zeros(1, latent_dim)
    peak[0, 0] = 0.5 * spacing
    precision = math.exp(-logvar[0, 0].item())
    x = model.decoder(peak * precision / (precision - 1.0))  # whose p(z|x) has its peak there
    torch.testing.assert_close(model.encode(x).mu[:, 0], peak[:, 0])
    got = log_px_exact(model, x, spacing=spacing)
    torch.testing.assert_close(got.double(), closed_form(model, x), rtol=0.0, atol=1e-3)


def test_halving_the_spacing_changes_next_to_nothing(tiny_vae: VAE, binary_x: Tensor) -> None:
    error = lattice_error(tiny_vae, binary_x, **WIDE)
    assert error.shape == (24,)
    assert (error >= 0).all()
    assert error.max() < 2e-4
    coarse = log_px_exact(tiny_vae, binary_x, **WIDE)
    finer = log_px_exact(tiny_vae, binary_x, spacing=0.05, radius=7.5)
    assert torch.equal(error, (finer - coarse).abs())


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_lattice_that_cuts_mass_off_is_widened(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 20)
    assert model.encode(x).mu.norm(dim=1).max() > 1.1
    got = log_px_exact(model, x, spacing=0.02, radius=0.5)
    torch.testing.assert_close(got.double(), closed_form(model, x), rtol=0.0, atol=1e-3)


def test_lattice_error_notices_too_coarse_a_lattice(tiny_vae: VAE, binary_x: Tensor) -> None:
    """And it is about as large as the true error."""
    options = {"spacing": 1.5, "radius": 6.5}
    said = lattice_error(tiny_vae, binary_x, **options)
    true = (
        log_px_exact(tiny_vae, binary_x, **options) - log_px_exact(tiny_vae, binary_x, **WIDE)
    ).abs()
    assert true.max() > 0.1
    assert said.max() > 0.3 * true.max()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian-learned-sigma"])
def test_exact_does_not_depend_on_how_it_is_cut(
    make_model: MakeModel,
    binary_x: Tensor,
    grey_x: Tensor,
    likelihood: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model(likelihood=likelihood, sigma=0.5, gain=2.0)
    x = binary_x if likelihood == "bernoulli" else grey_x
    whole = log_px_exact(model, x, spacing=0.3)
    monkeypatch.setattr(evidence, "_IMAGE_CHUNK", 7)  # 4 parts, the last smaller
    torch.testing.assert_close(log_px_exact(model, x, spacing=0.3), whole, rtol=0, atol=1e-3)
    one_by_one = torch.cat([log_px_exact(model, row, spacing=0.3) for row in x.split(1)])
    torch.testing.assert_close(one_by_one, whole, rtol=0.0, atol=1e-3)


def test_exact_stays_near_double_precision_where_sigma_is_small(
    make_model: MakeModel, grey_x: Tensor
) -> None:
    """The product of statistics and η cancels numbers in the hundred thousands."""
    model = make_model(likelihood="gaussian", sigma=0.1)
    x = grey_x[:5]
    got = log_px_exact(model, x, spacing=0.1)
    z = lattice(2, spacing=0.1, radius=RADIUS).double()
    wanted = [
        np.logaddexp.reduce(log_joint(model, row, z.numpy())) + 2 * math.log(0.1) for row in x
    ]
    np.testing.assert_allclose(got.numpy(), wanted, rtol=0.0, atol=5e-3)


@pytest.mark.parametrize("latent_dim", [3, 10])
def test_no_lattice_above_two_dimensions(
    make_model: MakeModel, binary_x: Tensor, latent_dim: int
) -> None:
    model = make_model(latent_dim=latent_dim)
    for measure in (log_px_exact, lattice_error):
        with pytest.raises(ValueError, match=f"latent_dim 1 or 2, got {latent_dim}; use log_px_i"):
            measure(model, binary_x)


@pytest.mark.parametrize(
    ("spacing", "radius"),
    [
        (0.0, 4.6),
        (-0.1, 4.6),
        (math.nan, 4.6),
        (math.inf, 4.6),
        (5.0, 4.6),
        (0.1, 0.0),
        (0.1, -1.0),
        (0.1, math.nan),
        (0.1, math.inf),
    ],
)
def test_a_bad_lattice_is_refused(
    tiny_vae: VAE, binary_x: Tensor, spacing: float, radius: float
) -> None:
    with pytest.raises(ValueError, match="need 0 < spacing < radius, got"):
        log_px_exact(tiny_vae, binary_x, spacing=spacing, radius=radius)
