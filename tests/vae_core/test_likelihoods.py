from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from vae_core.config import N_PIXELS, ModelConfig
from vae_core.likelihoods import Bernoulli as BernoulliLikelihood
from vae_core.likelihoods import Gaussian, GaussianLearnedSigma, Likelihood, likelihood_of

LIKELIHOODS = [BernoulliLikelihood(), Gaussian(0.3), Gaussian(1.0), GaussianLearnedSigma()]
IDS = ["bernoulli", "sigma-0.3", "sigma-1", "learned-sigma"]
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=IDS)


def oracle(likelihood: Likelihood, outputs: Tensor) -> Distribution:
    """The same p(x|z) by torch.distributions."""
    if isinstance(likelihood, BernoulliLikelihood):
        return Independent(Bernoulli(logits=outputs), 1)
    f = 1.0 / (1.0 + (-outputs[..., :N_PIXELS]).exp())
    if isinstance(likelihood, GaussianLearnedSigma):
        return Independent(Normal(f, outputs[..., N_PIXELS:].exp()), 1)
    assert isinstance(likelihood, Gaussian)
    return Independent(Normal(f, likelihood.sigma), 1)


def some_outputs(likelihood: Likelihood, *shape: int, seed: int = 0) -> Tensor:
    """Decoder outputs in double precision; a log σ among them lies well above its floor."""
    generator = Generator().manual_seed(seed)
    return torch.randn(*shape, likelihood.n_outputs, generator=generator, dtype=torch.float64)


def some_images(likelihood: Likelihood, *shape: int, seed: int = 1) -> Tensor:
    x = torch.rand(*shape, N_PIXELS, generator=Generator().manual_seed(seed), dtype=torch.float64)
    return x.round() if isinstance(likelihood, BernoulliLikelihood) else x


@every_likelihood
def test_log_px_z_is_the_distribution_s(likelihood: Likelihood) -> None:
    outputs, x = some_outputs(likelihood, 3, 5), some_images(likelihood, 5)  # K = 3, B = 5
    got = likelihood.log_px_z(outputs, x)
    assert got.shape == (3, 5)
    torch.testing.assert_close(got, oracle(likelihood, outputs).log_prob(x))


@every_likelihood
def test_natural_parameters_give_all_pairs_by_one_product(likelihood: Likelihood) -> None:
    outputs, x = some_outputs(likelihood, 6), some_images(likelihood, 4)
    eta, log_normalizer = likelihood.natural_parameters(outputs)
    got = likelihood.statistics(x) @ eta.T - log_normalizer  # (B, N)
    assert got.shape == (4, 6)
    torch.testing.assert_close(got, oracle(likelihood, outputs).log_prob(x.unsqueeze(1)))


@every_likelihood
def test_mean_is_the_distribution_s_and_in_range(likelihood: Likelihood) -> None:
    outputs = 4.0 * some_outputs(likelihood, 2, 3)
    mean = likelihood.mean(outputs)
    assert mean.shape == (2, 3, N_PIXELS)
    torch.testing.assert_close(mean, oracle(likelihood, outputs).mean)
    assert mean.min() >= 0.0
    assert mean.max() <= 1.0


@every_likelihood
def test_samples_have_the_distribution_s_moments(likelihood: Likelihood) -> None:
    n = 4000
    outputs = 0.5 * some_outputs(likelihood, 1).float()
    drawn = likelihood.sample(outputs.expand(n, -1), Generator().manual_seed(2)).double()
    assert drawn.shape == (n, N_PIXELS)
    wanted = oracle(likelihood, outputs.double())
    z_scores = (drawn.mean(0) - wanted.mean[0]) / (wanted.variance[0] / n).sqrt()
    assert z_scores.abs().max() < 5.0  # 784 pixels
    torch.testing.assert_close(drawn.var(0).mean(), wanted.variance[0].mean(), rtol=0.02, atol=0.0)


@every_likelihood
def test_samples_follow_the_generator(likelihood: Likelihood) -> None:
    outputs = some_outputs(likelihood, 2).float()
    first, again, other = (
        likelihood.sample(outputs, Generator().manual_seed(seed)) for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bernoulli_samples_are_binary() -> None:
    outputs = some_outputs(LIKELIHOODS[0], 3).float()
    drawn = LIKELIHOODS[0].sample(outputs, Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}


def test_bernoulli_is_stable_at_extreme_logits() -> None:
    outputs = torch.full((1, N_PIXELS), 200.0)
    certain, impossible = torch.ones(1, N_PIXELS), torch.zeros(1, N_PIXELS)
    assert LIKELIHOODS[0].log_px_z(outputs, certain).item() == 0.0
    assert LIKELIHOODS[0].log_px_z(outputs, impossible).item() == -200.0 * N_PIXELS


def test_learned_sigma_has_a_floor() -> None:
    outputs = torch.zeros(2, N_PIXELS + 1, dtype=torch.float64)
    outputs[:, -1] = torch.tensor([-50.0, -4.0])
    x = torch.full((2, N_PIXELS), 0.5, dtype=torch.float64)  # = f(z): only the normaliser is left
    highest = N_PIXELS * (4.0 - 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(
        GaussianLearnedSigma().log_px_z(outputs, x),
        torch.full((2,), highest, dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("config", "kind", "n_outputs"),
    [
        (ModelConfig(likelihood="bernoulli"), BernoulliLikelihood, 784),
        (ModelConfig(likelihood="gaussian", sigma=0.2), Gaussian, 784),
        (ModelConfig(likelihood="gaussian-learned-sigma"), GaussianLearnedSigma, 785),
    ],
)
def test_the_configuration_chooses(config: ModelConfig, kind: type, n_outputs: int) -> None:
    likelihood = likelihood_of(config)
    assert type(likelihood) is kind
    assert likelihood.n_outputs == n_outputs
    if kind is Gaussian:
        assert likelihood.sigma == 0.2
