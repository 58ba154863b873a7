from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Generator, Tensor

from vae_core.analysis.convergence import PriorDraws, ProposalDraws, estimate, follow
from vae_core.estimators import log_px_iwae, log_px_naive
from vae_core.exact.evidence import log_px_exact
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior
from vae_core.models import VAE

MakeModel = Callable[..., VAE]


@pytest.fixture(scope="module")
def lattice(tiny_vae: VAE) -> DecodedLattice:
    return DecodedLattice(tiny_vae, spacing=0.1)


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


# --- naive Monte Carlo --------------------------------------------------------------------------


def test_a_draw_s_likelihood_is_nearly_that_of_its_own_decode(
    tiny_vae: VAE, binary_x: Tensor, lattice: DecodedLattice
) -> None:
    draws = PriorDraws(lattice, n_trials=3, n_samples=400, generator=generator())
    for x in binary_x[:4]:
        got = draws.log_px_z(lattice.explain(x))
        true = tiny_vae.likelihood.log_px_z(tiny_vae.decoder(draws.z), x)
        assert got.shape == (3, 400)
        assert (got - true).abs().median() < 1.5  # of some 200 nats
        assert float((got - true).mean()) == pytest.approx(0.0, abs=0.1)


def test_runs_are_distributed_as_those_of_true_prior_samples(
    tiny_vae: VAE, binary_x: Tensor, lattice: DecodedLattice
) -> None:
    """The same quantiles at small K, and the same mean weight."""
    counts, n_trials = [1, 10, 50], 600
    draws = PriorDraws(lattice, n_trials=n_trials, n_samples=50, generator=generator(1))
    z = tiny_vae.prior.sample(n_trials * 50, generator(2))
    outputs = tiny_vae.decoder(z)
    for x in binary_x[:3]:
        got = follow(draws.log_px_z(lattice.explain(x)), counts)
        true = follow(tiny_vae.likelihood.log_px_z(outputs, x).view(n_trials, 50), counts)
        shares = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9], dtype=torch.double)
        apart = got.value.quantile(shares, 0) - true.value.quantile(shares, 0)
        spread = true.value.quantile(shares[-1], 0) - true.value.quantile(shares[0], 0)
        assert (apart.abs() < 0.2 * spread).all()


def test_the_mean_weight_is_unbiased_for_px(
    tiny_vae: VAE, binary_x: Tensor, lattice: DecodedLattice
) -> None:
    n = 400_000
    draws = PriorDraws(lattice, n_trials=1, n_samples=n, generator=generator(3))
    for x in binary_x[:6]:
        explained = lattice.explain(x)
        got = float(follow(draws.log_px_z(explained), [n]).value)
        stderr = math.sqrt(explained.relative_variance() / n)
        assert got == pytest.approx(explained.log_px, abs=4 * stderr + 1e-3)


def test_it_is_unbiased_where_tiles_are_split(tiny_vae: VAE, binary_x: Tensor) -> None:
    coarse = DecodedLattice(tiny_vae, spacing=0.5)
    n = 400_000
    draws = PriorDraws(coarse, n_trials=1, n_samples=n, generator=generator(4))
    split = 0
    for x in binary_x[:6]:
        explained = coarse.explain(x)
        split += bool(explained.log_volume.isneginf().any())
        got = float(follow(draws.log_px_z(explained), [n]).value)
        stderr = math.sqrt(explained.relative_variance() / n)
        assert got == pytest.approx(explained.log_px, abs=4 * stderr + 0.005)
    assert split >= 3


def test_draws_beyond_the_lattice_are_moved_to_its_border(make_model: MakeModel) -> None:
    lattice = DecodedLattice(make_model(latent_dim=1), spacing=0.1, radius=1.0)
    draws = PriorDraws(lattice, n_trials=1, n_samples=100, generator=generator())
    assert float(draws.z.abs().max()) == pytest.approx(1.0)


# --- IWAE ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_proposal_draws_have_a_standard_normal_s_moments(latent_dim: int) -> None:
    draws = ProposalDraws(latent_dim, n_trials=4, n_samples=50_000, generator=generator())
    u = draws.units[draws.node.long()].flatten(0, 1)  # (M, D)
    assert u.mean(0).abs().max() < 0.02
    torch.testing.assert_close(
        u.T.cov().view(latent_dim, -1), torch.eye(latent_dim), atol=0.02, rtol=0
    )
    assert (u.pow(4).mean(0) - 3.0).abs().max() < 0.1


