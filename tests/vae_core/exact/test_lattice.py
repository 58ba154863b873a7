from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vae_core.estimators import log_px_naive
from vae_core.exact.adaptive import EXPLANATION_RULE
from vae_core.exact.evidence import log_px_exact
from vae_core.exact.explanation import Explanation
from vae_core.exact.lattice import DecodedLattice
from vae_core.models import VAE

MakeModel = Callable[..., VAE]
WIDE: dict[str, Any] = {"spacing": 0.1, "radius": 6.5}
COARSE: dict[str, Any] = {"spacing": 0.5, "radius": 9.0}  # for the tiny VAE: tiles are split


@pytest.fixture(scope="module")
def lattice(tiny_vae: VAE) -> DecodedLattice:
    return DecodedLattice(tiny_vae, **WIDE)


@pytest.fixture(scope="module")
def coarse(tiny_vae: VAE) -> DecodedLattice:
    return DecodedLattice(tiny_vae, **COARSE)


def posterior_mass(explained: Explanation) -> Tensor:
    return (explained.log_posterior + explained.log_volume).double().exp()


# --- log p(x) -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {"latent_dim": 1, "gain": 3.0},
        {"latent_dim": 2, "gain": 2.0},
        {"latent_dim": 2, "prior": "digit-mixture"},
        {"latent_dim": 2, "likelihood": "gaussian", "sigma": 0.3},
        {"latent_dim": 2, "likelihood": "gaussian-learned-sigma"},
    ],
    ids=str,
)
def test_log_px_is_that_of_log_px_exact(
    make_model: MakeModel, binary_x: Tensor, grey_x: Tensor, config: dict[str, Any]
) -> None:
    model = make_model(**config)
    x = (binary_x if model.config.likelihood == "bernoulli" else grey_x)[:4]
    lattice = DecodedLattice(model, **WIDE)
    got = torch.tensor([lattice.explain(image).log_px for image in x])
    # that is the mean with the nodes halfway, this is without
    torch.testing.assert_close(
        got, log_px_exact(model, x, **WIDE), rtol=0.0, atol=EXPLANATION_RULE.shifted / 2
    )


def test_a_coarse_lattice_is_split_where_the_mass_is(
    tiny_vae: VAE, binary_x: Tensor, coarse: DecodedLattice
) -> None:
    exact = log_px_exact(tiny_vae, binary_x, spacing=0.02)
    n_split = 0
    for x, log_px in zip(binary_x, exact.tolist(), strict=True):
        explained = coarse.explain(x)
        is_split = explained.log_volume.isneginf()
        n_split += bool(is_split.any())
        assert explained.log_px == pytest.approx(log_px, abs=0.02)
        # a split tile's nodes stand for nothing, its parts' nodes for as much in all
        tiled = explained.log_volume.double().exp().sum()
        assert float(tiled) == pytest.approx(len(coarse.z) * 0.25, rel=1e-5)
        assert torch.equal(explained.z[: len(coarse.z)], coarse.z)
    assert n_split > 12


def test_a_node_s_likelihood_is_the_model_s(
    tiny_vae: VAE, binary_x: Tensor, coarse: DecodedLattice
) -> None:
    explained = coarse.explain(binary_x[0])
    log_px_z = tiny_vae.likelihood.log_px_z(tiny_vae.decoder(explained.z), binary_x[0])
    torch.testing.assert_close(explained.log_px_z, log_px_z, rtol=0.0, atol=2e-3)
    torch.testing.assert_close(explained.log_pz, tiny_vae.prior.log_pz(explained.z))
    torch.testing.assert_close(
        coarse.log_px_z(binary_x[0]), explained.log_px_z[: len(coarse.z)], rtol=0.0, atol=0.0
    )


def test_a_lattice_that_cuts_mass_off_is_widened(tiny_vae: VAE, binary_x: Tensor) -> None:
    narrow = DecodedLattice(tiny_vae, spacing=0.1, radius=0.8)
    exact = log_px_exact(tiny_vae, binary_x[:6], **WIDE)
    n_wider = 0
    for x, log_px in zip(binary_x, exact.tolist(), strict=False):
        explained = narrow.explain(x)
        n_wider += bool((explained.z.norm(dim=1) > narrow.radius + 1.0).any())
        assert explained.log_px == pytest.approx(log_px, abs=1e-3)
        assert float(posterior_mass(explained).sum()) == pytest.approx(1.0, abs=1e-4)
        assert torch.equal(explained.z[: explained.n_first], narrow.z)
    assert n_wider > 3


# --- the posterior ------------------------------------------------------------------------------


def test_the_posterior_has_mass_1(binary_x: Tensor, coarse: DecodedLattice) -> None:
    for x in binary_x[:6]:
        assert float(posterior_mass(coarse.explain(x)).sum()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_region_is_the_smallest_that_holds_its_share(
    binary_x: Tensor, lattice: DecodedLattice, share: float
) -> None:
    explained = lattice.explain(binary_x[1])
    log_density, volume, prior_mass = explained.region(share)
    mass = posterior_mass(explained)
    inside = explained.log_posterior >= log_density
    assert float(mass[inside].sum()) >= share
    assert float(mass[explained.log_posterior > log_density].sum()) < share
    stands_for = explained.log_volume.double().exp()
    assert volume == pytest.approx(float(stands_for[inside].sum()), rel=1e-6)
    prior = (stands_for * explained.log_pz.double().exp())[inside]
    assert prior_mass == pytest.approx(float(prior.sum()), rel=1e-6)
    assert 0.0 < prior_mass < 1.0


def test_a_posterior_that_is_the_prior_has_the_prior_s_region(
    make_model: MakeModel, binary_x: Tensor
) -> None:
    model = make_model(gain=0.0)  # the decoder sees nothing of z
    explained = DecodedLattice(model, **WIDE).explain(binary_x[0])
    region = explained.region(0.99)
    assert region.prior_mass == pytest.approx(0.99, abs=2e-3)
    assert region.volume == pytest.approx(-2.0 * math.pi * math.log(0.01), rel=0.01)  # a disc
    assert explained.relative_variance() == pytest.approx(0.0, abs=1e-3)
    torch.testing.assert_close(explained.std(), torch.ones(2), rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, math.nan])
