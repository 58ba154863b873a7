import math

import pytest
import torch
from torch.distributions import kl_divergence

from tests.vae_core.geometry.surfaces import LIKELIHOODS, distribution, latents, random_vae
from vae_core.config import N_PIXELS, LikelihoodName
from vae_core.geometry.metrics import fisher_rao_metric, pullback_metric
from vae_core.geometry.paths import curve_energy, curve_length


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("latent_dim", [1, 2, 3])
def test_pullback_metric_is_the_jacobians_gram_matrix(likelihood: LikelihoodName, latent_dim: int):
    model, z = random_vae(likelihood, latent_dim), latents(4, latent_dim)
    got = pullback_metric(model, z)
    for row, metric in zip(z, got, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda at: model.decode(at[None])[0], row)
        torch.testing.assert_close(metric, jacobian.T @ jacobian)


def test_fisher_rao_metric_of_bernoulli_pixels():
    model, z = random_vae("bernoulli"), latents(4)
    for row, metric in zip(z, fisher_rao_metric(model, z), strict=True):
        jacobian = torch.autograd.functional.jacobian(model.decoder, row)
        p = model.decode(row[None])[0]
        torch.testing.assert_close(metric, jacobian.T @ torch.diag(p * (1 - p)) @ jacobian)


@pytest.mark.parametrize("likelihood", LIKELIHOODS[1:])
def test_fisher_rao_metric_of_gaussian_pixels(likelihood: LikelihoodName):
    model, z = random_vae(likelihood), latents(4)
    for row, metric in zip(z, fisher_rao_metric(model, z), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda at: model.decode(at[None])[0], row)
        log_sigma = model.likelihood.log_sigma(model.decoder(row))
        want = jacobian.T @ jacobian / log_sigma.exp().square()
        if likelihood == "gaussian-learned-sigma":
            slope = torch.autograd.functional.jacobian(
                lambda at: model.likelihood.log_sigma(model.decoder(at)), row
            )
            assert slope.norm() > 1e-3
            want = want + 2 * N_PIXELS * torch.outer(slope, slope)
        torch.testing.assert_close(metric, want)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_fisher_rao_distance_is_twice_the_kl_of_small_steps(likelihood: LikelihoodName):
    model, z, step = random_vae(likelihood), latents(1), 1e-4 * latents(1, seed=1)
    kl = float(kl_divergence(distribution(model, z), distribution(model, z + step)))
    by_metric = float(step @ fisher_rao_metric(model, z)[0] @ step.T)
    by_chord = float(curve_length(model, torch.cat([z, z + step]), metric="fisher-rao")) ** 2
    assert by_metric == pytest.approx(2 * kl, rel=2e-3)
    assert by_chord == pytest.approx(by_metric, rel=2e-3)


def test_fisher_rao_chord_of_bernoulli_pixels_is_exact():
    model = random_vae()
    curve = latents(5)
    p, q = model.decode(curve[:-1]), model.decode(curve[1:])
    overlap = (p * q).sqrt() + ((1 - p) * (1 - q)).sqrt()
    want = (2 * overlap.clamp_max(1.0).arccos()).square().sum(-1).sqrt().sum()
    torch.testing.assert_close(curve_length(model, curve, metric="fisher-rao"), want)


def test_fisher_rao_chord_of_gaussians_with_own_sigma_is_exact():
    model = random_vae("gaussian-learned-sigma")
    p, q = distribution(model, latents(2)).base_dist.expand((2, N_PIXELS)), None
    (f, g), (s, t) = p.mean, p.stddev[:, 0]
    q = 1 + ((f - g).square().sum() / (2 * N_PIXELS) + (s - t).square()) / (2 * s * t)
    want = math.sqrt(2 * N_PIXELS) * q.arccosh()
    torch.testing.assert_close(curve_length(model, latents(2), metric="fisher-rao"), want)


def test_saturated_logits_give_finite_distances_and_gradients():
    model = random_vae()
    model.decoder.net.layers[-1].weight *= 1e4
    curve = latents(4).float().requires_grad_()
    model.float()
    energy = curve_energy(model, curve, metric="fisher-rao")
    (gradient,) = torch.autograd.grad(energy, curve)
    assert energy.isfinite()
    assert gradient.isfinite().all()
