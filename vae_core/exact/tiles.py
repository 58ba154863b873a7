"""Tiles that a lattice over latent space of one or two dimensions is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from vae_core.lattices import check_lattice


class Tile(NamedTuple):
    """A square of a lattice, or a stretch of a line: n nodes a side from a corner on."""

    corner: tuple[float, ...]  # z units, the lowest node
    spacing: float
    n: int

    def nodes(self) -> Tensor:
        """Nodes by sublattice of twice the spacing, shape (2^D, (n/2)^D, D)."""
        axes = [
            (start + torch.arange(self.n, dtype=torch.float64) * self.spacing).view(-1, 2).T
            for start in self.corner
        ]  # of each axis the even nodes, then the odd
        parts = [torch.cartesian_prod(*pair).view(-1, len(axes)) for pair in product(*axes)]
        return torch.stack(parts).float()

    def between(self) -> Tile:
        """Shift by half the spacing on each axis, to where the nodes are farthest from these."""
        return self._replace(corner=tuple(c + 0.5 * self.spacing for c in self.corner))

    def parts(self) -> list[Tile]:
        """Cover the same square with half the spacing, by 2^D tiles of as many nodes each."""
        spacing = self.spacing / 2
        steps = product((0.0, self.n * spacing), repeat=len(self.corner))
        corners = [tuple(map(sum, zip(self.corner, step, strict=True))) for step in steps]
        return [Tile(corner, spacing, self.n) for corner in corners]


def lattice_tiles(latent_dim: int, *, spacing: float, radius: float, n: int) -> list[Tile]:
    """Tiles of a square lattice through the origin that cover a disc, of n nodes a side.

    Raises
    ------
    ValueError
        As `lattice`, or n is odd or below 2.
    """
    check_lattice(latent_dim, spacing, radius)
    if n < 2 or n % 2:
        raise ValueError(f"n must be even and at least 2, got {n}")
    side = n * spacing
    reach = math.ceil(radius / side)
    axis = [i * side for i in range(-reach, reach)]
    return [
        Tile(corner, spacing, n)
        for corner in product(axis, repeat=latent_dim)
        if sum(max(0.0, c, -c - side) ** 2 for c in corner) < radius**2  # nearest to the origin
    ]


def on_border(tiles: list[Tile]) -> Tensor:
    """Whether a tile lacks a neighbour, one that shares a side with it; bool, shape (T,)."""
    cells = [_cell(tile) for tile in tiles]
    known = set(cells)

    def neighbours(cell: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        for axis, at in enumerate(cell):
            yield from ((*cell[:axis], at + step, *cell[axis + 1 :]) for step in (-1, 1))

    return torch.tensor([not known.issuperset(neighbours(cell)) for cell in cells])


def tiles_around(tiles: Iterable[Tile], reach: float) -> set[Tile]:
    """Tiles of the same lattice up to some z units away on each axis, and these themselves."""
    found: set[Tile] = set()
    for tile in tiles:
        side = tile.n * tile.spacing
        n = math.ceil(reach / side)
        for cell in product(*(range(at - n, at + n + 1) for at in _cell(tile))):
            found.add(tile._replace(corner=tuple(at * side for at in cell)))
    return found


def _cell(tile: Tile) -> tuple[int, ...]:
    """Place of a tile of `lattice_tiles`, in tiles from the origin."""
    side = tile.n * tile.spacing
    return tuple(round(c / side) for c in tile.corner)