def test_a_bad_share_is_refused(binary_x: Tensor, coarse: DecodedLattice, share: float) -> None:
    with pytest.raises(ValueError, match="share must lie between 0 and 1"):
        coarse.explain(binary_x[0]).region(share)


def test_the_relative_variance_is_that_of_naive_monte_carlo(
    make_model: MakeModel, binary_x: Tensor
) -> None:
    model, n = make_model(gain=1.5), 40_000
    naive = log_px_naive(model, binary_x[:8], n_samples=n, generator=Generator().manual_seed(0))
    lattice = DecodedLattice(model, **WIDE)
    for x, stderr in zip(binary_x[:8], naive.stderr.tolist(), strict=True):
        expected = math.sqrt(lattice.explain(x).relative_variance() / n)
        assert stderr == pytest.approx(expected, rel=0.1)


def test_the_width_is_that_of_weighted_prior_samples(
    make_model: MakeModel, binary_x: Tensor
) -> None:
    model = make_model(gain=1.5)
    lattice = DecodedLattice(model, **WIDE)
    z = model.prior.sample(100_000, Generator().manual_seed(0))
    outputs = model.decoder(z)
    for x in binary_x[:4]:
        weights = model.likelihood.log_px_z(outputs, x).softmax(0)
        variance = weights @ (z - weights @ z).square()
        torch.testing.assert_close(lattice.explain(x).std(), variance.sqrt(), rtol=0.03, atol=0.0)


# --- places -------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_the_nearest_node_is_found(
    make_model: MakeModel, binary_x: Tensor, latent_dim: int
) -> None:
    model = make_model(latent_dim=latent_dim, gain=4.0)
    lattice = DecodedLattice(model, **COARSE)
    z = model.prior.sample(3000, Generator().manual_seed(1))
    node = lattice.nearest(z)
    assert torch.equal(node, torch.cdist(z, lattice.z).argmin(1))
    explained = lattice.explain(binary_x[0])
    z = z[explained.log_volume[node].isneginf()]  # where finer nodes took the place
    assert len(z) > 20
    found = explained.nearest_finer(z)
    assert (found >= len(lattice.z)).all()
    assert explained.log_volume[found].isfinite().all()
    alive = explained.log_volume.isfinite().nonzero().squeeze(1)
    nearest = alive[torch.cdist(z, explained.z[alive]).argmin(1)]
    assert (nearest == found).double().mean() > 0.75  # but for those near coarser nodes
    assert ((explained.z[found] - z).abs().amax(1) <= 0.25 + 1e-6).all()


@pytest.mark.parametrize("z", [[[7.5, 0.0]], [[0.0, -99.0]], [[6.0, 6.0]]])
def test_no_node_is_near_what_lies_beyond(lattice: DecodedLattice, z: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="z must lie inside the lattice"):
        lattice.nearest(torch.tensor(z))


def test_a_raster_shows_each_node_in_its_place(lattice: DecodedLattice) -> None:
    for axis in range(2):
        picture, (low, high) = lattice.raster(lattice.z[:, axis])
        side = picture.shape[0]
        assert picture.shape == (side, side)
        centres = torch.linspace(low, high, 2 * side + 1)[1::2]
        expected = centres.expand(side, side) if axis == 0 else centres.unsqueeze(1)
        known = ~picture.isnan()
        assert int(known.sum()) == len(lattice.z)
        expected = expected.expand(side, side)
        torch.testing.assert_close(picture[known], expected[known], rtol=0.0, atol=1e-4)
        assert known[side // 2].all()
        assert not known[0, 0]


def test_a_line_s_raster_is_a_row(make_model: MakeModel) -> None:
    lattice = DecodedLattice(make_model(latent_dim=1), **WIDE)
    picture, (low, high) = lattice.raster(lattice.z[:, 0])
    torch.testing.assert_close(
        picture, torch.linspace(low, high, 2 * len(picture) + 1)[1::2], rtol=0.0, atol=1e-4
    )


# --- misuse -------------------------------------------------------------------------------------


def test_models_without_a_lattice_are_refused(make_model: MakeModel) -> None:
    with pytest.raises(ValueError, match="autoencoder has no prior"):
        DecodedLattice(make_model(posterior="point"))
    with pytest.raises(ValueError, match="latent_dim 1 or 2, got 10"):
        DecodedLattice(make_model(latent_dim=10))
    with pytest.raises(ValueError, match="need 0 < spacing < radius"):
        DecodedLattice(make_model(), spacing=-1.0)


@pytest.mark.parametrize(
    "x",
    [torch.zeros(1, 784), torch.zeros(783), torch.full((784,), 1.5), torch.full((784,), math.nan)],
    ids=["a batch", "another width", "above 1", "NaN"],
)
def test_bad_images_are_refused(coarse: DecodedLattice, x: Tensor) -> None:
    for explain in (coarse.explain, coarse.log_px_z):
        with pytest.raises(ValueError, match=r"x must have shape \(784,\)"):
            explain(x)
