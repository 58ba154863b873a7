import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from tests.vae_core.geometry.surfaces import bent, flat, random_vae, surface_vae
from vae_core.geometry.geodesics import geodesic
from vae_core.geometry.graphs import (
    MOST_NODES,
    Graph,
    disturbed,
    lattice_graph,
    lattice_spacing,
    spacing_of,
    way_across,
)
from vae_core.geometry.measures import Decoded, Dense
from vae_core.geometry.paths import curve_length

LIKE = torch.zeros(1, dtype=torch.double)


def edges(graph: Graph) -> tuple[Tensor, Tensor, Tensor]:
    """Both ends of each joint, and its length."""
    found = graph.lengths.tocoo()
    return graph.nodes[found.row], graph.nodes[found.col], torch.from_numpy(found.data)


def test_a_cliff_counts_once() -> None:
    """Not again at the nodes before and behind it: between two classes the picture jumps."""
    model = surface_vae(lambda x, y: (8.0 * (400.0 * (x - 0.01)).sigmoid(), 0.01 * y, 0 * x))
    graph = lattice_graph(Decoded(model), 1.0, 0.05, LIKE)
    ends = torch.tensor([[-0.5, 0.0], [0.5, 0.0]], dtype=torch.double)
    way = way_across(graph, ends)
    assert way is not None
    first, last = (torch.cdist(end[None], graph.nodes).argmin() for end in ends)
    steps = graph.lengths + graph.lengths.T
    found = dijkstra(steps, indices=int(first))[int(last)]
    assert found == pytest.approx(8.0, rel=1e-3)


def test_on_a_flat_surface_a_lattice_measures_exactly() -> None:
    model = surface_vae(flat)
    shares: list[float] = []
    graph = lattice_graph(Decoded(model), 1.0, 0.04, LIKE, shares.append)
    tails, heads, lengths = edges(graph)
    chords = (model.decode(tails) - model.decode(heads)).norm(dim=-1)
    torch.testing.assert_close(lengths, chords)
    inside = graph.nodes[graph.nodes.norm(dim=-1) <= 1.0]
    assert len(torch.unique(torch.cat([tails, heads]), dim=0)) == len(inside)
    assert float((tails - heads).norm(dim=-1).max()) < 0.04 * 5**0.5 + 1e-9
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("metric", ["image", "fisher-rao"])
def test_a_fine_lattice_measures_what_chords_measure(metric) -> None:
    measure = Decoded(random_vae("gaussian-learned-sigma"), metric)
    tails, heads, lengths = edges(lattice_graph(measure, 1.0, 0.02, LIKE))
    chords = measure.squared_edges(
        torch.cat([tails, heads]), torch.arange(len(tails)), len(tails) + torch.arange(len(tails))
    ).sqrt()
    ratio = lengths / chords
    assert float(ratio.quantile(0.01)) > 0.98
    assert float(ratio.quantile(0.99)) < 1.02


def test_dijkstra_is_at_most_3_percent_longer_than_the_shortest_path() -> None:
    model = surface_vae(bent)
    graph = lattice_graph(Decoded(model), 2.5, 0.03, LIKE)
    ends = torch.tensor([[-1.2, 0.3], [1.2, 0.0]], dtype=torch.double)
    way = way_across(graph, ends)
    assert way is not None
    straight = float((model.decode(ends)[1] - model.decode(ends)[0]).norm())
    assert straight <= float(curve_length(model, way)) < 1.03 * straight


def test_spacing_follows_the_width_of_posteriors_as_far_as_can_be_paid() -> None:
    assert lattice_spacing(4.0, 0.5) == pytest.approx(0.3)
    assert lattice_spacing(4.0, 0.01) == spacing_of(MOST_NODES, 4.0)
    graph = lattice_graph(Dense(lambda z: z[:, 0], 0.0), 3.5, spacing_of(1000, 3.5), LIKE)
    assert len(torch.unique(torch.cat(edges(graph)[:2]), dim=0)) == pytest.approx(1000, rel=0.05)


def test_a_disturbed_graph_has_the_same_joints_and_other_lengths() -> None:
    graph = lattice_graph(Dense(lambda z: 0 * z[:, 0], 0.0), 3.5, 0.1, LIKE)
    one, again, other = disturbed(graph, 1), disturbed(graph, 1), disturbed(graph, 2)
    assert (one.lengths != again.lengths).nnz == 0
    factors = [each.lengths.data / graph.lengths.data for each in (one, other)]
    assert all(np.log(f).std() == pytest.approx(0.25, rel=0.4) for f in factors)
    assert abs(np.corrcoef(*factors)[0, 1]) < 0.5
    assert (one.lengths.indices == graph.lengths.indices).all()


def wall(z: Tensor) -> Tensor:
    """Digits everywhere but in a wall, with a wide gap far off and a narrow one nearby; nats."""
    x, y = z.unbind(-1)
    gaps = (-((y - 1.9) / 0.3).square()).exp() + (-((y + 0.25) / 0.06).square()).exp()
    return -9.0 * (-(x / 0.25).pow(4)).exp() * (1 - gaps.clamp_max(1.0))


def test_a_finer_lattice_finds_a_valley_that_a_coarse_one_misses() -> None:
    measure = Dense(wall, 0.0)
    a, b = torch.tensor([[-1.0, 0.6], [1.0, 0.6]], dtype=torch.double)
    coarse = lattice_graph(measure, 3.5, 0.36, LIKE)
    fine = lattice_graph(measure, 3.5, spacing_of(20_000, 3.5), LIKE)
    first = geodesic(measure, a, b, graph=coarse)
    found = geodesic(measure, a, b, graph=fine, n_knots=20)
    assert found.converged
    assert found.length < 0.95 * first.length
    assert float(found.curve[:, 1].min()) < 0.0 <= float(first.curve[:, 1].min())


def test_restarts_find_the_shorter_of_two_ways_where_the_graph_is_mistaken() -> None:
    measure = Dense(wall, 0.0)
    a, b = torch.tensor([[-1.0, 0.6], [1.0, 0.6]], dtype=torch.double)
    graph = lattice_graph(measure, 3.5, spacing_of(15_000, 3.5), LIKE)
    misled = Graph(graph.nodes, graph.lengths.copy())
    below = (graph.nodes[:, 1] < 0.2).numpy()
    misled.lengths.data[np.repeat(below, np.diff(misled.lengths.indptr))] *= 1.5
    alone = geodesic(measure, a, b, graph=misled)
    found = geodesic(measure, a, b, graph=misled, n_restarts=3)
    assert (alone.n_starts, found.n_starts) == (1, 4)
    assert found.length < 0.95 * alone.length
