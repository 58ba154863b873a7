import numpy as np
import pytest
import torch

from vae_core.analysis.fields import log_aggregate_at, plane_grid
from vae_core.analysis.geodesics import Dense, Graph, codes_graph, geodesic, lattice_radius
from vae_core.analysis.walks import Codes, GridLogDensity, changes, mixture_log_density


def cloud(n: int, d: int = 2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, d)), generator.uniform(0.2, 0.6, size=(n, d))


@pytest.mark.parametrize("d", [1, 2, 5])
def test_aggregate_density_at_places_is_the_mean_of_the_posteriors(d: int) -> None:
    mu, std = cloud(300, d)
    places = cloud(7, d)[0] * 2
    each = torch.distributions.Normal(torch.tensor(mu), torch.tensor(std))
    want = each.log_prob(torch.tensor(places)[:, None]).sum(-1).exp().mean(1).log().numpy()
    np.testing.assert_allclose(log_aggregate_at(mu, std, places), want, rtol=1e-10)


def test_densities_that_can_be_differentiated_are_near_the_exact_one() -> None:
    mu, std = cloud(900)
    z = torch.tensor(cloud(50)[0], requires_grad=True)
    exact = log_aggregate_at(mu, std, z.detach().numpy())
    density = GridLogDensity(mu, std, plane_grid((-5.0, 5.0, -5.0, 5.0), 192))
    on_grid = density(z)
    np.testing.assert_allclose(on_grid.detach(), exact, atol=0.01)
    np.testing.assert_allclose(mixture_log_density(mu, std)(z).detach(), exact, atol=1e-9)
    (slope,) = torch.autograd.grad(on_grid.sum(), z)
    step = 1e-6 * torch.tensor([1.0, 0.0])
    ahead = (density(z + step) - on_grid).detach() / 1e-6
    np.testing.assert_allclose(slope[:, 0], ahead, atol=1e-3)


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
    radii = {lattice_radius(torch.tensor([[r, 0.0]])) for r in np.linspace(0.1, 20, 200)}
    assert len(radii) < 8
    assert all(lattice_radius(torch.tensor([[r, 0.0]])) >= 1.09 * r for r in (1.0, 5.0, 19.0))


def test_codes_near_by() -> None:
    codes, _ = cloud(500)
    labels = (codes[:, 0] > 0).astype(int) * 7
    near = Codes(codes, labels, codes + 0.001)
    assert near.reach == pytest.approx(0.001 * 2**0.5, rel=0.2)
    z = np.array([[3.0, 0.0], [-3.0, 0.0]])
    want = np.linalg.norm(codes - z[:, None], axis=-1).min(1)
    np.testing.assert_allclose(near.nearest(z), want)
    shares = near.shares(z, 20)
    assert shares.argmax(1).tolist() == [7, 0]
    np.testing.assert_allclose(shares.sum(1), 1.0)


def test_changes_are_distances_from_the_last_picture() -> None:
    images = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0]], np.float32)
    assert changes(images).tolist() == [0.0, 5.0, 0.0]
