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
from latent_explorer.session.places import (
    BadLatentError,
    Place,
    parse_latent,
    place_of_digit,
    place_of_latent,
    place_of_pick,
    posterior_ellipse,
    written_latent,
)
from vae_core.checkpoints import CheckpointRef, checkpoint_ref


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1, 0.5", (0.1, 0.5)),
        ("0.1 0.5", (0.1, 0.5)),
        ("  0.1 ,0.5  ", (0.1, 0.5)),
        ("(0.1, −0.5)", (0.1, -0.5)),
        ("[1, -2]", (1.0, -2.0)),
        ("−1 −2.5", (-1.0, -2.5)),
        ("1e-3\t+2", (0.001, 2.0)),
        ("999999,-999999", (999_999.0, -999_999.0)),
    ],
)
def test_latents_are_read(text: str, expected: tuple[float, ...]) -> None:
    assert parse_latent(text, 2) == expected


@pytest.mark.parametrize("latent_dim", [1, 2, 3, 5])
def test_every_dimension(latent_dim: int) -> None:
    z = tuple(float(i) for i in range(latent_dim))
    assert parse_latent(", ".join(map(str, z)), latent_dim) == z
    for count in {0, latent_dim - 1, latent_dim + 1} - {latent_dim}:
        with pytest.raises(BadLatentError, match=f"z has {latent_dim}: write ") as caught:
            parse_latent(" ".join(["1"] * count), latent_dim)
        example = str(caught.value).split("write ")[1].removesuffix(", for example.")
        assert len(parse_latent(example, latent_dim)) == latent_dim  # the advice works


@pytest.mark.parametrize(
    "text", ["inf, 0", "0 -inf", "nan 1", "1e400, 0", "1000000, 0", "0, −1e7", "Infinity NaN"]
)
def test_only_finite_latents(text: str) -> None:
    with pytest.raises(BadLatentError, match=r"NaN is no number|between"):
        parse_latent(text, 2)


@pytest.mark.parametrize("text", ["abc", "1; 2", "0.1, zwei", "1,,x", "0x10, 1", "1-2"])
def test_only_numbers(text: str) -> None:
    with pytest.raises(BadLatentError, match=r"is not a latent: write 0\.1, 0\.5"):
        parse_latent(text, 2)


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