def test_iwae_runs_are_distributed_as_the_estimator_s(tiny_vae: VAE, binary_x: Tensor) -> None:
    n_trials = 1500
    draws = ProposalDraws(2, n_trials=n_trials, n_samples=10, generator=generator(5))
    for x in binary_x[:4]:
        got = follow(draws.log_weights(tiny_vae, x), [1, 10])
        for column, k in enumerate((1, 10)):
            many = x.expand(n_trials, -1)
            true = log_px_iwae(tiny_vae, many, n_samples=k, generator=generator(6)).value
            stderr = float(true.std()) / math.sqrt(n_trials)
            mean = float(got.value[:, column].mean())
            assert mean == pytest.approx(float(true.mean()), abs=6 * stderr)
            assert float(got.value[:, column].std()) == pytest.approx(float(true.std()), rel=0.25)


# --- following ----------------------------------------------------------------------------------


def test_following_is_the_estimator_of_every_prefix() -> None:
    log_w = 50.0 * torch.randn(3, 40, generator=generator()) - 500.0
    counts = [1, 2, 7, 40]
    runs = follow(log_w, counts)
    assert runs.n_samples.tolist() == counts
    for column, k in enumerate(counts):
        part = log_w[:, :k].double()
        value = part.logsumexp(1) - math.log(k)
        torch.testing.assert_close(runs.value[:, column], value, rtol=1e-6, atol=1e-4)
        w = (part - part.amax(1, keepdim=True)).exp()
        ess = w.sum(1).square() / w.square().sum(1)
        torch.testing.assert_close(runs.ess[:, column], ess, rtol=1e-4, atol=0.0)


@pytest.mark.parametrize("counts", [[], [0, 1], [1, 5], [2, 1], [1, 1]])
def test_bad_sample_counts_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="n_samples must rise from 1 to 4"):
        follow(torch.zeros(2, 4), counts)


# --- all of them --------------------------------------------------------------------------------


def test_the_estimates_bound_and_add_up_to_the_exact_value(
    tiny_vae: VAE, binary_x: Tensor, lattice: DecodedLattice
) -> None:
    counts = [1, 10, 1000]
    prior_draws = PriorDraws(lattice, n_trials=50, n_samples=1000, generator=generator(7))
    proposal_draws = ProposalDraws(2, n_trials=50, n_samples=1000, generator=generator(8))
    for x in binary_x[:5]:
        got = estimate(
            lattice,
            x,
            lattice.explain(x),
            prior_draws=prior_draws,
            proposal_draws=proposal_draws,
            n_samples=counts,
            generator=generator(9),
        )
        exact = log_px_exact(tiny_vae, x.unsqueeze(0), spacing=0.05)
        assert got.log_px == pytest.approx(float(exact), abs=5e-3)
        assert got.kl == pytest.approx(float(kl_to_posterior(tiny_vae, x[None], exact)), abs=5e-3)
        assert got.elbo + got.kl == pytest.approx(got.log_px, abs=5 * got.elbo_stderr + 1e-3)
        iwae, stderr = got.iwae.value.mean(0), got.iwae.value.std(0) / math.sqrt(50)
        assert float(iwae[0]) == pytest.approx(got.elbo, abs=6 * float(stderr[0]))
        bounds = [got.elbo, *iwae[1:].tolist(), got.log_px]
        errors = [got.elbo_stderr, *stderr[1:].tolist(), 0.0]
        for (low, high), error in zip(pairwise(bounds), pairwise(errors), strict=True):
            assert low <= high + 4 * math.hypot(*error) + 1e-3
        naive = log_px_naive(tiny_vae, x.expand(2, -1), n_samples=50_000, generator=generator(10))
        pooled = float(got.naive.value[:, -1].logsumexp(0)) - math.log(50)
        spread = math.hypot(float(naive.stderr[0]), float(naive.stderr[0]))
        assert pooled == pytest.approx(float(naive.value[0]), abs=4 * spread + 0.01)
