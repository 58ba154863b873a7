"""Tests of the sets of latents that stand for all of latent space."""

import math

import pytest
import torch
from scipy.stats import kstest
from torch import Generator

from vae_core.lattices import lattice, lattice_tiles, on_border, shifted_prior_nodes, tiles_around


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_lattice_integrates_the_prior_to_one(latent_dim: int) -> None:
    nodes = lattice(latent_dim, spacing=0.1, radius=6.0)
    log_pz = -0.5 * (nodes.square().sum(-1) + latent_dim * math.log(2 * math.pi))
    assert float(log_pz.double().exp().sum()) * 0.1**latent_dim == pytest.approx(1.0, abs=1e-6)
    assert nodes.norm(dim=1).max() < 6.0


@pytest.mark.parametrize(
    ("latent_dim", "spacing", "radius", "message"),
    [(3, 0.1, 1.0, "got 3"), (2, 0.0, 1.0, "got spacing 0.0"), (2, 0.1, math.inf, "radius inf")],
)
def test_what_is_no_lattice(latent_dim: int, spacing: float, radius: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lattice(latent_dim, spacing=spacing, radius=radius)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_tile_s_parts_are_its_finer_nodes(latent_dim: int) -> None:
    tile = lattice_tiles(latent_dim, spacing=0.1, radius=1.0, n=4)[0]
    parts = tile.parts()
    assert len(parts) == 2**latent_dim
    assert {(part.spacing, part.n) for part in parts} == {(0.05, 4)}
    nodes = torch.cat([part.nodes().flatten(0, 1) for part in parts])
    finer = tile._replace(spacing=0.05, n=8).nodes().flatten(0, 1)

    def places(z: torch.Tensor) -> set[tuple[int, ...]]:
        return {tuple(row) for row in (z / 0.05).round().int().tolist()}

    assert len(places(nodes)) == len(nodes)
    assert places(nodes) == places(finer)
    assert places(tile.nodes().flatten(0, 1)) < places(nodes)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_tiles_around_one(latent_dim: int) -> None:
    tiles = lattice_tiles(latent_dim, spacing=0.1, radius=2.0, n=4)
    (middle,) = (tile for tile in tiles if not any(tile.corner))
    near = tiles_around([middle], 0.5)
    assert len(near) == 5**latent_dim  # two tiles of 0.4 either way hold 0.5
    assert near < set(tiles)
    end = tiles.index(max(tiles))
    assert on_border(tiles)[end]
    wider = [*tiles, *tiles_around([tiles[end]], 0.1).difference(tiles)]
    assert not on_border(wider)[end]


@pytest.mark.parametrize("n", [0, 1, 3, -2])
def test_an_odd_tile_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"n must be even and at least 2, got {n}"):
        lattice_tiles(2, spacing=0.1, radius=1.0, n=n)


def test_shifted_nodes_follow_the_prior() -> None:
    nodes = shifted_prior_nodes(4096, Generator().manual_seed(0))
    assert nodes.shape == (4096, 2)
    for axis in nodes.T:
        assert kstest(axis.numpy(), "norm").statistic < 0.002  # 0.02 for independent draws
    assert abs(float(torch.corrcoef(nodes.T)[0, 1])) < 0.01


def test_shifts_differ_and_are_repeatable() -> None:
    generator = Generator().manual_seed(3)
    first, second = (shifted_prior_nodes(64, generator) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, shifted_prior_nodes(64, Generator().manual_seed(3)))
