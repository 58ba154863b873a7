from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import cubature, quad
from torch import Generator, Tensor, nn
from torch.distributions import LowRankMultivariateNormal

from vae_core.analysis import marginal
from vae_core.analysis.marginal import (
    RADIUS,
    elbo,
    elbo_terms,
    kl_to_posterior,
    lattice,
    lattice_error,
    lattice_tiles,
    log_posterior,
    log_px_exact,
    log_px_iwae,
    log_px_naive,
)
from vae_core.config import ModelConfig
from vae_core.likelihoods import Gaussian
from vae_core.models import VAE, Posterior

MakeModel = Callable[..., VAE]
SIGMA = 0.5
WIDE = {"spacing": 0.1, "radius": 6.5}  # enough for every q(z|x) of the tiny VAE


# --- a linear-Gaussian model, whose log p(x) is log N(x; b, W Wᵀ + σ² I) ------------------------


class LinearGaussian(Gaussian):
    """N(outputs, σ²I): the mean is not squashed."""

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs


class ExactEncoder(nn.Module):
    """The true posterior of a linear-Gaussian model whose columns of W are orthogonal."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight, self.bias = weight.double(), bias.double()

    def forward(self, x: Tensor) -> Posterior:
        precision = 1.0 + self.weight.square().sum(0) / SIGMA**2  # (D,)
        mu = (x.double() - self.bias) @ self.weight / SIGMA**2 / precision
        return Posterior(mu.float(), (-precision.log()).expand_as(mu).float())


def linear_gaussian(latent_dim: int) -> VAE:
    generator = Generator().manual_seed(latent_dim)
    columns, _ = torch.linalg.qr(torch.randn(784, latent_dim, generator=generator))
    model = VAE(ModelConfig(latent_dim=latent_dim, likelihood="gaussian", sigma=SIGMA))
    model.likelihood = LinearGaussian(SIGMA)
    decoder = nn.Linear(latent_dim, 784)
    decoder.weight.data = columns * torch.tensor([2.0, 1.0])[:latent_dim]
    decoder.bias.data = 0.4 + 0.2 * torch.rand(784, generator=generator)
    model.decoder = decoder  # type: ignore[assignment]
    model.encoder = ExactEncoder(decoder.weight.data, decoder.bias.data)  # type: ignore[assignment]
    return model.eval().requires_grad_(False)


def linear_images(model: VAE, n: int) -> Tensor:
    """Draws from the model, kept in [0, 1], and two images unlike any draw."""
    generator = Generator().manual_seed(0)
    mean: Tensor = model.decoder(model.prior.sample(n - 2, generator))
    x = mean + 0.15 * torch.randn(mean.shape, generator=generator)
    return torch.cat([x, torch.zeros(1, 784), torch.ones(1, 784)]).clamp(0.0, 1.0)


def closed_form(model: VAE, x: Tensor) -> Tensor:
    weight: Tensor = model.decoder.weight.double()  # type: ignore[assignment, operator]
    bias: Tensor = model.decoder.bias.double()  # type: ignore[assignment, operator]
    noise = torch.full((784,), SIGMA**2, dtype=torch.float64)
    return LowRankMultivariateNormal(bias, weight, noise).log_prob(x.double())


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_exact_is_the_closed_form_of_a_linear_gaussian_model(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 20)
    assert model.encode(x).mu.abs().max() < 3.5  # well inside the lattice
    got = log_px_exact(model, x, spacing=0.1)
    torch.testing.assert_close(got.double(), closed_form(model, x), rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("n_samples", [1, 7])
def test_with_the_true_posterior_every_sample_s_weight_is_p_x(
    latent_dim: int, n_samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marginal, "_DECODE_CHUNK", 30)  # 20 images: one sample at a time
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 20)
    estimate = log_px_iwae(model, x, n_samples=n_samples, generator=Generator().manual_seed(0))
    torch.testing.assert_close(estimate.value.double(), closed_form(model, x), rtol=0.0, atol=2e-3)
    torch.testing.assert_close(estimate.ess, torch.full((20,), float(n_samples)), rtol=1e-4, atol=0)
    if n_samples == 1:  # one sample says nothing of its spread
        assert estimate.stderr.isnan().all()
    else:
        assert estimate.stderr.max() < 1e-3


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_with_the_true_posterior_the_elbo_is_log_p_x(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 20)
    estimate = elbo(model, x, n_samples=2000, generator=Generator().manual_seed(0))
    deviations = (estimate.value.double() - closed_form(model, x)) / estimate.stderr
    assert deviations.abs().max() < 4.5
    assert (deviations.abs() > 0.2).any()  # the errors are not simply overstated
    assert estimate.stderr.max() < 0.1
    assert estimate.ess.isnan().all()


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


def test_lattice_of_one_and_two_dimensions() -> None:
    line = lattice(1, spacing=0.5, radius=1.2)
    assert line.tolist() == [[-1.0], [-0.5], [0.0], [0.5], [1.0]]
    disc = lattice(2, spacing=1.0, radius=1.5)
    wanted = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    assert sorted(map(tuple, disc.tolist())) == wanted
    fine = lattice(2, spacing=0.02, radius=RADIUS)
    assert len(fine) == pytest.approx(math.pi * RADIUS**2 / 0.02**2, rel=1e-3)
    assert fine.square().sum(-1).max() < RADIUS**2
    assert len(fine.unique(dim=0)) == len(fine)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_tiles_make_up_the_lattice(latent_dim: int) -> None:
    tiles = lattice_tiles(latent_dim, spacing=0.1, radius=4.0)
    nodes = torch.cat([tile.nodes().flatten(0, 1) for tile in tiles])
    assert len(nodes.mul(10).round().unique(dim=0)) == len(nodes)  # none twice
    inside = nodes[nodes.square().sum(-1) < 4.0**2 - 1e-4]
    assert len(inside) == pytest.approx(len(lattice(latent_dim, spacing=0.1, radius=4.0)), abs=4)


def test_a_tile_s_sublattices_have_twice_the_spacing() -> None:
    (tile, *_) = lattice_tiles(2, spacing=0.1, radius=1.0)
    for part in tile.nodes():
        for axis in part.T:
            gaps = axis.unique().diff()
            torch.testing.assert_close(gaps, torch.full_like(gaps, 0.2), rtol=0, atol=1e-5)


def test_the_spacing_is_halved_where_a_posterior_is_sharp(
    make_model: MakeModel, binary_x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(gain=4.0, fourier_features=16, fourier_std=1.5)
    x = binary_x[:8]
    wanted = log_px_exact(model, x, spacing=0.03)
    got = log_px_exact(model, x, spacing=0.12)
    torch.testing.assert_close(got, wanted, rtol=0.0, atol=0.03)
    monkeypatch.setattr(marginal, "HALVINGS", 0)
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


# --- the exact posterior --------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_posterior_on_the_lattice_is_the_closed_form(latent_dim: int) -> None:
    model = linear_gaussian(latent_dim)
    x = linear_images(model, 6)
    found = log_posterior(model, x, spacing=0.1, radius=5.0)
    mu, logvar = model.encode(x)  # exact for this model
    q = torch.distributions.Normal(mu.unsqueeze(1), (0.5 * logvar).exp().unsqueeze(1))
    wanted = q.log_prob(found.nodes).sum(-1)
    is_near = wanted > -20.0
    torch.testing.assert_close(found.log_density[is_near], wanted[is_near], rtol=0.0, atol=5e-3)
    mass = found.log_density.exp().sum(1) * 0.1**latent_dim
    torch.testing.assert_close(mass, torch.ones(6), rtol=0.0, atol=1e-3)


def test_log_px_is_the_elbo_and_the_kl_to_the_posterior(tiny_vae: VAE, binary_x: Tensor) -> None:
    log_px = log_px_exact(tiny_vae, binary_x, **WIDE)
    kl = kl_to_posterior(tiny_vae, binary_x, log_px)
    assert (kl > 0).all()
    bound = elbo(tiny_vae, binary_x, n_samples=40_000, generator=Generator().manual_seed(0))
    excess = log_px - kl - bound.value
    assert (excess.abs() < 4.5 * bound.stderr).all()
    assert excess.mean().abs() < 0.01


def test_the_true_posterior_has_no_kl_to_itself() -> None:
    model = linear_gaussian(2)
    x = linear_images(model, 6)
    kl = kl_to_posterior(model, x, closed_form(model, x).float())
    torch.testing.assert_close(kl, torch.zeros(6), rtol=0.0, atol=5e-3)


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
    monkeypatch.setattr(marginal, "_IMAGE_CHUNK", 7)  # 4 parts, the last smaller
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


# --- estimators against the truth ---------------------------------------------------------------


def test_elbo_iwae_and_exact_are_in_order(tiny_vae: VAE, binary_x: Tensor) -> None:
    exact = log_px_exact(tiny_vae, binary_x, **WIDE)
    generator = Generator().manual_seed(0)
    bound = elbo(tiny_vae, binary_x, n_samples=1000, generator=generator)
    # The mean over draws of IWAE-K estimates its expectation.
    draws = [
        torch.stack(
            [
                log_px_iwae(tiny_vae, binary_x, n_samples=k, generator=generator).value
                for _ in range(100)
            ]
        )
        for k in (5, 50)
    ]
    few, many = (d.mean(0) for d in draws)
    few_error, many_error = (d.std(0) / 10.0 for d in draws)
    assert (bound.value < few + 4 * (bound.stderr + few_error)).all()
    assert (few < many + 4 * (few_error + many_error)).all()
    assert (many < exact + 4 * many_error).all()
    # and over all images the order is plain to see
    assert bound.value.mean() < few.mean() < many.mean() < exact.mean() + 0.05
    assert exact.mean() - bound.value.mean() > 0.05


def test_iwae_with_one_sample_has_the_elbo_s_mean(tiny_vae: VAE, binary_x: Tensor) -> None:
    generator = Generator().manual_seed(1)
    draws = torch.stack(
        [
            log_px_iwae(tiny_vae, binary_x, n_samples=1, generator=generator).value
            for _ in range(600)
        ]
    )
    bound = elbo(tiny_vae, binary_x, n_samples=1000, generator=generator)
    error = (draws.var(0) / 600 + bound.stderr.square()).sqrt()
    assert ((draws.mean(0) - bound.value).abs() / error).max() < 4.5


def test_iwae_approaches_exact(tiny_vae: VAE, binary_x: Tensor) -> None:
    exact = log_px_exact(tiny_vae, binary_x, **WIDE)
    got = log_px_iwae(tiny_vae, binary_x, n_samples=5000, generator=Generator().manual_seed(2))
    good = got.ess > 500  # where q covers the true posterior
    assert good.float().mean() > 0.7
    assert ((got.value - exact)[good].abs() < 5 * got.stderr[good] + 1e-3).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_naive_monte_carlo_converges_to_exact(
    make_model: MakeModel, binary_x: Tensor, grey_x: Tensor, likelihood: str
) -> None:
    model = make_model(likelihood=likelihood, gain=1.5)
    x = (binary_x if likelihood == "bernoulli" else grey_x)[:8]
    exact = log_px_exact(model, x, spacing=0.05)
    errors: list[float] = []
    for n_samples in (100, 10_000):  # the second in three chunks
        got = log_px_naive(model, x, n_samples=n_samples, generator=Generator().manual_seed(3))
        assert ((got.value - exact).abs() < 5 * got.stderr + 1e-3).all()
        errors.append(float(got.stderr.mean()))
    assert errors[1] < 0.2 * errors[0]  # 0.1 in theory
    assert errors[1] < 0.05


def test_naive_is_the_log_of_a_mean_over_the_prior(make_model: MakeModel, binary_x: Tensor) -> None:
    model = make_model(gain=1.5)
    z = model.prior.sample(6, Generator().manual_seed(4))
    log_px_z = model.likelihood.log_px_z(model.decoder(z).unsqueeze(1), binary_x).double()  # (K, B)
    w = (log_px_z - log_px_z.amax(0)).exp()
    got = log_px_naive(model, binary_x, n_samples=6, generator=Generator().manual_seed(4))
    torch.testing.assert_close(
        got.value.double(), w.mean(0).log() + log_px_z.amax(0), rtol=0.0, atol=1e-3
    )
    kish = w.sum(0).square() / w.square().sum(0)
    torch.testing.assert_close(got.ess.double(), kish, rtol=1e-3, atol=0.0)
    delta = w.std(0) / w.mean(0) / math.sqrt(6)  # of the log of a mean
    torch.testing.assert_close(got.stderr.double(), delta, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("n_samples", [1, 2, 40])
def test_effective_sample_sizes_lie_between_1_and_k(
    tiny_vae: VAE, binary_x: Tensor, n_samples: int
) -> None:
    for estimator in (log_px_iwae, log_px_naive):
        got = estimator(tiny_vae, binary_x, n_samples=n_samples, generator=Generator())
        assert got.ess.shape == (24,)
        assert got.ess.min() >= 1.0 - 1e-4
        assert got.ess.max() <= n_samples * (1 + 1e-4)


def test_elbo_terms_are_the_elbo_s(
    tiny_vae: VAE, binary_x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marginal, "_DECODE_CHUNK", 80)  # 24 images: three samples at a time
    kl, log_px_z = elbo_terms(tiny_vae, binary_x, n_samples=7, generator=Generator().manual_seed(5))
    assert kl.shape == (24,)
    assert log_px_z.shape == (7, 24)
    assert len(log_px_z.unique(dim=0)) == 7  # each chunk draws anew
    got = elbo(tiny_vae, binary_x, n_samples=7, generator=Generator().manual_seed(5))
    torch.testing.assert_close(got.value, log_px_z.mean(0) - kl)
    torch.testing.assert_close(got.stderr, log_px_z.std(0) / math.sqrt(7))


@pytest.mark.parametrize("estimator", [elbo, log_px_iwae, log_px_naive])
def test_estimators_follow_their_generator(
    tiny_vae: VAE, binary_x: Tensor, estimator: Callable[..., marginal.Estimate]
) -> None:
    first, again, other = (
        estimator(tiny_vae, binary_x, n_samples=3, generator=Generator().manual_seed(s)).value
        for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("estimator", [elbo, log_px_iwae, log_px_naive])
def test_estimators_work_in_many_dimensions(
    make_model: MakeModel, binary_x: Tensor, estimator: Callable[..., marginal.Estimate]
) -> None:
    model = make_model(latent_dim=10)
    got = estimator(model, binary_x, n_samples=5, generator=Generator().manual_seed(0))
    assert got.value.shape == got.stderr.shape == got.ess.shape == (24,)
    assert got.value.isfinite().all()
    assert not got.value.requires_grad


# --- misuse -------------------------------------------------------------------------------------


def bad_images() -> dict[str, Tensor]:
    x = torch.zeros(2, 784)
    nan, above, below = x.clone(), x.clone(), x.clone()
    nan[1, 3], above[1, 3], below[0, 0] = math.nan, 1.01, -0.01
    return {
        "NaN": nan,
        "above 1": above,
        "below 0": below,
        "infinite": torch.full((1, 784), math.inf),
        "0 to 255": torch.full((1, 784), 255.0),
        "one image without its axis": x[0],
        "28 × 28": x.reshape(2, 28, 28),
        "other width": torch.zeros(2, 783),
        "no images": torch.zeros(0, 784),
    }


def every_estimator(model: VAE, x: Tensor) -> list[Callable[[], Any]]:
    options: dict[str, Any] = {"n_samples": 2, "generator": Generator()}
    return [
        lambda: log_px_exact(model, x),
        lambda: lattice_error(model, x),
        lambda: elbo(model, x, **options),
        lambda: elbo_terms(model, x, **options),
        lambda: log_px_iwae(model, x, **options),
        lambda: log_px_naive(model, x, **options),
    ]


@pytest.mark.parametrize("name", bad_images())
def test_bad_images_are_refused(tiny_vae: VAE, name: str) -> None:
    x = bad_images()[name]
    said = "must have shape" if x.ndim != 2 or x.shape[1] != 784 or len(x) == 0 else "must lie in"
    for estimate in every_estimator(tiny_vae, x):
        with pytest.raises(ValueError, match=f"x {said}.*got"):
            estimate()


def test_a_plain_autoencoder_is_refused(make_model: MakeModel, binary_x: Tensor) -> None:
    for estimate in every_estimator(make_model(posterior="point"), binary_x):
        with pytest.raises(ValueError, match="autoencoder has no prior"):
            estimate()


@pytest.mark.parametrize("n_samples", [0, -1])
@pytest.mark.parametrize("estimator", [elbo, elbo_terms, log_px_iwae, log_px_naive])
def test_no_samples_are_refused(
    tiny_vae: VAE, binary_x: Tensor, estimator: Callable[..., Any], n_samples: int
) -> None:
    with pytest.raises(ValueError, match=f"n_samples must be at least 1, got {n_samples}"):
        estimator(tiny_vae, binary_x, n_samples=n_samples, generator=Generator())


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
