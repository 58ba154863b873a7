"""What the browser is sent, against what was packed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.data import catalogue, digits, encoding, payloads
from tests.latent_explorer.data.conftest import header_of, section
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
)


def test_payloads_are_packed_once(ref: CheckpointRef) -> None:
    first = payloads.map_payloads(ref, "test")
    assert payloads.map_payloads(ref, "test") is first
    train = payloads.map_payloads(ref, "train")
    assert train.decoder == first.decoder  # named alike: the browser gets it once
    assert payload_id(train.points) != payload_id(first.points)


def test_a_copy_under_another_name_is_the_same_content(ref: CheckpointRef, tmp_path: Path) -> None:
    (tmp_path / "two.safetensors").write_bytes(ref.path.read_bytes())
    other = checkpoint_ref(tmp_path / "two.safetensors")
    assert other != ref
    assert payloads.map_payloads(other, "test") == payloads.map_payloads(ref, "test")


def test_a_learned_sigma_is_no_pixel(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(tmp_path / "sigma.safetensors", likelihood="gaussian-learned-sigma")
    ref = checkpoint_ref(tmp_path / "sigma.safetensors")
    assert catalogue.stored(ref).tensors["decoder.net.layers.1.bias"].shape == (785,)
    assert b'"layers":[[8,2],[785,8]]' in payloads.map_payloads(ref, "test").decoder
    assert encoding.decode(ref, np.zeros((1, 2))).shape == (1, 784)


def test_sheets_hold_the_pictures_of_their_ids() -> None:
    sheet = payloads.image_sheet(6)
    assert payloads.image_sheet(6) is sheet
    head = header_of(sheet)
    assert (head["kind"], head["first_id"], head["n"]) == ("images", 60_000, 10_000)
    picture = np.asarray(Image.open(io.BytesIO(section(sheet, "png").tobytes())))
    for i in (0, 99, 100, 9_999):
        row, column = divmod(i, 100)
        cell = picture[row * 28 : (row + 1) * 28, column * 28 : (column + 1) * 28]
        assert (cell == digits.data_set().images[60_000 + i]).all()
    for i in (-1, 7):
        with pytest.raises(ValueError, match="from 0 to 6"):
            payloads.image_sheet(i)


@pytest.mark.parametrize(
    ("config", "noise"),
    [
        ({}, ("bernoulli", None, None)),
        ({"likelihood": "gaussian", "sigma": 0.25}, ("gaussian", 0.25, None)),
        ({"likelihood": "gaussian-learned-sigma"}, ("gaussian", None, -4.0)),
    ],
)
def test_the_browser_knows_the_pixels_noise(
    tmp_path: Path, write_checkpoint: Callable[..., Any], config: Any, noise: tuple[Any, ...]
) -> None:
    write_checkpoint(tmp_path / "noise.safetensors", **config)
    ref = checkpoint_ref(tmp_path / "noise.safetensors")
    head = header_of(payloads.map_payloads(ref, "test").decoder)
    assert (head["likelihood"], head["sigma"], head["min_log_sigma"]) == noise
