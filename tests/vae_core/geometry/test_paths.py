import math

import pytest
import torch

from tests.vae_core.geometry.surfaces import (
    distance_to_line,
    flat,
    latents,
    random_vae,
    surface_vae,
)
from vae_core.geometry.metrics import pullback_metric
from vae_core.geometry.paths import (
    curve_energy,
    curve_length,
    even_steps,
    lerp,
    slerp,
    squared_chords,
)


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
    steps = squared_chords(model, walked, metric).sqrt()
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
