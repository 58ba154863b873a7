from __future__ import annotations

import pytest
import torch

from vae_core.exact.tiles import lattice_tiles, on_border, tiles_around
from vae_core.lattices import lattice


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_tiles_make_up_the_lattice(latent_dim: int) -> None:
    tiles = lattice_tiles(latent_dim, spacing=0.1, radius=4.0, n=16)
    nodes = torch.cat([tile.nodes().flatten(0, 1) for tile in tiles])
    assert len(nodes.mul(10).round().unique(dim=0)) == len(nodes)  # none twice
    inside = nodes[nodes.square().sum(-1) < 4.0**2 - 1e-4]
    assert len(inside) == pytest.approx(len(lattice(latent_dim, spacing=0.1, radius=4.0)), abs=4)


def test_a_tile_s_sublattices_have_twice_the_spacing() -> None:
    (tile, *_) = lattice_tiles(2, spacing=0.1, radius=1.0, n=16)
    for part in tile.nodes():
        for axis in part.T:
            gaps = axis.unique().diff()
            torch.testing.assert_close(gaps, torch.full_like(gaps, 0.2), rtol=0, atol=1e-5)


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
