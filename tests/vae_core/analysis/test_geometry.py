import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as BernoulliOf
from torch.distributions import Independent, Normal, kl_divergence

from vae_core.analysis import geometry
from vae_core.analysis.geodesics import Decoded, geodesic
from vae_core.analysis.geometry import (
    curve_energy,
    curve_length,
    even_steps,
    fisher_rao_metric,
    lerp,
    pullback_metric,
    slerp,
)
from vae_core.config import N_PIXELS, LikelihoodName, ModelConfig
from vae_core.likelihoods import Gaussian
from vae_core.models import VAE

LIKELIHOODS: tuple[LikelihoodName, ...] = ("bernoulli", "gaussian", "gaussian-learned-sigma")


def random_vae(likelihood: LikelihoodName = "bernoulli", latent_dim: int = 2) -> VAE:
    config = ModelConfig(
        latent_dim=latent_dim,
        likelihood=likelihood,
        sigma=0.3,
        encoder_hidden=(4,),
        decoder_hidden=(16,),
        activation="tanh",
        fourier_features=3,
        fourier_std=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = VAE(config).double().requires_grad_(False)
    for layer in model.decoder.net.layers:  # so that pixels are neither all grey nor all alike
        layer.weight *= 3.0
    return model


def latents(n: int, latent_dim: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, latent_dim, generator=generator, dtype=torch.double)


class Raw(Gaussian):
    """A Gaussian whose mean is the decoder's output itself, so that surfaces can be planned."""

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs[..., :N_PIXELS]


class Surface(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        columns = torch.stack(self.function(z[..., 0], z[..., 1]), -1)
        pad = columns.new_zeros(*columns.shape[:-1], N_PIXELS - columns.shape[-1])
        return torch.cat([columns, pad], -1)


def surface_vae(function, *, sigma: float = 1.0) -> VAE:
    model = random_vae("gaussian")
    model.decoder = Surface(function)
    model.likelihood = Raw(sigma)
    return model


def flat(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return 2.0 * x + y, x - 0.5 * y, 3.0 * y


def bent(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """A plane in other coordinates: its shortest paths are straight in (x, y + x²)."""
    return x, y + x.square()


def hill(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return x, y, 4.0 * (-2.0 * (x.square() + y.square())).exp()


def distribution(model: VAE, z: Tensor) -> Independent:
    outputs = model.decoder(z)
    mean = model.likelihood.mean(outputs)
    if model.config.likelihood == "bernoulli":
        return Independent(BernoulliOf(probs=mean), 1)
    sigma = model.likelihood.log_sigma(outputs).exp().unsqueeze(-1)
    return Independent(Normal(mean, sigma.expand_as(mean)), 1)


def distance_to_line(points: Tensor, a: Tensor, b: Tensor) -> float:
    u = (b - a) / (b - a).norm()
    offset = points - a
    return float((offset - (offset @ u).unsqueeze(-1) * u).norm(dim=-1).max())


def test_lerp_is_evenly_spaced_and_exact_at_its_ends():
    a, b = latents(2, 3).float()
    path = lerp(a, b, 5)
    assert path.shape == (5, 3)
    assert torch.equal(path[0], a)
    assert torch.equal(path[-1], b)
    torch.testing.assert_close(path.diff(dim=0), ((b - a) / 4).expand(4, 3))


def test_slerp_of_unit_vectors_is_the_arc():
    path = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 91)
    angles = torch.linspace(0.0, math.pi / 2, 91)
    torch.testing.assert_close(path, torch.stack([angles.cos(), angles.sin()], -1))


@pytest.mark.parametrize("latent_dim", [2, 5])
def test_slerp_changes_angle_and_radius_evenly(latent_dim: int):
    a, b = latents(2, latent_dim)
    path = slerp(a, 3.0 * b, 11)
    assert torch.equal(path[0], a)
    assert torch.equal(path[-1], 3.0 * b)
    radii = path.norm(dim=-1)
    torch.testing.assert_close(
        radii, torch.linspace(float(a.norm()), float(3 * b.norm()), 11).to(radii)
    )
    units = path / radii.unsqueeze(-1)
    cosines = (units[1:] * units[:-1]).sum(-1)
    torch.testing.assert_close(cosines, cosines[:1].expand(10))


def test_slerp_along_one_ray_is_the_straight_line():
    a = torch.tensor([0.3, -1.2])
    torch.testing.assert_close(slerp(a, 4.0 * a, 7), lerp(a, 4.0 * a, 7))


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ([1.0, 2.0], [1.0, 2.0], "two different ends"),
        ([0.0, 0.0], [1.0, 2.0], "origin"),
        ([1.0, 2.0], [-2.0, -4.0], "opposite"),
        ([1.0, math.nan], [1.0, 2.0], "finite"),
        ([1.0], [1.0, 2.0], "shape"),
    ],
)
def test_slerp_says_where_there_is_no_arc(a: list[float], b: list[float], says: str):
    with pytest.raises(ValueError, match=says):
        slerp(torch.tensor(a), torch.tensor(b), 5)


@pytest.mark.parametrize("interpolate", [lerp, slerp])
def test_interpolation_needs_two_points(interpolate):
    with pytest.raises(ValueError, match="n must be at least 2, got 1"):
        interpolate(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 1)


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


@pytest.mark.parametrize("metric", ["image", "fisher-rao"])
def test_energy_is_squared_length_of_even_steps_and_more_of_uneven_ones(metric):
    model = surface_vae(flat, sigma=0.5)
    a, b = latents(2)
    even, uneven = lerp(a, b, 9), torch.stack([a, a + 0.1 * (b - a), b])
    chord = float((model.decode(b[None]) - model.decode(a[None])).norm())
    length = chord / (1.0 if metric == "image" else 0.5)
    for curve in (even, uneven):
        assert float(curve_length(model, curve, metric=metric)) == pytest.approx(length)
    assert float(curve_energy(model, even, metric=metric)) == pytest.approx(length**2)
    assert float(curve_energy(model, uneven, metric=metric)) > 1.5 * length**2


def test_length_converges_to_the_integral_of_the_metric():
    model = random_vae()
    a, b = latents(2)
    middles = lerp(a, b, 2001)
    middles = 0.5 * (middles[1:] + middles[:-1])
    speeds = ((b - a) @ pullback_metric(model, middles) @ (b - a)).sqrt()
    length = float(curve_length(model, lerp(a, b, 2001)))
    assert length == pytest.approx(float(speeds.mean()), rel=1e-5)


@pytest.mark.parametrize("metric", ["image", "fisher-rao"])
def test_even_steps_are_even_and_keep_the_ends(metric):
    model, (a, b, c) = random_vae(), latents(3)
    curve = torch.stack([a, b, c])
    walked = even_steps(model, curve, 40, metric=metric)
    steps = geometry.squared_chords(model, walked, metric).sqrt()
    assert walked.shape == (40, 2)
    assert torch.equal(walked[[0, -1]], curve[[0, -1]])
    assert float(steps.max() / steps.median()) < 1.05
    near_corner = float(steps.min() / steps.median())  # one chord cuts the corner at b
    assert sorted(steps / steps.median())[1] > 0.95 or near_corner > 0.95


def test_even_steps_stay_on_the_polyline():
    model, (a, b) = random_vae(), latents(2)
    assert distance_to_line(even_steps(model, torch.stack([a, b]), 17), a, b) < 1e-12


def test_even_steps_of_what_never_changes_are_refused():
    model = surface_vae(lambda x, y: (0.0 * x, 0.0 * y))
    with pytest.raises(ValueError, match="nothing decoded changes"):
        even_steps(model, latents(2), 5)


@pytest.mark.parametrize("metric", ["image", "fisher-rao"])
@pytest.mark.parametrize("far", [1.0, 4.0])  # within the usual lattice, and far beyond it
def test_geodesic_of_a_flat_decoder_is_straight(metric, far: float):
    model = surface_vae(flat, sigma=0.5)
    a, b = far * latents(2)
    found = geodesic(Decoded(model, metric), a, b)
    assert found.converged
    assert found.length <= found.straight_length
    assert found.length == pytest.approx(found.straight_length, rel=1e-6)
    assert distance_to_line(found.curve, a, b) < 1e-2 * float((b - a).norm())
    steps = geometry.squared_chords(model, found.curve, metric).sqrt()
    torch.testing.assert_close(steps, steps.mean().expand(63), rtol=1e-2, atol=0.0)


def test_geodesic_of_a_bent_plane_is_straight_on_the_plane():
    model = surface_vae(bent)
    a, b = torch.tensor([[-1.5, 0.0], [1.5, 0.5]], dtype=torch.double)
    found = geodesic(Decoded(model), a, b)
    decoded = model.decode(found.curve)
    assert found.converged
    assert found.length == pytest.approx(float((decoded[-1] - decoded[0]).norm()), rel=5e-4)
    assert found.straight_length > 1.3 * found.length
    assert distance_to_line(decoded, decoded[0], decoded[-1]) < 0.02


def test_geodesic_of_a_half_plane_has_its_hyperbolic_length():
    model = random_vae("gaussian-learned-sigma")
    scale = math.sqrt(2 * N_PIXELS)

    class HalfPlane(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            outputs = z.new_zeros(*z.shape[:-1], N_PIXELS + 1)
            logit = torch.logit((0.5 + 0.01 * z[..., :1]).clamp(0.01, 0.99))
            rows = torch.arange(N_PIXELS + 1)
            outputs = torch.where(rows == N_PIXELS, z[..., 1:] - 3.0, outputs)
            return torch.where(rows == 0, logit, outputs)

    model.decoder = HalfPlane()
    a, b = torch.tensor([[-3.0, -0.4], [3.0, 0.1]], dtype=torch.double)
    found = geodesic(Decoded(model, "fisher-rao"), a, b)
    s, t = math.exp(-3.4), math.exp(-2.9)
    ratio = ((0.06 / scale) ** 2 + (s - t) ** 2) / (2 * s * t)
    assert found.length == pytest.approx(scale * math.acosh(1 + ratio), rel=1e-3)


def test_geodesic_goes_round_a_hill_and_back_the_same_way():
    model = surface_vae(hill)
    a, b = torch.tensor([[-1.5, 0.1], [1.5, 0.0]], dtype=torch.double)
    there, back = geodesic(Decoded(model), a, b), geodesic(Decoded(model), b, a)
    assert there.converged
    assert there.length < 0.7 * there.straight_length
    assert there.curve[:, 1].abs().max() > 0.6
    assert torch.equal(there.curve[0], a)
    assert torch.equal(there.curve[-1], b)
    torch.testing.assert_close(there.curve, back.curve.flip(0))
    assert there.length == pytest.approx(back.length, rel=1e-9)
    assert there.energy == pytest.approx(there.length**2, rel=1e-3)
    assert there.length == pytest.approx(float(curve_length(model, there.curve)), rel=1e-9)


def test_geodesic_leaves_a_straight_line_that_is_stationary_but_not_short():
    """Straight over the summit nothing pulls to either side: only the lattice knows better."""
    model = surface_vae(hill)
    a, b = torch.tensor([[-1.5, 0.0], [1.5, 0.0]], dtype=torch.double)
    found = geodesic(Decoded(model), a, b)
    assert found.length < 0.7 * found.straight_length


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("metric", ["image", "fisher-rao"])
def test_geodesic_is_never_longer_than_the_straight_line(likelihood: LikelihoodName, metric):
    model, (a, b) = random_vae(likelihood).float(), 1.5 * latents(2, seed=5).float()
    found = geodesic(Decoded(model, metric), a, b, n_points=32)
    assert found.curve.shape == (32, 2)
    assert found.curve.dtype == torch.float32
    assert found.length <= found.straight_length
    line = even_steps(model, torch.stack([a, b]), 32, metric=metric)
    assert found.straight_length == pytest.approx(float(curve_length(model, line, metric=metric)))


def test_geodesic_is_stationary():
    """No small bulge in the path makes it shorter: least in z, not only in the spline's knots."""
    model, (a, b) = random_vae(), 1.5 * latents(2, seed=5)
    curve = geodesic(Decoded(model), a, b).curve
    length = float(curve_length(model, curve))
    t = torch.linspace(0.0, math.pi, len(curve), dtype=torch.double).unsqueeze(-1)
    normal = torch.stack([a[1] - b[1], b[0] - a[0]]) / (b - a).norm()
    for waves in (1, 2, 3):
        for size in (-0.05, 0.05):
            bulged = curve + size * (waves * t).sin() * normal
            assert float(curve_length(model, bulged)) > length


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m, a: geodesic(Decoded(m), a, a), "two different ends"),
        (lambda m, a: geodesic(Decoded(m, "l2"), a, -a), "image, fisher-rao, got 'l2'"),
        (
            lambda m, a: geodesic(Decoded(m), a, -a, n_points=7),
            "n_points must be at least 8, got 7",
        ),
        (lambda m, a: geodesic(Decoded(m), a, -a, n_knots=0), "n_knots must be at least 1, got 0"),
        (lambda m, a: geodesic(Decoded(m), a[:1], -a[:1]), "shape"),
        (lambda m, a: curve_energy(m, a[None]), "at least 2 points"),
        (lambda m, a: curve_length(m, torch.stack([a, math.inf * a])), "finite"),
        (lambda m, a: pullback_metric(m, a), "shape"),
        (lambda m, a: fisher_rao_metric(m, a[None, :1]), "shape"),
    ],
)
def test_misuse_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call(random_vae(), torch.tensor([0.5, 1.0], dtype=torch.double))
