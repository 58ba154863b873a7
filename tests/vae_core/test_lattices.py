"""Tests of the sets of latents that stand for all of latent space."""

import math

import pytest
import torch
from scipy.stats import kstest
from torch import Generator

from vae_core.exact.adaptive import RADIUS
from vae_core.lattices import lattice, shifted_prior_nodes


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


def test_lattice_of_one_and_two_dimensions() -> None:
    line = lattice(1, spacing=0.5, radius=1.2)
    assert line.tolist() == [[-1.0], [-0.5], [0.0], [0.5], [1.0]]
    disc = lattice(2, spacing=1.0, radius=1.5)
    wanted = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    assert sorted(map(tuple, disc.tolist())) == wanted
    fine = lattice(2, spacing=0.02, radius=RADIUS)
    assert len(fine) == pytest.approx(math.pi * RADIUS**2 / 0.02**2, rel=1e-3)
    assert fine.square().sum(-1).max() < RADIUS**2
    assert len(fine.unique(dim=0)) == len(fine)
