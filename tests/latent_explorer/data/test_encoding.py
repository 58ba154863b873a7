"""Codes and pictures are torch's, of digits and of any picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latent_explorer.data import catalogue, digits, encoding
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
)


def test_decode_and_encode_are_torch_s(ref: CheckpointRef) -> None:
    model = catalogue.checkpoint(ref).model
    z = np.random.default_rng(0).normal(size=(3, 2))
    expected = model.decode(torch.tensor(z, dtype=torch.float32)).numpy()
    assert (encoding.decode(ref, z) == expected).all()
    posterior = model.encode(torch.from_numpy(digits.pixels(60_001)[None]))
    encoded = encoding.encode(ref, 60_001)
    np.testing.assert_allclose(encoded.mu, posterior.mu[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(encoded.std, (0.5 * posterior.logvar[0]).exp().numpy(), rtol=1e-5)


def test_a_file_without_a_map_is_encoded(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(tmp_path / "bare.safetensors", with_map=False)
    ref = checkpoint_ref(tmp_path / "bare.safetensors")
    coords, center, axes = encoding.positions(ref)
    assert coords.shape == (70_000, 2)
    assert not center.any()
    assert (axes == np.eye(2)).all()
    assert coords[60_003] == pytest.approx(encoding.encode(ref, 60_003).mu, abs=1e-5)


def test_any_picture_is_encoded_like_a_digit(ref: CheckpointRef) -> None:
    image = digits.data_set().images[60_007]
    got, expected = encoding.encode_image(ref, image.copy()), encoding.encode(ref, 60_007)
    assert (got.mu == expected.mu).all()
    assert (got.std == expected.std).all()
    assert got.kl == expected.kl
