import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.vae_core.geometry.surfaces import (
    LIKELIHOODS,
    bent,
    cloud,
    distance_to_line,
    flat,
    hill,
    latents,
    random_vae,
    surface_vae,
)
from vae_core.config import N_PIXELS, LikelihoodName
from vae_core.geometry.geodesics import geodesic
from vae_core.geometry.graphs import Graph, codes_graph, lattice_radius
from vae_core.geometry.measures import Decoded, Dense
from vae_core.geometry.metrics import fisher_rao_metric, pullback_metric
from vae_core.geometry.paths import curve_energy, curve_length, even_steps, squared_chords


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
    steps = squared_chords(model, found.curve, metric).sqrt()
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


def ring() -> Dense:
    """Digits on a circle of radius 1, none inside."""
    return Dense(lambda z: -0.5 * ((z.norm(dim=-1) - 1.0) / 0.15).square(), 0.0)


def test_density_following_goes_round_where_no_digits_are() -> None:
    a, b = torch.tensor([[-1.0, 0.1], [1.0, 0.0]], dtype=torch.double)
    there, back = geodesic(ring(), a, b), geodesic(ring(), b, a)
    assert there.converged
    assert there.length < 0.5 * there.straight_length
    assert float((there.curve.norm(dim=-1) - 1.0).abs().max()) < 0.15
    torch.testing.assert_close(there.curve, back.curve.flip(0))


@pytest.mark.parametrize("d", [1, 3])
def test_where_density_is_the_same_everywhere_the_way_is_straight(d: int) -> None:
    even = Dense(lambda z: z.new_zeros(len(z)), 0.0)
    a, b = torch.tensor(cloud(2, d)[0])
    codes = torch.tensor(cloud(200, d)[0])
    graph = codes_graph(even, codes) if d > 1 else None
    found = geodesic(even, a, b, graph=graph)
    assert found.length <= found.straight_length
    assert found.length == pytest.approx(float((b - a).norm()) / 1.02, rel=1e-6)
    t = torch.linspace(0, 1, 64, dtype=torch.double)[:, None]
    torch.testing.assert_close(found.curve, a + t * (b - a), atol=1e-3, rtol=0)


def test_above_two_dimensions_a_graph_of_codes_knows_the_way_round() -> None:
    angles = torch.linspace(0, 2 * torch.pi, 120, dtype=torch.double)
    codes = torch.stack([angles.cos(), angles.sin(), 0 * angles], -1)
    a, b = torch.tensor([[-1.0, 0.0, 0.05], [1.0, 0.0, -0.05]], dtype=torch.double)
    found = geodesic(ring(), a, b, graph=codes_graph(ring(), codes))
    alone = geodesic(ring(), a, b)  # over the straight line nothing pulls to either side
    assert found.length < 0.5 * alone.length


def test_a_graph_in_pieces_leaves_the_straight_line() -> None:
    far = torch.cat([torch.zeros(20, 3), torch.full((20, 3), 9.0)]).double()
    far += 0.01 * torch.tensor(cloud(40, 3)[0])
    even = Dense(lambda z: z.new_zeros(len(z)), 0.0)
    graph: Graph = codes_graph(even, far)
    assert geodesic(even, far[0], far[-1], graph=graph).converged


def test_lattices_grow_in_steps_and_hold_their_ends_well_inside() -> None:
    radii = {lattice_radius(r) for r in np.linspace(0.1, 20, 200)}
    assert len(radii) < 16
    assert all(lattice_radius(r) >= 1.05 * r for r in (1.0, 5.0, 19.0))
