import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from vae_core.priors import DigitMixture, StandardNormal


def mixture(n: int = 10, seed: int = 0) -> DigitMixture:
    """K ellipses of all sizes and directions on a ring."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(n, generator=generator, dtype=torch.double) + 0.2
    angles = 2.0 * math.pi * torch.arange(n, dtype=torch.double) / n
    scale_tril = torch.zeros(n, 2, 2, dtype=torch.double)
    scale_tril[:, [0, 1], [0, 1]] = 0.3 + 0.5 * torch.rand(n, 2, generator=generator).double()
    scale_tril[:, 1, 0] = torch.randn(n, generator=generator).double() * 0.4
    means = 2.0 * torch.stack([angles.cos(), angles.sin()], -1)
    return DigitMixture(weights / weights.sum(), means, scale_tril)


def normal_points(n: int, scale: float = 1.0, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, 2, generator=generator, dtype=torch.double)


def test_log_density_is_torchs():
    prior, z = mixture(), normal_points(200, 3.0)
    components = MultivariateNormal(prior.means, scale_tril=prior.scale_tril)
    want = MixtureSameFamily(Categorical(prior.weights), components).log_prob(z)
    torch.testing.assert_close(prior.log_pz(z), want)
    torch.testing.assert_close(prior.log_pz(z.view(4, 50, 2)), want.view(4, 50))


def test_round_trip_from_latents():
    prior = mixture()
    z = prior.sample(2000, torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(prior.from_normal(prior.to_normal(z)), z, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_round_trip_from_the_normal_and_its_far_tails(scale: float):
    prior, u = mixture(), normal_points(2000, scale)
    torch.testing.assert_close(prior.to_normal(prior.from_normal(u)), u, rtol=1e-9, atol=1e-9)


def test_both_tails_are_sound_far_beyond_where_probabilities_are_0_or_1():
    prior = mixture()
    for far in (12.0, 60.0, 300.0):
        u = torch.tensor([[far, far], [-far, far], [far, -far], [-far, -far]], dtype=torch.double)
        z = prior.from_normal(u)
        assert z.isfinite().all()
        torch.testing.assert_close(prior.to_normal(z), u, rtol=1e-9, atol=0.0)


def test_volume_change_is_that_of_autograd():
    prior, z = mixture(), normal_points(40, 2.0)
    jacobians = torch.stack([torch.autograd.functional.jacobian(prior.to_normal, row) for row in z])
    assert jacobians[:, 0, 1].abs().max() == 0.0  # triangular
    assert (jacobians.diagonal(dim1=1, dim2=2) > 0.0).all()  # increasing
    _, log_abs_det = torch.linalg.slogdet(jacobians)
    torch.testing.assert_close(prior.log_det(z), log_abs_det, rtol=1e-8, atol=1e-8)
    log_normal = StandardNormal(2).log_pz(prior.to_normal(z))
    torch.testing.assert_close(prior.log_pz(z), log_normal + log_abs_det, rtol=1e-8, atol=1e-8)


def test_jacobian_is_that_of_finite_differences():
    prior, (z,) = mixture(), normal_points(1)
    jacobian = torch.autograd.functional.jacobian(prior.to_normal, z)
    step = 1e-5 * torch.eye(2, dtype=torch.double)
    differences = (prior.to_normal(z + step) - prior.to_normal(z - step)) / 2e-5
    torch.testing.assert_close(jacobian, differences.T, rtol=1e-6, atol=1e-6)


def test_samples_have_the_density_and_are_carried_to_the_standard_normal():
    prior = mixture()
    z = prior.sample(50_000, torch.Generator().manual_seed(2))
    u = prior.to_normal(z).double().numpy()
    assert z.shape == (50_000, 2)
    assert z.dtype == torch.get_default_dtype()
    for column in (u[:, 0], u[:, 1], (u[:, 0] + u[:, 1]) / math.sqrt(2.0)):
        assert stats.kstest(column, "norm").pvalue > 1e-3
    assert stats.kstest((u**2).sum(1), stats.chi2(2).cdf).pvalue > 1e-3


def test_first_coordinate_is_the_quantile_of_the_integrated_density():
    prior = mixture(3)

    def density(z2: float, z1: float) -> float:
        return float(prior.log_pz(torch.tensor([z1, z2], dtype=torch.double)).exp())

    below, _ = integrate.dblquad(density, -7.0, 0.4, -9.0, 9.0, epsabs=1e-6)
    u = prior.to_normal(torch.tensor([0.4, 0.0], dtype=torch.double))
    assert stats.norm.cdf(float(u[0])) == pytest.approx(below, abs=1e-5)


def test_one_component_is_the_affine_map():
    factor = torch.tensor([[[0.5, 0.0], [-0.8, 1.5]]], dtype=torch.double)
    mean = torch.tensor([[1.0, -2.0]], dtype=torch.double)
    prior, z = DigitMixture(torch.ones(1), mean, factor), normal_points(100, 5.0)
    want = torch.linalg.solve(factor[0], (z - mean).T).T
    torch.testing.assert_close(prior.to_normal(z), want, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(prior.from_normal(want), z, rtol=1e-9, atol=1e-9)
    log_det = -torch.linalg.slogdet(factor[0])[1]
    torch.testing.assert_close(prior.log_det(z), log_det.expand(100), rtol=1e-9, atol=1e-9)


def test_the_standard_normal_stays_where_it_is():
    prior, z = DigitMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None]), normal_points(50)
    torch.testing.assert_close(prior.to_normal(z), z)
    torch.testing.assert_close(prior.log_pz(z), StandardNormal(2).log_pz(z))
    assert prior.latent_dim == StandardNormal(2).latent_dim


def test_transport_is_increasing():
    prior = mixture()
    walk = torch.linspace(-8.0, 8.0, 4001, dtype=torch.double)
    for fixed in (-3.0, 0.0, 1.7):
        along = prior.to_normal(torch.stack([walk, torch.full_like(walk, fixed)], -1))
        up = prior.to_normal(torch.stack([torch.full_like(walk, fixed), walk], -1))
        assert (along[:, 0].diff() > 0.0).all()
        assert (up[:, 1].diff() > 0.0).all()
        back = prior.from_normal(torch.stack([torch.full_like(walk, fixed), walk], -1))
        assert (back[:, 1].diff() > 0.0).all()


def test_float32_in_float32_out():
    prior, u = mixture(), normal_points(100).float()
    z = prior.from_normal(u)
    assert z.dtype == prior.to_normal(z).dtype == prior.log_pz(z).dtype == torch.float32
    assert prior.log_det(z).dtype == torch.float32
    torch.testing.assert_close(prior.to_normal(z), u, rtol=0.0, atol=1e-3)


def test_sampling_is_the_generators_and_arguments_are_copied():
    weights = torch.tensor([0.25, 0.75], dtype=torch.double)
    means, factors = torch.zeros(2, 2), torch.eye(2).repeat(2, 1, 1)
    prior = DigitMixture(weights, means, factors)
    draws = [prior.sample(5, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    means += 9.0
    assert prior.means.abs().max() == 0.0
    np.testing.assert_array_equal(weights, [0.25, 0.75])


@pytest.mark.parametrize(
    ("weights", "means", "scale_tril", "says"),
    [
        (torch.ones(2), torch.zeros(2, 2), torch.eye(2).repeat(2, 1, 1), "of sum 1"),
        (torch.tensor([1.5, -0.5]), torch.zeros(2, 2), torch.eye(2).repeat(2, 1, 1), "above 0"),
        (torch.ones(1), torch.zeros(1, 3), torch.eye(2)[None], "shapes"),
        (torch.ones(0), torch.zeros(0, 2), torch.zeros(0, 2, 2), "shapes"),
        (torch.ones(1), torch.full((1, 2), math.nan), torch.eye(2)[None], "finite"),
        (torch.ones(1), torch.zeros(1, 2), torch.ones(1, 2, 2), "lower triangular"),
        (torch.ones(1), torch.zeros(1, 2), -torch.eye(2)[None], "positive diagonals"),
    ],
)
def test_bad_parameters_are_refused(weights: Tensor, means: Tensor, scale_tril: Tensor, says: str):
    with pytest.raises(ValueError, match=says):
        DigitMixture(weights, means, scale_tril)


def test_latents_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"\(…, 2\), got \(4, 3\)"):
        mixture().log_pz(torch.zeros(4, 3))
