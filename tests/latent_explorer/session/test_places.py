"""What users type, and where digits and latents lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latent_explorer.components.latent_map.values import Pick
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digits import digit_name
from latent_explorer.data.latents import parse_latent
from latent_explorer.session.places import (
    Place,
    place_of_digit,
    place_of_latent,
    place_of_pick,
    posterior_ellipse,
    written_latent,
)
from vae_core.checkpoints import CheckpointRef, checkpoint_ref


def test_written_latents_are_read_back() -> None:
    place = Place((0.12345, -3.0), (0.0, 0.0), None)
    assert parse_latent(written_latent(place), 2) == pytest.approx(place.z, abs=5e-5)


@pytest.mark.parametrize(
    ("digit", "name"),
    [
        (0, "train #0"),
        (1234, "train #1,234"),
        (59_999, "train #59,999"),
        (60_000, "test #0"),
        (69_999, "test #9,999"),
    ],
)
def test_digits_are_named_by_split(digit: int, name: str) -> None:
    assert digit_name(digit) == name


@pytest.fixture(params=[1, 2, 4])
def sample(
    request: pytest.FixtureRequest, tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> tuple[CheckpointRef, Any]:
    """A checkpoint of 1, 2 or 4 dimensions, and its model."""
    path = tmp_path / f"d{request.param}.safetensors"
    write_checkpoint(path, latent_dim=request.param)
    ref = checkpoint_ref(path)
    return ref, catalogue.checkpoint(ref).model


def test_a_digit_lies_at_its_mean(sample: tuple[CheckpointRef, Any]) -> None:
    ref, model = sample
    for digit in (0, 60_123):
        place = place_of_digit(ref, digit)
        mu = model.encode(torch.from_numpy(digits.pixels(digit)[None])).mu[0].numpy()
        assert place.id == digit
        assert place.z == pytest.approx(mu.tolist(), abs=1e-5)
        assert place.coords == pytest.approx(encoding.positions(ref).coords[digit], abs=1e-5)
        # a pick of the digit says the same, whatever place the browser gives with it
        assert place_of_pick(ref, Pick((9.0, 9.0), digit)) == place


def test_a_latent_and_a_pick_of_its_place_agree(sample: tuple[CheckpointRef, Any]) -> None:
    ref, _ = sample
    coords = (0.3, -0.2) if len(encoding.positions(ref).center) > 1 else (0.3, 0.0)
    place = place_of_pick(ref, Pick(coords, None))
    assert place.coords == pytest.approx(coords, abs=1e-6)
    assert place.id is None
    again = place_of_latent(ref, place.z)
    assert again.coords == pytest.approx(coords, abs=1e-6)
    assert again.z == pytest.approx(place.z, abs=1e-6)


def test_the_ellipse_is_the_posterior_on_the_plane(sample: tuple[CheckpointRef, Any]) -> None:
    ref, _ = sample
    encoded = encoding.encode(ref, 60_007)
    ellipse = posterior_ellipse(ref, encoded)
    assert ellipse is not None
    assert ellipse.center == pytest.approx(place_of_digit(ref, 60_007).coords, abs=1e-5)
    draws = np.random.default_rng(0).normal(encoded.mu, encoded.std, (40_000, len(encoded.mu)))
    _, center, axes = encoding.positions(ref)
    expected = np.cov(((draws - center) @ axes).T)
    scale = encoded.std.max() ** 2
    np.testing.assert_allclose(np.asarray(ellipse.cov), expected, atol=0.03 * scale)


def test_a_plain_autoencoder_has_no_ellipse(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(tmp_path / "point.safetensors", posterior="point")
    ref = checkpoint_ref(tmp_path / "point.safetensors")
    encoded = encoding.encode(ref, 3)
    assert not encoded.std.any()
    assert posterior_ellipse(ref, encoded) is None
