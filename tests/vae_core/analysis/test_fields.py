"""The map's layers against brute force, SciPy and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal

from vae_core.analysis import fields
from vae_core.analysis.fields import (
    class_field,
    colliding_pairs,
    log_aggregate_density,
    log_sensitivity,
    neighbour_votes,
    plane_grid,
    refine,
    vote_confusion,
)
from vae_core.models import VAE

MakeModel = Callable[..., VAE]


def test_cells_are_square_and_values_belong_to_their_centres() -> None:
    grid = plane_grid((-1.0, 3.0, 10.0, 12.0), 4)
    assert grid.shape == (2, 4)
    assert grid.x.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert grid.y.tolist() == [10.5, 11.5]
    assert grid.points.tolist()[:2] == [[-0.5, 10.5], [0.5, 10.5]]  # row 0 is the lowest y
    assert grid.points.tolist()[4] == [-0.5, 11.5]
    assert plane_grid((0.0, 1.0, 0.0, 1e-3), 5).shape == (1, 5)


@pytest.mark.parametrize(
    ("extent", "n"),
    [
        ((0.0, 0.0, 0.0, 1.0), 4),
        ((0.0, 1.0, 2.0, 1.0), 4),
        ((0.0, np.inf, 0.0, 1.0), 4),
        ((0.0, np.nan, 0.0, 1.0), 4),
        ((0.0, 1.0, 0.0, 1.0), 0),
    ],
)
def test_bad_grids(extent: tuple[float, float, float, float], n: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        plane_grid(extent, n)


@pytest.mark.parametrize("k", [1, 7, 40])
def test_classes_against_brute_force(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_VOTE_CHUNK", 11)  # 6 x 9 places: several, the last smaller
    rng = np.random.default_rng(k)
    codes, labels = rng.normal(size=(40, 2)), rng.integers(0, 10, 40)
    grid = plane_grid((-3.0, 3.0, -2.0, 2.0), 9)
    shares = class_field(codes, labels, grid, k)
    assert shares.shape == (10, 6, 9)
    assert shares.dtype == np.float32
    for row, y in enumerate(grid.y):
        for column, x in enumerate(grid.x):
            near = np.hypot(*(codes - [x, y]).T).argsort()[:k]
            expected = np.bincount(labels[near], minlength=10) / k
            assert shares[:, row, column] == pytest.approx(expected, abs=1e-6)


def test_nobody_votes_at_its_own_place() -> None:
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(30, 3)), rng.integers(0, 10, 30)
    votes = neighbour_votes(codes, labels, codes, 5, skip_self=True)
    for i in range(30):
        others = np.delete(np.arange(30), i)
        near = others[np.linalg.norm(codes[others] - codes[i], axis=1).argsort()[:5]]
        assert votes[i] == pytest.approx(np.bincount(labels[near], minlength=10) / 5)


def test_coinciding_codes_vote_without_themselves_too() -> None:
    codes = np.zeros((6, 2))
    labels = np.arange(6)
    votes = neighbour_votes(codes, labels, codes, 5, skip_self=True)
    assert votes.sum(1) == pytest.approx(1.0)
    near_two = neighbour_votes(codes, labels, codes, 2, skip_self=True)
    for i in range(6):
        assert near_two[i, i] == 0.0


@pytest.mark.parametrize(
    ("codes", "labels", "k"),
    [((5, 2), 5, 0), ((5, 2), 5, 6), ((5, 2), 4, 1), ((5, 3), 5, 1), ((5,), 5, 1)],
)
def test_bad_votes(codes: tuple[int, ...], labels: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"must be|need shapes"):
        neighbour_votes(np.zeros(codes), np.zeros(labels, int), np.zeros((3, 2)), k)


def mixture(mu: np.ndarray, std: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Log density by SciPy, digit by digit."""
    terms = [
        multivariate_normal(m, np.diag(s**2)).logpdf(points) for m, s in zip(mu, std, strict=True)
    ]
    return logsumexp(terms, axis=0) - np.log(len(mu))


@pytest.mark.parametrize("scale", [0.5, 0.02, 1e-3])  # smooth; with holes; next to nowhere
def test_density_against_scipy(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "_DIGIT_CHUNK", 16)
    monkeypatch.setattr(fields, "_PAIR_CHUNK", 500)
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(50, 2))
    std = scale * rng.uniform(0.5, 2.0, (50, 2))
    grid = plane_grid((-4.0, 4.0, -2.0, 2.0), 40)
    got = log_aggregate_density(mu, std, grid)
    assert got.shape == (20, 40)
    expected = mixture(mu, std, grid.points).reshape(20, 40)
    np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-8)
    assert expected.min() < -600 or scale > 0.1  # some were below what float64 can hold


