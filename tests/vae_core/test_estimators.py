from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from tests.vae_core.linear_gaussian import closed_form, linear_gaussian, linear_images
from vae_core import estimators
from vae_core.estimators import Estimate, elbo, elbo_samples, log_px_iwae, log_px_naive
from vae_core.exact.evidence import lattice_error, log_px_exact
from vae_core.models import VAE

MakeModel = Callable[..., VAE]
WIDE = {"spacing": 0.1, "radius": 6.5}  # enough for every q(z|x) of the tiny VAE


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("n_samples", [1, 7])
def test_with_the_true_posterior_every_sample_s_weight_is_p_x(
    latent_dim: int, n_samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimators, "_DECODE_CHUNK", 30)  # 20 images: one sample at a time
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


def test_elbo_samples_are_the_elbo_s(
    tiny_vae: VAE, binary_x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimators, "_DECODE_CHUNK", 80)  # 24 images: three samples at a time
    kl, log_px_z = elbo_samples(
        tiny_vae, binary_x, n_samples=7, generator=Generator().manual_seed(5)
    )
    assert kl.shape == (24,)
    assert log_px_z.shape == (7, 24)
    assert len(log_px_z.unique(dim=0)) == 7  # each chunk draws anew
    got = elbo(tiny_vae, binary_x, n_samples=7, generator=Generator().manual_seed(5))
    torch.testing.assert_close(got.value, log_px_z.mean(0) - kl)
    torch.testing.assert_close(got.stderr, log_px_z.std(0) / math.sqrt(7))


@pytest.mark.parametrize("estimator", [elbo, log_px_iwae, log_px_naive])
def test_estimators_follow_their_generator(
    tiny_vae: VAE, binary_x: Tensor, estimator: Callable[..., Estimate]
) -> None:
    first, again, other = (
        estimator(tiny_vae, binary_x, n_samples=3, generator=Generator().manual_seed(s)).value
        for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("estimator", [elbo, log_px_iwae, log_px_naive])
def test_estimators_work_in_many_dimensions(
    make_model: MakeModel, binary_x: Tensor, estimator: Callable[..., Estimate]
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
        "28 × 27": torch.zeros(2, 28, 27),
        "other width": torch.zeros(2, 783),
        "no images": torch.zeros(0, 784),
    }


def every_estimator(model: VAE, x: Tensor) -> list[Callable[[], Any]]:
    options: dict[str, Any] = {"n_samples": 2, "generator": Generator()}
    return [
        lambda: log_px_exact(model, x),
        lambda: lattice_error(model, x),
        lambda: elbo(model, x, **options),
        lambda: elbo_samples(model, x, **options),
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
@pytest.mark.parametrize("estimator", [elbo, elbo_samples, log_px_iwae, log_px_naive])
def test_no_samples_are_refused(
    tiny_vae: VAE, binary_x: Tensor, estimator: Callable[..., Any], n_samples: int
) -> None:
    with pytest.raises(ValueError, match=f"n_samples must be at least 1, got {n_samples}"):
        estimator(tiny_vae, binary_x, n_samples=n_samples, generator=Generator())