def test_a_density_s_integral_is_one() -> None:
    rng = np.random.default_rng(1)
    mu, std = rng.normal(size=(200, 2)).astype(np.float32), np.full((200, 2), 0.3, np.float32)
    grid = plane_grid((-6.0, 6.0, -6.0, 6.0), 120)
    assert np.exp(log_aggregate_density(mu, std, grid)).sum() * 0.1**2 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("mu", "std"),
    [
        (np.zeros((4, 3)), np.ones((4, 3))),
        (np.zeros((4, 2)), np.ones((3, 2))),
        (np.zeros((0, 2)), np.ones((0, 2))),
        (np.zeros((4, 2)), np.zeros((4, 2))),
        (np.zeros((4, 2)), np.full((4, 2), np.nan)),
    ],
)
def test_bad_posteriors(mu: np.ndarray, std: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must"):
        log_aggregate_density(mu, std, plane_grid((0.0, 1.0, 0.0, 1.0), 2))


def test_sensitivity_of_a_linear_decoder(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer and a sigmoid: J = diag(p(1 − p)) W, by hand."""
    monkeypatch.setattr(fields, "_METRIC_CHUNK", 10)
    model = make_model(decoder_hidden=(), gain=3.0)
    layer = model.decoder.net.layers[0]
    weight, bias = layer.weight.double().numpy(), layer.bias.double().numpy()
    grid = plane_grid((-2.0, 1.0, 0.0, 2.0), 6)
    got = log_sensitivity(model, grid)
    assert got.shape == (4, 6)
    for row, y in enumerate(grid.y):
        for column, x in enumerate(grid.x):
            p = expit(weight @ [x, y] + bias)
            jacobian = (p * (1 - p))[:, None] * weight
            expected = 0.5 * np.linalg.slogdet(jacobian.T @ jacobian)[1]
            assert got[row, column] == pytest.approx(expected, abs=1e-4)


def test_sensitivity_against_finite_differences(make_model: MakeModel) -> None:
    model = make_model(gain=2.0, fourier_features=4, likelihood="gaussian-learned-sigma")
    grid = plane_grid((-1.0, 1.0, -1.0, 1.0), 3)
    got = log_sensitivity(model, grid).ravel()
    exact = make_model(gain=2.0, fourier_features=4, likelihood="gaussian-learned-sigma").double()
    h = 1e-6
    for place, value in zip(torch.from_numpy(grid.points), got, strict=True):
        steps = torch.eye(2, dtype=torch.double) * h
        columns = (exact.decode(place + steps) - exact.decode(place - steps)) / (2 * h)
        metric = (columns @ columns.T).numpy()
        assert value == pytest.approx(0.5 * np.linalg.slogdet(metric)[1], abs=1e-3)


def test_a_decoder_that_ignores_z_has_a_finite_sensitivity(make_model: MakeModel) -> None:
    model = make_model(decoder_hidden=())
    grid = plane_grid((-1.0, 1.0, -1.0, 1.0), 3)
    before = log_sensitivity(model, grid)
    model.decoder.net.layers[0].weight[:, 1] = 0.0
    flat = log_sensitivity(model, grid)
    model.decoder.net.layers[0].weight[:] = 0.0
    nothing = log_sensitivity(model, grid)
    assert np.isfinite(flat).all()
    assert np.isfinite(nothing).all()
    assert (nothing < flat).all()
    assert (flat < before - 3).all()


def test_only_a_plane_has_an_area(make_model: MakeModel) -> None:
    with pytest.raises(ValueError, match="latent_dim must be 2, got 3"):
        log_sensitivity(make_model(latent_dim=3), plane_grid((0.0, 1.0, 0.0, 1.0), 2))


def test_refining_keeps_a_plane() -> None:
    coarse, fine = (plane_grid((-1.0, 2.0, 0.0, 1.5), n) for n in (12, 24))
    x, y = np.meshgrid(coarse.x, coarse.y)
    got = refine(2 * x - 3 * y, 2)
    assert got.shape == fine.shape
    x, y = np.meshgrid(fine.x, fine.y)
    inner = (slice(1, -1), slice(1, -1))  # beyond the outer centres nothing is known
    np.testing.assert_allclose(got[inner], (2 * x - 3 * y)[inner], atol=1e-9)


# --- votes against labels -------------------------------------------------------------------------


def test_votes_are_counted_by_label() -> None:
    labels = np.array([0, 0, 4, 4, 4, 9], np.uint8)
    votes = np.array([0, 4, 4, 9, 9, 4], np.uint8)
    counts = vote_confusion(labels, votes)
    assert counts.shape == (10, 10)
    assert counts.sum() == 6
    assert {(i, j): int(counts[i, j]) for i, j in zip(*counts.nonzero(), strict=True)} == {
        (0, 0): 1,
        (0, 4): 1,
        (4, 4): 1,
        (4, 9): 2,
        (9, 4): 1,
    }
    assert colliding_pairs(counts, 2) == [(4, 9), (0, 4)]  # not in the order of the classes


def test_every_pair_of_classes_can_be_listed() -> None:
    pairs = colliding_pairs(np.arange(100).reshape(10, 10), 45)
    assert len(set(pairs)) == 45
    assert all(a < b for a, b in pairs)
